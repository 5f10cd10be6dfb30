import Encoding
import HTTP
import JSON
import KubeAPI
import Store

/// Where a webhook is and how it is called (`k8s.io/apiserver/pkg/util/webhook/client.go`, `serviceresolver.go`).
struct WebhookAddress: Sendable {
    /// Why there is nothing to call.
    struct Problem: Error {
        let text: String
    }

    private let client: JSON
    private let cluster: ClusterState

    init(_ client: JSON, _ cluster: ClusterState) {
        self.client = client
        self.cluster = cluster
    }

    /// Sends a review and takes the answer.
    ///
    /// - Throws: `Problem` with the text of Go's `url.Error`, or what client-go says of the status.
    func post(_ review: JSON, timeout: Int64) async throws(Problem) -> JSON {
        let call = try call(review.serialized(), timeout)
        let response: HTTPResponse
        do throws(WebhookCallFailure) { response = try await cluster.webhooks.post(call) } catch {
            throw Problem(text: "Post \(GoText.quoted(call.url)): \(error.reason)")
        }
        let body = response.collected ?? []
        guard (200...206).contains(response.status) else { throw Problem(text: Self.refusal(response.status, body)) }
        do { return try JSON(parsing: body, limits: JSON.Limits(depth: 256, bytes: 8 << 20)) } catch {
            throw Problem(text: "couldn't get version/kind; json parse error: \(error.goMessage)")
        }
    }

    private func call(_ body: [UInt8], _ timeout: Int64) throws(Problem) -> WebhookCall {
        var roots: [UInt8]?
        if let bundle = client["caBundle"]?.string, !bundle.isEmpty { roots = Base64.decodeURL(bundle) }
        if let service = client["service"], !service.isNull { return try call(service, roots, body, timeout) }
        let url = client["url"]?.string ?? ""
        let rest = url.drop { $0 != "/" }.dropFirst(2)
        let authority = String(rest.prefix { $0 != "/" })
        let path = String(rest.dropFirst(authority.count))
        let (host, port) = Self.split(authority)
        let target = "\(path.isEmpty ? "/" : path)?timeout=\(timeout)s"
        return WebhookCall(
            url: "https://\(authority)\(path.isEmpty ? "/" : path)?timeout=\(timeout)s", host: host, port: port, authority: authority,
            target: target, serverName: host, trustRoots: roots, body: body, timeout: .seconds(timeout))
    }

    private static func split(_ authority: String) -> (host: String, port: Int) {
        let bracket = authority.lastIndex(of: "]")
        let tail = authority[(bracket ?? authority.startIndex)...]
        guard let colon = tail.lastIndex(of: ":"), let port = Int(authority[authority.index(after: colon)...]) else {
            return (authority.trimmingBrackets, 443)
        }
        return (String(authority[..<colon]).trimmingBrackets, port)
    }

    private func call(_ service: JSON, _ roots: [UInt8]?, _ body: [UInt8], _ timeout: Int64) throws(Problem) -> WebhookCall {
        func part(_ name: String) -> String { service[name]?.string ?? "" }
        let port = Int(clamping: service["port"]?.integer ?? 443)
        let name = "\(part("name")).\(part("namespace")).svc"
        let path = part("path").hasPrefix("/") ? part("path") : "/\(part("path"))"
        let url = "https://\(name):\(port)\(path)?timeout=\(timeout)s"
        let place = try resolve(part("namespace"), part("name"), port, url)
        return WebhookCall(
            url: url, host: place.host, port: place.port, authority: "\(name):\(port)", target: "\(path)?timeout=\(timeout)s",
            serverName: name, trustRoots: roots, body: body, timeout: .seconds(timeout))
    }

    /// The address behind a Service: of an endpoint on this machine, since nothing runs behind those of simulated pods.
    private func resolve(_ namespace: String, _ name: String, _ port: Int, _ url: String) throws(Problem) -> (host: String, port: Int) {
        func failed(_ text: String) -> Problem { Problem(text: "Post \(GoText.quoted(url)): \(text)") }
        let view = AdmissionView(cluster: cluster)
        guard let service = view.object("", "services", namespace: namespace, name) else {
            throw failed("service \(GoText.quoted(name)) not found")
        }
        if service.at("spec", "type") == "ExternalName" {
            guard let external = service.at("spec", "externalName")?.string, cluster.webhooks.isLocal(external) else {
                throw failed("dial tcp: lookup \(service.at("spec", "externalName")?.string ?? ""): no such host")
            }
            return (external, port)
        }
        let ports = service.at("spec", "ports")?.array ?? []
        guard let own = ports.first(where: { $0["port"]?.integer == Int64(port) }) else {
            throw failed("no service port \(port) found for service \(GoText.quoted(name))")
        }
        let places = ServiceEndpoints(view, namespace, name).ready(port: own["name"]?.string ?? "")
        if let place = places.first(where: { cluster.webhooks.isLocal($0.host) }) { return (place.host, place.port) }
        guard let place = places.first else { throw failed("no endpoints available for service \(GoText.quoted(name))") }
        let host = place.host.contains(":") ? "[\(place.host)]" : place.host
        throw failed("dial tcp \(host):\(place.port): connect: no route to host")
    }

    /// What client-go makes of a status that is none of success (`NewGenericServerResponse`).
    private static func refusal(_ status: Int, _ body: [UInt8]) -> String {
        if let json = try? JSON(parsing: body), json["kind"] == "Status", let message = json["message"]?.string, !message.isEmpty {
            return message
        }
        let text = String(decoding: body.prefix(2048), as: UTF8.self)
        switch status {
        case 400: return "the server rejected our request for an unknown reason"
        case 401: return "the server has asked for the client to provide credentials"
        case 403: return text.isEmpty ? "unknown" : text
        case 404: return "the server could not find the requested resource"
        case 405: return "the server does not allow this method on the requested resource"
        case 406: return text
        case 409: return "the server reported a conflict"
        case 410: return "the server could not find the requested resource"
        case 413: return "the server responded with the status code 413 but did not return more information"
        case 415: return text
        case 422: return "the server rejected our request due to an error in our request"
        case 429: return "the server has received too many requests and has asked us to try again later"
        case 503: return "the server is currently unable to handle the request"
        case 504: return "the server was unable to return a response in the time allotted, but may still be processing the request"
        case 500...:
            return
                "an error on the server (\(GoText.quoted(GoText.trimmed(text).isEmpty ? "unknown" : GoText.trimmed(text)))) has prevented the request from succeeding"
        default: return "the server responded with the status code \(status) but did not return more information"
        }
    }
}

extension String {
    fileprivate var trimmingBrackets: String { hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self }
}
