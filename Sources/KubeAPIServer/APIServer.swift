import Encoding
public import HTTP
import JSON
import KubeAPI
import RBAC
import Store
import World

/// One kube-apiserver replica: authenticates, authorizes, admits and serves (`k8s.io/apiserver/pkg/server`). Replicas share a `ClusterState`.
public struct APIServer: HTTPHandler {
    /// What a replica is made of.
    public struct Parts: Sendable {
        /// The cluster's objects.
        public var cluster: ClusterState
        /// Authenticators besides the bearer tokens', such as client certificates, in order.
        public var authenticators: [any RequestAuthenticator]
        /// The bearer token authenticator.
        public var tokens: TokenAuthenticator
        /// ServiceAccount tokens.
        public var serviceAccounts: ServiceAccountTokens
        /// The authorizers.
        public var authorizer: ClusterAuthorizer
        /// What EKS' own webhooks know; `nil` without them.
        public var eks: (any EKSAdmissionSource)?
        /// Connections of the simulator's own components; `nil` without any.
        public var loopback: LoopbackConnections?
        /// The audit log; `nil` for none.
        public var audit: AuditLog?
        /// How much is done at once, and for how long.
        public var limits: RequestLimits
        /// `1.34`
        public var kubernetesVersion: String
        /// `host:port` that discovery names.
        public var address: String

        /// Puts the parts together.
        public init(
            cluster: ClusterState, authenticators: [any RequestAuthenticator], tokens: TokenAuthenticator,
            serviceAccounts: ServiceAccountTokens,
            authorizer: ClusterAuthorizer, eks: (any EKSAdmissionSource)? = nil, loopback: LoopbackConnections? = nil,
            audit: AuditLog? = nil, limits: RequestLimits = RequestLimits(), kubernetesVersion: String, address: String
        ) {
            self.limits = limits
            self.loopback = loopback
            self.eks = eks
            self.audit = audit
            self.cluster = cluster
            self.authenticators = authenticators
            self.tokens = tokens
            self.serviceAccounts = serviceAccounts
            self.authorizer = authorizer
            self.kubernetesVersion = kubernetesVersion
            self.address = address
        }
    }

    let cluster: ClusterState
    /// `34` of `1.34`
    private let minorVersion: Int
    private let authenticators: AuthenticatorChain
    private let loopback: LoopbackConnections?
    private let authorizer: ClusterAuthorizer
    private let audit: AuditLog?
    private let limits: RequestLimits
    let inFlight: InFlightRequests
    let counters = RequestCounters()
    private let flows = FlowClassification()
    let registry: Registry
    private let reviews: AccessReviews
    private let tokenRequests: TokenRequests
    private let bindings: PodBinding
    private let documents: ServerDocuments

    /// What `/version` says for a Kubernetes version such as `1.34`.
    public static func gitVersion(of kubernetesVersion: String) -> String { "v\(kubernetesVersion).0-eks-sim" }

    /// Makes a replica.
    public init(_ parts: Parts) {
        cluster = parts.cluster
        minorVersion = parts.kubernetesVersion.split(separator: ".").dropFirst().first.flatMap { Int($0) } ?? 0
        authenticators = AuthenticatorChain(
            authenticators: [parts.loopback].compactMap { $0 } + parts.authenticators + [parts.tokens],
            anonymousPaths: parts.cluster.profile.anonymousPaths(minorVersion: minorVersion))
        loopback = parts.loopback
        authorizer = parts.authorizer
        audit = parts.audit
        limits = parts.limits
        inFlight = InFlightRequests(parts.limits)
        let admission = AdmissionChain(cluster: parts.cluster, authorizer: parts.authorizer, eks: parts.eks)
        registry = Registry(cluster: parts.cluster, admission: admission, tokens: parts.serviceAccounts)
        reviews = AccessReviews(
            authorizer: parts.authorizer, tokens: parts.tokens, world: parts.cluster.world)
        tokenRequests = TokenRequests(registry: registry, tokens: parts.serviceAccounts)
        bindings = PodBinding(registry: registry, copiesTopology: minorVersion >= 35)
        documents = ServerDocuments(
            cluster: parts.cluster, tokens: parts.serviceAccounts, kubernetesVersion: parts.kubernetesVersion, address: parts.address)
    }

