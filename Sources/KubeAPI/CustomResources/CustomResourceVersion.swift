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

/// Where an object of a scale subresource has its numbers.
public struct ScalePaths: Sendable, Hashable {
    /// `.spec.replicas`
    public let specReplicas: String
    /// `.status.replicas`
    public let statusReplicas: String
    /// `.status.selector`; empty for none.
    public let labelSelector: String

    /// Reads `subresources.scale`.
    init?(_ scale: JSON) {
        guard scale.object != nil else { return nil }
        specReplicas = scale["specReplicasPath"]?.string ?? ""
        statusReplicas = scale["statusReplicasPath"]?.string ?? ""
        labelSelector = scale["labelSelectorPath"]?.string ?? ""
    }

    /// The member names of a path.
    static func members(_ path: String) -> [String] { path.dropFirst().split(separator: ".").map(String.init) }

    /// What is wrong with the numbers of the spec.
    func specProblems(_ object: JSON) -> [FieldError] { number(object, specReplicas) }

    /// What is wrong with the numbers of the status.
    func statusProblems(_ object: JSON) -> [FieldError] {
        var errors = number(object, statusReplicas)
        guard !labelSelector.isEmpty, let value = object.value(at: Self.members(labelSelector)), value.string == nil else { return errors }
        errors.append(.invalid(labelSelector, "", accessor(labelSelector, value, "string")))
        return errors
    }

    private func accessor(_ path: String, _ value: JSON, _ wanted: String) -> String {
        let kind =
            switch value {
            case .null: "<nil>"
            case .bool: "bool"
            case .integer: "int64"
            case .number: "float64"
            case .string: "string"
            case .array: "[]interface {}"
            case .object: "map[string]interface {}"
            }
        return "\(path) accessor error: \(GoText.printed(value)) is of the type \(kind), expected \(wanted)"
    }

    private func number(_ object: JSON, _ path: String) -> [FieldError] {
        guard let value = object.value(at: Self.members(path)) else { return [] }
        guard let number = value.integer else { return [.invalid(path, 0, accessor(path, value, "int64"))] }
        if number < 0 { return [.invalid(path, value, "should be a non-negative integer")] }
        if number > Int64(Int32.max) { return [.invalid(path, value, "should be less than or equal to \(Int32.max)")] }
        return []
    }

    /// The object of the scale subresource (`scaleFromCustomResource`). The status is zero where nothing is said.
    ///
    /// - Throws: 500 when the object says no replicas.
    public func scale(of object: JSON) throws(KubeStatus) -> JSON {
        guard let replicas = object.value(at: Self.members(specReplicas))?.integer else {
            throw .internalError("the spec replicas field \(GoText.quoted(specReplicas)) does not exist")
        }
        var metadata: JSON = [:]
        for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] { metadata[name] = object.at("metadata", name) }
        var status: JSON = ["replicas": object.value(at: Self.members(statusReplicas)).flatMap { $0.integer.map(JSON.integer) } ?? 0]
        if !labelSelector.isEmpty, let text = object.value(at: Self.members(labelSelector))?.string, !text.isEmpty {
            status["selector"] = .string(text)
        }
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": ["replicas": .integer(replicas)],
            "status": status,
        ]
    }

    /// Writes a scale into its object.
    public func apply(_ scale: JSON, to object: inout JSON) {
        object.set(scale.at("spec", "replicas") ?? 0, at: Self.members(specReplicas))
        let version = scale.objectResourceVersion
        if !version.isEmpty { object.set(.string(version), at: ["metadata", "resourceVersion"]) }
    }
}
