import Foundation
import JSON
import Testing

@Suite("Secrets that hold tokens of service accounts")
struct TokenSecretTests {
    private static let secrets = "/api/v1/namespaces/default/secrets"
    private static let accounts = "/api/v1/namespaces/default/serviceaccounts"

    private static func secret(_ name: String, of account: String, uid: String? = nil) -> JSON {
        var annotations: JSON = ["kubernetes.io/service-account.name": .string(account)]
        annotations["kubernetes.io/service-account.uid"] = uid.map(JSON.string)
        return [
            "kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/service-account-token",
            "metadata": ["name": .string(name), "annotations": annotations],
        ]
    }

    private static func decoded(_ secret: JSON, _ member: String) -> String {
        secret.at("data", member)?.string.flatMap { Data(base64Encoded: $0) }.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Whom a token makes its bearer; the refusal when nobody.
    private func review(_ token: String, _ cluster: Cluster) async -> (name: String?, error: String) {
        let answer = await cluster.send(
            "POST", "/apis/authentication.k8s.io/v1/tokenreviews",
            ["kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": ["token": .string(token)]])
        return (answer.json.at("status", "user", "username")?.string, answer.json.at("status", "error")?.string ?? "")
    }

    @Test("a Secret of an account gets its token, CA and namespace, and the account's uid")
    func filled() async throws {
        let cluster = try await Cluster()
        let account = await cluster.send("POST", Self.accounts, ["metadata": ["name": "robot"]])
        _ = await cluster.send("POST", Self.secrets, Self.secret("t", of: "robot"))
        let secret = await cluster.send("GET", "\(Self.secrets)/t").json
        #expect(secret.at("metadata", "annotations", "kubernetes.io/service-account.uid") == account.json.at("metadata", "uid"))
        #expect(Self.decoded(secret, "namespace") == "default")
        #expect(Self.decoded(secret, "ca.crt").hasPrefix("-----BEGIN CERTIFICATE-----"))
        let token = Self.decoded(secret, "token")
        #expect(await review(token, cluster).name == "system:serviceaccount:default:robot")
        await cluster.advance(.seconds(365 * 86_400))
        #expect(await review(token, cluster).name != nil, "it never ends by itself")
    }

    @Test("a token counts as long as its Secret holds it")
    func invalidated() async throws {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", Self.accounts, ["metadata": ["name": "robot"]])
        _ = await cluster.send("POST", Self.secrets, Self.secret("t", of: "robot"))
        let token = Self.decoded(await cluster.send("GET", "\(Self.secrets)/t").json, "token")
        _ = await cluster.send(
            "PATCH", "\(Self.secrets)/t", ["stringData": ["token": "another"]], type: "application/merge-patch+json")
        #expect(await review(token, cluster).error == "[invalid bearer token, Token does not match server's copy]")
        _ = await cluster.send("DELETE", "\(Self.secrets)/t")
        #expect(await review(token, cluster).error == "[invalid bearer token, Token has been invalidated]")
    }

    @Test("a Secret of an account that is not there, or of another uid, is removed")
    func orphans() async throws {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", Self.secrets, Self.secret("nobody", of: "missing"))
        #expect(await cluster.send("GET", "\(Self.secrets)/nobody").status == 404)
        _ = await cluster.send("POST", Self.accounts, ["metadata": ["name": "robot"]])
        _ = await cluster.send("POST", Self.secrets, Self.secret("old", of: "robot", uid: "11111111-2222-3333-4444-555555555555"))
        #expect(await cluster.send("GET", "\(Self.secrets)/old").status == 404)
        let nameless = await cluster.send(
            "POST", Self.secrets,
            ["kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/service-account-token", "metadata": ["name": "x"]])
        #expect(nameless.status == 422, "\(nameless.message)")
    }

    @Test("the tokens of an account go with it, and other Secrets stay")
    func removed() async throws {
        let cluster = try await Cluster()
        for name in ["robot", "other"] {
            _ = await cluster.send("POST", Self.accounts, ["metadata": ["name": .string(name)]])
            _ = await cluster.send("POST", Self.secrets, Self.secret("of-\(name)", of: name))
        }
        _ = await cluster.send("POST", Self.secrets, ["metadata": ["name": "plain"], "data": ["a": "eA=="]])
        let token = Self.decoded(await cluster.send("GET", "\(Self.secrets)/of-robot").json, "token")
        _ = await cluster.send("DELETE", "\(Self.accounts)/robot")
        #expect(await cluster.send("GET", Self.secrets).names == ["of-other", "plain"])
        #expect(await review(token, cluster).name == nil)
    }
}
