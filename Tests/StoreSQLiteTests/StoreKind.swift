import Foundation
import Store
import StoreSQLite
import Testing
import World

/// The stores that must behave alike.
enum StoreKind: String, CaseIterable, Sendable {
    case memory, normal, full

    /// Runs a specification against a fresh store.
    func run(limits: StoreLimits = StoreLimits(), _ body: (any Store & WorldMetadata, World) async throws -> Void) async throws {
        let world = World(clock: .frozen(at: Instant(seconds: 1_700_000_000)))
        switch self {
        case .memory: try await body(MemoryStore(world: world, limits: limits), world)
        case .normal, .full:
            try await withDirectory { directory in
                let store = try open(directory + "/state.db", world: world, limits: limits)
                try await body(store, world)
                await store.close()
            }
        }
    }

    func open(_ path: String, world: World = World(), limits: StoreLimits = StoreLimits()) throws -> PersistentStore {
        try SQLiteStore.open(path: path, durability: self == .full ? .full : .normal, world: world, limits: limits)
    }
}

/// Gives a directory that is removed afterwards.
func withDirectory(_ body: (String) async throws -> Void) async throws {
    let template = FileManager.default.temporaryDirectory.appendingPathComponent("eks-sim-store-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: template, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: template) }
    try await body(template)
}

let pods = "k8s/0123456789ABCDEF0123456789ABCDEF/core/pods"

func pod(_ name: String) -> Key { Key(pods, name) }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

extension Store {
    /// Stores a text without conditions.
    @discardableResult
    func put(_ name: String, _ value: String, in collection: String = pods) async throws -> Revision {
        try await commit(Transaction(writes: [.put(Key(collection, name), .bytes(bytes(value)))])).revision
    }

    @discardableResult
    func delete(_ name: String, in collection: String = pods) async throws -> Revision {
        try await commit(Transaction(writes: [.delete(Key(collection, name), last: nil)])).revision
    }

    /// `name=value` of the entries found, and how many follow.
    func listing(
        prefix: String = "", at revision: Revision? = nil, after: String? = nil, limit: Int = 0, in collection: String = pods
    ) throws -> String {
        let result = try range(collection, prefix: prefix, at: revision, after: after, limit: limit)
        return (result.entries.map { "\($0.name)=\(text($0.value))" } + (result.remaining > 0 ? ["+\(result.remaining)"] : []))
            .joined(separator: " ")
    }
}

/// `created a@2:value(previous)`.
func line(_ event: WatchEvent) -> String {
    "\(event.kind) \(event.name)@\(event.revision):\(text(event.value))" + (event.previous.map { "(\(text($0)))" } ?? "")
}

/// Reads `count` events.
func collect(_ watch: any WatchSubscription, _ count: Int) async throws -> [String] {
    var lines: [String] = []
    while lines.count < count, let events = try await watch.next() { lines += events.map(line) }
    return lines
}

/// The error that an operation throws.
func failure(_ body: () async throws -> Void) async -> StoreError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? StoreError
    }
}
