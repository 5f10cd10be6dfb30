public import JSON

/// Who manages which fields of an object: `metadata.managedFields` (`managedfields/internal/managedfields.go`).
public struct ManagedFields: Sendable {
    /// How a manager came to its fields.
    public enum Operation: String, Sendable, Hashable {
        case apply = "Apply"
        case update = "Update"
    }

    /// What tells managers apart. An applier is the same in every version of the kind.
    struct Identity: Sendable, Hashable {
        var manager: String
        var operation: Operation
        /// Empty for appliers.
        var apiVersion: String
        var subresource: String

        init(_ manager: String, _ operation: Operation, apiVersion: String, subresource: String) {
            self.manager = manager
            self.operation = operation
            self.apiVersion = operation == .update ? apiVersion : ""
            self.subresource = subresource
        }

        /// The text by which kube-apiserver orders managers.
        var text: String {
            var json: JSON = [:]
            if !manager.isEmpty { json["manager"] = .string(manager) }
            json["operation"] = .string(operation.rawValue)
            if !apiVersion.isEmpty { json["apiVersion"] = .string(apiVersion) }
            if !subresource.isEmpty { json["subresource"] = .string(subresource) }
            return json.text
        }
    }

    /// The fields of one manager; as stored until they are looked at.
    struct Entry: Sendable {
        private enum Fields {
            case stored(JSON)
            case read(FieldSet)
        }

        let identity: Identity
        /// The version in which the fields are named.
        let apiVersion: String
        /// When the manager last changed something, in RFC 3339; empty when it never did.
        var time: String
        private var content: Fields

        init(_ identity: Identity, apiVersion: String, time: String, _ fields: FieldSet) {
            self.identity = identity
            self.apiVersion = apiVersion
            self.time = time
            content = .read(fields)
        }

        init(_ identity: Identity, apiVersion: String, time: String, stored fields: JSON) {
            self.identity = identity
            self.apiVersion = apiVersion
            self.time = time
            content = .stored(fields)
        }

        var isApplier: Bool { identity.operation == .apply }

        var fields: FieldSet {
            get {
                switch content {
                case .stored(let json): FieldSet(fieldsV1: json, isCanonical: true) ?? FieldSet()
                case .read(let set): set
                }
            }
            set { content = .read(newValue) }
        }

        var fieldsV1: JSON {
            switch content {
            case .stored(let json): json
            case .read(let set): set.fieldsV1
            }
        }
    }

    var entries: [Entry] = []

    /// Nobody manages anything.
    public init() {}

    /// Whether nobody manages anything.
    public var isEmpty: Bool { entries.isEmpty }

    /// Reads what the server stored.
    public init(stored value: JSON?) {
        for item in value?.array ?? [] {
            guard case .object(let object) = item, let operation = Operation(rawValue: object["operation"]?.string ?? "") else { continue }
            let version = object["apiVersion"]?.string ?? ""
            let identity = Identity(
                object["manager"]?.string ?? "", operation, apiVersion: version, subresource: object["subresource"]?.string ?? "")
            let entry = Entry(identity, apiVersion: version, time: object["time"]?.string ?? "", stored: object["fieldsV1"] ?? [:])
            // Scaling can leave a manager twice; then the last entry counts.
            if let place = position(identity) { entries[place] = entry } else { entries.append(entry) }
        }
    }

    /// Reads what a client sent.
    ///
    /// `nil` for what the server could not have written.
    public init?(sent value: JSON) {
        guard let items = value.array else { return nil }
        for item in items {
            guard let operation = Operation(rawValue: item["operation"]?.string ?? ""), let version = item["apiVersion"]?.string,
                !version.isEmpty, item["fieldsType"]?.string == "FieldsV1", let fields = FieldSet(fieldsV1: item["fieldsV1"] ?? [:])
            else { return nil }
            let identity = Identity(
                item["manager"]?.string ?? "", operation, apiVersion: version, subresource: item["subresource"]?.string ?? "")
            let entry = Entry(identity, apiVersion: version, time: item["time"]?.string ?? "", fields)
            if let place = position(identity) { entries[place] = entry } else { entries.append(entry) }
        }
    }

    /// Whether a client asks to forget all managers: an empty list, or one empty entry.
    public static func isReset(_ value: JSON) -> Bool {
        guard let items = value.array else { return false }
        return items.isEmpty || (items.count == 1 && items[0].object?.isEmpty == true)
    }

    /// Where a manager stands.
    func position(_ identity: Identity) -> Int? { entries.firstIndex { $0.identity == identity } }

    /// The entries as the server writes them: appliers first, then by time, manager, version and subresource; `nil` for none.
    public var json: JSON? {
        guard !entries.isEmpty else { return nil }
        let sorted = entries.count == 1 ? entries : entries.sorted(by: Self.isBefore)
        return .array(
            sorted.map { entry in
                var members: [JSONObject.Member] = []
                members.reserveCapacity(7)
                if !entry.identity.manager.isEmpty { members.append(.init(key: "manager", value: .string(entry.identity.manager))) }
                members.append(.init(key: "operation", value: .string(entry.identity.operation.rawValue)))
                members.append(.init(key: "apiVersion", value: .string(entry.apiVersion)))
                if !entry.time.isEmpty { members.append(.init(key: "time", value: .string(entry.time))) }
                members.append(.init(key: "fieldsType", value: "FieldsV1"))
                members.append(.init(key: "fieldsV1", value: entry.fieldsV1))
                if !entry.identity.subresource.isEmpty {
                    members.append(.init(key: "subresource", value: .string(entry.identity.subresource)))
                }
                return .object(JSONObject(unique: members))
            })
    }

    private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        let pairs = [
            (left.identity.operation.rawValue, right.identity.operation.rawValue), (left.time, right.time),
            (left.identity.manager, right.identity.manager), (left.apiVersion, right.apiVersion),
            (left.identity.subresource, right.identity.subresource),
        ]
        for (one, two) in pairs where one != two { return one.utf8.lexicographicallyPrecedes(two.utf8) }
        return false
    }

    /// Whether two lists of entries differ in nothing but times.
    ///
    /// Nor in the order that follows from them: kube-apiserver compares the lists as they are ordered, so that the same request writes
    /// or does not write by the second in which it came.
    public static func areSame(_ left: JSON?, _ right: JSON?) -> Bool {
        guard let left = left?.array, let right = right?.array else { return (left?.array ?? []).isEmpty && (right?.array ?? []).isEmpty }
        guard left.count == right.count else { return false }
        func timeless(_ entry: JSON) -> JSON {
            guard case .object(var object) = entry else { return entry }
            object["time"] = nil
            return .object(object)
        }
        let others = right.map(timeless)
        return left.enumerated().allSatisfy { index, entry in
            let entry = timeless(entry)
            return entry == others[index] || others.contains(entry)
        }
    }
}
