import HTTP
import JSON
import KubeAPI
import Store
import World

extension Registry {
    /// `watch`: an answer that streams events until the client leaves, the time is over or the history is gone.
    ///
    /// - Throws: 400, or 500 for a malformed `resourceVersion`.
    func watch(_ request: APIRequest, _ options: ListOptions, _ selection: Selection) throws(KubeStatus) -> HTTPResponse {
        let feed = try WatchFeed(registry: self, request: request, options: options, selection: selection)
        try feed.start()
        var response = HTTPResponse(status: 200, body: .stream { writer in await feed.run(writer) })
        let encoding = request.representation.encoding
        response.headers["Content-Type"] = encoding == .json ? encoding.rawValue : "\(encoding.rawValue);stream=watch"
        return response
    }
}

/// One watch: what it begins with, and the events that follow.
private final class WatchFeed: Sendable {
    private struct Progress: Sendable {
        var hasColumns = false
        var bookmarked: Revision = 0
    }

    /// How often a client that asked for them gets a bookmark.
    private static let bookmarkInterval: Duration = .seconds(60)
    /// Shortest watch without `timeoutSeconds`; the real length is up to twice that (`--min-request-timeout`).
    private static let minimumSeconds = 1800

    private let registry: Registry
    private let request: APIRequest
    private let options: ListOptions
    private let selection: Selection
    private let exactName: String?
    /// Set for watches of Tables.
    private let tables: TableView?
    private let begin = Lock<(entries: [Entry], subscription: (any WatchSubscription)?, refusal: KubeStatus?)>(([], nil, nil))
    private let progress = Lock(Progress())

    init(registry: Registry, request: APIRequest, options: ListOptions, selection: Selection) throws(KubeStatus) {
        self.registry = registry
        self.request = request
        self.options = options
        self.selection = selection
        switch request.representation.shape {
        case .table(let version): tables = try TableView(request, registry, version)
        case .partialMetadataList:
            throw .cannotTransform("you requested PartialObjectMetadataList, but watches are of single objects")
        default: tables = nil
        }
        let isOneNamespace = request.resource.isNamespaced && !request.namespace.isEmpty
        let name = request.info.namesObject ? request.name : selection.exactName
        exactName = name.flatMap { !request.resource.isNamespaced ? $0 : isOneNamespace ? "\(request.namespace)/\($0)" : nil }
    }

    /// Takes the state to begin with and subscribes, before anything is answered.
    func start() throws(KubeStatus) {
        let store = registry.cluster.store
        let collection = registry.cluster.collection(request.resource)
        let prefix = exactName ?? (request.resource.isNamespaced && !request.namespace.isEmpty ? request.namespace + "/" : "")
        let asked = options.resourceVersion.isEmpty ? 0 : try Registry.revision(options.resourceVersion)
        let sendsState = options.sendsInitialEvents ?? (asked == 0)
        do {
            let first = registry.cluster.firstRevision
            if asked > 0, asked < first { throw StoreError.compacted(requested: asked, compacted: first) }
            if asked > store.revision { throw StoreError.futureRevision(requested: asked, current: store.revision) }
            var entries: [Entry] = []
            var from = asked
            if sendsState {
                let range = try store.range(collection, prefix: prefix, at: nil, after: nil, limit: 0)
                entries = range.entries.filter { (exactName == nil || $0.name == exactName) && selection.matches($0.value) }
                from = range.revision
            } else if asked == 0 {
                from = store.revision
            }
            let subscription = try store.watch(collection, prefix: prefix, after: from)
            begin.withLock { $0 = (entries, subscription, nil) }
            progress.withLock { $0.bookmarked = from }
        } catch let error as StoreError {
            // A watch that is too old is answered with 200 and one ERROR event.
            let status = KubeStatus.of(error)
            if case .compacted = error { begin.withLock { $0 = ([], nil, status) } } else { throw status }
        } catch {
            throw .internalError("\(error)")
        }
    }

