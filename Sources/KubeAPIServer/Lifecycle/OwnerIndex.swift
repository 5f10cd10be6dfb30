import Encoding
import JSON
import Store
import World

/// Which objects may name an owner, by its uid, so that the dependents of a deleted object are found without a search.
///
/// Objects are noted after their commit. Who asks in between misses one; the write that made it then finds its owner gone
/// (`GarbageCollector.collect(withoutOwners:_:)`). What no longer names the owner is only dropped now and then: askers look again.
final class OwnerIndex: Sendable {
    private struct Dependents: Sendable {
        var keys: Set<Key> = []
        /// At this count keys that are gone are dropped.
        var limit = 64
    }

    private static let marker = Array("ownerReferences\":[".utf8)
    private static let limits = JSON.Limits(depth: 8, bytes: 1 << 20)

    private let dependents = Lock<[String: Dependents]>([:])

    /// The keys of objects that named this owner when they were last looked at.
    func dependents(of uid: String) -> Set<Key> { dependents.withLock { $0[uid]?.keys ?? [] } }

    /// Forgets an owner that is gone.
    func forget(_ uid: String) { dependents.withLock { $0[uid] = nil } }

    /// Notes the owners that a stored object names.
    func note(_ key: Key, _ bytes: [UInt8], in store: any Store) {
        for uid in Self.owners(in: bytes) {
            dependents.withLock { dependents in
                var known = dependents[uid] ?? Dependents()
                known.keys.insert(key)
                if known.keys.count > known.limit {
                    known.keys = known.keys.filter { store.get($0) != nil }
                    known.limit = max(known.limit, known.keys.count * 2)
                }
                dependents[uid] = known
            }
        }
    }

    /// Notes what is stored already, after a restart.
    func noteAll(_ collections: some Sequence<String>, in store: any Store) {
        for collection in Set(collections) {
            let range = try? store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
            for entry in range?.entries ?? [] { note(Key(collection, entry.name), entry.value, in: store) }
        }
    }

    /// The uids in the owner references of an object. Lists of that name elsewhere in it only add to them.
    private static func owners(in bytes: [UInt8]) -> [String] {
        guard let first = bytes.firstRange(ofBytes: marker) else { return [] }
        var uids: [String] = []
        var next: Range<Int>? = first
        var rest = bytes
        while let found = next {
            rest = Array(rest[(found.upperBound - 1)...])
            guard let end = endOfList(rest) else { break }
            let references = (try? JSON(parsing: Array(rest[..<end]), limits: limits))?.array ?? []
            uids += references.compactMap { $0["uid"]?.string }
            rest = Array(rest[end...])
            next = rest.firstRange(ofBytes: marker)
        }
        return uids
    }

    /// Where the list ends that the bytes begin with.
    private static func endOfList(_ bytes: [UInt8]) -> Int? {
        var depth = 0
        var isInString = false
        var isEscaped = false
        for (index, byte) in bytes.enumerated() {
            if isEscaped {
                isEscaped = false
            } else if isInString {
                if byte == UInt8(ascii: "\\") { isEscaped = true }
                if byte == UInt8(ascii: "\"") { isInString = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    depth -= 1
                    if depth == 0 { return index + 1 }
                default: break
                }
            }
        }
        return nil
    }
}
