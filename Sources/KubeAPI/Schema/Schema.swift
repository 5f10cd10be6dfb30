import Facts
import JSON

/// The scalar kinds of the schema, each with its own rules of reading and writing.
public enum ScalarType: String, Sendable, Hashable {
    case string
    case integer
    case number
    case boolean
    case object
    case any
    case bytes
    case quantity
    case intOrString = "intstr"
    case time
    case microTime = "microtime"
    case raw
    case fields
    case schemaOrArray = "schema-or-array"
    case schemaOrBool = "schema-or-bool"
    case schemaOrStrings = "schema-or-strings"
}

/// What a field holds.
public indirect enum ValueType: Sendable, Hashable {
    /// A value without fields of its own; `is32Bit` for `int32`.
    case scalar(ScalarType, is32Bit: Bool)
    /// A type of the schema, by its place in `Schema.types`.
    case reference(Int)
    /// A list.
    case array(ValueType)
    /// A map from strings.
    case map(ValueType)
}

/// One field of a type.
public struct SchemaField: Sendable {
    /// The JSON name.
    public let name: String
    /// What it holds.
    public let type: ValueType
    /// The enumeration that OpenAPI publishes.
    public let enumeration: [String]
    /// The default that OpenAPI publishes.
    public let defaultValue: JSON?
    /// Whether OpenAPI lists it as required.
    public let isRequired: Bool
    /// Strategies of a strategic merge patch: `merge`, `retainKeys`, `replace`.
    public let patchStrategy: [String]
    /// The field by which a strategic merge patch recognises list elements.
    public let patchMergeKey: String?
    /// `atomic`, `set` or `map` in server-side apply.
    public let listType: String?
    /// The fields by which server-side apply recognises list elements.
    public let listMapKeys: [String]
    /// `atomic` or `granular` in server-side apply.
    public let mapType: String?
    /// Whether the empty value is left out when written.
    public let omitsEmpty: Bool
    /// Whether the zero value is left out when written.
    public let omitsZero: Bool
    /// Whether an explicit zero survives.
    public let isPointer: Bool
    /// The protobuf field number.
    public let protobufNumber: Int
}

/// One type of the API.
public struct SchemaType: Sendable {
    /// `core.v1.Pod`
    public let name: String
    /// Group, version and kind of types that are objects by themselves.
    public let kinds: [GroupVersionKind]
    /// Fields in the order in which the server writes them.
    public let fields: [SchemaField]
    /// `x-kubernetes-map-type`
    public let mapType: String?
    /// `x-kubernetes-unions`
    public let unions: JSON?
    /// Set for the types without fields.
    public let scalar: String?
    let positions: [String: Int]
    /// `Pod`: the Go type's name, as `encoding/json` prints the owner of a field. Stored, since every field that is read asks for it.
    public let shortName: String

    /// The field of a JSON name.
    public func field(_ name: String) -> SchemaField? { positions[name].map { fields[$0] } }
    /// `v1.Pod`: how Go names the type in errors.
    public var goName: String { name.split(separator: ".").suffix(2).joined(separator: ".") }
}

/// Group, version and kind.
public struct GroupVersionKind: Sendable, Hashable, CustomStringConvertible {
    /// The group; empty for the core group.
    public let group: String
    /// The version.
    public let version: String
    /// The kind.
    public let kind: String

    /// Makes a triple.
    public init(group: String, version: String, kind: String) {
        self.group = group
        self.version = version
        self.kind = kind
    }

    /// Parses `apps/v1` or `v1`; `nil` for more than one slash (`schema.ParseGroupVersion`).
    public init?(apiVersion: String, kind: String) {
        let parts = apiVersion.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        self.init(group: parts.count == 2 ? String(parts[0]) : "", version: String(parts.last ?? ""), kind: kind)
    }

    /// `apps/v1`, `v1`.
    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    /// `apps/v1, Kind=Deployment`, as Go prints it.
    public var description: String { "\(group)/\(version), Kind=\(kind)" }
}

/// The types of the APIs served by default (`schema.json`), compiled into tables. Immutable.
public struct Schema: Sendable {
    /// All types.
    public let types: [SchemaType]
    private let byName: [String: Int]
    private let byKind: [GroupVersionKind: Int]

