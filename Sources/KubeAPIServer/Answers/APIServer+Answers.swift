import Encoding
import HTTP
import JSON
import KubeAPI
import Store

/// What the registry answers, in the form that the client wants (`handlers/response.go`).
extension APIServer {
    /// One object; a Status stays as it is.
    func object(_ request: APIRequest, _ answer: RegistryAnswer) throws(KubeStatus) -> HTTPResponse {
        let response = try rendered(request, answer)
        if let audit = request.audit {
            if answer.isObject {
                try audit.note(response, request) { plain throws(KubeStatus) in try rendered(plain, answer) }
            } else {
                audit.note(status: try StoredObject.parse(answer.bytes))
            }
        }
        return response
    }

    private func rendered(_ request: APIRequest, _ answer: RegistryAnswer) throws(KubeStatus) -> HTTPResponse {
        let representation = request.representation
        var response: HTTPResponse
        switch representation.shape {
        case _ where !answer.isObject: response = representation.response(answer.status, bytes: answer.bytes)
        case .table(let version) where request.info.subresource != "token" && request.resource.isStored:
            response = representation.response(answer.status, try TableView(request, registry, version).table(object: answer.bytes))
        case .partialMetadata(let version):
            response = representation.response(
                answer.status, Registry.partialMetadata(try StoredObject.parse(answer.bytes), version: version))
        case .partialMetadataList:
            throw .cannotTransform(
                "you requested PartialObjectMetadataList, but the requested object is not a list (\(request.resource.goType()))")
        default: response = representation.response(answer.status, bytes: answer.bytes)
        }
        response.addWarnings(answer.warnings)
        return response
    }

    /// A page of objects.
    func list(_ request: APIRequest, _ page: Registry.Page) async throws(KubeStatus) -> HTTPResponse {
        var page = page
        page.entries = try await registry.converted(page.entries, request.resource)
        let response = try rendered(request, page)
        try request.audit?.note(response, request) { plain throws(KubeStatus) in try rendered(plain, page) }
        return response
    }

    private func rendered(_ request: APIRequest, _ page: Registry.Page) throws(KubeStatus) -> HTTPResponse {
        let representation = request.representation
        switch representation.shape {
        case .table(let version): return representation.response(200, try TableView(request, registry, version).table(page))
        case .partialMetadataList(let version):
            return representation.response(200, try registry.partialMetadataList(page, version: version))
        case .partialMetadata:
            throw .cannotTransform(
                "you requested PartialObjectMetadata, but the requested object is a list (\(request.resource.goType("List")))")
        case .object, .discovery: break
        }
        if representation.encoding == .protobuf {
            return HTTPResponse(status: 200, contentType: representation.contentType, try registry.protobufList(request, page))
        }
        let body = try registry.listBody(request, page)
        guard representation.encoding == .yaml || representation.isPretty else {
            return HTTPResponse(status: 200, headers: ["Content-Type": representation.contentType], body: body)
        }
        return representation.response(200, bytes: HTTPResponse(status: 200, body: body).collected ?? [])
    }
}

extension Registry {
    /// A page as a protobuf list.
    func protobufList(_ request: APIRequest, _ page: Page) throws(KubeStatus) -> [UInt8] {
        let resource = request.resource
        let kind = resource.groupVersionKind
        var items: [[UInt8]] = []
        items.reserveCapacity(page.entries.count)
        for entry in page.entries {
            let object = try StoredObject.parse(shown(entry.value, resource, at: entry.modified))
            items.append(ProtobufEncoder.builtin.message(object, kind) ?? [])
        }
        let listKind = GroupVersionKind(group: kind.group, version: kind.version, kind: resource.listKind)
        return ProtobufEncoder.builtin.list(listKind, metadata: page.metadata, items: items)
    }
}

extension HTTPResponse {
    /// `Warning` headers, each text once and no more than clients are sent.
    mutating func addWarnings(_ texts: [String]) {
        for text in texts.prefix(64) { headers.add("Warning", "299 - \(Self.quoted(text))") }
    }

    /// A warning's text as a quoted string of RFC 9110.
    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " ") + "\""
    }
}

extension ResourceType {
    /// Whether objects can be written as protobuf: custom ones cannot.
    var hasMessage: Bool { custom == nil && ProtobufEncoder.builtin.writes(groupVersionKind) }

    /// The Go type of the object or list, as refusals name it: `*core.PodList`.
    fileprivate func goType(_ suffix: String = "") -> String {
        guard hasMessage else { return "*unstructured.Unstructured\(suffix)" }
        // Both groups of events are one type inside the server.
        let package = group.isEmpty || group == "events.k8s.io" ? "core" : String(group.prefix { $0 != "." })
        return "*\(package).\(kind)\(suffix)"
    }
}

extension RegistryAnswer {
    /// Whether the bytes are an object of the resource, not a Status.
    fileprivate var isObject: Bool { !bytes.hasPrefix(bytes: Self.statusHead) }
    private static let statusHead = Array("{\"kind\":\"Status\"".utf8)
}