    func run(_ writer: any HTTPBodyWriter) async {
        let (entries, subscription, refusal) = begin.withLock { $0 }
        if let refusal { return await send(error: refusal, writer) }
        guard let subscription else { return }
        let timers = registry.cluster.world.timers
        let seconds = options.timeoutSeconds.map { max($0, 0) } ?? defaultSeconds
        let end = timers.schedule(after: .seconds(seconds), "watch ends") { subscription.cancel() }
        let gone = Task {
            await writer.waitUntilClosed()
            subscription.cancel()
        }
        let bookmarks = BookmarkTimer(timers, every: Self.bookmarkInterval) { [self] in await bookmark(subscription.progress, writer) }
        defer {
            timers.cancel(end)
            bookmarks.stop()
            subscription.cancel()
            gone.cancel()
        }
        do {
            for entry in try await registry.converted(entries, request.resource) {
                try await send("ADDED", entry.value, at: entry.modified, writer)
            }
            if options.sendsInitialEvents == true { try await sendInitialEnd(writer) }
            if options.allowsBookmarks { bookmarks.start() }
            while let events = try await subscription.next() { try await deliver(events, writer) }
        } catch let error as StoreError {
            await send(error: .of(error), writer)
        } catch {
            // The client has gone.
        }
    }

    private var defaultSeconds: Int64 {
        Int64(Self.minimumSeconds + registry.cluster.world.random.next(below: Self.minimumSeconds))
    }

    private func deliver(_ events: [WatchEvent], _ writer: any HTTPBodyWriter) async throws {
        var bytes: [UInt8] = []
        for event in events {
            if let exactName, event.name != exactName { continue }
            guard let type = type(of: event) else { continue }
            // What leaves the selection is shown as it was when it still belonged, at the revision of the change.
            let value = type == "DELETED" && event.kind != .deleted ? leaving(event) : event.value
            try append(type, try await converted(value, at: event.revision), at: event.revision, &bytes)
        }
        guard !bytes.isEmpty else { return }
        try await writer.write(bytes)
    }

    /// An object that a webhook converts, in the version of the request.
    private func converted(_ value: [UInt8], at revision: Revision) async throws(KubeStatus) -> [UInt8] {
        guard ObjectConversion.isNeeded(request.resource) else { return value }
        return try await registry.served(value, request.resource, at: revision)
    }

    private func leaving(_ event: WatchEvent) -> [UInt8] {
        guard let previous = event.previous, let object = try? JSON(parsing: previous) else { return event.value }
        return StoredObject.bytes(object, at: String(event.revision))
    }

    /// What a change means for this selection; `nil` when nothing.
    private func type(of event: WatchEvent) -> String? {
        if selection.selectsEverything {
            return switch event.kind {
            case .created: "ADDED"
            case .modified: "MODIFIED"
            case .deleted: "DELETED"
            }
        }
        let before = event.previous.map { selection.matches($0) } ?? false
        let after = event.kind != .deleted && selection.matches(event.value)
        switch (before, after) {
        case (false, true): return "ADDED"
        case (true, true): return "MODIFIED"
        case (true, false): return "DELETED"
        case (false, false): return nil
        }
    }

