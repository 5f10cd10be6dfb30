import ConformanceVectors
import HTTP
import JSON
import Testing

@Suite("Bad input, in the words of kube-apiserver")
struct BadInputTests {
    /// A request that is refused.
    struct Refusal: Sendable, CustomTestStringConvertible {
        var method = "POST"
        var path = Cluster.maps
        var type: String? = "application/json"
        var body: [UInt8]?
        var status = 400
        var message: String
        var testDescription: String { "\(method) \(path) \(type ?? "-") → \(status) \(message.prefix(80))" }

        /// A POST of a text.
        init(type: String = "application/json", _ body: String, _ status: Int, _ message: String) {
            self.init(type: type, bytes: Array(body.utf8), status, message)
        }

        /// A POST of bytes.
        init(type: String, bytes: [UInt8], _ status: Int, _ message: String) {
            self.type = type
            body = bytes
            self.status = status
            self.message = message
        }

        init(_ method: String, _ path: String, _ body: String?, _ status: Int, _ message: String) {
            self.method = method
            self.path = path
            self.body = body.map { Array($0.utf8) }
            self.status = status
            self.message = message
        }
    }

    static let unrecognized = "the object provided is unrecognized (must be of type ConfigMap): "
    static let protobuf = "application/vnd.kubernetes.protobuf"
    static let accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    static let noMethod = "the server does not allow this method on the requested resource"
    static let noResource = "the server could not find the requested resource"

