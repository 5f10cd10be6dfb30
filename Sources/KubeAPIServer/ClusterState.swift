public import KubeAPI
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
    /// The cluster's CA in PEM, which every namespace gets as `kube-root-ca.crt`.
    public let certificateAuthority: String
    /// Whose kube-apiserver it behaves as.
    public let profile: ClusterProfile
    let decoder: ObjectDecoder

    /// Makes the state of a cluster.
    public init(
        id: String, name: String, store: any Store, world: World, certificateAuthority: String, resources: ResourceTable = .builtin,
        profile: ClusterProfile = .eks
    ) {
        self.id = id
        self.name = name
        self.store = store
        self.world = world
        apiSurfaces = APISurfaces(builtin: resources)
        self.certificateAuthority = certificateAuthority
        self.profile = profile
        decoder = ObjectDecoder()
    }

    /// What is served at present: the built-in resources and those of stored CustomResourceDefinitions.
    var api: APISurface { apiSurfaces.current(store, definitions: collection(group: APISurfaces.group, APISurfaces.resource)) }

    /// The resources that are served at present.
    public var resources: ResourceTable { api.resources }

    /// The collection that a resource's objects are in: one for all its versions.
    public func collection(_ resource: ResourceType) -> String {
        collection(group: resource.storageKind.group, resource.resource)
    }

    /// The collection of a resource by group and plural name.
    public func collection(group: String, _ resource: String) -> String { "k8s/\(id)/\(group.isEmpty ? "core" : group)/\(resource)" }

    /// The key of an object.
    func key(_ resource: ResourceType, namespace: String, name: String) -> Key {
        Key(collection(resource), resource.isNamespaced ? "\(namespace)/\(name)" : name)
    }

    /// The newest resourceVersion.
    var revision: Revision { store.revision }
}
