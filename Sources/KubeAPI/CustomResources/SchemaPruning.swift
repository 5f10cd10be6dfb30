import JSON

/// Takes away what a schema does not specify, and brings embedded metadata into its form
/// (`apiextensions-apiserver/pkg/apiserver/schema/pruning`, `…/objectmeta`).
struct SchemaPruning {
    /// Metadata that cannot be read: the text is `encoding/json`'s.
    typealias Failure = DecodingError

    /// `spec.bogus`: what was taken away.
    private(set) var unknownFields: [String] = []
    private let builtin: Schema

    init(builtin: Schema = .builtin) { self.builtin = builtin }

    private static let typeMembers: Set<String> = ["apiVersion", "kind", "metadata"]

    /// An object, which its schema's root describes, without unknown fields; members in byte order.
    ///
    /// - Throws: `DecodingError` for metadata of a wrong form.
    mutating func resource(_ object: JSON, _ schema: StructuralSchema?) throws(DecodingError) -> JSON {
        try prune(object, schema, isResource: true, keepsUnknown: schema?.preservesUnknownFields ?? false, path: "")
    }

    /// Any value, without what its schema does not know.
    mutating func value(_ value: JSON, _ schema: StructuralSchema?) throws(DecodingError) -> JSON {
        try prune(
            value, schema, isResource: schema?.isEmbeddedResource ?? false, keepsUnknown: schema?.preservesUnknownFields ?? false, path: "")
    }

    /// `keepsUnknown` is whether unknown fields at this level stay.
    private mutating func prune(
        _ value: JSON, _ schema: StructuralSchema?, isResource: Bool, keepsUnknown: Bool, path: String
    ) throws(DecodingError) -> JSON {
        switch value {
        case .object(let object):
            var members: [JSONObject.Member] = []
            members.reserveCapacity(object.count)
            for member in object {
                let place = path.isEmpty ? member.key : "\(path).\(member.key)"
                let kept: JSON?
                if isResource, Self.typeMembers.contains(member.key) {
                    kept = member.key == "metadata" ? try metadata(member.value, place) : member.value
                } else if let known = schema?.property(member.key) {
                    kept = try step(member.value, known, place)
                } else if let additional = schema?.additionalProperties {
                    kept = keepsUnknown && additional.schema == nil ? member.value : try step(member.value, additional.schema, place)
                } else {
                    kept = keepsUnknown ? member.value : JSON?.none
                    if !keepsUnknown { unknownFields.append(place) }
                }
                if let kept { members.append(.init(key: member.key, value: kept)) }
            }
            return .object(JSONObject(unique: members))
        case .array(let elements):
            var result: [JSON] = []
            result.reserveCapacity(elements.count)
            for (index, element) in elements.enumerated() {
                let place = "\(path)[\(index)]"
                // What keeps unknown fields keeps them in its items too.
                let keeps = keepsUnknown || schema?.items?.preservesUnknownFields ?? false
                result.append(
                    try prune(
                        element, schema?.items, isResource: schema?.items?.isEmbeddedResource ?? false, keepsUnknown: keeps, path: place))
            }
            return .array(result)
        default: return value
        }
    }

    private mutating func step(_ value: JSON, _ schema: StructuralSchema?, _ path: String) throws(DecodingError) -> JSON {
        try prune(
            value, schema, isResource: schema?.isEmbeddedResource ?? false, keepsUnknown: schema?.preservesUnknownFields ?? false,
            path: path)
    }

    /// ObjectMeta as the server reads and writes it, members in byte order.
    private mutating func metadata(_ value: JSON, _ path: String) throws(DecodingError) -> JSON {
        guard let type = builtin.index(named: "meta.v1.ObjectMeta") else { return value }
        var canonicalizer = Canonicalizer(schema: builtin)
        let result = try canonicalizer.canonical(value.isNull ? [:] : value, type: type)
        unknownFields += canonicalizer.unknownFields.map { "\(path).\($0)" }
        return result
    }
}
