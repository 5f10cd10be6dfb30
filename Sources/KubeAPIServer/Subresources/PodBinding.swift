import JSON
import KubeAPI
import Store
import World

/// `pods/binding` and `bindings`: puts a pod on a node (`BindingREST` of `pkg/registry/core/pod/storage/storage.go`).
struct PodBinding: Sendable {
    /// Labels of the node that its pods get (admission plugin PodTopologyLabels).
    private static let topology = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"]

    let registry: Registry
    /// Whether pods get their node's topology: by default since 1.35.
    let copiesTopology: Bool

    /// Binds the pod that the path names, or where it names none, the binding.
    ///
    /// - Throws: 400, 404, 409, or 500 for a target that is no node.
    func create(_ binding: DecodedObject, _ request: APIRequest) async throws(KubeStatus) -> RegistryAnswer {
        guard let pods = registry.cluster.resources.lookup(group: "", version: "v1", resource: "pods") else { throw .noSuchPath }
        let wanted = binding.object
        try registry.checkNamespace(wanted, request)
        let name = request.info.subresource.isEmpty ? wanted.objectName : request.name
        try await registry.admission.admitPart(.create, wanted, request)
        guard wanted.objectName == name else { throw .badRequest("name in URL does not match name in Binding object") }
        let options = try WriteOptions(request.query, .create)
        let problems = Self.problems(wanted)
        guard problems.isEmpty else { throw .unexpected(problems.count == 1 ? problems[0] : "[\(problems.joined(separator: ", "))]") }
        let node = wanted.at("target", "name")?.string ?? ""
        let labels = labels(wanted, node)
        let now = registry.cluster.world.now.rfc3339
        try await registry.revise(pods, request.namespace, name, isDryRun: options.isDryRun) { (pod: inout JSON) throws(KubeStatus) in
            try Self.checkPreconditions(wanted, pod, "/registry/pods/\(request.namespace)/\(name)")
            if let refusal = Self.refusal(pod) {
                throw .conflict(group: "", resource: "pods/binding", name: name, refusal)
            }
            pod.set(.string(node), at: ["spec", "nodeName"])
            for member in wanted.at("metadata", "annotations")?.object ?? [:] {
                pod.set(member.value, at: ["metadata", "annotations", member.key])
            }
            for label in labels { pod.set(label.value, at: ["metadata", "labels", label.key]) }
            PodConditions.set("PodScheduled", in: &pod, now: now)
        }
        return .done(binding.warnings)
    }

    private static func problems(_ binding: JSON) -> [String] {
        let target = binding["target"] ?? [:]
        var errors: [FieldError] = []
        let kind = target["kind"]?.string ?? ""
        if !kind.isEmpty, kind != "Node" { errors.append(.notSupported("target.kind", .string(kind), ["Node", "<empty>"])) }
        if (target["name"]?.string ?? "").isEmpty { errors.append(.required("target.name")) }
        return errors.map(\.description)
    }

    private static func checkPreconditions(_ binding: JSON, _ pod: JSON, _ key: String) throws(KubeStatus) {
        let checks = [
            ("UID", binding.objectUID, pod.objectUID), ("ResourceVersion", binding.objectResourceVersion, pod.objectResourceVersion),
        ]
        for (name, wanted, actual) in checks where !wanted.isEmpty && wanted != actual {
            throw .conflict(
                group: "", resource: "pods", name: pod.objectName,
                "StorageError: invalid object, Code: 4, Key: \(key), ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
                    + "\(name) in precondition: \(wanted), \(name) in object meta: \(actual)")
        }
    }

    private static func refusal(_ pod: JSON) -> String? {
        if pod.isBeingDeleted { return "pod \(pod.objectName) is being deleted, cannot be assigned to a host" }
        if let node = pod.at("spec", "nodeName")?.string, !node.isEmpty {
            return "pod \(pod.objectName) is already assigned to node \(GoText.quoted(node))"
        }
        let isGated = pod.at("spec", "schedulingGates")?.array?.isEmpty == false
        return isGated ? "pod \(pod.objectName) has non-empty .spec.schedulingGates" : nil
    }

    /// The labels of the binding and of the node's topology.
    private func labels(_ binding: JSON, _ node: String) -> [JSONObject.Member] {
        var labels = binding.at("metadata", "labels") ?? [:]
        if copiesTopology, let nodes = registry.cluster.resources.lookup(group: "", version: "v1", resource: "nodes"),
            let object = registry.object(nodes, "", node)
        {
            for label in Self.topology { if let value = object.at("metadata", "labels", label) { labels[label] = value } }
        }
        return labels.object?.members ?? []
    }
}

extension RegistryAnswer {
    /// 201 with a Status that says success, as subresources answer that make nothing to be read.
    static func done(_ warnings: [String] = []) -> RegistryAnswer {
        RegistryAnswer(
            status: 201,
            bytes: (["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201] as JSON).serialized(),
            warnings: warnings)
    }
}
