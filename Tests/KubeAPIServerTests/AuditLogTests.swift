import ConformanceVectors
import Encoding
import HTTP
import JSON
import KubeAPIServer
import Testing
import World

/// A cluster and the lines of its audit log.
private struct AuditedCluster: Sendable {
    /// Keeps lines.
    final class Lines: LogSink {
        let longestLine: Int?
        private let kept = Lock<[[UInt8]]>([])
        private let open = Lock(true)

        init(longestLine: Int?) { self.longestLine = longestLine }

        var isOpen: Bool { open.withLock { $0 } }
        var all: [[UInt8]] { kept.withLock { $0 } }

        func write(_ line: [UInt8], at time: Instant) { kept.withLock { $0.append(line) } }

        func close() { open.withLock { $0 = false } }

        func take() -> [JSON] {
            kept.withLock { kept in
                defer { kept = [] }
                return kept.map { (try? JSON(parsing: $0)) ?? .null }
            }
        }
    }

    static let everything = try? AuditPolicy(
        parsing: Array("{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: RequestResponse}]}".utf8))

    let lines: Lines
    let cluster: Cluster

    init(_ policy: AuditPolicy? = everything, seed: UInt64 = 1, longestLine: Int? = nil) async throws {
        lines = Lines(longestLine: longestLine)
        cluster = try await Cluster(seed: seed, audit: AuditLog(policy: try #require(policy), sinks: [lines]))
    }

    /// Sends a request, and the events that it leaves.
    func events(
        _ method: String, _ path: String, _ body: JSON? = nil, type: String = "application/json", headers: [(String, String)] = []
    ) async -> [JSON] {
        _ = await cluster.send(method, path, body, type: type, headers: headers)
        return lines.take()
    }

    /// The event of the complete answer.
    func last(
        _ method: String, _ path: String, _ body: JSON? = nil, type: String = "application/json", headers: [(String, String)] = []
    ) async throws -> JSON {
        try #require(await events(method, path, body, type: type, headers: headers).last)
    }
}

extension JSON {
    fileprivate var stage: String { self["stage"]?.string ?? "" }
    fileprivate func annotation(_ key: String) -> String? { at("annotations", key)?.string }

    fileprivate static func pod(_ name: String, _ spec: JSON = [:]) -> JSON {
        var spec = spec
        spec["containers"] = [["name": "c", "image": "nginx"]]
        return ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)], "spec": spec]
    }
}

@Suite("The audit log")
struct AuditLogTests {
    private static let pods = "/api/v1/namespaces/default/pods"

    @Test("a request leaves a line when it came and one when it was answered, of the same audit id as the answer")
    func stages() async throws {
        let audited = try await AuditedCluster()
        let answer = await audited.cluster.send("GET", "\(Self.pods)?limit=5", headers: [("User-Agent", "test")])
        let events = audited.lines.take()
        #expect(events.map(\.stage) == ["RequestReceived", "ResponseComplete"])
        #expect(events.allSatisfy { $0["auditID"]?.string == answer.headers["Audit-Id"] })
        #expect(events[0]["responseStatus"] == nil && events[0]["annotations"] == nil)
        let event = events[1]
        #expect(event["requestURI"] == "\(Self.pods)?limit=5" && event["verb"] == "list" && event["userAgent"] == "test")
        #expect(event["user"] == ["username": "eks-sim:admin", "groups": ["system:masters", "system:authenticated"]])
        #expect(event["sourceIPs"] == ["127.0.0.1"])
        #expect(event["objectRef"] == ["resource": "pods", "namespace": "default", "apiVersion": "v1"])
        #expect(event["responseStatus"] == ["metadata": [:], "code": 200])
        #expect(event["annotations"] == ["authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""])
    }

    @Test("addresses that proxies claim come before the one that the connection came from")
    func sourceAddresses() async throws {
        let audited = try await AuditedCluster()
        let headers = [("X-Forwarded-For", "192.0.2.1, no address,192.0.2.2"), ("X-Real-Ip", "192.0.2.3")]
        let event = try await audited.last("GET", Self.pods, headers: headers)
        #expect(event["sourceIPs"] == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "127.0.0.1"])
    }