    /// `k8s\0`, then a `runtime.Unknown` of a type and a message.
    static func envelope(_ apiVersion: String, _ kind: String, _ raw: [UInt8]) -> [UInt8] {
        func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }
        return Array("k8s\0".utf8) + field(1, field(1, Array(apiVersion.utf8)) + field(2, Array(kind.utf8))) + field(2, raw)
    }

    static let refusals: [Refusal] = [
        // JSON and YAML
        Refusal("", 400, unrecognized + "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"),
        Refusal(
            "{\"metadata\":", 400,
            unrecognized + "couldn't get version/kind; json parse error: unexpected end of JSON input ({\"metadata\":)"),
        Refusal(
            "{a:1}", 400,
            unrecognized
                + "couldn't get version/kind; json parse error: invalid character 'a' looking for beginning of object key string ({a:1})"),
        Refusal(
            "{\"metadata\":{\"name\":\"t\"}} x", 400,
            unrecognized
                + "couldn't get version/kind; json parse error: invalid character 'x' after top-level value ({\"metadata\":{\"name\":\"t\"}} x)"
        ),
        Refusal(
            "{\"metadata\":{\"name\":5}}", 400,
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string"
        ),
        Refusal(
            type: "application/yaml", "metadata: {name: a", 400,
            unrecognized
                + "couldn't get version/kind; json parse error: error converting YAML to JSON: yaml: line 1: did not find expected ',' or '}' (6d657461646174613a207b6e616d653a2061)"
        ),
        Refusal(
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}", 400,
            "Pod in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion"),
        Refusal(
            "{\"apiVersion\":\"v1\",\"kind\":\"Nope\"}", 400,
            "Nope in version \"v1\" cannot be handled as a ConfigMap: no kind \"Nope\" is registered for version \"v1\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        ),
        // Content types and methods
        Refusal(
            type: "text/plain", "{}", 415, "the body of the request was in an unknown format - accepted media types include: \(accepted)"),
        Refusal(
            type: "application/merge-patch+json", "{}", 415,
            "the body of the request was in an unknown format - accepted media types include: \(accepted)"),
        Refusal("PUT", Cluster.maps, "{}", 405, noMethod), Refusal("PATCH", Cluster.maps, "{}", 405, noMethod),
        Refusal("POST", Cluster.maps + "/x", "{}", 405, noMethod), Refusal("FOO", Cluster.maps, nil, 405, noMethod),
        Refusal("DELETE", "/api/v1/namespaces", nil, 405, noMethod), Refusal("POST", "/api/v1/configmaps", "{}", 405, noMethod),
        // Kinds and paths that are not there
        Refusal("GET", "/api/v1/none", nil, 404, noResource), Refusal("GET", "/apis/apps/v9/deployments", nil, 404, noResource),
        Refusal("GET", "/apis/none.io/v1/things", nil, 404, "404 page not found\n"),
        Refusal("GET", "/nope", nil, 404, "404 page not found\n"),
        Refusal("GET", Cluster.maps + "/none", nil, 404, "configmaps \"none\" not found"),
        Refusal("POST", "/api/v1/namespaces/none/configmaps", "{\"metadata\":{\"name\":\"a\"}}", 404, "namespaces \"none\" not found"),
        // Names
        Refusal("{}", 422, "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"),
        Refusal(
            "{\"metadata\":{\"name\":\"A_b\"}}", 422,
            "ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case "
                + "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
                + "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"),
        Refusal(
            "{\"metadata\":{\"name\":\"a\",\"namespace\":\"other\"}}", 400,
            "the namespace of the provided object does not match the namespace sent on the request"),
        // Protobuf
        Refusal(type: protobuf, "", 400, unrecognized + "empty data (<empty>)"),
        Refusal(
            type: protobuf, "{}", 400,
            unrecognized + "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({})"),
        Refusal(type: protobuf, "k8s\0", 400, unrecognized + "empty body (6b387300)"),
        Refusal(type: protobuf, bytes: Array("k8s\0".utf8) + [0x0A, 0x7F, 1], 400, unrecognized + "unexpected EOF (6b3873000a7f01)"),
        Refusal(
            type: protobuf, bytes: Array("k8s\0".utf8) + [0x08, 1], 400,
            unrecognized + "proto: wrong wireType = 0 for field TypeMeta (6b3873000801)"),
        Refusal(
            type: protobuf, bytes: envelope("v1", "ConfigMap", [0x0A, 0x7F]), 400,
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: unexpected EOF"),
        Refusal(
            type: protobuf, bytes: envelope("v1", "Nope", []), 400,
            "Nope in version \"v1\" cannot be handled as a ConfigMap: no kind \"Nope\" is registered for version \"v1\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        ),
        Refusal(
            type: protobuf, bytes: envelope("v1", "Secret", []), 400,
            "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion"),
        Refusal(
            type: protobuf, bytes: envelope("v1", "ConfigMap", [0x0A] + [UInt8](repeating: 0xFF, count: 11)), 400,
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: proto: integer overflow"),
    ]

    @Test("refused, and nothing stored", arguments: refusals)
    func refused(refusal: Refusal) async throws {
        let cluster = try await Cluster()
        let revision = cluster.revision
        let answer = await cluster.send(refusal.method, refusal.path, bytes: refusal.body, type: refusal.type)
        #expect(answer.status == refusal.status)
        #expect(answer.message == refusal.message)
        #expect(cluster.revision == revision)
        if answer.json["kind"] == "Status" {
            #expect(answer.json["code"] == .integer(Int64(refusal.status)))
            #expect(answer.headers["Content-Type"] == "application/json")
        }
        #expect(answer.headers["Audit-Id"]?.isEmpty == false)
    }

    @Test("bodies beyond 3 MiB are refused after authentication, whether they came whole or were cut off")
    func tooLarge() async throws {
        let cluster = try await Cluster()
        let body = [UInt8](repeating: UInt8(ascii: " "), count: 3 << 20 + 1)
        let answer = await cluster.send("POST", Cluster.maps, bytes: body)
        #expect(answer.status == 413 && answer.reason == "RequestEntityTooLarge")
        #expect(answer.message == "Request entity too large: limit is 3145728")
        #expect((await cluster.send("POST", Cluster.maps, bytes: body, as: .anonymous)).status == 403)
    }

    @Test("deep documents and hostile bytes are refused, never a crash", arguments: ["application/json", "application/yaml", protobuf])
    func hostile(type: String) async throws {
        let cluster = try await Cluster()
        let deep = String(repeating: "[", count: 100_000)
        let metadata = String(repeating: "{\"metadata\":", count: 5000)
        var bodies = [deep, metadata, "{\"data\":" + deep, "\u{FEFF}{}", "- - - - -", "&a [*a]", "{\"metadata\":{\"name\":\"\\ud800\"}}"]
            .map { Array($0.utf8) }
        bodies += [[0xFF, 0xFE, 0], [0xC3, 0x28], Array("k8s\0".utf8) + [UInt8](repeating: 0x0A, count: 5000)]
        for seed in 0..<64 { bodies.append(Array("k8s\0".utf8) + (0..<seed).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ seed &* 101) }) }
        for body in bodies {
            for method in ["POST", "PUT", "DELETE"] {
                let path = Cluster.maps + (method == "POST" ? "" : "/x")
                let answer = await cluster.send(method, path, bytes: body, type: type)
                #expect(
                    400...422 ~= answer.status, "\(method) \(String(decoding: body.prefix(40), as: UTF8.self)) → \(answer.text.prefix(200))"
                )
            }
        }
        #expect((await cluster.send("GET", Cluster.maps)).status == 200)
    }

    @Test(
        "hostile paths and queries are answered",
        arguments: [
            "/api/v1/namespaces/%00/pods", "/api/v1/namespaces/%2e%2e/pods/%2f", "/api/v1/pods?limit=abc", "/api/v1/pods?limit=-1",
            "/api/v1/pods?resourceVersion=x", "/api/v1/pods?watch=1&timeoutSeconds=x", "/api/v1/pods?continue=%ff",
            "/api/v1/pods?labelSelector=%00", "/%", "/api/v1/pods?%zz", "//////", "/api/v1/namespaces/a/pods/b/c/d/e/f",
        ])
    func hostilePaths(path: String) async throws {
        let cluster = try await Cluster()
        let answer = await cluster.send("GET", path)
        #expect(200..<500 ~= answer.status, "\(answer.text)")
    }

    // MARK: A disk that refuses

    @Test("a write that the disk refuses is answered with 500, stores nothing, and the next one works")
    func fullDisk() async throws {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", Cluster.maps, .configMap("before"))
        let watch = try await cluster.watch(Cluster.maps + "?watch=true&resourceVersion=\(cluster.revision)")
        cluster.failWrites(4, "database or disk is full")
        for (method, path, body) in [
            ("POST", Cluster.maps, JSON.configMap("lost")), ("PUT", Cluster.maps + "/before", .configMap("before", data: ["k": "2"])),
            ("DELETE", Cluster.maps + "/before", nil), ("POST", "/api/v1/namespaces", ["metadata": ["name": "lost"]]),
        ] as [(String, String, JSON?)] {
            let answer = await cluster.send(method, path, body)
            #expect(answer.status == 500 && answer.reason == "InternalError")
            #expect(answer.message.contains("database or disk is full"), "\(answer.message)")
        }
        #expect((await cluster.send("GET", Cluster.maps)).names == ["before", "kube-root-ca.crt"])
        #expect((await cluster.send("GET", Cluster.maps + "/before")).json.at("data", "k") == "v")
        #expect((await cluster.send("POST", Cluster.maps, .configMap("after"))).status == 201)
        #expect(try await watch.next(1) == ["ADDED after"])
        watch.close()
    }

    @Test("a server that ends refuses writes and ends its watches, with a reason")
    func closing() async throws {
        let cluster = try await Cluster()
        let watch = try await cluster.watch(Cluster.maps + "?watch=true&resourceVersion=\(cluster.revision)")
        await cluster.closeStore()
        let answer = await cluster.send("POST", Cluster.maps, .configMap("late"))
        #expect(answer.status == 503)
        #expect(await watch.ends())
    }
}
