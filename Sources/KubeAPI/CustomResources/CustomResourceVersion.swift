public import JSON

/// One version of a definition, compiled. Immutable; shared by every request.
public final class CustomResourceVersion: Sendable {
    /// `v1`
    public let name: String
    /// Whether the API serves it.
    public let isServed: Bool
    /// Whether objects are stored in it.
    public let isStorage: Bool
    /// Whether the definition calls it deprecated.
    public let isDeprecated: Bool
    /// The warning that the definition gives, when it gives one.
    public let deprecationWarning: String?
    /// The schema; `nil` without one, which only prunes everything.
    public let schema: StructuralSchema?
    /// Whether the status is a subresource.
    public let hasStatus: Bool
    /// Where the scale subresource reads and writes.
    public let scale: ScalePaths?
    /// How its objects are shown in Tables.
    public let printer: TablePrinter
    /// Members of the path of each selectable field, by its name in selectors.
    let selectableFields: [(name: String, path: [String])]
    let rules: CELRules
    /// How server-side apply sees its objects.
    let mergeType: MergeType

    /// Compiles an element of `spec.versions`.
    public init(_ version: JSON) {
        name = version["name"]?.string ?? ""
        isServed = version["served"] == true
        isStorage = version["storage"] == true
        isDeprecated = version["deprecated"] == true
        deprecationWarning = version["deprecationWarning"]?.string
        let document = version.at("schema", "openAPIV3Schema").ifObject
        schema = document.map(StructuralSchema.init)
        hasStatus = version.at("subresources", "status")?.object != nil
        scale = version.at("subresources", "scale").flatMap(ScalePaths.init)
        printer = TablePrinter(additionalPrinterColumns: version["additionalPrinterColumns"]?.array ?? [])
        selectableFields = (version["selectableFields"]?.array ?? []).compactMap { field in
            guard let path = field["jsonPath"]?.string, let found = SchemaFieldPath(path, in: document ?? [:], allowsArrays: false) else {
                return nil
            }
            return (found.names.joined(separator: "."), found.names)
        }
        mergeType = MergeType(schema)
        rules = schema.map { CELRules($0, isResource: true) } ?? .none
    }

    /// Versions in the order in which discovery prefers them (`version.CompareKubeAwareVersionStrings`): `v2`, `v1`, `v2beta1`, `v1alpha1`,
    /// then others by their names.
    public static func precedes(_ left: String, _ right: String) -> Bool {
        switch (KubeVersion(left), KubeVersion(right)) {
        case (let left?, let right?): right.rank.lexicographicallyPrecedes(left.rank)
        case (_?, nil): true
        case (nil, _?): false
        case (nil, nil): left < right
        }
    }

    /// `v1`, `v2beta3`.
    private struct KubeVersion {
        /// Stage, number, number of the stage; greater is preferred.
        let rank: [Int]

        init?(_ text: String) {
            guard text.hasPrefix("v") else { return nil }
            let major = text.dropFirst().prefix { $0.isASCII && $0.isNumber }
            let rest = text.dropFirst(1 + major.count)
            guard let number = Int(major), number > 0 else { return nil }
            if rest.isEmpty {
                rank = [2, number, 0]
                return
            }
            for (word, stage) in [("alpha", 0), ("beta", 1)] where rest.hasPrefix(word) {
                guard let minor = Int(rest.dropFirst(word.count)), minor > 0 else { return nil }
                rank = [stage, number, minor]
                return
            }
            return nil
        }
    }
}