    @Test("an object that is made is logged as it was sent, with defaults, and as it was stored")
    func created() async throws {
        let audited = try await AuditedCluster()
        let event = try await audited.last("POST", Self.pods, .pod("a"))
        #expect(event["objectRef"] == ["resource": "pods", "namespace": "default", "name": "a", "apiVersion": "v1"])
        let sent = try #require(event["requestObject"])
        #expect(sent["kind"] == "Pod" && sent.at("spec", "dnsPolicy") == "ClusterFirst" && sent.at("metadata", "uid") == nil)
        #expect(sent.at("spec", "serviceAccountName") == nil, "admission comes later")
        let stored = await audited.cluster.send("GET", "\(Self.pods)/a").json
        #expect(event["responseObject"] == stored)
        #expect(event.at("responseStatus", "code") == 201)
    }

    @Test("an object that is replaced is named with the uid and version that were sent")
    func replaced() async throws {
        let audited = try await AuditedCluster()
        var map = await audited.cluster.send("POST", Cluster.maps, .configMap("a")).json
        map["data"] = ["k": "<w>"]
        let event = try await audited.last("PUT", "\(Cluster.maps)/a", map)
        #expect(event.at("objectRef", "uid") == map.at("metadata", "uid"))
        #expect(event.at("objectRef", "resourceVersion") == map.at("metadata", "resourceVersion"))
        #expect(event.at("requestObject", "data", "k") == "<w>" && event.at("responseObject", "data", "k") == "<w>")
    }

    @Test("a patch is logged as it was sent, in compact JSON")
    func patched() async throws {
        let audited = try await AuditedCluster()
        _ = await audited.cluster.send("POST", Cluster.maps, .configMap("a"))
        let patch = Array("{ \"data\": {\"k\": 1.0e1,\n \"z\":null} }".utf8)
        _ = audited.lines.take()
        _ = await audited.cluster.send("PATCH", "\(Cluster.maps)/a", bytes: patch, type: "application/merge-patch+json")
        let line = String(decoding: try #require(audited.lines.all.last), as: UTF8.self)
        #expect(line.contains(#""requestObject":{"data":{"k":1.0e1,"z":null}},"responseObject":{"kind":"Status""#))
    }

    @Test("a deletion is logged with its options and its Status")
    func deleted() async throws {
        let audited = try await AuditedCluster()
        _ = await audited.cluster.send("POST", Cluster.maps, .configMap("a"))
        let event = try await audited.last("DELETE", "\(Cluster.maps)/a", ["propagationPolicy": "Background"])
        #expect(
            event["requestObject"]
                == ["kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", "propagationPolicy": "Background"])
        #expect(event.at("responseStatus", "status") == "Success" && event.at("responseStatus", "details", "name") == "a")
        #expect(event.at("responseObject", "kind") == "Status" && event.at("responseStatus", "kind") == nil)
    }

