import DequeModule
public import JSON
import KubeAPI
public import Store
import World

/// The trees of objects that were read or written last, so that those who follow a write do not parse what was a tree a moment before.
public final class ObjectTrees: Sendable {
    private struct Known: Sendable {
        let revision: Revision
        let object: JSON
        /// Whether the object is as it was written, without its revision.
        let isDraft: Bool
        /// The bytes of the value.
        let size: Int
    }

    private struct State: Sendable {
        var known: [Key: Known] = [:]
        /// Keys in the order in which they came.
        var keys: Deque<Key> = []
        /// The bytes of the values whose trees are kept.
        var size = 0
        /// What is kept no more and still there.
        var gone: [Known] = []
    }

    /// Trees are kept of values of so many bytes together; they are several times as large themselves.
    private static let capacity = 2 << 20
    /// Trees of larger objects are not kept.
    private static let largest = 64 << 10

    /// So many trees are freed together.
    private static let batch = 64

    private let state = Lock(State())

    /// The object that `bytes` are, which are the value of a key at a revision.
    ///
    /// - Throws: `JSONError` for a value that is no JSON, which only a damaged store can hold.
    public func tree(_ key: Key, at revision: Revision, _ bytes: [UInt8]) throws(JSONError) -> JSON {
        let known = state.withLock { $0.known[key] }
        if let known, known.revision == revision, !known.isDraft { return known.object }
        let tree =
            if let known, known.revision == revision { StoredObject.tree(known.object, at: String(revision)) } else {
                try JSON(parsing: bytes)
            }
        keep(Known(revision: revision, object: tree, isDraft: false, size: bytes.count), key)
        return tree
    }

    /// Notes an object as it was written.
    func note(_ object: JSON, _ key: Key, at revision: Revision, _ bytes: [UInt8]) {
        keep(Known(revision: revision, object: object, isDraft: true, size: bytes.count), key)
    }

    private func keep(_ known: Known, _ key: Key) {
        guard known.size <= Self.largest else { return }
        let gone = state.withLock { state -> [Known] in
            let old = state.known.updateValue(known, forKey: key)
            if let old { state.gone.append(old) }
            state.size += known.size - (old?.size ?? 0)
            if old == nil { state.keys.append(key) }
            while state.size > Self.capacity, let oldest = state.keys.popFirst() {
                guard let evicted = state.known.removeValue(forKey: oldest) else { continue }
                state.size -= evicted.size
                state.gone.append(evicted)
            }
            guard state.gone.count >= Self.batch else { return [] }
            defer { state.gone = [] }
            return state.gone
        }
        // It takes time to free a tree, a tenth of that in which pods come up: somebody else does that beside the work.
        if !gone.isEmpty { Task.detached { _ = gone } }
    }
}
