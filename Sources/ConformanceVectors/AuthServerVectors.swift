import HTTP
import JSON
import KubeAPI
import KubeAPIServer
import PKI
import RBAC
import World

/// Areas `kubernetes-authn` and `service-account-token`, and the cases of `kubernetes-authz` that admission decides: asked of a whole
/// API server.
enum AuthServerVectors {
    static func authentication(_ given: JSON, _ expected: JSON, _ programs: ClientPrograms?) async -> VectorOutcome {
        if given["kubectl"] != nil || given["exec"] != nil { return await AuthKubectlVectors.run(given, expected, programs) }
        do { return VectorOutcome(try await authenticate(given, expected)) } catch { return .failed("\(error)") }
    }

    private static func authenticate(_ given: JSON, _ expected: JSON) async throws -> [String] {
        let ttl = Duration.seconds(given["webhookCacheTTLSeconds"]?.integer ?? 120)
        let server = try await VectorServer(webhook: given["tokenReview"] ?? ["httpStatus": 403], cacheTTL: ttl)
        // Everybody may ask who they are, those outside system:authenticated too.
        _ = try await server.administer(
            "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            [
                "metadata": ["name": "ask"],
                "subjects": [["kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:unauthenticated"]],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:basic-user"],
            ])
        var headers: HTTPHeaders = [:]
        switch given["authorizationHeader"] {
        case .string(let text)?: headers["Authorization"] = text
        case .null?: break
        default: headers["Authorization"] = "Bearer TOKEN"
        }
        let parts = (given["clientCertificate"]?.string ?? "").split(separator: "/").map(String.init)
        let user: (name: String, groups: [String])? = parts.isEmpty ? nil : (parts[0], Array(parts.dropFirst()))
        let asksWho = given["request"] == nil
        let method = asksWho ? "POST" : given.at("request", "method")?.string ?? "GET"
        let path = asksWho ? "/apis/authentication.k8s.io/v1/selfsubjectreviews" : given.at("request", "path")?.string ?? "/"
        var answer = try await server.send(method, path, asksWho ? [:] : nil, as: user, headers: headers)
        for _ in 1..<max(1, given["repeat"]?.integer ?? 1) {
            await server.world.advance(by: .seconds(3))
            answer = try await server.send(method, path, asksWho ? [:] : nil, as: user, headers: headers)
        }
        var differences = Differences()
        differences.compare("httpStatus", expected["httpStatus"], .integer(Int64(answer.status)))
        differences.compare("status", expected["status"], answer.json)
        let found = answer.json.at("status", "userInfo")
        differences.compare("authenticatedAs", expected["authenticatedAs"], found?["username"])
        if let wanted = expected["userInfo"] {
            differences.compare("userInfo", wanted, found)
            differences.require(wanted["username"] != nil || found?["username"] == nil, "username is there")
        }
        differences.compare("tokenReviewCalls", expected["tokenReviewCalls"], .integer(Int64(server.webhook.calls)))
        return differences.texts
    }

    // MARK: Nodes and pods

    /// What a node may create or patch, and `pods/exec`.
    static func admission(_ given: JSON, _ expected: JSON) async -> VectorOutcome {
        do { return VectorOutcome(try await admit(given, expected)) } catch { return .failed("\(error)") }
    }

    private static func admit(_ given: JSON, _ expected: JSON) async throws -> [String] {
        let policies = given["accessPolicy"]?.string.map {
            [AuthPolicyVectors.association(policyARN: "arn:aws:eks::aws:cluster-access-policy/\($0)", scope: nil)]
        }
        let server = try await VectorServer(policies: policies ?? [])
        let user = (given["user"]?.string ?? AuthPolicyVectors.username, given["groups"]?.strings ?? [])
        let answer: VectorServer.Answer
        if let create = given["create"] {
            let node: JSON = [
                "kind": "Node", "apiVersion": "v1", "metadata": ["name": create["name"] ?? "", "labels": create["labels"] ?? [:]],
            ]
            answer = try await server.send("POST", "/api/v1/nodes", node, as: user)
        } else if let patch = given["patch"] {
            let name = patch["name"]?.string ?? ""
            _ = try await server.administer("POST", "/api/v1/nodes", ["metadata": ["name": .string(name)]])
            answer = try await server.send(
                "PATCH", "/api/v1/nodes/\(name)", ["spec": patch["spec"] ?? [:]], as: user,
                headers: ["Content-Type": "application/merge-patch+json"])
        } else {
            let pod: JSON = ["metadata": ["name": "p1"], "spec": ["containers": [["name": "c", "image": "i"]]]]
            _ = try await server.administer("POST", "/api/v1/namespaces/default/pods", pod)
            answer = try await server.send(
                given.at("request", "method")?.string ?? "GET", given.at("request", "path")?.string ?? "", as: user)
        }
        var differences = Differences()
        differences.compare("httpStatus", expected["httpStatus"], .integer(Int64(answer.status)))
        differences.compare("status", expected["status"], answer.json)
        return differences.texts
    }

    // MARK: ServiceAccount tokens

    static func tokens(_ given: JSON, _ expected: JSON) async -> VectorOutcome {
        do { return VectorOutcome(try await askForTokens(given, expected)) } catch { return .failed("\(error)") }
    }

    private static let accounts = "/api/v1/namespaces/team-a/serviceaccounts"

    private static func askForTokens(_ given: JSON, _ expected: JSON) async throws -> [String] {
        let server = try await VectorServer()
        _ = try await server.administer("POST", "/api/v1/namespaces", ["metadata": ["name": "team-a"]])
        for name in ["s1", "s2"] { _ = try await server.administer("POST", accounts, ["metadata": ["name": .string(name)]]) }
        if let review = given["tokenReview"] { return try await reviewed(review, expected, server) }
        if let wish = given["tokenRequest"] { return try await requested(wish, given, expected, server) }
        let audiences: JSON = given["use"]?.string?.contains("sts.amazonaws.com") == true ? ["audiences": ["sts.amazonaws.com"]] : [:]
        let token = try await Self.token("s1", audiences, server)
        let bearer: HTTPHeaders = ["Authorization": "Bearer \(token)"]
        var differences = Differences()
        if given["whoami"] != nil {
            let answer = try await server.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", [:], headers: bearer)
            let user = answer.json.at("status", "userInfo") ?? [:]
            let uid = try await server.administer("GET", "\(accounts)/s1").json.at("metadata", "uid")?.string ?? ""
            var wanted = expected["userInfo"]?.filled(["<uid>": uid])
            wanted?["extraKeys"] = nil
            differences.compare("userInfo", wanted, user)
            for key in expected.at("userInfo", "extraKeys")?.strings ?? [] {
                differences.require(user.at("extra", key) != nil, "no extra attribute \(key)")
            }
            return differences.texts
        }
        let answer = try await server.send("GET", given["path"]?.string ?? "", headers: bearer)
        differences.compare("httpStatus", expected["httpStatus"], .integer(Int64(answer.status)))
        differences.compare("json", expected["json"]?.filled(["<issuer>": VectorServer.issuer]), answer.json)
        for key in expected["keys"]?.array ?? [] {
            let found = answer.json.at("keys")?.array?.first ?? [:]
            for member in key.object?.members ?? [] where member.value.string?.hasPrefix("<") == false {
                differences.compare(member.key, member.value, found[member.key])
            }
            for name in ["kid", "n"] { differences.require(Base64URL.decode(found[name]?.string ?? "*") != nil, "\(name) is no base64url") }
        }
        for header in expected["headers"]?.object?.members ?? [] {
            differences.compare(header.key, header.value, .string(answer.headers[header.key] ?? ""))
        }
        return differences.texts
    }

    private static func token(_ account: String, _ spec: JSON, _ server: VectorServer) async throws -> String {
        try await server.administer("POST", "\(accounts)/\(account)/token", ["spec": spec]).json.at("status", "token")?.string ?? ""
    }

    private static func requested(_ wish: JSON, _ given: JSON, _ expected: JSON, _ server: VectorServer) async throws -> [String] {
        let name = given["serviceAccount"]?.string?.split(separator: "/").last.map(String.init) ?? "s1"
        let answer = try await server.administer("POST", "\(accounts)/\(name)/token", ["spec": wish])
        var differences = Differences()
        differences.compare("httpStatus", expected["httpStatus"], .integer(Int64(answer.status)))
        differences.compare("message", expected["message"], .string(answer.message))
        let part = expected["messageContains"]?.string ?? ""
        differences.require(part.isEmpty || answer.message.contains(part), "message: expected …\(part)…, got \(answer.message)")
        differences.compare("expirationSeconds", expected["expirationSeconds"], answer.json.at("spec", "expirationSeconds"))
        if let warning = expected["warning"]?.string {
            differences.compare("warning", .string("299 - \"\(warning)\""), .string(answer.headers["Warning"] ?? ""))
        }
        guard let token = answer.json.at("status", "token")?.string else { return differences.texts }
        let parts = token.split(separator: ".").compactMap { Base64URL.decode($0).flatMap { try? JSON(parsing: $0) } }
        guard parts.count == 2 else { return ["the token is no JWT"] }
        let uid = try await server.administer("GET", "\(accounts)/\(name)").json.at("metadata", "uid")?.string ?? ""
        differences.compare("claims", expected["claims"]?.filled(["<uid>": uid]), parts[1])
        differences.compare("presentClaims", expected["presentClaims"], JSON(strings: (parts[1].object?.members ?? []).map(\.key).sorted()))
        differences.compare("header", expected["header"], JSON(strings: (parts[0].object?.members ?? []).map(\.key).sorted()))
        let life = (parts[1]["exp"]?.integer ?? 0) - (parts[1]["iat"]?.integer ?? 0)
        differences.compare("lifeSeconds", expected["lifeSeconds"], .integer(life))
        return differences.texts
    }

    private static func reviewed(_ review: JSON, _ expected: JSON, _ server: VectorServer) async throws -> [String] {
        let described = review["token"]?.string ?? ""
        var token = ""
        if described.contains("s2") {
            token = try await Self.token("s2", [:], server)
            _ = try await server.administer("DELETE", "\(accounts)/s2")
            if described.contains("old") { _ = try await server.administer("POST", accounts, ["metadata": ["name": "s2"]]) }
        } else if !described.isEmpty {
            token = try await Self.token("s1", ["audiences": ["sts.amazonaws.com"]], server)
        }
        var spec: JSON = ["token": .string(token)]
        spec["audiences"] = review["audiences"]
        let answer = try await server.administer("POST", "/apis/authentication.k8s.io/v1/tokenreviews", ["spec": spec])
        let status = answer.json["status"] ?? [:]
        var differences = Differences()
        differences.compare("httpStatus", expected["httpStatus"], .integer(Int64(answer.status)))
        differences.compare("message", expected["message"], .string(answer.message))
        differences.compare("authenticated", expected["authenticated"], .bool(status["authenticated"]?.bool ?? false))
        differences.compare("audiences", expected["audiences"], status["audiences"])
        let part = expected["errorContains"]?.string ?? ""
        let error = status["error"]?.string ?? ""
        differences.require(part.isEmpty || error.contains(part), "error: expected …\(part)…, got \(error)")
        return differences.texts
    }
}

extension JSON {
    /// The document with placeholders in its texts replaced.
    fileprivate func filled(_ values: [String: String]) -> JSON {
        switch self {
        case .string(let text):
            return .string(values.reduce(text) { $0.replacing($1.key, with: $1.value) })
        case .array(let items): return .array(items.map { $0.filled(values) })
        case .object(var object):
            object.mapValues { _, value in value = value.filled(values) }
            return .object(object)
        default: return self
        }
    }
}
