import AWSServices
import IPAddress
import JSON
import Store
import World

/// The vantage points of a simulator, kept in its state.
final class VantagePoints: Sendable {
    private static let key = "vantage-points"
    private let store: any WorldMetadata
    private let points: Lock<[String: VantagePoint]>

    init(store: any WorldMetadata) {
        self.store = store
        let known = store.metadata(Self.key).flatMap { try? JSON(parsing: $0) }?.array ?? []
        points = Lock(Dictionary(known.compactMap(VantagePoint.init).map { ($0.name, $0) }) { first, _ in first })
    }

    /// All, by name.
    var all: [VantagePoint] { points.withLock { $0.values.sorted { $0.name < $1.name } } }

    /// One by its name.
    func named(_ name: String) -> VantagePoint? { points.withLock { $0[name] } }

    /// Adds one, unless there is one of the name; answers whether it did.
    func add(_ point: VantagePoint) async throws(StoreError) -> Bool {
        let isNew = points.withLock { points in
            guard points[point.name] == nil else { return false }
            points[point.name] = point
            return true
        }
        if isNew { try await save() }
        return isNew
    }

    /// Removes one; answers it.
    func remove(_ name: String) async throws(StoreError) -> VantagePoint? {
        guard let point = points.withLock({ $0.removeValue(forKey: name) }) else { return nil }
        try await save()
        return point
    }

    /// Remembers the port that leads to a cluster.
    func set(port: Int, of name: String, to clusterID: String) async throws(StoreError) {
        let isNew = points.withLock { points in
            guard points[name] != nil, points[name]?.ports[clusterID] != port else { return false }
            points[name]?.ports[clusterID] = port
            return true
        }
        if isNew { try await save() }
    }

    private func save() async throws(StoreError) {
        try await store.setMetadata(Self.key, JSON.array(all.map(\.json)).text)
    }
}
