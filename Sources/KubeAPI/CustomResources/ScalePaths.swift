public import JSON

/// Where an object of a scale subresource has its numbers.
public struct ScalePaths: Sendable, Hashable {
    /// `.spec.replicas`
    public let specReplicas: String
    /// `.status.replicas`
    public let statusReplicas: String
    /// `.status.selector`; empty for none. The value is a selector's text, or for built-in kinds the selector itself.
    public let labelSelector: String

    private init(labelSelector: String) {
        specReplicas = ".spec.replicas"
        statusReplicas = ".status.replicas"
        self.labelSelector = labelSelector
    }

    /// The paths of a resource with a scale; `nil` for others.
    public static func of(_ resource: ResourceType) -> ScalePaths? {
        if let custom = resource.custom { return custom.version.scale }
        return resource.subresource("scale") == nil ? nil : ScalePaths(labelSelector: ".spec.selector")
    }

    /// Member names of the path of the replicas.
    var replicasMembers: [String] { Self.members(specReplicas) }

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
        "\(path) accessor error: \(GoText.printed(value)) is of the type \(GoText.typeName(value)), expected \(wanted)"
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
        guard let replicas = object.value(at: replicasMembers)?.integer else {
            throw .internalError("the spec replicas field \(GoText.quoted(specReplicas)) does not exist")
        }
        var metadata: JSON = [:]
        for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] { metadata[name] = object.at("metadata", name) }
        var status: JSON = ["replicas": object.value(at: Self.members(statusReplicas)).flatMap { $0.integer.map(JSON.integer) } ?? 0]
        if let text = selectorText(object), !text.isEmpty { status["selector"] = .string(text) }
        // Zero is not written.
        let spec: JSON = replicas == 0 ? [:] : ["replicas": .integer(replicas)]
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status,
        ]
    }

    private func selectorText(_ object: JSON) -> String? {
        guard !labelSelector.isEmpty, let value = object.value(at: Self.members(labelSelector)) else { return nil }
        guard case .object(let members) = value else { return value.string }
        // ReplicationControllers select by labels alone.
        let isLabels = members.members.allSatisfy { $0.value.string != nil }
        let selector: JSON = isLabels ? ["matchLabels": value] : value
        return (try? LabelSelector(labelSelectorObject: selector))?.description
    }

    /// What is wrong with a scale (`autoscaling/validation`).
    public static func problems(_ scale: JSON) -> [FieldError] {
        guard let replicas = scale.at("spec", "replicas")?.integer, replicas < 0 else { return [] }
        return [.invalid("spec.replicas", .integer(replicas), "must be greater than or equal to 0")]
    }

    /// Writes a scale into its object.
    public func apply(_ scale: JSON, to object: inout JSON) {
        object.set(scale.at("spec", "replicas") ?? 0, at: Self.members(specReplicas))
        let version = scale.objectResourceVersion
        if !version.isEmpty { object.set(.string(version), at: ["metadata", "resourceVersion"]) }
    }
}
