import JSON
import KubeAPI
import RBAC
import Store

/// NodeRestriction: a kubelet changes its own node, its pods and their tokens only (`plugin/pkg/admission/noderestriction`).
struct NodeRestriction: Sendable {
    private static let mirror = "kubernetes.io/config.mirror"
    private static let leaseNamespace = "kube-node-lease"

    let cluster: ClusterState
    let authorizer: (any RequestAuthorizer)?
    /// The node that the user is; empty for `system:node:`.
    let node: String
    private var quoted: String { GoText.quoted(node) }

    /// Lets an operation of the node pass.
    ///
    /// - Throws: 403, or 404 for a pod that is gone.
    func admit(_ operation: AdmissionOperation, _ request: APIRequest) async throws(KubeStatus) {
        guard !node.isEmpty else {
            throw refusal("could not determine node from user \(GoText.quoted(request.user.username))", operation, request)
        }
        if let text = try await problem(operation, request) { throw refusal(text, operation, request) }
    }

    private func refusal(_ text: String, _ operation: AdmissionOperation, _ request: APIRequest) -> KubeStatus {
        var name = request.name
        if case .create(let object) = operation, name.isEmpty { name = object.objectName }
        let (group, resource) = (request.resource.group, request.resource.resource)
        return .forbidden(
            group: group, resource: resource, name: name,
            message: Attributes.forbiddenMessage(group: group, resource: resource, name: name, text))
    }

    /// What keeps an operation from passing; `nil` for nothing.
    private func problem(_ operation: AdmissionOperation, _ request: APIRequest) async throws(KubeStatus) -> String? {
        switch (request.resource.group, request.resource.resource, request.info.subresource) {
        case ("", "pods", ""): return try pod(operation, request)
        case ("", "pods", "status"): return podStatus(operation)
        case ("", "pods", "eviction"): return try eviction(request)
        case ("", "pods", let other):
            return "unexpected pod subresource \(GoText.quoted(other)), only 'status' and 'eviction' are allowed"
        case ("", "nodes", _): return nodeObject(operation, request)
        case ("", "persistentvolumeclaims", "status"): return claimStatus(operation)
        case ("", "persistentvolumeclaims", _): return "may only update PVC status"
        case ("", "serviceaccounts", "token"): return try await token(operation, request)
        case ("coordination.k8s.io", "leases", _):
            guard request.namespace == Self.leaseNamespace else {
                return "can only access leases in the \(GoText.quoted(Self.leaseNamespace)) system namespace"
            }
            return Self.name(operation, request) == node ? nil : "can only access node lease with the same name as the requesting node"
        case ("storage.k8s.io", "csinodes", _):
            return Self.name(operation, request) == node ? nil : "can only access CSINode with the same name as the requesting node"
        case ("resource.k8s.io", "resourceslices", _): return resourceSlice(operation)
        default: return nil
        }
    }

    private static func name(_ operation: AdmissionOperation, _ request: APIRequest) -> String {
        if case .create(let object) = operation { object.objectName } else { request.name }
    }

    // MARK: Pods

    private func pod(_ operation: AdmissionOperation, _ request: APIRequest) throws(KubeStatus) -> String? {
        switch operation {
        case .create(let pod): return try newPod(pod)
        case .delete(let pod, _):
            return pod.at("spec", "nodeName")?.string == node
                ? nil : "node \(quoted) can only delete pods with spec.nodeName set to itself"
        case .update: return "unexpected operation \"UPDATE\", node \(quoted) can only create and delete mirror pods"
        }
    }

    private func newPod(_ pod: JSON) throws(KubeStatus) -> String? {
        guard pod.at("metadata", "annotations", Self.mirror) != nil else {
            return "pod does not have \(GoText.quoted(Self.mirror)) annotation, node \(quoted) can only create mirror pods"
        }
        guard pod.at("spec", "nodeName")?.string == node else {
            return "node \(quoted) can only create pods with spec.nodeName set to itself"
        }
        if let problem = try owner(of: pod) { return problem }
        guard (pod.at("spec", "serviceAccountName")?.string ?? "").isEmpty else {
            return "node \(quoted) can not create pods that reference a service account"
        }
        let references = PodReferences(pod)
        guard references.secrets.isEmpty else { return "node \(quoted) can not create pods that reference secrets" }
        guard references.configMaps.isEmpty else { return "node \(quoted) can not create pods that reference configmaps" }
        let volumes = pod.at("spec", "volumes")?.array ?? []
        let sources = volumes.flatMap { $0.at("projected", "sources")?.array ?? [] }
        guard !sources.contains(where: { $0["clusterTrustBundle"] != nil }) else {
            return "node \(quoted) can not create pods that reference clustertrustbundles"
        }
        guard !volumes.contains(where: { $0["persistentVolumeClaim"] != nil }) else {
            return "node \(quoted) can not create pods that reference persistentvolumeclaims"
        }
        return nil
    }

