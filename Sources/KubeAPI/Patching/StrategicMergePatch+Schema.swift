extension StrategicMergePatch {
    /// What the schema says about a list.
    struct List {
        /// The type of the elements; `nil` when there is no schema.
        let element: ValueType?
        /// Whether its elements are merged; else the whole list is replaced.
        let isMerged: Bool
        /// The field by which elements are recognised; `nil` for elements that stand for themselves.
        let mergeKey: String?
    }

    /// Type and strategy of a member.
    ///
    /// - Throws: 500 for what is no field of a structure, as the server answers.
    func field(_ name: String, of type: ValueType?) throws(Failure) -> (type: ValueType?, strategy: String?, mergeKey: String?) {
        guard let type else { return (nil, nil, nil) }
        if case .reference(let index) = type, let field = schema[index].field(name) {
            return (field.type, field.patchStrategy.first { $0 != "retainKeys" }, field.patchMergeKey)
        }
        guard let structure = structure(type) else {
            throw .unexpected("merging an object in json but data type is not struct, instead is: \(kind(type))")
        }
        throw .unexpected("unable to find api field in struct \(structure) for the json field \(GoText.quoted(name))")
    }

    /// What merging needs to know about a list.
    ///
    /// - Throws: 500 for what is no list.
    func list(_ name: String, of type: ValueType?) throws(Failure) -> List {
        let field = try field(name, of: type)
        guard let fieldType = field.type else { return List(element: nil, isMerged: false, mergeKey: nil) }
        guard case .array(let element) = fieldType else {
            throw .unexpected("expected slice or array type, but got: \(type.map(kind) ?? "struct")")
        }
        if case .array = element { throw .unexpected("unexpected slice of slice") }
        return List(element: element, isMerged: field.strategy == "merge", mergeKey: field.mergeKey)
    }

    /// The name of a Go structure; `nil` for other types.
    private func structure(_ type: ValueType) -> String? {
        switch type {
        case .reference(let index): schema[index].shortName
        case .scalar(.raw, _): "RawExtension"
        case .scalar(.any, _): "JSON"
        case .scalar(.fields, _): "FieldsV1"
        default: nil
        }
    }

    /// The kind of a type, as Go's reflection names it.
    func kind(_ type: ValueType) -> String {
        switch type {
        case .map: "map"
        case .array, .scalar(.bytes, _): "slice"
        case .scalar(.string, _): "string"
        case .scalar(.boolean, _): "bool"
        case .scalar(.integer, let is32Bit): is32Bit ? "int32" : "int64"
        case .scalar(.number, _): "float64"
        case .reference, .scalar: "struct"
        }
    }
}