    /// Answers one request.
    public func handle(_ request: HTTPRequest) async -> HTTPResponse {
        var response: HTTPResponse
        var audit: RequestAudit?
        var flow: FlowMatch?
        let query = QueryParameters(PercentEncoding.pairs(request.query ?? "") ?? [])
        let info = RequestInfo(request, query)
        do { response = try await answer(request, info, query, &audit, &flow) } catch {
            audit?.note(status: error.json)
            Self.explain(error, request.trace)
            response = HTTPResponse(error, to: request)
        }
        response.compress(for: request)
        response.headers["Audit-Id"] = request.trace.id
        flow?.write(into: &response.headers)
        counters.count(info, response.status)
        if response.headers["Cache-Control"] == nil { response.headers["Cache-Control"] = "no-cache, private" }
        if request.method == "HEAD" { response.body = .empty }
        request.trace.finish(status: response.status)
        // What components of the simulator do all the time would push out what people ask about.
        let isRoutine = loopback?.isOpen(request.connection) ?? false
        if !isRoutine || response.status == 401 || response.status == 403 { cluster.world.traces.record(request.trace) }
        audit?.complete(&response, clock: cluster.world.clock)
        return response
    }

    /// A failure that no check wrote down is written down here, so that none is without its reason.
    private static func explain(_ status: KubeStatus, _ trace: RequestTrace) {
        guard !trace.snapshot.steps.contains(where: { $0.verdict == .fail }) else { return }
        trace.add(TraceStep("registry", status.reason.isEmpty ? "request" : status.reason, actual: status.message, .fail))
    }

    /// The chain: who, may they, what.
    private func answer(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: QueryParameters, _ audit: inout RequestAudit?, _ flow: inout FlowMatch?
    ) async throws(KubeStatus) -> HTTPResponse {
        let deadline = info.isLongRunning ? nil : try RequestDeadline(query, limit: limits.timeout)
        guard let caller = await authenticators.authenticate(request) else {
            audit = self.audit?.begin(request, course: .refused) { Self.attributes(info, UserInfo(username: "")) }
            throw .unauthorized
        }
        request.trace.identify(caller.username)
        audit = self.audit?.begin(request, course: info.isLongRunning ? .lasting : .short) { Self.attributes(info, caller) }
        let user = try await Self.effectiveUser(of: request, as: caller, authorizer)
        let attributes = Self.attributes(info, user)
        flow = flows.match(attributes, cluster)
        let place: InFlightRequests.Place?
        do throws(InFlightRequests.Refusal) { place = try inFlight.enter(info, user) } catch {
            request.trace.add(error.step)
            return error.response
        }
        defer { withExtendedLifetime(place) {} }
        var response = try await authorized(request, info, query, attributes, caller, deadline, audit)
        if let place, case .stream(let produce) = response.body {
            response.body = .stream { writer in
                defer { withExtendedLifetime(place) {} }
                try await produce(writer)
            }
        }
        return response
    }

