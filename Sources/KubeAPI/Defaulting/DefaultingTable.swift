import JSON

/// Which defaults which types get, and which types lead to one that gets some.
///
/// Kubernetes applies defaults type by type, from the object down (`zz_generated.defaults.go`); here the schema is walked in the same
/// way, and only along fields behind which there is something to fill in.
struct DefaultingTable: Sendable {
    /// What a type does to its values.
    typealias Rule = @Sendable (inout JSON) -> Void

    private struct Entry: Sendable {
        /// Fields that `+default` markers fill (`d` in the schema).
        var declared: [(name: String, value: JSON)] = []
        var rule: Rule?
        /// Whether a field of the type leads to defaults.
        var leadsOn = false
        var isConcerned: Bool { !declared.isEmpty || rule != nil || leadsOn }
    }

    private let schema: Schema
    private var entries: [Entry]

    /// The built-in kinds' defaults; made at first use.
    static let builtin = DefaultingTable(
        schema: .builtin, rules: [CoreDefaults.rules, WorkloadDefaults.rules, ServiceDefaults.rules, PolicyDefaults.rules])

    init(schema: Schema, rules: [[String: Rule]]) {
        self.schema = schema
        entries = schema.types.map { type in
            Entry(declared: type.fields.compactMap { field in field.defaultValue.flatMap { Self.isZero($0) ? nil : (field.name, $0) } })
        }
        for table in rules {
            for (name, rule) in table {
                if let index = schema.index(named: name) { entries[index].rule = rule }
            }
        }
        var isStable = false
        while !isStable {
            isStable = true
            for (index, type) in schema.types.enumerated() where !entries[index].leadsOn {
                guard type.fields.contains(where: { leads($0.type) }) else { continue }
                entries[index].leadsOn = true
                isStable = false
            }
        }
    }

    /// Zero values in the schema carry no meaning.
    private static func isZero(_ value: JSON) -> Bool {
        switch value {
        case .null, .integer(0), .bool(false): true
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let object): object.isEmpty
        default: false
        }
    }

    private func leads(_ type: ValueType) -> Bool {
        switch type {
        case .reference(let index): entries[index].isConcerned
        case .array(let element), .map(let element): leads(element)
        case .scalar: false
        }
    }

    /// Fills in the defaults of an object of a kind, in place. What it shares with `known` has them.
    func apply(to object: inout JSON, _ kind: GroupVersionKind, known: JSON?) {
        if let index = schema.index(kind) { visit(&object, index, known) }
    }

    private func visit(_ value: inout JSON, _ index: Int, _ known: JSON?) {
        let entry = entries[index]
        guard entry.isConcerned, case .object = value else { return }
        for (name, fallback) in entry.declared where value[name].isUnset { value[name] = fallback }
        entry.rule?(&value)
        guard entry.leadsOn, case .object(var object) = value else { return }
        value = .null
        let type = schema[index]
        object.mapValues { name, member in
            if let position = type.positions[name] { visit(&member, type.fields[position].type, known?[name]) }
        }
        value = .object(object)
    }

    private func visit(_ value: inout JSON, _ type: ValueType, _ known: JSON?) {
        guard leads(type), !value.sharesStorage(with: known) else { return }
        switch type {
        case .reference(let index): visit(&value, index, known)
        case .array(let element):
            guard case .array(var elements) = value else { return }
            value = .null
            let known = known?.array ?? []
            for position in elements.indices { visit(&elements[position], element, position < known.count ? known[position] : nil) }
            value = .array(elements)
        case .map(let element):
            guard case .object(var object) = value else { return }
            value = .null
            object.mapValues { _, member in visit(&member, element, nil) }
            value = .object(object)
        case .scalar: break
        }
    }
}

extension JSON? {
    /// Whether a field has Go's zero value: absent, null, or empty text.
    var isUnset: Bool {
        switch self {
        case nil, .null?: true
        case .string(let text)?: text.isEmpty
        default: false
        }
    }

    /// Whether a field of a list or map is empty.
    var isEmptyCollection: Bool {
        switch self {
        case nil, .null?: true
        case .array(let elements)?: elements.isEmpty
        case .object(let object)?: object.isEmpty
        default: false
        }
    }
}

extension JSON {
    /// Sets a field that has Go's zero value.
    mutating func fill(_ name: String, _ value: JSON) { if self[name].isUnset { self[name] = value } }

    /// Changes the elements of a list in place.
    mutating func forEachElement(_ name: String, _ change: (inout JSON) -> Void) {
        guard case .array(var elements)? = self[name] else { return }
        self[name] = .null
        for index in elements.indices { change(&elements[index]) }
        self[name] = .array(elements)
    }
}
