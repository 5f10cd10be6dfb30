import Facts
import IPAddress
import JSON
import KubeAPI
import Store
import World

/// What a fresh cluster contains: namespaces, RBAC objects, the `kubernetes` Service and what goes with it (`bootstrap-rbac.json`).
public struct ClusterBootstrap: Sendable {
    /// Why a cluster could not be made.
    public enum Failure: Error, Sendable, Hashable {
        /// The Service range cannot be used.
        case serviceRange(String)
    }

    private let cluster: ClusterState
    private let serviceRanges: [CIDRBlock]
    private let serviceRange: CIDRBlock
    private let endpoint: (address: String, port: Int)

    /// Makes the bootstrap of a cluster whose API server is reached at `endpoint`. `serviceRange` is what
    /// `--service-cluster-ip-range` takes: one range, or one of each family with a comma between them.
    ///
    /// - Throws: `Failure.serviceRange`.
    public init(cluster: ClusterState, serviceRange: String, endpoint: (address: String, port: Int)) throws(Failure) {
        let blocks = serviceRange.split(separator: ",", omittingEmptySubsequences: false).map { CIDRBlock(String($0)) }
        let ranges = blocks.compactMap(\.self)
        guard let first = ranges.first, ranges.count == blocks.count, ranges.count <= 2, Set(ranges.map(\.family)).count == ranges.count
        else { throw .serviceRange(serviceRange) }
        self.cluster = cluster
        serviceRanges = ranges
        self.serviceRange = first
        self.endpoint = endpoint
    }

    /// Lists of the facts file and the resource each belongs to, in the order in which they are made.
    private static let sections: [(list: String, group: String, version: String, resource: String)] = [
        ("namespaces", "", "v1", "namespaces"),
        ("clusterRoles", "rbac.authorization.k8s.io", "v1", "clusterroles"),
        ("clusterRoleBindings", "rbac.authorization.k8s.io", "v1", "clusterrolebindings"),
        ("roles", "rbac.authorization.k8s.io", "v1", "roles"),
        ("roleBindings", "rbac.authorization.k8s.io", "v1", "rolebindings"),
        ("priorityClasses", "scheduling.k8s.io", "v1", "priorityclasses"),
        ("flowSchemas", "flowcontrol.apiserver.k8s.io", "v1", "flowschemas"),
        ("priorityLevelConfigurations", "flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations"),
        ("services", "", "v1", "services"),
        ("endpoints", "", "v1", "endpoints"),
        ("endpointSlices", "discovery.k8s.io", "v1", "endpointslices"),
        ("serviceCIDRs", "networking.k8s.io", "v1", "servicecidrs"),
        ("ipAddresses", "networking.k8s.io", "v1", "ipaddresses"),
        ("apiServices", "apiregistration.k8s.io", "v1", "apiservices"),
        ("configMaps", "", "v1", "configmaps"),
        ("serviceAccounts", "", "v1", "serviceaccounts"),
    ]

    /// Writes the objects in one commit, unless the cluster has them; with them what else is to be known of a new cluster.
    ///
    /// - Throws: `StoreError`.
    public func run(with others: [Transaction.Write] = []) async throws(StoreError) {
        let mark = Key(cluster.collection(group: "", "namespaces"), "kube-system")
        guard cluster.store.get(mark) == nil else { return }
        let facts = (try? JSON(parsing: Facts.kubernetesBootstrap)) ?? .null
        var writes = others
        for section in Self.sections {
            guard let resource = cluster.resources.lookup(group: section.group, version: section.version, resource: section.resource) else {
                continue
            }
            let added = cluster.profile == .eks ? EKSBootstrap.objects[section.list] ?? [] : []
            for object in (facts[section.list]?.array ?? []) + added {
                let made = prepared(object, resource)
                let key = cluster.key(resource, namespace: made.objectNamespace, name: made.objectName)
                writes.append(.put(key, StoredObject.value(made)))
            }
        }
        try await cluster.store.commit(Transaction(conditions: [.absent(mark)], writes: writes))
    }

    /// A fact as an object of this cluster: placeholders filled in, identity given.
    private func prepared(_ object: JSON, _ resource: ResourceType) -> JSON {
        var object = filled(object)
        let generation = object.at("metadata", "generation")
        let namespace = object.objectNamespace
        ObjectMetadata.prepareForCreate(
            &object, namespace: namespace.isEmpty ? nil : namespace, generation: false, world: cluster.world, at: cluster.world.now)
        if let generation {
            object.set(generation, at: ["metadata", "generation"])
            object["metadata"] = ObjectMetadata.ordered(object["metadata"] ?? [:])
        }
        return ObjectDefaults.ordered(ObjectDecoder.typed(object, resource.storageKind), resource.storageKind)
    }

    private var firstAddress: String { serviceRange.network.advanced(by: 1)?.description ?? serviceRange.network.description }

    private func filled(_ value: JSON) -> JSON {
        switch value {
        case .string(let text):
            // A port is a number where the whole value stands for it.
            if text == "{securePort}" { return .integer(Int64(endpoint.port)) }
            // The API server's own word, before a controller manager has its say.
            if text == "Kubernetes Service CIDR is ready", cluster.profile == .upstream {
                return "Kubernetes default Service CIDR is ready"
            }
            // The facts are of a cluster whose first family is IPv4.
            if text == "IPv4" { return .string(serviceRange.family.name) }
            guard text.contains("{") || text.contains("10.100.0") else { return value }
            return .string(
                text.replacing("{time}", with: cluster.world.now.rfc3339).replacing("{pem}", with: cluster.certificateAuthority)
                    .replacing("{advertiseAddress}", with: endpoint.address).replacing("{hostname}", with: "eks-sim")
                    .replacing("{uid}", with: cluster.world.random.uuid()).replacing("{description}", with: "")
                    .replacing("10.100.0.0/16", with: serviceRange.description).replacing("10.100.0.1", with: firstAddress))
        case .array(["10.100.0.0/16"]): return JSON(strings: serviceRanges.map(\.description))
        case .array(let elements): return .array(elements.map(filled))
        case .object(var object):
            object.mapValues { _, value in value = filled(value) }
            // The name of the first address's IPAddress is the address.
            return .object(object)
        default: return value
        }
    }
}
