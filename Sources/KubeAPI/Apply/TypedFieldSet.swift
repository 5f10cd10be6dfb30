import JSON

/// Why a configuration does not fit its type, in the words of `structured-merge-diff/typed`.
public struct TypedFailure: Error, Sendable, Hashable {
    /// One text per fault, each with its path.
    public let faults: [String]

    /// The faults together.
    public var message: String { faults.count == 1 ? faults[0] : (["errors:"] + faults.map { "  \($0)" }).joined(separator: "\n") }
}

/// Reads which fields a value sets (`TypedValue.ToFieldSet`), and whether it fits its type (`TypedValue.Validate`), in one walk.
struct TypedFieldSet {
    private let schema: MergeSchema
    /// Whether faults are looked for; values from the store have none.
    private let isChecked: Bool
    private var path: [FieldPathElement] = []
    private var faults: [String] = []

    private init(_ schema: MergeSchema, isChecked: Bool) {
        self.schema = schema
        self.isChecked = isChecked
    }

    /// The fields of an object that may not fit its type.
    ///
    /// - Throws: `TypedFailure` with all faults.
    static func checked(_ object: JSON, _ type: MergeType) throws(TypedFailure) -> FieldSet {
        var walk = TypedFieldSet(type.schema, isChecked: true)
        let set = walk.read(object, type.root).set
        guard walk.faults.isEmpty else { throw TypedFailure(faults: walk.faults) }
        return set
    }

    /// The fields of an object that fits its type.
    static func of(_ object: JSON, _ type: MergeType) -> FieldSet {
        var walk = TypedFieldSet(type.schema, isChecked: false)
        return walk.read(object, type.root).set
    }

    private mutating func fault(_ message: String) {
        guard isChecked else { return }
        faults.append(path.isEmpty ? message : path.map(\.shown).joined() + ": " + message)
    }

    /// What a value adds below its path, and whether the path itself.
    private mutating func read(_ value: JSON, _ type: Int) -> (isMember: Bool, set: FieldSet) {
        switch schema.shape(type, of: value) {
        // Null may be anything; a scalar of it is a leaf.
        case nil: return (true, FieldSet())
        case .scalar(let scalar):
            check(value, scalar)
            return (true, FieldSet())
        case .list(let element, let identity): return list(value, element, identity)
        case .map(let map): return self.map(value, map)
        case .deduced: return (false, FieldSet())
        }
    }

    private mutating func list(_ value: JSON, _ element: Int, _ identity: MergeSchema.Identity) -> (isMember: Bool, set: FieldSet) {
        guard case .array(let items) = value else {
            if !value.isNull { fault("expected list, got \(GoValue.printed(value))") }
            if case .atomic = identity { return (true, FieldSet()) }
            return (false, FieldSet())
        }
        if case .atomic = identity {
            if isChecked { inside(items, element) }
            return (true, FieldSet())
        }
        var set = FieldSet()
        set.reserveCapacity(items.count)
        var seen: Set<FieldPathElement> = []
        for (index, item) in items.enumerated() {
            let step: FieldPathElement
            do throws(MergeSchema.ItemFault) { step = try MergeSchema.element(of: item, identity) } catch {
                fault("element \(index): \(error.message)")
                continue
            }
            if items.count > 1, !seen.insert(step).inserted {
                fault("duplicate entries for key \(step.shown)")
                // Of an element that is there twice only the element itself is owned.
                set.makeLeaf(step)
                continue
            }
            path.append(step)
            set.append(step, isMember: true, read(item, element).set)
            path.removeLast()
        }
        set.sort()
        return (false, set)
    }

    private mutating func map(_ value: JSON, _ map: MergeSchema.Map) -> (isMember: Bool, set: FieldSet) {
        guard case .object(let object) = value else {
            if !value.isNull { fault("expected map, got \(GoValue.printed(value))") }
            return (map.isAtomic, FieldSet())
        }
        var set = FieldSet()
        set.reserveCapacity(map.isAtomic ? 0 : object.count)
        var hint = 0
        for member in object.members {
            let field = map.field(member.key, &hint)
            let step = field?.element ?? .field(member.key)
            guard let type = field?.type ?? map.element else {
                path.append(step)
                fault("field not declared in schema")
                path.removeLast()
                continue
            }
            if map.isAtomic, !isChecked { break }
            path.append(step)
            let (isMember, below) = read(member.value, type)
            path.removeLast()
            if !map.isAtomic {
                let isEmpty = member.value.isNull || member.value.object?.isEmpty == true
                set.append(step, isMember: isMember || isEmpty || field == nil, below)
            }
        }
        set.sort()
        return (map.isAtomic, set)
    }

    /// Looks for faults inside a list that is one value.
    private mutating func inside(_ items: [JSON], _ element: Int) {
        for (index, item) in items.enumerated() {
            path.append(FieldPathElement(canonical: "i:\(index)"))
            _ = read(item, element)
            path.removeLast()
        }
    }

    private mutating func check(_ value: JSON, _ scalar: MergeSchema.Scalar) {
        guard isChecked else { return }
        switch (scalar, value) {
        case (_, .null), (.string, .string), (.boolean, .bool), (.numeric, .integer), (.numeric, .number): break
        case (.untyped, .string), (.untyped, .bool), (.untyped, .integer), (.untyped, .number): break
        case (.string, _): fault("expected string, got \(GoValue.detailed(value))")
        case (.boolean, _): fault("expected boolean, got \(GoValue.printed(value))")
        case (.numeric, _): fault("expected numeric (int or float), got \(GoText.typeName(value))")
        case (.untyped, _): fault("expected any scalar, got \(GoValue.printed(value))")
        }
    }
}

/// Values as Go's formatted printing shows structured-merge-diff's `*valueUnstructured`.
private enum GoValue {
    /// `%v`
    static func printed(_ value: JSON) -> String { "&{\(GoText.printed(value))}" }

    /// `%#v`
    static func detailed(_ value: JSON) -> String { "&value.valueUnstructured{Value:\(syntax(value))}" }

    private static func syntax(_ value: JSON) -> String {
        switch value {
        case .null: return "interface {}(nil)"
        case .string(let text): return GoText.quoted(text)
        case .array(let items): return "[]interface {}{" + items.map(syntax).joined(separator: ", ") + "}"
        case .object(var object):
            object.sortKeys()
            let members = object.members.map { "\(GoText.quoted($0.key)):\(syntax($0.value))" }
            return "map[string]interface {}{" + members.joined(separator: ", ") + "}"
        default: return value.text
        }
    }
}