    /// The built-in types; built at first use.
    public static let builtin = Schema((try? JSON(parsing: Facts.kubernetesSchema)) ?? .null)

    /// The place of a kind's type.
    public func index(_ kind: GroupVersionKind) -> Int? { byKind[kind] }
    /// The place of a type by name.
    public func index(named name: String) -> Int? { byName[name] }
    /// A kind's type.
    public func type(_ kind: GroupVersionKind) -> SchemaType? { byKind[kind].map { types[$0] } }
    /// A type by name.
    public func type(named name: String) -> SchemaType? { byName[name].map { types[$0] } }
    /// The type at a place.
    public subscript(_ index: Int) -> SchemaType { types[index] }
    /// All kinds that are types.
    public var kinds: [GroupVersionKind] { Array(byKind.keys) }

    init(_ document: JSON) {
        let named = document["types"]?.object ?? [:]
        var byName = [String: Int](minimumCapacity: named.count)
        for (position, member) in named.members.enumerated() { byName[member.key] = position }
        types = named.members.map { Self.type($0.key, $0.value, byName) }
        var byKind: [GroupVersionKind: Int] = [:]
        for member in document["kinds"]?.object ?? [:] {
            let parts = member.key.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, let place = byName[member.value.string ?? ""] else { continue }
            byKind[GroupVersionKind(group: String(parts[0]), version: String(parts[1]), kind: String(parts[2]))] = place
        }
        self.byName = byName
        self.byKind = byKind
    }

    private static func type(_ name: String, _ row: JSON, _ byName: [String: Int]) -> SchemaType {
        let fields = (row["f"]?.array ?? []).map { field($0, byName) }
        return SchemaType(
            name: name,
            kinds: (row["gvk"]?.array ?? []).compactMap { triple in
                guard let parts = triple.strings, parts.count == 3 else { return nil }
                return GroupVersionKind(group: parts[0], version: parts[1], kind: parts[2])
            },
            fields: fields, mapType: row["mt"]?.string, unions: row["un"], scalar: row["t"]?.string,
            positions: Dictionary(fields.enumerated().map { ($1.name, $0) }) { first, _ in first },
            shortName: name.split(separator: ".").last.map(String.init) ?? "")
    }

    private static func field(_ row: JSON, _ byName: [String: Int]) -> SchemaField {
        var name = ""
        var enumeration: [String] = []
        var defaultValue: JSON?
        var flags: Set<String> = []
        var strategy: [String] = []
        var mergeKey: String?
        var listType: String?
        var listMapKeys: [String] = []
        var mapType: String?
        var number: Int64 = 0
        for member in row.object ?? [:] {
            switch member.key {
            case "n": name = member.value.string ?? ""
            case "en": enumeration = member.value.strings ?? []
            case "d": defaultValue = member.value
            case "ps": strategy = (member.value.string ?? "").split(separator: ",").map(String.init)
            case "mk": mergeKey = member.value.string
            case "lt": listType = member.value.string
            case "lk": listMapKeys = member.value.strings ?? []
            case "mt": mapType = member.value.string
            case "pb": number = member.value.integer ?? 0
            case "req", "oe", "oz", "ptr": flags.insert(member.key)
            default: break
            }
        }
        return SchemaField(
            name: name, type: value(row, byName), enumeration: enumeration, defaultValue: defaultValue, isRequired: flags.contains("req"),
            patchStrategy: strategy, patchMergeKey: mergeKey, listType: listType, listMapKeys: listMapKeys, mapType: mapType,
            omitsEmpty: flags.contains("oe"), omitsZero: flags.contains("oz"), isPointer: flags.contains("ptr"), protobufNumber: Int(number)
        )
    }

    private static func value(_ row: JSON, _ byName: [String: Int]) -> ValueType {
        if let name = row["r"]?.string, let place = byName[name] { return .reference(place) }
        if let element = row["a"] { return .array(value(element, byName)) }
        if let element = row["m"] { return .map(value(element, byName)) }
        let scalar = ScalarType(rawValue: row["t"]?.string ?? "") ?? .any
        return .scalar(scalar, is32Bit: row["fmt"]?.string == "int32")
    }
}
