import ConformanceVectors
import HTTP
import JSON
import KubeAPIServer
import Testing
import World

/// A webhook that answers when it is let.
private struct PatientWebhook: WebhookCaller {
    private let arrived = AsyncStream<Void>.makeStream()
    private let released = AsyncStream<Void>.makeStream()

    func post(_ call: WebhookCall) async throws(WebhookCallFailure) -> HTTPResponse {
        arrived.continuation.yield()
        for await _ in released.stream { break }
        guard !Task.isCancelled, let review = try? JSON(parsing: call.body) else { throw WebhookCallFailure("context canceled") }
        let answer = ScriptedWebhooks.response(review, ["allowed": true])
        return HTTPResponse(status: 200, contentType: "application/json", answer.serialized())
    }

    func isLocal(_ address: String) -> Bool { false }

    /// Returns when somebody is asking.
    func isAsked() async { for await _ in arrived.stream { break } }

    /// Lets the one who asks go on.
    func release() { released.continuation.yield() }
}

@Suite("How much an API server does at once, and for how long")
struct RequestLimitTests {
    private static let anna = [("Impersonate-User", "anna")]

    /// A cluster where anna may do everything and each write of a ConfigMap waits for a webhook.
    private static func cluster(_ webhook: PatientWebhook, _ limits: RequestLimits, failurePolicy: JSON = "Fail") async throws -> Cluster {
        let cluster = try await Cluster(webhooks: webhook, limits: limits)
        let binding = await cluster.send(
            "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": ["name": "anna"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"],
                "subjects": [["kind": "User", "name": "anna", "apiGroup": "rbac.authorization.k8s.io"]],
            ])
        #expect(binding.status == 201)
        let hook = await cluster.send(
            "POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
            [
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": ["name": "c"],
                "webhooks": [
                    [
                        "name": "hook.example.com", "clientConfig": ["url": "https://127.0.0.1:9443/"], "sideEffects": "None",
                        "admissionReviewVersions": ["v1"], "failurePolicy": failurePolicy,
                        "rules": [["apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]]],
                    ]
                ],
            ])
        #expect(hook.status == 201)
        return cluster
    }

    private static let map: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"]]

    @Test("one write too many is told to come again; reads and those who may do everything are not kept out")
    func tooManyWrites() async throws {
        let webhook = PatientWebhook()
        var limits = RequestLimits()
        limits.writing = 1
        let cluster = try await Self.cluster(webhook, limits)
        async let first = cluster.send("POST", Cluster.maps, Self.map, headers: Self.anna)
        await webhook.isAsked()
        let second = await cluster.send("DELETE", "\(Cluster.maps)/none", headers: Self.anna)
        #expect(second.status == 429 && second.text == "Too many requests, please try again later.\n")
        #expect(second.headers["Retry-After"] == "1")
        #expect(await cluster.send("GET", "\(Cluster.maps)/none", headers: Self.anna).status == 404)
        #expect(await cluster.send("DELETE", "\(Cluster.maps)/none").status == 404)
        webhook.release()
        #expect(await first.status == 201)
        #expect(await cluster.send("DELETE", "/api/v1/namespaces/default/secrets/none", headers: Self.anna).status == 404)
    }

    @Test("a watch too many is told to come again, until one of the others has ended")
    func tooManyWatches() async throws {
        var limits = RequestLimits()
        limits.watches = 1
        let cluster = try await Self.cluster(PatientWebhook(), limits)
        let path = "\(Cluster.maps)?watch=1"
        do {
            let held = await cluster.server.send("GET", path, headers: HTTPHeaders(Self.anna))
            #expect(held.status == 200)
            #expect(await cluster.send("GET", path, headers: Self.anna).status == 429)
            withExtendedLifetime(held) {}
        }
        #expect(await cluster.server.send("GET", path, headers: HTTPHeaders(Self.anna)).status == 200)
    }

    @Test(
        "what takes longer than it may is answered 504 and not done, whatever the webhook's failure policy", arguments: ["Fail", "Ignore"])
    func deadline(failurePolicy: String) async throws {
        let webhook = PatientWebhook()
        let cluster = try await Self.cluster(webhook, RequestLimits(), failurePolicy: .string(failurePolicy))
        async let late = cluster.send("POST", "\(Cluster.maps)?timeout=5s", Self.map)
        await webhook.isAsked()
        await cluster.advance(.seconds(5))
        let answer = await late
        #expect(answer.status == 504 && answer.json["reason"] == "Timeout")
        #expect(answer.message == "Timeout: request did not complete within the allotted timeout")
        webhook.release()
        #expect(await cluster.send("GET", "\(Cluster.maps)/a").status == 404)
    }

    @Test("the server's own limit holds when a client asks for more, or for none", arguments: ["", "?timeout=0s", "?timeout=2h"])
    func ownLimit(query: String) async throws {
        let webhook = PatientWebhook()
        var limits = RequestLimits()
        limits.timeout = .seconds(30)
        let cluster = try await Self.cluster(webhook, limits)
        async let late = cluster.send("POST", "\(Cluster.maps)\(query)", Self.map)
        await webhook.isAsked()
        await cluster.advance(.seconds(30))
        #expect(await late.status == 504)
        webhook.release()
    }

    @Test(
        "a timeout that is none is refused",
        arguments: [
            ("x", "time: invalid duration \"x\""), ("5", "time: missing unit in duration \"5\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
        ])
    func badTimeout(text: String, problem: String) async throws {
        let answer = await (try Cluster()).send("GET", "\(Cluster.maps)?timeout=\(text)")
        #expect(answer.status == 400)
        #expect(answer.message == "invalid timeout specified in the request URL - timeout: \"\(text)\", error: \(problem)")
    }

    @Test("every answer names the FlowSchema and the priority level of its request; a schema that comes first counts")
    func flows() async throws {
        let cluster = try await Self.cluster(PatientWebhook(), RequestLimits())
        let group = "/apis/flowcontrol.apiserver.k8s.io/v1"
        func expect(_ schema: String, _ level: String, _ path: String, _ headers: [(String, String)]) async {
            let answer = await cluster.send("GET", path, headers: headers)
            let flow = await cluster.send("GET", "\(group)/flowschemas/\(schema)").json.at("metadata", "uid")?.string
            let priority = await cluster.send("GET", "\(group)/prioritylevelconfigurations/\(level)").json.at("metadata", "uid")?.string
            #expect(answer.headers["X-Kubernetes-PF-FlowSchema-UID"] == flow, "\(path)")
            #expect(answer.headers["X-Kubernetes-PF-PriorityLevel-UID"] == priority, "\(path)")
        }
        let account = [("Impersonate-User", "system:serviceaccount:default:x")]
        await expect("exempt", "exempt", Cluster.maps, [])
        await expect("global-default", "global-default", Cluster.maps, Self.anna)
        await expect("probes", "exempt", "/healthz", Self.anna)
        await expect("service-accounts", "workload-low", Cluster.maps, account)
        await expect("global-default", "global-default", "\(Cluster.maps)/none", Self.anna)
        let made = await cluster.send(
            "POST", "\(group)/flowschemas",
            [
                "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": ["name": "annas"],
                "spec": [
                    "matchingPrecedence": 500, "priorityLevelConfiguration": ["name": "workload-high"],
                    "rules": [
                        [
                            "subjects": [["kind": "User", "user": ["name": "anna"]]],
                            "resourceRules": [
                                ["verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "namespaces": ["default"]]
                            ],
                        ]
                    ],
                ],
            ])
        #expect(made.status == 201, "\(made.message)")
        await expect("annas", "workload-high", "\(Cluster.maps)/none", Self.anna)
        await expect("global-default", "global-default", Cluster.maps, Self.anna)
    }
}