    /// What the authorizers let pass, within its deadline.
    private func authorized(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: QueryParameters, _ attributes: Attributes, _ caller: UserInfo,
        _ deadline: RequestDeadline?, _ audit: RequestAudit?
    ) async throws(KubeStatus) -> HTTPResponse {
        let user = attributes.user
        let decision = await authorizer.authorize(attributes, trace: request.trace)
        audit?.note(impersonated: user == caller ? nil : user, decision)
        guard decision.isAllowed else { throw Forbidden.status(attributes, decision.reason) }
        guard info.isResourceRequest else {
            guard info.path == "/metrics", request.method == "GET" else { return try await documents.respond(request, info, query) }
            return HTTPResponse(
                status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", Array(metrics().map(\.text).joined().utf8))
        }
        // Nothing in the server waits but for webhooks.
        guard let deadline, cluster.webhookHooks.mayWait(cluster, info) else { return try await serve(request, info, query, user, audit) }
        return try await deadline.race(cluster.world) { () async throws(KubeStatus) in
            try await serve(request, info, query, user, audit)
        }
    }

    private static func attributes(_ info: RequestInfo, _ user: UserInfo) -> Attributes {
        guard info.isResourceRequest else { return Attributes(user: user, verb: info.verb, path: info.path) }
        var attributes = Attributes(
            user: user, verb: info.verb, namespace: info.namespace, apiGroup: info.group, apiVersion: info.version, resource: info.resource,
            subresource: info.subresource, name: info.name, path: info.path)
        attributes.fieldSelector = info.fieldSelector
        return attributes
    }

    // MARK: Resources

    private func serve(
        _ http: HTTPRequest, _ info: RequestInfo, _ query: QueryParameters, _ user: UserInfo, _ audit: RequestAudit?
    ) async throws(KubeStatus) -> HTTPResponse {
        let resources = cluster.resources
        if !info.isCore, resources.group(info.group) == nil { return Self.pageNotFound }
        // Below a custom group nothing answers but the resources.
        func absent() throws(KubeStatus) -> HTTPResponse {
            guard resources.isCustom(group: info.group) else { throw .noSuchPath }
            return Self.pageNotFound
        }
        guard !info.hasEmptySegment, info.parts.count <= 3 || info.subresource == "proxy",
            let resource = resources.lookup(group: info.group, version: info.version, resource: info.resource)
        else { return try absent() }
        let hasNamespace = !info.namespace.isEmpty && !(info.isCore && info.resource == "namespaces")
        guard resource.isNamespaced ? hasNamespace || !info.namesObject : !hasNamespace else { return try absent() }
        let method = try Verb(http, info, query, resource)
        let representation = try Representation(
            http, query, method.endpoint(hasMessage: resource.hasMessage))
        let request = APIRequest(
            http: http, info: info, query: query, user: user, resource: resource, representation: representation, audit: audit)
        let deprecation = resource.deprecationWarning
        if deprecation != nil { http.trace.annotate("k8s.io/deprecated", "true") }
        do {
            var response = try await dispatch(method, request)
            if let deprecation { response.addWarnings([deprecation]) }
            return response
        } catch {
            // What was noticed before the refusal is told with it.
            var status = error
            status.warnings = (deprecation.map { [$0] } ?? []) + request.warnings.texts + status.warnings
            throw status
        }
    }

    private static let pageNotFound = HTTPResponse(
        status: 404, contentType: "text/plain; charset=utf-8", Array("404 page not found\n".utf8))

    /// What is done, after the resource table allowed it.
    private enum Verb: Sendable {
        case get, list, watch, create, update, patch, delete, deleteCollection
        case subresource(ResourceType.Subresource)

        var isCreate: Bool { if case .create = self { true } else { false } }

        func endpoint(hasMessage: Bool) -> Representation.Endpoint {
            switch self {
            case .list: .list(hasMessage: hasMessage, isWatch: false)
            case .watch: .list(hasMessage: hasMessage, isWatch: true)
            default: .object(hasMessage: hasMessage)
            }
        }

        init(_ http: HTTPRequest, _ info: RequestInfo, _ query: QueryParameters, _ resource: ResourceType) throws(KubeStatus) {
            if !info.subresource.isEmpty {
                guard let subresource = resource.subresource(info.subresource) else {
                    // A custom resource without the part is answered as if the object were missing.
                    throw resource.custom == nil
                        ? .noSuchPath : .notFound(group: resource.group, resource: resource.resource, name: info.name)
                }
                let verb = ["POST": "create", "GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"][http.method] ?? ""
                guard subresource.verbs.contains(verb) else { throw .methodNotAllowed }
                self = .subresource(subresource)
                return
            }
            let verb: String
            switch (http.method, info.namesObject) {
            case ("GET", true): verb = query.bool("watch") || info.verb == "watch" ? "watch" : "get"
            case ("GET", false): verb = info.verb == "watch" ? "watch" : "list"
            case ("POST", false): verb = "create"
            case ("PUT", true): verb = "update"
            case ("PATCH", true): verb = "patch"
            case ("DELETE", true): verb = "delete"
            case ("DELETE", false): verb = "deletecollection"
            default: throw .methodNotAllowed
            }
            // Writes to a collection need its namespace.
            if resource.isNamespaced, info.namespace.isEmpty, verb == "create" || verb == "deletecollection" { throw .methodNotAllowed }
            guard resource.verbs.contains(verb) else { throw .methodNotAllowed }
            switch verb {
            case "get": self = .get
            case "list": self = .list
            case "watch": self = query.bool("watch") && info.namesObject && info.verb != "watch" ? .get : .watch
            case "create": self = .create
            case "update": self = .update
            case "patch": self = .patch
            case "delete": self = .delete
            default: self = .deleteCollection
            }
        }
    }

    /// `--max-request-body-bytes` of k8s.io/apiserver: 3 MiB.
    private static let maximumBodyBytes = 3 << 20

    private func dispatch(_ verb: Verb, _ request: APIRequest) async throws(KubeStatus) -> HTTPResponse {
        guard !request.http.isBodyTruncated, request.http.body.count <= Self.maximumBodyBytes else {
            throw .requestEntityTooLarge(limit: Self.maximumBodyBytes)
        }
        let looked = ChangeSignals.Resource(request.resource.group, request.resource.resource)
        // Whoever changes an object sees it too.
        if !verb.isCreate, !(loopback?.isOpen(request.http.connection) ?? false) { await cluster.lazyWrites.refresh(looked) }
        switch verb {
        case .get: return try object(request, RegistryAnswer(status: 200, bytes: await registry.get(request)))
        case .list:
            let options = try ListOptions(request.query, isWatch: false)
            return try await list(request, registry.page(request, options, try Selection(options, request.resource)))
        case .watch:
            let options = try ListOptions(request.query, isWatch: true)
            var response = try registry.watch(request, options, try Selection(options, request.resource))
            response.body = cluster.lazyWrites.noting(response.body, looked)
            return response
        case .create: return try await create(request)
        case .update: return try object(request, await registry.update(request))
        case .patch: return try object(request, await registry.patch(request))
        case .delete: return try object(request, await registry.delete(request))
        case .deleteCollection:
            var response = try await list(request, registry.deleteCollection(request))
            response.addWarnings(request.warnings.texts)
            return response
        case .subresource(let subresource): return try await self.subresource(subresource, request)
        }
    }

    private func create(_ request: APIRequest) async throws(KubeStatus) -> HTTPResponse {
        if request.resource.isStored { return try object(request, await registry.create(request)) }
        let options = try WriteOptions(request.query, .create)
        let decoded = try cluster.decoder.decode(
            request.http.body, contentType: request.http.headers["Content-Type"], as: request.resource.groupVersionKind,
            validation: options.validation)
        request.audit?.note(request: decoded.object)
        if request.resource.kind == "Binding" { return try object(request, await bindings.create(decoded, request)) }
        var review = decoded.object
        let managedFields = registry.managedFields(creating: review, .sent(decoded.managedFields), request, options)
        review.set(managedFields, at: ["metadata", "managedFields"])
        guard let answer = try await reviews.review(review, request) else {
            throw .serviceUnavailable("\(request.resource.qualifiedName) is not simulated yet")
        }
        return try object(request, RegistryAnswer(status: 201, bytes: answer.serialized(), warnings: decoded.warnings))
    }

    private func subresource(_ subresource: ResourceType.Subresource, _ request: APIRequest) async throws(KubeStatus) -> HTTPResponse {
        switch (subresource.name, request.http.method) {
        case ("approval", "PUT"), ("approval", "PATCH"):
            let isPatch = request.http.method == "PATCH"
            return try object(request, isPatch ? await registry.patch(request) : await registry.update(request))
        case ("status", "GET"), ("approval", "GET"), ("ephemeralcontainers", "GET"), ("resize", "GET"):
            return try object(request, RegistryAnswer(status: 200, bytes: await registry.get(request)))
        case ("status", "PUT"), ("finalize", "PUT"), ("ephemeralcontainers", "PUT"), ("resize", "PUT"):
            return try object(request, await registry.update(request))
        case ("status", "PATCH"), ("ephemeralcontainers", "PATCH"), ("resize", "PATCH"):
            return try object(request, await registry.patch(request))
        case ("scale", "GET"):
            return try object(request, await registry.scale(request))
        case ("scale", "PUT"):
            return try object(request, await registry.updateScale(request))
        case ("scale", "PATCH"):
            return try object(request, await registry.patchScale(request))
        case ("token", "POST") where request.resource.resource == "serviceaccounts":
            return try object(request, await tokenRequests.create(try part(subresource, request).object, request))
        case ("binding", "POST"):
            return try object(request, await bindings.create(try part(subresource, request), request))
        case ("eviction", "POST"):
            let eviction = try part(subresource, request, or: PodEviction.kinds)
            return try object(request, await PodEviction(registry: registry).create(eviction, request))
        case ("exec", "GET"), ("attach", "GET"), ("portforward", "GET"):
            try await confirmConnect(subresource, request)
            try await admitConnection(subresource, request)
            return try await connect(subresource, request)
        case ("exec", "POST"), ("attach", "POST"), ("portforward", "POST"):
            try await admitConnection(subresource, request)
            return try await connect(subresource, request)
        case ("log", "GET"):
            guard let wanted = try PodConnection(registry: registry).confirmLog(request) else {
                return HTTPResponse(status: 204, body: .empty)
            }
            guard let answer = try await cluster.kubelets.transport?.answer(wanted) else { throw absent(subresource, request) }
            return answer
        case ("proxy", _):
            try await admitConnection(subresource, request)
            return try await ProxyConnection(registry: registry).answer(request)
        default:
            // The object has to be there before anything can be said of its parts.
            _ = try registry.entry(request.resource, request.namespace, request.name)
            throw absent(subresource, request)
        }
    }

    /// Connects a client to the kubelet of a pod's node.
    private func connect(_ subresource: ResourceType.Subresource, _ request: APIRequest) async throws(KubeStatus) -> HTTPResponse {
        guard let kind = KubeletRequest.Kind(rawValue: subresource.name) else { throw absent(subresource, request) }
        let wanted = try PodConnection(registry: registry).confirm(kind, request)
        guard let answer = try await cluster.kubelets.transport?.answer(wanted) else { throw absent(subresource, request) }
        return answer
    }

    private func absent(_ subresource: ResourceType.Subresource, _ request: APIRequest) -> KubeStatus {
        .serviceUnavailable("\(request.resource.qualifiedName)/\(subresource.name) is not simulated yet")
    }

    /// The body of a subresource that is created.
    private func part(
        _ subresource: ResourceType.Subresource, _ request: APIRequest, or equals: [GroupVersionKind] = []
    ) throws(KubeStatus) -> DecodedObject {
        let kind = GroupVersionKind(group: subresource.group, version: subresource.version, kind: subresource.kind)
        let options = try WriteOptions(request.query, .create)
        let decoded = try cluster.decoder.decode(
            request.http.body, contentType: request.http.headers["Content-Type"], as: kind, or: equals, validation: options.validation)
        request.audit?.note(request: decoded.object)
        return decoded
    }

    /// What a connection is to be made with passes admission (`ConnectResource` of `endpoints/handlers/rest.go`).
    private func admitConnection(_ subresource: ResourceType.Subresource, _ request: APIRequest) async throws(KubeStatus) {
        try await registry.admission.admitPart(.connect, PodConnection.options(subresource, request), request)
    }

    /// A WebSocket upgrade is a GET but does what a POST does: since 1.35 it takes the right to create as well
    /// (feature gate AuthorizePodWebsocketUpgradeCreatePermission).
    private func confirmConnect(_ subresource: ResourceType.Subresource, _ request: APIRequest) async throws(KubeStatus) {
        guard minorVersion >= 35 else { return }
        let right = Attributes(
            user: request.user, verb: "create", namespace: request.namespace, apiVersion: request.resource.version,
            resource: request.resource.resource, subresource: subresource.name, name: request.name)
        let decision = await authorizer.authorize(right, trace: request.http.trace)
        guard !decision.isAllowed else { return }
        let message = Attributes.forbiddenMessage(
            group: request.resource.group, resource: request.resource.resource, name: request.name, decision.reason)
        throw .forbidden(group: request.resource.group, resource: request.resource.resource, name: request.name, message: message)
    }
}
