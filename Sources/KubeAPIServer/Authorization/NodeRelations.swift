import JSON
import KubeAPI
import RBAC
import Store
import World

/// Which objects belong to the pods of which node: the Node authorizer's graph (`plugin/pkg/auth/authorizer/node/graph.go`),
/// compiled anew when one of its collections has changed and a node asks.
final class NodeRelations: Sendable {
    private struct Compiled: Sendable {
        let revisions: [Revision]
        let objects: [String: Set<NodeAuthorizer.Object>]
    }

    private static let resources = [
        ("", "pods"), ("", "persistentvolumes"), ("storage.k8s.io", "volumeattachments"), ("resource.k8s.io", "resourceslices"),
    ]

    private let cluster: ClusterState
    private let collections: [String]
    private let compiled = Lock<Compiled?>(nil)

    init(cluster: ClusterState) {
        self.cluster = cluster
        collections = Self.resources.map { cluster.collection(group: $0.0, $0.1) }
    }

    /// Whether an object belongs to a pod of a node.
    func isRelated(_ object: NodeAuthorizer.Object, _ node: String) -> Bool {
        let revisions = collections.map { cluster.store.revision(of: $0) }
        if let known = compiled.withLock({ $0 }), known.revisions == revisions { return known.objects[node]?.contains(object) ?? false }
        let made = Compiled(revisions: revisions, objects: compile())
        compiled.withLock { $0 = made }
        return made.objects[node]?.contains(object) ?? false
    }

    private func stored(_ index: Int) -> [JSON] {
        let range = try? cluster.store.range(collections[index], prefix: "", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
    }

    private func compile() -> [String: Set<NodeAuthorizer.Object>] {
        var related: [String: Set<NodeAuthorizer.Object>] = [:]
        for pod in stored(0) {
            guard let node = pod.at("spec", "nodeName")?.string, !node.isEmpty else { continue }
            related[node, default: []].formUnion(Self.objects(of: pod))
        }
        for volume in stored(1) {
            let reference = volume.at("spec", "claimRef") ?? [:]
            let claim = NodeAuthorizer.Object(
                kind: .persistentVolumeClaim, namespace: reference["namespace"]?.string ?? "", name: reference["name"]?.string ?? "")
            for node in related.keys where related[node]?.contains(claim) == true {
                related[node]?.insert(.init(kind: .persistentVolume, namespace: "", name: volume.objectName))
                related[node]?.formUnion(Self.secrets(of: volume, claim.namespace))
            }
        }
        for (index, kind, path) in [(2, NodeAuthorizer.Object.Kind.volumeAttachment, "nodeName"), (3, .resourceSlice, "nodeName")] {
            for object in stored(index) {
                guard let node = object.at("spec", path)?.string, !node.isEmpty else { continue }
                related[node, default: []].insert(.init(kind: kind, namespace: "", name: object.objectName))
            }
        }
        return related
    }

    private static func objects(of pod: JSON) -> [NodeAuthorizer.Object] {
        let namespace = pod.objectNamespace
        func object(_ kind: NodeAuthorizer.Object.Kind, _ name: String) -> NodeAuthorizer.Object {
            NodeAuthorizer.Object(kind: kind, namespace: namespace, name: name)
        }
        var objects = [object(.pod, pod.objectName)]
        // A mirror pod is the node's own making: it reaches nothing.
        guard pod.at("metadata", "annotations", "kubernetes.io/config.mirror") == nil else { return objects }
        if let account = pod.at("spec", "serviceAccountName")?.string { objects.append(object(.serviceAccount, account)) }
        let references = PodReferences(pod)
        objects += references.secrets.map { object(.secret, $0) }
        objects += references.configMaps.map { object(.configMap, $0) }
        objects += references.claims.map { object(.persistentVolumeClaim, $0) }
        for status in pod.at("status", "resourceClaimStatuses")?.array ?? [] {
            if let name = status["resourceClaimName"]?.string { objects.append(object(.resourceClaim, name)) }
        }
        for claim in pod.at("spec", "resourceClaims")?.array ?? [] {
            if let name = claim["resourceClaimName"]?.string { objects.append(object(.resourceClaim, name)) }
        }
        return objects
    }

    /// The secrets that mounting a volume takes; those without a namespace are in its claim's.
    private static func secrets(of volume: JSON, _ namespace: String) -> [NodeAuthorizer.Object] {
        var found: [NodeAuthorizer.Object] = []
        for source in volume["spec"]?.object?.members ?? [] {
            for member in source.value.object?.members ?? [] where member.key.hasSuffix("ecretRef") {
                guard let name = member.value["name"]?.string else { continue }
                found.append(.init(kind: .secret, namespace: member.value["namespace"]?.string ?? namespace, name: name))
            }
        }
        return found
    }
}