    @Test("a refusal is logged with its Status, and with what the authorizers say")
    func refused() async throws {
        let audited = try await AuditedCluster()
        let missing = try await audited.last("GET", "\(Self.pods)/none")
        #expect(
            missing["responseStatus"] == [
                "metadata": [:], "status": "Failure", "message": "pods \"none\" not found", "reason": "NotFound",
                "details": ["name": "none", "kind": "pods"], "code": 404,
            ])
        let eve = [("Impersonate-User", "eve"), ("Impersonate-Group", "g")]
        let forbidden = try await audited.last("GET", "\(Self.pods)/a", headers: eve)
        #expect(forbidden.at("user", "username") == "eks-sim:admin")
        #expect(forbidden["impersonatedUser"] == ["username": "eve", "groups": ["g", "system:authenticated"]])
        #expect(forbidden.annotation("authorization.k8s.io/decision") == "forbid")
        #expect(forbidden.at("responseStatus", "reason") == "Forbidden")
    }

    @Test("nobody leaves one line, without a user")
    func unauthenticated() async throws {
        let audited = try await AuditedCluster()
        _ = await audited.cluster.send("GET", Self.pods, headers: [("Authorization", "Bearer bad")], as: .anonymous)
        let events = audited.lines.take()
        #expect(events.map(\.stage) == ["ResponseStarted"])
        #expect(events.first?["user"] == [:] && events.first?["annotations"] == nil)
        #expect(
            events.first?["responseStatus"]
                == ["metadata": [:], "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401])
    }

    @Test("a watch leaves a line when it begins and one when it ends")
    func watched() async throws {
        let audited = try await AuditedCluster()
        let watch = try await audited.cluster.watch(
            "\(Cluster.maps)?watch=true&timeoutSeconds=5&resourceVersion=\(audited.cluster.revision)")
        #expect(audited.lines.take().map(\.stage) == ["RequestReceived", "ResponseStarted"])
        _ = await audited.cluster.send("POST", Cluster.maps, .configMap("a"))
        _ = try await watch.next(1)
        _ = audited.lines.take()
        await audited.cluster.advance(.seconds(5))
        #expect(await watch.ends())
        let event = try #require(audited.lines.take().last)
        #expect(event.stage == "ResponseComplete" && event["responseStatus"] == ["metadata": [:], "code": 200])
        #expect(event["stageTimestamp"] == "2027-01-15T08:00:05.000000Z")
    }

    @Test(
        "answers in other forms are logged as JSON",
        arguments: [
            ("application/yaml", "ConfigMap"), ("application/vnd.kubernetes.protobuf", "ConfigMap"),
            ("application/json;as=Table;v=v1;g=meta.k8s.io", "Table"),
        ])
    func forms(accept: String, kind: String) async throws {
        let audited = try await AuditedCluster()
        _ = await audited.cluster.send("POST", Cluster.maps, .configMap("a"))
        let one = try await audited.last("GET", "\(Cluster.maps)/a", headers: [("Accept", accept)])
        #expect(one.at("responseObject", "kind")?.string == kind)
        let list = try await audited.last("GET", Cluster.maps, headers: [("Accept", accept)])
        #expect(list.at("responseObject", "kind")?.string == (kind == "Table" ? "Table" : "\(kind)List"))
        let pretty = try await audited.last("GET", "\(Cluster.maps)/a?pretty=true")
        #expect(pretty.at("responseObject", "kind") == "ConfigMap")
    }

    @Test("under EKS' policy what a Secret or a ConfigMap holds is never logged, nor a token")
    func secrets() async throws {
        let audited = try await AuditedCluster(.eks)
        let secret: JSON = ["metadata": ["name": "a"], "stringData": ["password": "hunter2"]]
        let path = "/api/v1/namespaces/default/secrets"
        _ = await audited.cluster.send("POST", path, secret)
        _ = await audited.cluster.send("GET", "\(path)/a")
        _ = await audited.cluster.send("PATCH", "\(path)/a", ["stringData": ["password": "hunter2"]], type: "application/merge-patch+json")
        let token = await audited.cluster.send("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", ["spec": [:]])
        let review: JSON = ["spec": ["token": token.json.at("status", "token") ?? .null]]
        _ = await audited.cluster.send("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
        let text = audited.lines.all.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
        #expect(
            !text.contains("hunter2") && !text.contains("aHVudGVyMg") && !text.contains(token.json.at("status", "token")?.string ?? "?"))
        let events = audited.lines.take()
        #expect(events.map { $0["level"]?.string } == ["Metadata", "Metadata", "Metadata", "Request", "Request", "Metadata"])
        #expect(events[0].at("objectRef", "name") == "a")
        #expect(events[4].annotation("authentication.kubernetes.io/issued-credential-id")?.hasPrefix("JTI=") == true)
    }

    @Test("nothing is logged while nobody wants it, and not of what the policy leaves out")
    func closed() async throws {
        let audited = try await AuditedCluster(.eks)
        _ = await audited.cluster.send("GET", "/healthz")
        #expect(audited.lines.take().isEmpty)
        _ = await audited.cluster.send("GET", "/apis")
        #expect(audited.lines.take().count == 1)
        audited.lines.close()
        _ = await audited.cluster.send("GET", "/apis")
        #expect(audited.lines.take().isEmpty)
    }

    @Test("managed fields are left out where the policy says so")
    func managedFields() async throws {
        let policy = try AuditPolicy(
            parsing: Array(
                "{apiVersion: audit.k8s.io/v1, kind: Policy, omitManagedFields: true, rules: [{level: RequestResponse}]}".utf8))
        let audited = try await AuditedCluster(policy)
        let made = try await audited.last("POST", Cluster.maps, .configMap("a"))
        #expect(made.at("responseObject", "metadata", "name") == "a" && made.at("responseObject", "metadata", "managedFields") == nil)
        let list = try await audited.last("GET", Cluster.maps)
        #expect(list.at("responseObject", "items")?.array?.allSatisfy { $0.at("metadata", "managedFields") == nil } == true)
    }

    @Test("of an event that is too long for a log only the metadata is logged, and that it was cut")
    func cut() async throws {
        let audited = try await AuditedCluster(longestLine: 4000)
        let small = try await audited.last("POST", Cluster.maps, .configMap("a"))
        #expect(small["responseObject"] != nil && small.annotation("audit.k8s.io/truncated") == nil)
        let data: JSON = ["k": .string(String(repeating: "x", count: 5000))]
        let large = try await audited.last("POST", Cluster.maps, .configMap("b", data: data))
        #expect(large["requestObject"] == nil && large["responseObject"] == nil)
        #expect(large.annotation("audit.k8s.io/truncated") == "true" && large.at("objectRef", "name") == "b")
    }

    @Test("what should no longer be used is annotated")
    func deprecated() async throws {
        let audited = try await AuditedCluster()
        let old = try await audited.last("GET", "/api/v1/namespaces/default/endpoints")
        #expect(old.annotation("k8s.io/deprecated") == "true" && old.annotation("k8s.io/removed-release") == nil)
        let path = "/api/v1/namespaces/default/secrets"
        let secret: JSON = [
            "metadata": ["name": "old", "annotations": ["kubernetes.io/service-account.name": "default"]],
            "type": "kubernetes.io/service-account-token",
        ]
        _ = await audited.cluster.send("POST", path, secret)
        let encoded = await audited.cluster.send("GET", "\(path)/old").json.at("data", "token")?.string ?? ""
        let unpadded = encoded.replacing("+", with: "-").replacing("/", with: "_").filter { $0 != "=" }
        let token = String(decoding: Base64.decodeURL(unpadded) ?? [], as: UTF8.self)
        _ = audited.lines.take()
        _ = await audited.cluster.send("GET", "/api", headers: [("Authorization", "Bearer \(token)")], as: .anonymous)
        let event = try #require(audited.lines.take().last)
        #expect(event.annotation("authentication.k8s.io/legacy-token") == "system:serviceaccount:default:default")
        #expect(event.annotation("authentication.k8s.io/legacy-token-manual-secret") == "old")
    }

    @Test("a mounted token that is used after an hour is annotated as stale")
    func stale() async throws {
        let audited = try await AuditedCluster()
        _ = await audited.cluster.send("POST", Self.pods, .pod("a"))
        let wish: JSON = [
            "spec": ["expirationSeconds": 3607, "boundObjectRef": ["apiVersion": "v1", "kind": "Pod", "name": "a"]]
        ]
        let made = await audited.cluster.send("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", wish)
        let token = made.json.at("status", "token")?.string ?? ""
        func annotation() async -> String? {
            _ = audited.lines.take()
            _ = await audited.cluster.send("GET", "/api", headers: [("Authorization", "Bearer \(token)")], as: .anonymous)
            return audited.lines.take().last?.annotation("authentication.k8s.io/stale-token")
        }
        #expect(await annotation() == nil)
        await audited.cluster.advance(.seconds(3617))
        #expect(await annotation() == "subject: system:serviceaccount:default:default, seconds after warning threshold: 10")
    }

    @Test("Pod Security says which policy it enforced, and what the audited one would refuse")
    func podSecurity() async throws {
        let audited = try await AuditedCluster()
        let plain = try await audited.last("POST", Self.pods, .pod("a"))
        #expect(plain.annotation("pod-security.kubernetes.io/enforce-policy") == "privileged:latest")
        let labels: JSON = ["pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/audit": "restricted"]
        _ = await audited.cluster.send("POST", "/api/v1/namespaces", ["metadata": ["name": "safe", "labels": labels]])
        let watched = try await audited.last("POST", "/api/v1/namespaces/safe/pods", .pod("a"))
        #expect(watched.annotation("pod-security.kubernetes.io/enforce-policy") == "baseline:latest")
        let violations = watched.annotation("pod-security.kubernetes.io/audit-violations") ?? ""
        #expect(violations.hasPrefix("would violate PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false ("))
        let refused = try await audited.last("POST", "/api/v1/namespaces/safe/pods", .pod("b", ["hostNetwork": true]))
        #expect(refused.at("responseStatus", "code") == 403)
        #expect(refused.annotation("pod-security.kubernetes.io/enforce-policy") == "baseline:latest")
    }

    @Test("the same seed and requests leave the same bytes")
    func deterministic() async throws {
        func run() async throws -> [[UInt8]] {
            let audited = try await AuditedCluster(.eks, seed: 7)
            for name in ["a", "b"] {
                _ = await audited.cluster.send("POST", Self.pods, .pod(name))
                _ = await audited.cluster.send("GET", "\(Self.pods)/\(name)")
                await audited.cluster.advance(.milliseconds(1500))
            }
            _ = await audited.cluster.send("DELETE", "\(Self.pods)/a")
            return audited.lines.all
        }
        let first = try await run()
        #expect(try await run() == first)
        #expect(first.count == 5)
    }
}
