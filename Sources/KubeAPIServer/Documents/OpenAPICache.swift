import JSON
import KubeAPI
import World

/// OpenAPI documents as bytes, made when first asked for.
final class OpenAPICache: Sendable {
    static let builtin = OpenAPICache(OpenAPIDocuments())

    private let documents: @Sendable () -> OpenAPIDocuments
    /// Whose documents hold for all but those that custom resources have a part in.
    private let base: OpenAPICache?
    private let made = Lock<(documents: OpenAPIDocuments?, bytes: [String: [UInt8]])>((nil, [:]))

    private init(_ documents: @autoclosure @escaping @Sendable () -> OpenAPIDocuments, base: OpenAPICache? = nil) {
        self.documents = documents
        self.base = base
    }

    /// The documents of a table: those of the built-in resources, and others made when somebody reads them.
    convenience init(_ resources: ResourceTable) { self.init(OpenAPIDocuments(resources), base: .builtin) }

    private var madeDocuments: OpenAPIDocuments {
        if let known = made.withLock({ $0.documents }) { return known }
        let documents = documents()
        made.withLock { $0.documents = documents }
        return documents
    }

    /// `/openapi/v2`
    var v2: [UInt8] { bytes("v2") { $0.v2.serialized(escaping: .minimal) } ?? [] }
    /// `/openapi/v2` in the form that client-go reads.
    var v2Protobuf: [UInt8] { bytes("v2Protobuf", \.v2Protobuf) ?? [] }

    /// `/openapi/v3`
    var index: [UInt8] {
        bytes("index") { documents in
            guard let base, let known = try? JSON(parsing: base.index) else { return documents.index.serialized(escaping: .minimal) }
            var paths = known["paths"]?.object ?? [:]
            for member in documents.index(of: documents.customNames)["paths"]?.object ?? [:] { paths[member.key] = member.value }
            paths.sortKeys()
            return (["paths": .object(paths)] as JSON).serialized(escaping: .minimal)
        } ?? []
    }

    /// `/openapi/v3/PATH`
    func v3(_ path: String) -> [UInt8]? {
        if let base, !madeDocuments.customNames.contains(path) { return base.v3(path) }
        return bytes("v3/\(path)") { $0.v3(path: path)?.serialized(escaping: .minimal) }
    }

    /// The hash of `/openapi/v3/PATH` that the index names.
    func v3Hash(_ path: String) -> String? {
        if let base, !madeDocuments.customNames.contains(path) { return base.v3Hash(path) }
        guard let document = v3(path) else { return nil }
        return bytes("hash/\(path)") { _ in Array(OpenAPIDocuments.hash(document).utf8) }.map { String(decoding: $0, as: UTF8.self) }
    }

    private func bytes(_ name: String, _ make: (OpenAPIDocuments) -> [UInt8]?) -> [UInt8]? {
        if let known = made.withLock({ $0.bytes[name] }) { return known }
        guard let bytes = make(madeDocuments) else { return nil }
        made.withLock { $0.bytes[name] = bytes }
        return bytes
    }
}
