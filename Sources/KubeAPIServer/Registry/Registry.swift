import Encoding
import HTTP
import JSON
import KubeAPI
import Store

/// Reads and writes objects of every resource (`k8s.io/apiserver/pkg/registry/generic/registry`). Nothing here knows a kind.
struct Registry: Sendable {
    let cluster: ClusterState
    let admission: AdmissionChain
    let tokens: ServiceAccountTokens?

    /// Makes a registry; without an admission chain nothing is refused or completed but what belongs to the objects themselves.
    init(cluster: ClusterState, admission: AdmissionChain? = nil, tokens: ServiceAccountTokens? = nil) {
        self.cluster = cluster
        self.admission = admission ?? AdmissionChain(cluster: cluster)
        self.tokens = tokens
    }

    /// What follows from writes.
    var effects: ClusterEffects { ClusterEffects(registry: self) }

    // MARK: One object

    /// The stored entry of an object.
    ///
    /// - Throws: 404.
    func entry(_ resource: ResourceType, _ namespace: String, _ name: String) throws(KubeStatus) -> Entry {
        guard let entry = cluster.store.get(cluster.key(resource, namespace: namespace, name: name)) else {
            throw .notFound(group: resource.group, resource: resource.isStored ? resource.resource : resource.singular, name: name)
        }
        return entry
    }

    /// The object of a name as a tree; `nil` when there is none.
    func object(_ resource: ResourceType, _ namespace: String, _ name: String) -> JSON? {
        let key = cluster.key(resource, namespace: namespace, name: name)
        return cluster.store.get(key).flatMap { try? tree(key, $0) }
    }

    /// A stored object as a tree.
    ///
    /// - Throws: 500 for a value that is none, which only a damaged store can hold.
    func tree(_ key: Key, _ entry: Entry) throws(KubeStatus) -> JSON {
        do { return try cluster.trees.tree(key, at: entry.modified, entry.value) } catch {
            throw .internalError("stored object is not JSON: \(error)")
        }
    }

    /// `get`: the stored bytes, in the version of the path.
    ///
    /// - Throws: 404, or 500 for a malformed `resourceVersion`.
    func get(_ request: APIRequest) async throws(KubeStatus) -> [UInt8] {
        if let version = request.query["resourceVersion"], !version.isEmpty { _ = try Self.revision(version) }
        let entry = try entry(request.resource, request.namespace, request.name)
        return try await served(entry.value, request.resource, at: entry.modified)
    }

    /// Between the store's version and others.
    var conversion: ObjectConversion { ObjectConversion(cluster: cluster) }

    /// Bytes stored at a revision, by default just now, in the version of a resource; the same bytes where that is the storage version.
    func served(_ bytes: [UInt8], _ resource: ResourceType, at revision: Revision = .max) async throws(KubeStatus) -> [UInt8] {
        guard !resource.servesStoredBytes(of: revision) else { return bytes }
        return try await conversion.served(try StoredObject.parse(bytes), resource).serialized()
    }

    /// As `served`, for bytes that no webhook has to convert any more.
    func shown(_ bytes: [UInt8], _ resource: ResourceType, at revision: Revision = .max) throws(KubeStatus) -> [UInt8] {
        guard !resource.servesStoredBytes(of: revision) else { return bytes }
        return resource.served(try StoredObject.parse(bytes)).serialized()
    }

    /// Entries of a resource, converted where a webhook does that.
    func converted(_ entries: [Entry], _ resource: ResourceType) async throws(KubeStatus) -> [Entry] {
        guard ObjectConversion.isNeeded(resource) else { return entries }
        var objects: [JSON] = []
        for entry in entries { objects.append(try StoredObject.parse(entry.value)) }
        return zip(entries, try await conversion.served(objects, resource)).map { entry, object in
            Entry(name: entry.name, value: object.serialized(), created: entry.created, modified: entry.modified)
        }
    }

