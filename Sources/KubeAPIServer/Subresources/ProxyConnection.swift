import HTTP
import IPAddress
import JSON
import KubeAPI
import RBAC
import Store

/// The `proxy` of pods, Services and nodes: passes a request on to what stands at the address (`pkg/registry/core/{pod,service,node}`,
/// `k8s.io/apimachinery/pkg/util/proxy`). What is dialled is on this machine; simulated pods and kubelets answer by themselves.
struct ProxyConnection: Sendable {
    let registry: Registry
    private var cluster: ClusterState { registry.cluster }

    /// Who answers.
    private enum Backend: Sendable {
        case place(ServiceEndpoints.Place)
        case kubelet(String)
    }

    /// The parts of `[scheme:]name[:port]` (`SplitSchemeNamePort`).
    struct Target: Sendable, Hashable {
        let scheme: String
        let name: String
        let port: String

        /// `nil` for what cannot be meant.
        init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            switch parts.count {
            case 1: (scheme, name, port) = ("", parts[0], "")
            case 2: (scheme, name, port) = ("", parts[0], parts[1])
            case 3: (scheme, name, port) = (parts[0], parts[1], parts[2])
            default: return nil
            }
            guard !name.isEmpty, ["", "http", "https"].contains(scheme) else { return nil }
        }
    }

    /// Passes a request on.
    ///
    /// - Throws: 400, 404 and 503 in the server's words.
    func answer(_ request: APIRequest) async throws(KubeStatus) -> HTTPResponse {
        let noun = String(request.resource.resource.dropLast())
        guard let target = Target(request.name) else {
            throw .badRequest("invalid \(noun) request \(GoText.quoted(request.name))")
        }
        let backend: Backend =
            switch request.resource.resource {
            case "pods": .place(try pod(request, target))
            case "services": .place(try service(request, target))
            default: try node(request, target)
            }
        let path = path(of: request)
        let upgrade = Self.upgrade(request.http)
        // Other methods are passed on to the root.
        if path.rest.isEmpty, upgrade == nil, ["GET", "HEAD"].contains(request.http.method) {
            let query = request.http.query.map { "?\($0)" } ?? ""
            return HTTPResponse(status: 301, headers: ["Location": "\(request.http.path)/\(query)"], body: .empty)
        }
        switch backend {
        case .kubelet(let name):
            guard let answer = await cluster.kubelets.transport?.answer(node: name, path: path.rest.isEmpty ? "/" : path.rest) else {
                throw Self.unreachable("dial tcp: lookup \(name): no such host")
            }
            return answer
        case .place(let place): return try await forward(request, target, place, path, upgrade)
        }
    }

    private static func unreachable(_ reason: String) -> KubeStatus { .serviceUnavailable("error trying to reach service: \(reason)") }

    /// The path up to `proxy`, and what follows it.
    private func path(of request: APIRequest) -> (prefix: String, rest: String) {
        // /api/v1/namespaces/NAMESPACE/services/NAME/proxy, /api/v1/nodes/NAME/proxy
        let count = request.resource.isNamespaced ? 7 : 5
        let pieces = request.http.path.split(separator: "/", maxSplits: count + 1, omittingEmptySubsequences: false)
        let prefix = pieces.prefix(count + 1).joined(separator: "/")
        return (prefix, pieces.count > count + 1 ? "/\(pieces[count + 1])" : "")
    }

    // MARK: Where

    private func pod(_ request: APIRequest, _ target: Target) throws(KubeStatus) -> ServiceEndpoints.Place {
        let pod = try StoredObject.parse(registry.entry(request.resource, request.namespace, target.name).value)
        let declared = (pod.at("spec", "containers")?.array ?? []).lazy.compactMap { $0["ports"]?.array?.first?["containerPort"]?.integer }
        let port = target.port.isEmpty ? declared.first.map { Int(clamping: $0) } : try Self.number(target.port)
        let text = pod.at("status", "podIP")?.string ?? ""
        guard let address = IPAddress(text), !Self.isPeculiar(address) else { throw .badRequest("address not allowed") }
        return ServiceEndpoints.Place(host: text, port: port ?? (target.scheme == "https" ? 443 : 80))
    }

    /// A port's number; names of ports are not known here, as they are not to Go's dialler.
    private static func number(_ text: String) throws(KubeStatus) -> Int {
        if let number = UInt16(text) { return Int(number) }
        throw unreachable(Int(text) == nil ? "dial tcp: lookup tcp/\(text): unknown port" : "dial tcp: address \(text): invalid port")
    }

    /// Whether an address is nobody's in particular (the contrary of Go's `IsGlobalUnicast`).
    private static func isPeculiar(_ address: IPAddress) -> Bool {
        address.isLoopback || address.isLinkLocal || address.isMulticast
            || [.unspecified, .broadcast].contains(address.specialPurpose)
    }

    private func service(_ request: APIRequest, _ target: Target) throws(KubeStatus) -> ServiceEndpoints.Place {
        let service = try StoredObject.parse(registry.entry(request.resource, request.namespace, target.name).value)
        var port = target.port
        // Of names, only those of this machine resolve here.
        if service.at("spec", "type") == "ExternalName", let name = service.at("spec", "externalName")?.string,
            cluster.webhooks.isLocal(name)
        {
            let declared = service.at("spec", "ports")?.array?.first { port.isEmpty || $0["name"]?.string == port }?["port"]?.integer
            if Int(port) != nil { return ServiceEndpoints.Place(host: name, port: try Self.number(port)) }
            guard let number = declared.map({ Int(clamping: $0) }) else {
                throw .serviceUnavailable("no endpoints available for service \(GoText.quoted(request.name))")
            }
            return ServiceEndpoints.Place(host: name, port: number)
        }
        if let number = Int64(port) {
            let ports = service.at("spec", "ports")?.array ?? []
            guard let own = ports.first(where: { $0["port"]?.integer == number }) else {
                throw .serviceUnavailable("no service port \(number) found for service \(GoText.quoted(target.name))")
            }
            port = own["name"]?.string ?? ""
        }
        let endpoints = ServiceEndpoints(AdmissionView(cluster: cluster), request.namespace, target.name)
        // Where nothing makes endpoints, a Service without any is as good as none.
        guard endpoints.isKnown || cluster.profile == .eks else { throw .notFound(group: "", resource: "services", name: target.name) }
        let places = endpoints.ready(port: port)
        // One on this machine before those of simulated pods.
        guard let place = places.first(where: { cluster.webhooks.isLocal($0.host) }) ?? places.first else {
            throw .serviceUnavailable("no endpoints available for service \(GoText.quoted(port.isEmpty ? target.name : request.name))")
        }
        return place
    }

    private func node(_ request: APIRequest, _ target: Target) throws(KubeStatus) -> Backend {
        let node = try StoredObject.parse(registry.entry(request.resource, "", target.name).value)
        if target.port.isEmpty || target.port == "10250" { return .kubelet(target.name) }
        let addresses = node.at("status", "addresses")?.array ?? []
        let own = addresses.first { $0["type"] == "InternalIP" }?["address"]?.string
        guard let host = own else { throw .internalError("no preferred addresses found; known addresses: []") }
        return .place(ServiceEndpoints.Place(host: host, port: try Self.number(target.port)))
    }

    // MARK: How

    /// Header fields that are of one connection, and those that told who the client is.
    private static let dropped: Set<String> = [
        "authorization", "connection", "content-length", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    private func forward(
        _ request: APIRequest, _ target: Target, _ place: ServiceEndpoints.Place, _ path: (prefix: String, rest: String),
        _ upgrade: String?
    ) async throws(KubeStatus) -> HTTPResponse {
        guard cluster.webhooks.isLocal(place.host) else { return try await simulated(place) }
        var headers = HTTPHeaders()
        for field in request.http.headers {
            let name = field.name.lowercased()
            if !Self.dropped.contains(name), !name.hasPrefix("impersonate-") { headers.add(field.name, field.value) }
        }
        let client = request.http.connection.remoteAddress
        headers["X-Forwarded-For"] = request.http.headers["X-Forwarded-For"].map { "\($0), \(client)" } ?? client
        let rest = path.rest.isEmpty ? "/" : path.rest
        if upgrade == nil { headers["X-Forwarded-Uri"] = path.prefix + rest }
        // The other side is told the name that the client called.
        let host = request.http.headers["Host"]
        if let host { headers["Host"] = host }
        let call = ForwardedCall(
            isTLS: target.scheme == "https", host: place.host, port: place.port, method: request.http.method,
            target: rest + (request.http.query.map { "?\($0)" } ?? ""), headers: headers, body: request.http.body,
            upgrade: upgrade)
        do throws(WebhookCallFailure) {
            let answer = try await cluster.webhooks.forward(call)
            guard upgrade == nil || answer.status == 101 || answer.status >= 400 else {
                throw WebhookCallFailure("invalid upgrade response: status code \(answer.status)")
            }
            return Self.returned(answer, ProxiedLinks(call: call, host: host, prefix: path.prefix))
        } catch {
            guard upgrade != nil else { throw Self.unreachable(error.reason) }
            throw .unexpected(error.reason.hasPrefix("dial ") ? "error dialing backend: \(error.reason)" : error.reason)
        }
    }

    private static func upgrade(_ request: HTTPRequest) -> String? {
        guard (request.headers["Connection"] ?? "").lowercased().contains("upgrade") else { return nil }
        return request.headers["Upgrade"]
    }

    /// Which pages of other origins may read an answer is for kube-apiserver to say.
    private static let origins: Set<String> = [
        "access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods", "access-control-allow-origin",
    ]

    /// What the client gets: without fields of the other connection, and with places on the same server named as the client reaches them.
    private static func returned(_ answer: HTTPResponse, _ links: ProxiedLinks) -> HTTPResponse {
        var response = HTTPResponse(status: answer.status, headers: [:], body: answer.body)
        guard answer.status != 101 else {
            // The listener sets the date.
            for field in answer.headers where field.name.lowercased() != "date" { response.headers.add(field.name, field.value) }
            return response
        }
        for field in answer.headers {
            let name = field.name.lowercased()
            guard name != "date", !dropped.contains(name), !origins.contains(name) else { continue }
            response.headers.add(field.name, name == "location" ? links.rewritten(field.value) : field.value)
        }
        let type = (response.headers["Content-Type"] ?? "").prefix { $0 != ";" }.filter { $0 != " " }
        if type == "text/html", response.headers["Location"] == nil, response.headers["Content-Encoding"] == nil {
            response.body = links.rewritten(response.body)
        }
        return response
    }

    /// The answer of a simulated pod.
    private func simulated(_ place: ServiceEndpoints.Place) async throws(KubeStatus) -> HTTPResponse {
        let authority = place.host.contains(":") ? "[\(place.host)]:\(place.port)" : "\(place.host):\(place.port)"
        let pods = AdmissionView(cluster: cluster).objects("", "pods")
        guard let pod = pods.first(where: { $0.at("status", "podIP")?.string == place.host && $0.at("spec", "hostNetwork") != true }),
            let kubelets = cluster.kubelets.transport
        else { throw Self.unreachable("dial tcp \(authority): connect: no route to host") }
        guard let answer = await kubelets.answer(port: place.port, of: pod) else {
            throw Self.unreachable("dial tcp \(authority): connect: connection refused")
        }
        return answer
    }
}
