public import HTTP
import JSON
public import KubeAPI
public import ServiceNetwork
public import Store
public import World

/// One cluster's objects, shared by all its API server replicas.
public final class ClusterState: Sendable {
    /// What tells this cluster from every other, also from an earlier one of the same name.
    public let id: String
    /// The cluster's name.
    public let name: String
    /// Where the objects are.
    public let store: any Store
    /// Time, identifiers, traces.
    public let world: World
    private let apiSurfaces: APISurfaces
    private let definitions: String
    /// The cluster's CA in PEM, which every namespace gets as `kube-root-ca.crt`.
    public let certificateAuthority: String
    /// Whose kube-apiserver it behaves as.
    public let profile: ClusterProfile
    /// The node ports that Services get (`--service-node-port-range`).
    public let nodePorts: NodePortBands
    /// Who follows changes in this process.
    public let signals = ChangeSignals()
    /// The way to the kubelets of the cluster's nodes.
    public let kubelets = KubeletReference()
    /// Who keeps objects fresh that are written only where it can be seen.
    public let lazyWrites = LazyWrites()
    /// The trees of objects that were read or written last.
    public let trees = ObjectTrees()
    let decoder: ObjectDecoder
    /// Who owns what.
    let owners = OwnerIndex()
    /// The Service addresses that are somebody's.
    let serviceAddresses: TakenAddresses
    /// Namespaces that are being emptied, and whether somebody has asked for that again meanwhile.
    let emptying = Lock<[String: Bool]>([:])
    /// The admission policies, compiled.
    let policies = PolicyHooks()
    /// The admission webhooks.
    let webhookHooks = WebhookHooks()
    /// The SecurityGroupPolicies, by namespace.
    let securityGroupPolicies = CollectionCache<[String: [JSON]]>()
    /// Calls webhooks.
    let webhooks: any WebhookCaller

    /// Makes the state of a cluster.
    public init(
        id: String, name: String, store: any Store, world: World, certificateAuthority: String, resources: ResourceTable = .builtin,
        profile: ClusterProfile = .eks, nodePorts: NodePortBands = .standard, webhooks: any WebhookCaller = NoWebhooks()
    ) {
        self.id = id
        self.name = name
        serviceAddresses = TakenAddresses(collection: Self.collection(id, group: "networking.k8s.io", "ipaddresses"))
        self.store = IndexingStore(base: store, owners: owners, addresses: serviceAddresses, prefix: "k8s/\(id)/")
        self.world = world
        apiSurfaces = APISurfaces(builtin: resources)
        definitions = Self.collection(id, group: APISurfaces.group, APISurfaces.resource)
        self.nodePorts = nodePorts
        self.webhooks = webhooks
        self.certificateAuthority = certificateAuthority
        self.profile = profile
        decoder = ObjectDecoder()
    }

    /// What is served at present: the built-in resources and those of stored CustomResourceDefinitions.
    var api: APISurface { apiSurfaces.current(store, definitions: definitions) }

    /// The resources that are served at present.
    public var resources: ResourceTable { api.resources }

    /// The collection that a resource's objects are in: one for all its versions.
    public func collection(_ resource: ResourceType) -> String {
        collection(group: resource.storageKind.group, resource.resource)
    }

    /// The collection of a resource by group and plural name.
    public func collection(group: String, _ resource: String) -> String { Self.collection(id, group: group, resource) }

    private static func collection(_ id: String, group: String, _ resource: String) -> String {
        "k8s/\(id)/\(group.isEmpty ? "core" : group)/\(resource)"
    }

    /// The key of an object.
    func key(_ resource: ResourceType, namespace: String, name: String) -> Key {
        Key(collection(resource), resource.isNamespaced ? "\(namespace)/\(name)" : name)
    }

    /// Where it stands whose a node port is; not an API object, as upstream's port bitmap is none.
    func nodePortKey(_ port: Int) -> Key { Key(collection(group: "", "~nodeports"), String(port)) }

    /// The newest resourceVersion.
    var revision: Revision { store.revision }

    /// The revision at which the cluster came to be. What the store held before is none of its history.
    var firstRevision: Revision { store.get(Key(collection(group: "", "namespaces"), "kube-system"))?.created ?? 0 }
}
