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
    }

    /// Trees are kept of values of so many bytes together; they are several times as large themselves.
    private static let capacity = 2 << 20
    /// Trees of larger objects are not kept.
    private static let largest = 64 << 10

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
        // Trees go after the lock is given up: it takes time to free one.
        var gone: [Known?] = []
        state.withLock { state in
            let old = state.known.updateValue(known, forKey: key)
            gone.append(old)
            state.size += known.size - (old?.size ?? 0)
            if old == nil { state.keys.append(key) }
            while state.size > Self.capacity, let oldest = state.keys.popFirst() {
                let evicted = state.known.removeValue(forKey: oldest)
                state.size -= evicted?.size ?? 0
                gone.append(evicted)
            }
        }
    }
}
