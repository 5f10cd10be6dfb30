#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Order and equality by UTF-8 bytes, as etcd and SQLite compare keys. Swift's own operators compare by Unicode equivalence.
extension String {
    /// Negative, zero or positive as this is before, equal to or after `other`.
    func compareBytes(to other: String) -> Int {
        let fast = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in String.compare(left, right) }
        }
        if let fast, let result = fast { return result }
        return Array(utf8).withUnsafeBufferPointer { left in
            Array(other.utf8).withUnsafeBufferPointer { right in String.compare(left, right) }
        }
    }

    /// Whether this begins with the bytes of `prefix`.
    func hasBytePrefix(_ prefix: String) -> Bool { prefix.isEmpty || utf8.starts(with: prefix.utf8) }

    private static func compare(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
        let common = Swift.min(left.count, right.count)
        if common > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress {
            let result = memcmp(leftBase, rightBase, common)
            if result != 0 { return Int(result) }
        }
        return left.count - right.count
    }
}

/// A key that equals only a key of the same bytes.
struct ExactKey: Hashable {
    let collection: String
    let name: String

    init(_ key: Key) {
        collection = key.collection
        name = key.name
    }

    static func == (left: ExactKey, right: ExactKey) -> Bool {
        left.name.compareBytes(to: right.name) == 0 && left.collection.compareBytes(to: right.collection) == 0
    }

    func hash(into hasher: inout Hasher) {
        // Equal bytes are canonically equivalent, so the strings' own hash is consistent with `==`.
        hasher.combine(name)
        hasher.combine(collection)
    }
}