    /// A `resourceVersion` as a revision.
    ///
    /// - Throws: 500 with `strconv`'s words, as kube-apiserver answers where it is not checked before.
    static func revision(_ text: String) throws(KubeStatus) -> Revision {
        guard let value = UInt64(text), let revision = Revision(exactly: value) else {
            throw .unexpected(
                "resourceVersion: Invalid value: \(GoText.quoted(text)): strconv.ParseUint: parsing \(GoText.quoted(text)): invalid syntax")
        }
        return revision
    }

    // MARK: Lists

    /// The selected entries of a collection, and where to go on.
    struct Page: Sendable {
        var entries: [Entry]
        var revision: Revision
        /// Name of the last entry looked at, when there is more.
        var continueAfter: String?
        /// How many follow; unknown with selectors.
        var remaining: Int?
    }

    /// `list`: one page of entries, of just the revision asked for when that is wanted or `isExact`.
    ///
    /// - Throws: 400, 410, or 504 for a revision that is not there yet.
    func page(
        _ request: APIRequest, _ options: ListOptions, _ selection: Selection, isExact: Bool = false
    ) throws(KubeStatus) -> Page {
        let collection = cluster.collection(request.resource)
        var prefix = request.resource.isNamespaced && !request.namespace.isEmpty ? request.namespace + "/" : ""
        // A list restricted to one name reads that key only.
        let exact = selection.exactName.flatMap { !request.resource.isNamespaced || !prefix.isEmpty ? prefix + $0 : nil }
        if let exact { prefix = exact }
        var revision: Revision?
        var after: String?
        if !options.continueToken.isEmpty {
            let token = try ContinueToken(options.continueToken)
            guard options.resourceVersion.isEmpty || options.resourceVersion == "0" else {
                throw .badRequest("specifying resource version is not allowed when using continue")
            }
            revision = token.revision
            after = token.name
        } else if !options.resourceVersion.isEmpty {
            let asked: Revision
            do { asked = try Self.revision(options.resourceVersion) } catch {
                throw .badRequest("invalid resource version: \(error.message)")
            }
            if asked > cluster.revision { throw .tooLargeResourceVersion(UInt64(asked), current: UInt64(max(0, cluster.revision))) }
            // Without `Exact`, anything at least as new will do, and the newest is.
            if options.resourceVersionMatch == "Exact" || (isExact && asked > 0)
                || (options.limit > 0 && options.resourceVersionMatch.isEmpty && asked > 0)
            {
                revision = asked
            }
        }
        // Version 0 is answered from the watch cache, which knows no limit.
        let limit = options.resourceVersion == "0" ? 0 : options.limit
        do throws(StoreError) {
            if let revision, revision > 0, revision < cluster.firstRevision {
                throw .compacted(requested: revision, compacted: cluster.firstRevision)
            }
            return try read(collection, prefix, exact, revision, after, limit, selection)
        } catch {
            if case .compacted = error, !options.continueToken.isEmpty { throw .continueTooOld }
            throw .of(error, list: true)
        }
    }

    private func read(
        _ collection: String, _ prefix: String, _ exact: String?, _ revision: Revision?, _ after: String?, _ limit: Int,
        _ selection: Selection
    ) throws(StoreError) -> Page {
        let store = cluster.store
        if selection.selectsEverything {
            let range = try store.range(collection, prefix: prefix, at: revision, after: after, limit: limit)
            let more = range.remaining > 0
            return Page(
                entries: range.entries, revision: range.revision, continueAfter: more ? range.entries.last?.name : nil,
                remaining: more ? range.remaining : nil)
        }
        var found: [Entry] = []
        var position = after
        var revision = revision
        while true {
            let chunk = try store.range(collection, prefix: prefix, at: revision, after: position, limit: limit > 0 ? max(limit, 500) : 0)
            revision = chunk.revision
            for (index, entry) in chunk.entries.enumerated() {
                position = entry.name
                if let exact, entry.name != exact { continue }
                guard selection.matches(entry.value) else { continue }
                found.append(entry)
                guard limit > 0, found.count == limit else { continue }
                let isLast = index == chunk.entries.count - 1 && chunk.remaining == 0
                return Page(entries: found, revision: chunk.revision, continueAfter: isLast ? nil : entry.name, remaining: nil)
            }
            guard chunk.remaining > 0 else { return Page(entries: found, revision: chunk.revision, continueAfter: nil, remaining: nil) }
        }
    }

