public import JSON

/// A built-in kind in the versions that are served.
public struct BuiltinMergeTypes: VersionedMergeTypes {
    private let kind: GroupVersionKind

    /// The versions of a kind.
    public init(_ kind: GroupVersionKind) { self.kind = kind }

    /// The type in a version.
    public func type(_ apiVersion: String) -> MergeType? {
        guard let kind = GroupVersionKind(apiVersion: apiVersion, kind: kind.kind), let index = Schema.builtin.index(kind),
            let empty = MergeSchema.emptyObjects[kind]
        else { return nil }
        return MergeType(schema: .builtin, root: index, empty: empty)
    }

    /// An object in another version.
    public func convert(_ object: JSON, to apiVersion: String) -> JSON {
        GroupVersionKind(apiVersion: apiVersion, kind: kind.kind).map { VersionConversion.convert(object, to: $0) } ?? object
    }
}

extension MergeSchema {
    /// The built-in types, each at its place in `Schema.builtin`; built at first use.
    static let builtin = MergeSchema(.builtin)

    /// New objects of the built-in kinds.
    static let emptyObjects: [GroupVersionKind: JSON] = {
        var objects: [GroupVersionKind: JSON] = [:]
        for kind in Schema.builtin.kinds {
            guard let index = Schema.builtin.index(kind) else { continue }
            var canonicalizer = Canonicalizer(schema: .builtin)
            objects[kind] = (try? canonicalizer.canonical([:], type: index)) ?? [:]
        }
        return objects
    }()

    /// Reads OpenAPI's extensions as `managedfields` does (`schemaconv`): list and map types, else patch strategies, else lists are atomic.
    init(_ schema: Schema) {
        for _ in schema.types { _ = add(.deduced(isAtomic: false)) }
        for (place, type) in schema.types.enumerated() {
            if let name = type.scalar {
                set(Self.scalar(ScalarType(rawValue: name) ?? .any), at: place)
            } else {
                set(structure(type, schema, isAtomic: type.mapType == "atomic"), at: place)
            }
        }
    }

    private mutating func structure(_ type: SchemaType, _ schema: Schema, isAtomic: Bool) -> Shape {
        var map = Map(isAtomic: isAtomic)
        for field in type.fields {
            map.positions[field.name] = map.fields.count
            map.fields.append(Field(field.name, place(field.type, field, schema)))
        }
        // A structure without fields may hold anything.
        if map.fields.isEmpty { map.element = add(.deduced(isAtomic: false)) }
        return .map(map)
    }

    private mutating func place(_ type: ValueType, _ field: SchemaField?, _ schema: Schema) -> Int {
        switch type {
        case .reference(let index):
            guard field?.mapType == "atomic", schema[index].mapType != "atomic" else { return index }
            // One value here, though not everywhere.
            return add(structure(schema[index], schema, isAtomic: true))
        case .scalar(let scalar, _): return add(Self.scalar(scalar))
        case .map(let element):
            let below = place(element, nil, schema)
            return add(.map(Map(element: below, isAtomic: field?.mapType == "atomic")))
        case .array(let element):
            let below = place(element, nil, schema)
            return add(.list(element: below, Self.identity(field, element, schema)))
        }
    }

    private static func scalar(_ scalar: ScalarType) -> Shape {
        switch scalar {
        case .string, .bytes: .scalar(.string)
        case .integer, .number: .scalar(.numeric)
        case .boolean: .scalar(.boolean)
        case .quantity, .intOrString, .time, .microTime: .scalar(.untyped)
        case .object, .any, .raw, .fields, .schemaOrArray, .schemaOrBool, .schemaOrStrings: .deduced(isAtomic: false)
        }
    }

    private static func identity(_ field: SchemaField?, _ element: ValueType, _ schema: Schema) -> Identity {
        var names: [String] = []
        switch field?.listType {
        case "set": return .value
        case "map": names = field?.listMapKeys ?? []
        case .some: return .atomic
        case nil:
            guard field?.patchStrategy.contains("merge") == true else { return .atomic }
            guard let key = field?.patchMergeKey else { return .value }
            names = [key]
        }
        var defaults: [String: JSON] = [:]
        if case .reference(let index) = element {
            for name in names { defaults[name] = schema[index].field(name)?.defaultValue }
        }
        return keys(names, defaults)
    }

    /// The identity of elements by fields.
    static func keys(_ names: [String], _ defaults: [String: JSON]) -> Identity {
        .keys(
            names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
                (name, Array(JSON.string(name).text.utf8) + [UInt8(ascii: ":")], defaults[name])
            })
    }
}
