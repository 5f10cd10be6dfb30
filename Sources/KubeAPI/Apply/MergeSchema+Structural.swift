import JSON

/// A custom resource in the versions that are served.
struct CustomMergeTypes: VersionedMergeTypes {
    let resource: CustomResource

    /// The type in a version.
    func type(_ apiVersion: String) -> MergeType? { resource.servedVersion(apiVersion)?.mergeType }

    /// An object in another version.
    func convert(_ object: JSON, to apiVersion: String) -> JSON { resource.convert(object, to: apiVersion) }
}

extension MergeType {
    /// The type of a custom resource's version: without a schema whatever the values are (`DeducedParseableType`).
    init(_ schema: StructuralSchema?) {
        var types = MergeSchema()
        let root: Int
        if let schema {
            root = types.addResource(schema, metadata: types.addBuiltin("meta.v1.ObjectMeta"))
        } else {
            root = types.add(.deduced(isAtomic: false))
        }
        self.init(schema: types, root: root, empty: [:])
    }
}

extension MergeSchema {
    /// Copies a built-in type with all that it refers to.
    fileprivate mutating func addBuiltin(_ name: String) -> Int {
        guard let index = Schema.builtin.index(named: name) else { return add(.deduced(isAtomic: false)) }
        var places: [Int: Int] = [:]
        return addBuiltin(index, &places)
    }

    private mutating func addBuiltin(_ index: Int, _ places: inout [Int: Int]) -> Int {
        if let place = places[index] { return place }
        let place = add(.deduced(isAtomic: false))
        places[index] = place
        switch Self.builtin.shapes[index] {
        case .list(let element, let identity): set(.list(element: addBuiltin(element, &places), identity), at: place)
        case .map(var map):
            map.fields = map.fields.map { Field($0.name, addBuiltin($0.type, &places)) }
            map.element = map.element.map { addBuiltin($0, &places) }
            set(.map(map), at: place)
        case let shape: set(shape, at: place)
        }
        return place
    }

    /// An object with metadata: the resource itself, or one embedded in it.
    fileprivate mutating func addResource(_ schema: StructuralSchema, metadata: Int, preserves: Bool = false) -> Int {
        let text = add(.scalar(.string))
        return add(structure(schema, preserves, [("apiVersion", text), ("kind", text), ("metadata", metadata)], metadata))
    }

    private mutating func add(_ schema: StructuralSchema, _ metadata: Int, preserves inherited: Bool) -> Int {
        let preserves = inherited || schema.preservesUnknownFields
        if schema.isEmbeddedResource { return addResource(schema, metadata: metadata, preserves: preserves) }
        if schema.isIntOrString { return add(.scalar(.untyped)) }
        switch schema.type {
        case "object": return add(structure(schema, preserves, [], metadata))
        case "array":
            let element = schema.items.map { add($0, metadata, preserves: preserves) } ?? add(.deduced(isAtomic: true))
            return add(.list(element: element, Self.identity(schema)))
        case "string": return add(.scalar(schema.format.isEmpty || schema.format == "byte" ? .string : .untyped))
        case "integer", "number": return add(.scalar(.numeric))
        case "boolean": return add(.scalar(.boolean))
        default: return add(.deduced(isAtomic: false))
        }
    }

    private mutating func structure(
        _ schema: StructuralSchema, _ inherited: Bool, _ own: [(String, Int)], _ metadata: Int
    ) -> Shape {
        let preserves = inherited || schema.preservesUnknownFields
        var map = Map(isAtomic: schema.mapType == "atomic")
        for (name, type) in own { map.add(name, type) }
        for property in schema.properties where !own.contains(where: { $0.0 == property.name }) {
            map.add(property.name, add(property.schema, metadata, preserves: preserves))
        }
        switch schema.additionalProperties {
        case .schema(let values): map.element = add(values, metadata, preserves: preserves)
        case .allowed(true): map.element = add(.deduced(isAtomic: false))
        case .allowed(false), nil: if preserves || map.fields.isEmpty { map.element = add(.deduced(isAtomic: false)) }
        }
        return .map(map)
    }

    private static func identity(_ schema: StructuralSchema) -> Identity {
        switch schema.listType {
        case "set": return .value
        case "map":
            var defaults: [String: JSON] = [:]
            for name in schema.listMapKeys { defaults[name] = schema.items?.property(name)?.defaultValue }
            return keys(schema.listMapKeys, defaults)
        default: return .atomic
        }
    }
}

extension MergeSchema.Map {
    fileprivate mutating func add(_ name: String, _ type: Int) {
        positions[name] = fields.count
        fields.append(.init(name, type))
    }
}
