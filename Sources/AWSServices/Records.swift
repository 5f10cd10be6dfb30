import JSON
import Store
import World

/// AWS resources as JSON documents in the store.
struct Records: Sendable {
    let store: any Store

    /// The collection of a kind of resource.
    static func collection(_ account: String, _ region: String = "global", _ service: String, _ kind: String) -> String {
        "aws/\(account)/\(region)/\(service)/\(kind)"
    }

    /// A document and the revision that wrote it.
    struct Document: Sendable {
        let name: String
        var json: JSON
        let revision: Revision
    }

    func get(_ collection: String, _ name: String) -> Document? {
        guard let entry = store.get(Key(collection, name)), let json = try? JSON(parsing: entry.value) else { return nil }
        return Document(name: name, json: json, revision: entry.modified)
    }

    func list(_ collection: String, prefix: String = "") -> [Document] {
        let range = try? store.range(collection, prefix: prefix, at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { entry in
            (try? JSON(parsing: entry.value)).map { Document(name: entry.name, json: $0, revision: entry.modified) }
        }
    }

    /// Creates a document.
    ///
    /// - Throws: `exists` when there is one of the name.
    func create(_ collection: String, _ name: String, _ json: JSON, exists: AWSError) async throws(AWSError) {
        let key = Key(collection, name)
        do {
            try await store.commit(Transaction(conditions: [.absent(key)], writes: [.put(key, .bytes(json.serialized()))]))
        } catch {
            if case .conflict = error { throw exists }
            throw Self.failure(error)
        }
    }

    /// Changes a document, again when somebody else changed it meanwhile. `change` may refuse.
    ///
    /// - Throws: `missing` when there is none, what `change` throws, or the store's failure.
    @discardableResult
    func update(
        _ collection: String, _ name: String, missing: AWSError, _ change: (inout JSON) throws(AWSError) -> Void
    ) async throws(AWSError) -> JSON {
        let key = Key(collection, name)
        for _ in 0..<16 {
            guard var document = get(collection, name) else { throw missing }
            try change(&document.json)
            do {
                try await store.commit(
                    Transaction(conditions: [.modified(key, document.revision)], writes: [.put(key, .bytes(document.json.serialized()))]))
                return document.json
            } catch {
                if case .conflict = error { continue }
                throw Self.failure(error)
            }
        }
        throw AWSError(
            409, "ConcurrentModification",
            "The request was rejected because multiple requests to change this object were submitted simultaneously.")
    }

    /// Commits conditions and writes together; answers the key whose condition failed, if one did, and then changes nothing.
    func commit(_ transaction: Transaction) async throws(AWSError) -> Key? { try await apply(transaction).refused }

    /// As `commit`; answers the revision of the writes, or the key whose condition failed.
    func apply(_ transaction: Transaction) async throws(AWSError) -> (revision: Revision?, refused: Key?) {
        do { return (try await store.commit(transaction).revision, nil) } catch {
            if case .conflict(let key, _) = error { return (nil, key) }
            throw Self.failure(error)
        }
    }

    /// Removes documents together.
    func delete(_ keys: [Key]) async throws(AWSError) {
        do { try await store.commit(Transaction(writes: keys.map { .delete($0, last: nil) })) } catch { throw Self.failure(error) }
    }

    private static func failure(_ error: StoreError) -> AWSError {
        AWSError(500, "InternalFailure", "The state could not be written: \(error)")
    }
}

/// The opaque text that a list goes on from: the name of the last item, in hexadecimal.
enum PageToken {
    static func encode(_ name: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: name.utf8.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The name, or `nil` for a text that no list gave.
    static func decode(_ token: String) -> String? {
        let digits = token.utf8.map { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") ? $0 - 48 : $0 &- 87 }
        guard !digits.isEmpty, digits.count.isMultiple(of: 2), digits.allSatisfy({ $0 < 16 }) else { return nil }
        let bytes = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension RandomSource {
    /// The unique id of a user, role or policy: 21 characters, one more than an access key's.
    func principalID(prefix: String) -> String { awsUniqueID(prefix: prefix) + characters(1, of: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") }
}

/// What was made of a collection, kept until the collection changes.
final class CollectionCache<Value: Sendable>: Sendable {
    private let made = Lock<[String: (revision: Revision, value: Value)]>([:])

    /// The value of a collection; `make` runs when the collection changed since the last time.
    func value(of collection: String, in store: any Store, make: () -> Value) -> Value {
        // The revision is read before the entries: at worst the value is newer than its mark and is made once more.
        let revision = store.revision(of: collection)
        if let known = made.withLock({ $0[collection] }), known.revision == revision { return known.value }
        let value = make()
        made.withLock { $0[collection] = (revision, value) }
        return value
    }
}