    private func owner(of pod: JSON) throws(KubeStatus) -> String? {
        let owners = pod.at("metadata", "ownerReferences")?.array ?? []
        guard owners.count < 2 else { return "node \(quoted) can only create pods with a single owner reference set to itself" }
        guard let owner = owners.first, owner["apiVersion"]?.string == "v1", owner["kind"]?.string == "Node", owner["name"]?.string == node
        else { return "node \(quoted) can only create pods with an owner reference set to itself" }
        guard owner["controller"]?.bool == true else {
            return "node \(quoted) can only create pods with a controller owner reference set to itself"
        }
        guard owner["blockOwnerDeletion"]?.bool != true else {
            return "node \(quoted) must not set blockOwnerDeletion on an owner reference"
        }
        let present = try stored("nodes", "", node)
        let uid = owner["uid"]?.string ?? ""
        return uid == present.objectUID ? nil : "node \(node) UID mismatch: expected \(uid) got \(present.objectUID)"
    }

    private func podStatus(_ operation: AdmissionOperation) -> String? {
        guard case .update(let new, let old) = operation else { return "unexpected operation \"\(Self.word(operation))\"" }
        guard old.at("spec", "nodeName")?.string == node else {
            return "node \(quoted) can only update pod status for pods with spec.nodeName set to itself"
        }
        guard Self.changedKeys(new, old, "labels").isEmpty else { return "node \(quoted) cannot update labels through pod status" }
        let path = ["status", "resourceClaimStatuses"]
        guard new.value(at: path) ?? .null == old.value(at: path) ?? .null else {
            return "node \(quoted) cannot update resource claim statues"
        }
        return nil
    }

    private func eviction(_ request: APIRequest) throws(KubeStatus) -> String? {
        let pod = try stored("pods", request.namespace, request.name)
        return pod.at("spec", "nodeName")?.string == node
            ? nil : "node \(node) can only evict pods with spec.nodeName set to itself"
    }

    private func claimStatus(_ operation: AdmissionOperation) -> String? {
        guard case .update(var new, var old) = operation else { return "unexpected operation \"\(Self.word(operation))\"" }
        for member in ["capacity", "conditions", "allocatedResources", "allocatedResourceStatuses"] {
            new.remove(at: ["status", member])
            old.remove(at: ["status", member])
        }
        for member in ["resourceVersion", "managedFields"] {
            new.remove(at: ["metadata", member])
            old.remove(at: ["metadata", member])
        }
        return new == old ? nil : "node \(quoted) is not allowed to update fields other than status.capacity and status.conditions"
    }

    private func resourceSlice(_ operation: AdmissionOperation) -> String? {
        let slice: JSON
        switch operation {
        case .create(let object): slice = object
        case .update(let object, _): slice = object
        case .delete(let object, _): slice = object
        }
        guard slice.at("spec", "nodeName")?.string == node else {
            if case .create = operation { return "can only create ResourceSlice with the same NodeName as the requesting node" }
            return "can only delete ResourceSlice with the same NodeName as the requesting node"
        }
        return nil
    }

    // MARK: Nodes

    private func nodeObject(_ operation: AdmissionOperation, _ request: APIRequest) -> String? {
        let name = Self.name(operation, request)
        guard name == node else { return "node \(quoted) is not allowed to modify node \(GoText.quoted(name))" }
        switch operation {
        case .create(let new):
            guard new.at("spec", "configSource")?.object == nil else {
                return "node \(quoted) is not allowed to create pods with a non-nil configSource"
            }
            let labels = NodeLabels.forbidden(Self.changedKeys(new, [:], "labels"))
            return labels.isEmpty
                ? nil : "node \(quoted) is not allowed to set the following labels: \(labels.joined(separator: ", "))"
        case .update(let new, let old):
            guard new.at("spec", "taints")?.array ?? [] == old.at("spec", "taints")?.array ?? [] else {
                return "node \(quoted) is not allowed to modify taints"
            }
            let owners = ["metadata", "ownerReferences"]
            guard new.value(at: owners)?.array ?? [] == old.value(at: owners)?.array ?? [] else {
                return "node \(quoted) is not allowed to modify ownerReferences"
            }
            let labels = NodeLabels.forbidden(Self.changedKeys(new, old, "labels"))
            return labels.isEmpty ? nil : "is not allowed to modify labels: \(labels.joined(separator: ", "))"
        case .delete: return nil
        }
    }

