import JSON
import Store
import World

/// What is made of the objects of some collections, made anew when one of them has changed.
final class CollectionCache<Value: Sendable>: Sendable {
    private let known = Lock<(revisions: [Revision], value: Value)?>(nil)

    /// The value for the store's present state; `make` is given each collection's objects in order of their names.
    func value(of collections: [String], in store: any Store, _ make: ([[JSON]]) -> Value) -> Value {
        let revisions = collections.map { store.revision(of: $0) }
        if let value = known.withLock({ $0?.revisions == revisions ? $0?.value : nil }) { return value }
        let objects = collections.map { collection in
            let range = try? store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
            return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
        }
        let value = make(objects)
        known.withLock { $0 = (revisions, value) }
        return value
    }
}
