import JSON
import KubeAPI
import Store
import World

/// What a cluster serves at one moment, with the documents that describe it. Immutable.
final class APISurface: Sendable {
    let resources: ResourceTable
    let discovery: DiscoveryDocuments
    let openAPI: OpenAPICache

    init(_ resources: ResourceTable, _ openAPI: OpenAPICache) {
        self.resources = resources
        self.openAPI = openAPI
        discovery = DiscoveryDocuments(resources)
    }
}

/// Keeps the surface in step with the stored CustomResourceDefinitions.
///
/// It is a function of the store: whoever changed the definitions, another replica, a restart, a restored snapshot, the next request sees
/// what follows.
final class APISurfaces: Sendable {
    static let group = "apiextensions.k8s.io"
    static let resource = "customresourcedefinitions"

    private struct State {
        /// The newest change of definitions that is looked at.
        var revision: Revision = 0
        var custom = CustomResourceTable()
        var surface: APISurface
    }

    private let builtin: ResourceTable
    private let state: Lock<State>

    init(builtin: ResourceTable) {
        self.builtin = builtin
        state = Lock(State(surface: APISurface(builtin, .builtin)))
    }

    /// The surface of the store's present state.
    func current(_ store: any Store, definitions collection: String) -> APISurface {
        let revision = store.revision(of: collection)
        return state.withLock { state in
            guard revision != state.revision else { return state.surface }
            guard let range = try? store.range(collection, prefix: "", at: nil, after: nil, limit: 0) else { return state.surface }
            state.revision = revision
            let entries = range.entries.map { entry in
                (name: entry.name, revision: entry.modified, object: { try? JSON(parsing: entry.value) })
            }
            let custom = state.custom.updated(entries)
            defer { state.custom = custom }
            guard !custom.servesTheSame(as: state.custom) else { return state.surface }
            let resources = builtin.adding(custom)
            state.surface = APISurface(resources, custom.isEmpty ? .builtin : OpenAPICache(resources))
            return state.surface
        }
    }
}
