import HTTP
import JSON
import KubeAPI
import YAML

/// Makes answers of objects (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters`).
extension Representation {
    /// An answer of a JSON tree with `kind` and `apiVersion`.
    func response(_ status: Int, _ json: JSON) -> HTTPResponse {
        guard encoding == .protobuf else { return HTTPResponse(status: status, contentType: contentType, bytes(of: json)) }
        // What has no message is never asked for in this form; if it were, JSON is what every client reads.
        guard let bytes = Self.protobuf(json) else { return Representation().response(status, json) }
        return HTTPResponse(status: status, contentType: contentType, bytes)
    }

    /// An answer of ready JSON bytes, parsed again only for the forms that need it.
    func response(_ status: Int, bytes: [UInt8]) -> HTTPResponse {
        guard encoding != .json || isPretty else { return HTTPResponse(status: status, contentType: contentType, bytes) }
        return response(status, (try? JSON(parsing: bytes)) ?? .null)
    }

    private func bytes(of json: JSON) -> [UInt8] {
        switch encoding {
        case .json where isPretty: return Array(json.pretty(indent: 2, escaping: .go).utf8)
        case .json, .protobuf: return json.serialized() + [0x0A]
        case .yaml: return Array(YAMLEncoder.encode(json.sortedByKeys).utf8)
        }
    }

    /// An object as protobuf, by its own kind; `nil` for a kind without a message.
    static func protobuf(_ json: JSON) -> [UInt8]? {
        let kind = GroupVersionKind(apiVersion: json["apiVersion"]?.string ?? "", kind: json["kind"]?.string ?? "")
        return kind.flatMap { ProtobufEncoder.builtin.object(json, $0) }
    }
}

extension HTTPResponse {
    /// A refusal in the form that the client accepts; in indented JSON when it accepts none (`ErrorNegotiated`).
    init(_ status: KubeStatus, to request: HTTPRequest) {
        if let form = Representation(errorOf: request) {
            self = form.response(status.code, status.json)
        } else {
            var form = Representation()
            form.isPretty = true
            self = form.response(status.code, status.json)
        }
        if let seconds = status.retryAfter { headers["Retry-After"] = String(seconds) }
        addWarnings(status.warnings)
    }
}

extension JSON {
    /// The same with members in the order of their keys, as YAML is written.
    fileprivate var sortedByKeys: JSON {
        switch self {
        case .array(let elements): return .array(elements.map(\.sortedByKeys))
        case .object(var object):
            object.sortKeys()
            object.mapValues { _, value in value = value.sortedByKeys }
            return .object(object)
        default: return self
        }
    }
}