    // MARK: Tokens

    private func token(_ operation: AdmissionOperation, _ request: APIRequest) async throws(KubeStatus) -> String? {
        guard case .create(let wish) = operation else { return nil }
        let reference = wish.at("spec", "boundObjectRef") ?? [:]
        let name = reference["name"]?.string ?? ""
        guard reference["apiVersion"]?.string == "v1", reference["kind"]?.string == "Pod", !name.isEmpty else {
            return "node requested token not bound to a pod"
        }
        let uid = reference["uid"]?.string ?? ""
        guard !uid.isEmpty else { return "node requested token with a pod binding without a uid" }
        let pod = try stored("pods", request.namespace, name)
        guard uid == pod.objectUID else {
            return
                "the UID in the bound object reference (\(uid)) does not match the UID in record. The object might have been deleted and then recreated"
        }
        guard pod.at("spec", "nodeName")?.string == node else {
            return "node requested token bound to a pod scheduled on a different node"
        }
        return await audience(wish.at("spec", "audiences")?.strings ?? [], pod, request)
    }

    /// A node asks for the audiences that its pods' volumes want, and for others only with a right of its own
    /// (feature gate ServiceAccountNodeAudienceRestriction).
    private func audience(_ audiences: [String], _ pod: JSON, _ request: APIRequest) async -> String? {
        guard audiences.count < 2 else { return "node may only request 0 or 1 audiences" }
        let wanted = audiences.first ?? ""
        let volumes = pod.at("spec", "volumes")?.array ?? []
        let sources = volumes.flatMap { $0.at("projected", "sources")?.array ?? [] }
        if sources.contains(where: { $0["serviceAccountToken"].map { ($0["audience"]?.string ?? "") == wanted } ?? false }) { return nil }
        let drivers = volumes.compactMap { $0.at("csi", "driver")?.string }
        let requests = drivers.compactMap { try? stored("csidrivers", "", $0, group: "storage.k8s.io") }
            .flatMap { $0.at("spec", "tokenRequests")?.array ?? [] }
        if requests.contains(where: { ($0["audience"]?.string ?? "") == wanted }) { return nil }
        let right = Attributes(
            user: request.user, verb: "request-serviceaccounts-token-audience", namespace: request.namespace, apiVersion: "v1",
            resource: wanted, name: request.name)
        if await authorizer?.authorize(right, trace: nil).isAllowed ?? false { return nil }
        return
            "audience \(GoText.quoted(wanted)) not found in pod spec volume, \(request.user.username) is not authorized to request tokens"
            + " for this audience"
    }

    // MARK: Parts

    private static func word(_ operation: AdmissionOperation) -> String {
        switch operation {
        case .create: "CREATE"
        case .update: "UPDATE"
        case .delete: "DELETE"
        }
    }

    /// Keys of a metadata map that differ between two objects.
    private static func changedKeys(_ new: JSON, _ old: JSON, _ map: String) -> Set<String> {
        let (new, old) = (new.at("metadata", map)?.object, old.at("metadata", map)?.object)
        let keys = Set((new?.members ?? []).map(\.key)).union((old?.members ?? []).map(\.key))
        return keys.filter { new?[$0] != old?[$0] }
    }

    private func stored(_ plural: String, _ namespace: String, _ name: String, group: String = "") throws(KubeStatus) -> JSON {
        let key = Key(cluster.collection(group: group, plural), namespace.isEmpty ? name : "\(namespace)/\(name)")
        guard let entry = cluster.store.get(key) else { throw .notFound(group: group, resource: plural, name: name) }
        return try StoredObject.parse(entry.value)
    }
}

/// Which of a node's labels its kubelet may not set (`k8s.io/kubelet/pkg/apis/well_known_labels.go`).
enum NodeLabels {
    private static let allowed: Set<String> = [
        "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
    ]

    /// The labels of Kubernetes' own domains that are not the kubelet's, sorted.
    static func forbidden(_ labels: Set<String>) -> [String] {
        labels.filter { label in
            let namespace = label.contains("/") ? String(label.prefix { $0 != "/" }) : ""
            func isIn(_ domain: String) -> Bool { namespace == domain || namespace.hasSuffix(".\(domain)") }
            if isIn("node-restriction.kubernetes.io") { return true }
            guard isIn("kubernetes.io") || isIn("k8s.io") else { return false }
            return !allowed.contains(label) && !isIn("kubelet.kubernetes.io") && !isIn("node.kubernetes.io")
        }.sorted()
    }
}
