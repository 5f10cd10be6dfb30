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
    }

    private struct State: Sendable {
        var known: [Key: Known] = [:]
        /// Keys in the order in which they came, in a ring.
        var ring: [Key] = []
        var next = 0
    }

    private static let capacity = 128
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
        keep(Known(revision: revision, object: tree, isDraft: false), key, bytes.count)
        return tree
    }

    /// Notes an object as it was written.
    func note(_ object: JSON, _ key: Key, at revision: Revision, _ bytes: [UInt8]) {
        keep(Known(revision: revision, object: object, isDraft: true), key, bytes.count)
    }

    private func keep(_ known: Known, _ key: Key, _ size: Int) {
        guard size <= Self.largest else { return }
        state.withLock { state in
            guard state.known.updateValue(known, forKey: key) == nil else { return }
            if state.ring.count < Self.capacity { return state.ring.append(key) }
            state.known[state.ring[state.next]] = nil
            state.ring[state.next] = key
            state.next = (state.next + 1) % Self.capacity
        }
    }
}
