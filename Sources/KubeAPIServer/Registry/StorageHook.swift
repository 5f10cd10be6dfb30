import JSON
import KubeAPI
import Store

/// What else a write changes, in the same transaction.
struct StorageEffects: Sendable {
    /// What must still hold.
    var conditions: [Transaction.Condition] = []
    /// Written before the object, as the server takes what an object needs before it stores it.
    var before: [Transaction.Write] = []
    /// Written after the object.
    var after: [Transaction.Write] = []

    static let none = StorageEffects()

    /// The whole transaction around the write of an object; each write has its own revision, as the server's steps have.
    func transaction(_ write: Transaction.Write, conditions own: [Transaction.Condition]) -> Transaction {
        Transaction(conditions: own + conditions, writes: before + [write] + after, numbering: .eachItsOwn)
    }

    /// Gives up what was kept for this write and did not come to be stored.
    func settle(in cluster: ClusterState) {
        for write in before { cluster.serviceAddresses.note(write.key, in: cluster.store) }
    }

    /// The stored bytes of the object among a commit's values.
    func value(of commit: Commit) -> [UInt8] { commit.values.indices.contains(before.count) ? commit.values[before.count] : [] }
}

/// What the storage of a resource does around its writes (`BeginCreate`, `BeginUpdate` and `AfterDelete` of the generic registry).
protocol StorageHook: Sendable {
    /// Completes a new object and says what it takes.
    func beginCreate(_ object: inout JSON, _ cluster: ClusterState, isDryRun: Bool) throws(KubeStatus) -> StorageEffects
    /// Completes a changed object and says what it takes and gives back.
    func beginUpdate(_ object: inout JSON, old: JSON, _ cluster: ClusterState, isDryRun: Bool) throws(KubeStatus) -> StorageEffects
    /// What an object that goes gives back.
    func delete(_ object: JSON, _ cluster: ClusterState) -> StorageEffects
}

/// The hooks of all resources.
enum StorageHooks {
    private static let services = ServiceStorage()

    /// The hook of a resource; most have none.
    static func of(_ resource: ResourceType) -> (any StorageHook)? {
        resource.group.isEmpty && resource.resource == "services" ? services : nil
    }
}
