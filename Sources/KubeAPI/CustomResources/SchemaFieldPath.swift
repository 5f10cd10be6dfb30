import JSON

/// A path through a schema as `fieldPath` of a rule and `jsonPath` of a selectable field write it: `.spec.color`, `['a.b']`
/// (`cel.ValidFieldPath`).
struct SchemaFieldPath {
    /// The members on the way.
    let names: [String]
    /// The schema that the path leads to.
    let schema: JSON

    /// `nil` when the text is no path, or one that the schema does not have.
    init?(_ text: String, in root: JSON, allowsArrays: Bool = true) {
        var names: [String] = []
        var schema = root
        var rest = text[...]
        guard let first = rest.first, first == "." || first == "[" else { return nil }
        while let next = rest.first {
            let name: String
            if next == "." {
                rest = rest.dropFirst()
                name = String(rest.prefix { $0 != "." && $0 != "[" })
                guard !name.isEmpty else { return nil }
                rest = rest.dropFirst(name.count)
            } else if rest.hasPrefix("['") {
                guard let end = rest.firstRange(of: "']") else { return nil }
                name = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end.lowerBound])
                rest = rest[end.upperBound...]
            } else if next == "[", allowsArrays, let end = rest.firstIndex(of: "]"),
                Int(rest[rest.index(after: rest.startIndex)..<end]) != nil
            {
                guard let items = schema["items"] else { return nil }
                schema = items
                rest = rest[rest.index(after: end)...]
                continue
            } else {
                return nil
            }
            if let child = schema.at("properties", name) {
                schema = child
            } else if let child = schema["additionalProperties"], child.object != nil {
                schema = child
            } else if schema["x-kubernetes-embedded-resource"] == true || names.isEmpty,
                ["metadata", "kind", "apiVersion"].contains(name)
            {
                schema = ["type": name == "metadata" ? "object" : "string"]
            } else if names.first == "metadata", names.count == 1 {
                schema = ["type": "string"]
            } else {
                return nil
            }
            names.append(name)
        }
        self.names = names
        self.schema = schema
    }

    /// The path behind a field's: `.name`, `.spec.color`.
    var suffix: String {
        names.map { name in
            let isPlain = name.unicodeScalars.allSatisfy { ScalarSet.word.contains($0) || $0 == "-" }
            return isPlain ? ".\(name)" : "[\(name)]"
        }.joined()
    }
}
