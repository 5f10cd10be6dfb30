import Facts
import IPAddress
import JSON
import KubeAPI
public import KubeAPIServer
import RBAC
public import Store

/// What EKS puts into a new cluster (`eks-system-workloads.json`): what its own control plane works with, and into `kube-system`, unless it
/// is asked not to, the VPC CNI, kube-proxy and CoreDNS. From then on they are the owner's.
public struct SystemWorkloads: Sendable {
    private let clusterName: String
    private let version: String
    private let region: String
    private let partition: String
    private let endpoint: String
    private let vpc: String
    private let serviceRange: String

    /// Describes the cluster that gets them.
    ///
    /// - Parameters:
    ///   - version: `1.34`
    ///   - partition: how host names of the region end: `amazonaws.com`.
    ///   - endpoint: where nodes reach the API server.
    public init(
        clusterName: String, version: String, region: String, partition: String, endpoint: String, vpc: String, serviceRange: String
    ) {
        self.clusterName = clusterName
        self.version = version
        self.region = region
        self.partition = partition
        self.endpoint = endpoint
        self.vpc = vpc
        self.serviceRange = serviceRange
    }

    static func key(_ cluster: ClusterState) -> Key { Key(cluster.collection(group: "", "~bootstrap"), "system-workloads") }

    /// Notes that a cluster is to get them, with or without those that an owner may have instead; the note goes when it has them.
    public static func note(for cluster: ClusterState, hasAddons: Bool) -> Transaction.Write {
        .put(key(cluster), .bytes((["hasAddons": .bool(hasAddons)] as JSON).serialized()))
    }

    /// The objects, in the order in which they are made.
    func objects(hasAddons: Bool) -> [JSON] {
        guard let facts = try? JSON(parsing: Facts.eksSystemWorkloads) else { return [] }
        let versions = facts["versions"]?.object ?? [:]
        // A version without a line of its own has what the last one has.
        let images = versions[version] ?? versions.members.last?.value
        let account = facts.at("registryAccounts", region)?.string ?? facts.at("registryAccounts", "default")?.string ?? ""
        var values: [(String, String)] = (images?.object?.members ?? []).map { ("{\($0.key)}", $0.value.string ?? "") }
        values += [
            ("{registry}", "\(account).dkr.ecr.\(region).\(partition)"), ("{cluster}", clusterName), ("{endpoint}", endpoint),
            ("{vpc}", vpc),
            ("{dns}", CIDRBlock(serviceRange)?.network.advanced(by: 10)?.description ?? ""),
        ]
        // The VPC CNI gives addresses of IPv6 from prefixes only.
        let isIPv6 = CIDRBlock(serviceRange)?.family == .ipv6
        values += [("{ipv4}", "\(!isIPv6)"), ("{ipv6}", "\(isIPv6)"), ("{prefixes}", "\(isIPv6)")]
        let lists = hasAddons ? ["controlPlane", "objects"] : ["controlPlane"]
        return lists.flatMap { facts[$0]?.array ?? [] }.map { Self.filled($0, values) }
    }

    private static func filled(_ value: JSON, _ values: [(String, String)]) -> JSON {
        switch value {
        case .string(let text):
            guard text.contains("{") else { return value }
            return .string(values.reduce(text) { $0.replacing($1.0, with: $1.1) })
        case .array(let elements): return .array(elements.map { filled($0, values) })
        case .object(var object):
            object.mapValues { _, value in value = filled(value, values) }
            return .object(object)
        default: return value
        }
    }
}

extension ClusterControllers {
    /// Makes the system workloads of a cluster that is noted to get them, by server-side apply, as EKS does.
    public func makeSystemWorkloads(_ workloads: SystemWorkloads) async {
        let note = SystemWorkloads.key(cluster)
        guard let noted = cluster.store.get(note) else { return }
        // Notes of earlier versions say nothing.
        let hasAddons = (try? JSON(parsing: noted.value))?["hasAddons"]?.bool ?? true
        let client = ComponentClient(
            access, as: UserInfo(username: "eks:cluster-bootstrap", groups: ["system:masters"]), userAgent: "eks.amazonaws.com")
        defer { client.close() }
        var isComplete = true
        for object in workloads.objects(hasAddons: hasAddons) {
            guard let path = path(of: object) else { continue }
            let answer = await client.send(
                "PATCH", path, query: "fieldManager=eks&force=true", object, type: "application/apply-patch+yaml")
            isComplete = isComplete && answer.isSuccess
        }
        // What was refused is made when the control plane starts again.
        if isComplete { _ = try? await cluster.store.commit(Transaction(writes: [.delete(note, last: nil)])) }
    }

    private func path(of object: JSON) -> String? {
        let parts = (object["apiVersion"]?.string ?? "").split(separator: "/").map(String.init)
        guard let version = parts.last, let kind = object["kind"]?.string else { return nil }
        let group = parts.count == 2 ? parts[0] : ""
        guard let resource = cluster.resources.lookup(kind: GroupVersionKind(group: group, version: version, kind: kind)) else {
            return nil
        }
        let root = group.isEmpty ? "/api/v1" : "/apis/\(group)/\(version)"
        let namespace = resource.isNamespaced ? "/namespaces/\(object.objectNamespace)" : ""
        return "\(root)\(namespace)/\(resource.resource)/\(object.objectName)"
    }
}
