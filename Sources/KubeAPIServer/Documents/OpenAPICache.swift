import JSON
import KubeAPI
import Synchronization

/// OpenAPI documents as bytes, made when first asked for.
final class OpenAPICache: Sendable {
    static let builtin = OpenAPICache(OpenAPIDocuments())

    private let documents: OpenAPIDocuments
    private let made = Mutex<[String: [UInt8]]>([:])

    init(_ documents: OpenAPIDocuments) { self.documents = documents }

    /// `/openapi/v2`
    var v2: [UInt8] { document("v2") { documents.v2 } ?? [] }
    /// `/openapi/v3`
    var index: [UInt8] { document("index") { documents.index } ?? [] }
    /// `/openapi/v2` in the form that client-go reads.
    var v2Protobuf: [UInt8] {
        if let known = made.withLock({ $0["v2Protobuf"] }) { return known }
        let bytes = documents.v2Protobuf
        made.withLock { $0["v2Protobuf"] = bytes }
        return bytes
    }
    /// `/openapi/v3/PATH`
    func v3(_ path: String) -> [UInt8]? { document("v3/\(path)") { documents.v3(path: path) } }

    private func document(_ name: String, _ make: () -> JSON?) -> [UInt8]? {
        if let known = made.withLock({ $0[name] }) { return known }
        guard let bytes = make()?.serialized(escaping: .minimal) else { return nil }
        made.withLock { $0[name] = bytes }
        return bytes
    }
}