    private static let prefixes: [String: [UInt8]] = Dictionary(
        uniqueKeysWithValues: ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"].map {
            ($0, Array("{\"type\":\"\($0)\",\"object\":".utf8))
        })

    private func append(_ type: String, _ value: [UInt8], at revision: Revision, _ bytes: inout [UInt8]) throws {
        switch request.representation.shape {
        case .table where tables != nil:
            let hasColumns = progress.withLock { progress in
                defer { progress.hasColumns = true }
                return !progress.hasColumns
            }
            append(type, try tables?.table(object: value, hasColumns: hasColumns) ?? .null, &bytes)
        case .partialMetadata(let version):
            append(type, Registry.partialMetadata(try StoredObject.parse(value), version: version), &bytes)
        case _ where request.representation.encoding == .protobuf:
            append(type, try StoredObject.parse(registry.shown(value, request.resource, at: revision)), &bytes)
        default:
            bytes.append(contentsOf: Self.prefixes[type] ?? [])
            bytes.append(contentsOf: try registry.shown(value, request.resource, at: revision))
            bytes.append(contentsOf: Self.suffix)
        }
    }

    private static let suffix: [UInt8] = [UInt8(ascii: "}"), 0x0A]

    /// One event of an object that is a tree.
    private func append(_ type: String, _ object: JSON, _ bytes: inout [UInt8]) {
        guard request.representation.encoding == .protobuf else {
            bytes.append(contentsOf: Self.prefixes[type] ?? [])
            object.write(into: &bytes)
            bytes.append(contentsOf: Self.suffix)
            return
        }
        bytes.append(contentsOf: ProtobufEncoder.frame(type: type, object: Representation.protobuf(object) ?? []))
    }

    private func send(_ type: String, _ value: [UInt8], at revision: Revision, _ writer: any HTTPBodyWriter) async throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.count + 48)
        try append(type, value, at: revision, &bytes)
        try await writer.write(bytes)
    }

    private func send(error status: KubeStatus, _ writer: any HTTPBodyWriter) async {
        var bytes: [UInt8] = []
        append("ERROR", status.json, &bytes)
        try? await writer.write(bytes)
    }

    /// Tells a client that asked for bookmarks how far it has seen everything.
    private func bookmark(_ revision: Revision, _ writer: any HTTPBodyWriter) async {
        let isNew = progress.withLock { progress in
            defer { progress.bookmarked = max(progress.bookmarked, revision) }
            return revision > progress.bookmarked
        }
        guard isNew else { return }
        try? await writer.write(bookmarkEvent(revision, annotations: nil))
    }

    /// The bookmark that ends the initial events (KEP-3157).
    private func sendInitialEnd(_ writer: any HTTPBodyWriter) async throws {
        let revision = progress.withLock { $0.bookmarked }
        try await writer.write(bookmarkEvent(revision, annotations: ["k8s.io/initial-events-end": "true"]))
    }

    private func bookmarkEvent(_ revision: Revision, annotations: JSON?) -> [UInt8] {
        var metadata: JSON = ["resourceVersion": .string(String(revision))]
        metadata["annotations"] = annotations
        let kind = request.resource.groupVersionKind
        var object: JSON
        switch request.representation.shape {
        case .table(let version):
            object = ["kind": "Table", "apiVersion": "meta.k8s.io/\(version)", "metadata": metadata, "columnDefinitions": nil, "rows": []]
        case .partialMetadata(let version):
            object = ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/\(version)", "metadata": metadata]
        default:
            object = registry.emptyObject(kind)
            object["metadata"] = metadata
        }
        var bytes: [UInt8] = []
        append("BOOKMARK", object, &bytes)
        return bytes
    }
}

/// Calls an action again and again on the world's clock.
private final class BookmarkTimer: Sendable {
    private let timers: Timers
    private let interval: Duration
    private let action: @Sendable () async -> Void
    private let handle = Lock<(handle: Timers.Handle?, isStopped: Bool)>((nil, false))

    init(_ timers: Timers, every interval: Duration, action: @escaping @Sendable () async -> Void) {
        self.timers = timers
        self.interval = interval
        self.action = action
    }

    func start() {
        handle.withLock { state in
            guard !state.isStopped else { return }
            state.handle = timers.schedule(after: interval, "watch bookmark") { [weak self] in
                await self?.action()
                self?.start()
            }
        }
    }

    func stop() {
        handle.withLock { state in
            state.isStopped = true
            if let handle = state.handle { timers.cancel(handle) }
        }
    }
}

extension Registry {
    /// An object of a kind with nothing set, as a bookmark carries.
    func emptyObject(_ kind: GroupVersionKind) -> JSON {
        (try? cluster.decoder.canonical([:], as: kind, validation: .ignore).object) ?? [
            "kind": .string(kind.kind), "apiVersion": .string(kind.apiVersion),
        ]
    }
}