    /// A page as the body of a list: stored bytes put together, each without its kind and version.
    func listBody(_ request: APIRequest, _ page: Page) throws(KubeStatus) -> HTTPResponse.Body {
        let resource = request.resource
        var segments: [[UInt8]] = []
        var total = 0
        var current = Array(listHead(resource, page).utf8)
        let headLength = StoredObject.headLength(resource.storageKind)
        for (index, entry) in page.entries.enumerated() {
            if index > 0 { current.append(UInt8(ascii: ",")) }
            if resource.custom != nil {
                // Items of custom resources say what they are.
                current.append(contentsOf: try shown(entry.value, resource, at: entry.modified))
            } else if resource.servesStoredBytes(of: entry.modified) {
                current.append(UInt8(ascii: "{"))
                current.append(contentsOf: entry.value[headLength...])
            } else {
                var object = resource.served(try StoredObject.parse(entry.value))
                object["kind"] = nil
                object["apiVersion"] = nil
                object.write(into: &current)
            }
            guard current.count >= 1 << 18 else { continue }
            total += current.count
            segments.append(current)
            current = []
            current.reserveCapacity((1 << 18) + 8192)
        }
        current += Array("]\(listTail(resource, page))}\n".utf8)
        guard !segments.isEmpty else { return .bytes(current) }
        segments.append(current)
        return .segments(segments, count: total + current.count)
    }

    /// Lists of custom resources are maps, which Go sorts; their metadata always says where to go on.
    private func listTail(_ resource: ResourceType, _ page: Page) -> String {
        guard resource.custom != nil else { return "" }
        var metadata = page.metadata
        if metadata["continue"] == nil { metadata["continue"] = "" }
        return ",\"kind\":\"\(resource.listKind)\",\"metadata\":\(metadata.sortingKeys().text)"
    }

    private func listHead(_ resource: ResourceType, _ page: Page) -> String {
        if resource.custom != nil { return "{\"apiVersion\":\"\(resource.groupVersion)\",\"items\":[" }
        return
            "{\"kind\":\"\(resource.listKind)\",\"apiVersion\":\"\(resource.groupVersion)\",\"metadata\":\(page.metadata.text),\"items\":["
    }
}

/// Where a paged list goes on: `{"v":"meta.k8s.io/v1","rv":…,"start":…}` in base64url, as kube-apiserver makes it; clients treat it as opaque.
struct ContinueToken: Sendable, Hashable {
    let revision: Revision
    let name: String

    init(revision: Revision, name: String) {
        self.revision = revision
        self.name = name
    }

    /// - Throws: 400.
    init(_ text: String) throws(KubeStatus) {
        func invalid(_ reason: String) -> KubeStatus { .badRequest("invalid continue token: continue key is not valid: \(reason)") }
        guard let bytes = Base64.decodeURL(text) else { throw invalid("illegal base64 data at input byte \(max(0, text.utf8.count - 1))") }
        let json: JSON
        do { json = try JSON(parsing: bytes, limits: JSON.Limits(depth: 4, bytes: 4096)) } catch { throw invalid(error.goByteMessage) }
        guard json["v"]?.string == "meta.k8s.io/v1" else {
            throw invalid("server does not recognize this encoded version \(GoText.quoted(json["v"]?.string ?? ""))")
        }
        guard let revision = json["rv"]?.integer, revision > 0, let name = json["start"]?.string, !name.isEmpty else {
            throw invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
        }
        self.revision = revision
        self.name = name.hasSuffix("\u{0}") ? String(name.dropLast()) : name
    }

    /// The token.
    var text: String {
        let json: JSON = ["v": "meta.k8s.io/v1", "rv": .integer(revision), "start": .string(name + "\u{0}")]
        return Base64.encodeURL(json.serialized())
    }
}
