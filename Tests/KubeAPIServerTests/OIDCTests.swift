import JSON
import KubeAPIServer
import Testing
import World

@Suite("OpenID Connect tokens")
struct OIDCTests {
    private typealias Case = (title: String, configuration: OIDCConfiguration, claims: JSON, expected: JSON)

    private static func configuration(
        username: String? = nil, prefix: String? = nil, groups: String? = nil, groupsPrefix: String? = nil, required: [String: String] = [:]
    ) -> OIDCConfiguration {
        OIDCConfiguration(
            issuer: OIDCServer.issuer, clientID: "kubernetes", usernameClaim: username, usernamePrefix: prefix, groupsClaim: groups,
            groupsPrefix: groupsPrefix, requiredClaims: required)
    }

    @Test("the user that a token makes: claims, prefixes, groups, and never anything of AWS")
    func users() async throws {
        let signer = try await TokenSigner.rsa("k1")
        let cases: [Case] = [
            ("sub with the issuer before it", Self.configuration(), [:], ["username": "https://login.example.com/tenant#alice"]),
            ("no prefix", Self.configuration(prefix: "-"), [:], ["username": "alice"]),
            ("a prefix of one's own", Self.configuration(prefix: "oidc:"), [:], ["username": "oidc:alice"]),
            (
                "email has no prefix by default", Self.configuration(username: "email"), ["email": "a@example.com"],
                ["username": "a@example.com"]
            ),
            (
                "email that is verified", Self.configuration(username: "email", prefix: "x:"),
                ["email": "a@example.com", "email_verified": true], ["username": "x:a@example.com"]
            ),
            (
                "groups with a prefix", Self.configuration(prefix: "-", groups: "roles", groupsPrefix: "g:"), ["roles": ["a", "b"]],
                ["username": "alice", "groups": ["g:a", "g:b", "system:authenticated"]]
            ),
            (
                "one group as a string", Self.configuration(prefix: "-", groups: "roles"), ["roles": "a"],
                ["username": "alice", "groups": ["a", "system:authenticated"]]
            ),
            (
                "no groups claim", Self.configuration(prefix: "-", groups: "roles"), [:],
                ["username": "alice", "groups": ["system:authenticated"]]
            ),
            (
                "groups that nobody asked for", Self.configuration(prefix: "-"), ["groups": ["a"]],
                ["username": "alice", "groups": ["system:authenticated"]]
            ),
            (
                "the token's id", Self.configuration(prefix: "-"), ["jti": "t1"],
                ["username": "alice", "extra": ["authentication.kubernetes.io/credential-id": ["JTI=t1"]]]
            ),
            ("several audiences", Self.configuration(prefix: "-"), ["aud": ["other", "kubernetes"]], ["username": "alice"]),
            (
                "the second in which it ends", Self.configuration(prefix: "-"), ["exp": .integer(OIDCServer.start.seconds)],
                ["username": "alice"]
            ),
            ("an end with a fraction", Self.configuration(prefix: "-"), ["exp": .number("1800000000.9")], ["username": "alice"]),
            (
                "a beginning a minute ahead", Self.configuration(prefix: "-"), ["nbf": .integer(OIDCServer.start.seconds + 60)],
                ["username": "alice"]
            ),
            (
                "required claims", Self.configuration(prefix: "-", required: ["hd": "example.com", "env": "dev"]),
                ["hd": "example.com", "env": "dev"], ["username": "alice"]
            ),
        ]
        for (title, configuration, claims, expected) in cases {
            let server = try await OIDCServer(configuration, keys: [signer])
            let status = await server.review(try signer.token(OIDCServer.claims(claims))).status
            #expect(status["authenticated"] == true && status["audiences"] == ["https://kubernetes.default.svc"], "\(title): \(status)")
            for member in expected.object?.members ?? [] {
                #expect(status["user"]?[member.key] == member.value, "\(title): \(status)")
            }
        }
    }

    @Test("a refused token: the API server's words, and a step of the trace with both values")
    func refusals() async throws {
        let signer = try await TokenSigner.rsa("k1")
        let seconds = OIDCServer.start.seconds
        let mail = Self.configuration(username: "email")
        let cases: [(OIDCConfiguration, JSON, String)] = [
            (Self.configuration(), ["aud": "other"], "oidc: verify token: oidc: expected audience \"kubernetes\" got [\"other\"]"),
            (Self.configuration(), ["aud": nil], "oidc: verify token: oidc: expected audience \"kubernetes\" got []"),
            (
                Self.configuration(), ["exp": .integer(seconds - 1)],
                "oidc: verify token: oidc: token is expired (Token Expiry: 2027-01-15 07:59:59 +0000 UTC)"
            ),
            (
                Self.configuration(), ["exp": nil],
                "oidc: verify token: oidc: token is expired (Token Expiry: 0001-01-01 00:00:00 +0000 UTC)"
            ),
            (
                Self.configuration(), ["nbf": .integer(seconds + 61)],
                "oidc: verify token: oidc: current time 2027-01-15 08:00:00 +0000 UTC before the nbf (not before) time: 2027-01-15 08:01:01 +0000 UTC"
            ),
            (
                Self.configuration(), ["exp": "soon"],
                "oidc: verify token: oidc: failed to unmarshal claims: json: cannot unmarshal string into Go value of type json.Number"
            ),
            (Self.configuration(username: "upn"), [:], "oidc: parse username claims \"upn\": claim not present"),
            (
                Self.configuration(username: "upn"), ["upn": 7],
                "oidc: parse username claims \"upn\": json: cannot unmarshal number into Go value of type string"
            ),
            (mail, ["email": "a@example.com", "email_verified": false], "oidc: email not verified"),
            (
                mail, ["email": "a@example.com", "email_verified": "true"],
                "oidc: parse 'email_verified' claim: json: cannot unmarshal string into Go value of type bool"
            ),
            (
                Self.configuration(groups: "roles"), ["roles": [1]],
                "oidc: parse groups claim \"roles\": json: cannot unmarshal array into Go value of type string"
            ),
            (
                Self.configuration(groups: "roles"),
                ["_claim_names": ["roles": "s"], "_claim_sources": ["s": ["endpoint": "https://login.example.com/roles"]]],
                "oidc: could not expand distributed claims: distributed claims are not simulated"
            ),
            (Self.configuration(required: ["hd": "x"]), [:], "oidc: required claim hd not present in ID token"),
            (
                Self.configuration(required: ["hd": "x"]), ["hd": "y"],
                "oidc: required claim hd value does not match. Got = y, want = x"
            ),
            (
                Self.configuration(required: ["hd": "x"]), ["hd": ["x"]],
                "oidc: parse claim hd: json: cannot unmarshal array into Go value of type string"
            ),
        ]
        for (configuration, claims, message) in cases {
            let server = try await OIDCServer(configuration, keys: [signer])
            let token = try signer.token(OIDCServer.claims(claims))
            #expect(await server.error(token) == message)
            let failure = await server.review(token).steps.last { $0.verdict == .fail }
            #expect(
                message.contains("unmarshal claims") || failure?.hop == "authn" && failure?.actual != nil, "\(claims): \(failure as Any)")
        }
    }

    @Test("algorithms: only those of the list, and only with a key of their kind")
    func algorithms() async throws {
        let rsa = try await TokenSigner.rsa("k1")
        let curve = TokenSigner.p256("k2")
        let server = try await OIDCServer(Self.configuration(), keys: [rsa, curve])
        #expect(await server.error(try curve.token(OIDCServer.claims())).isEmpty)
        let unsigned = await server.error(try rsa.token(OIDCServer.claims(), header: ["alg": "none"]))
        #expect(unsigned.contains("unsupported algorithm, expected [\"ES256\" \"ES384\"") && unsigned.hasSuffix("got \"none\""))
        #expect(await server.error(try rsa.token(OIDCServer.claims(), header: ["alg": "HS256"])).hasSuffix("got \"HS256\""))
        let refused = "oidc: verify token: failed to verify signature: failed to verify id token signature"
        #expect(await server.error(try rsa.token(OIDCServer.claims(), header: ["alg": "ES256"])) == refused)
        #expect(await server.error(try rsa.token(OIDCServer.claims(), header: ["alg": "RS512"])) == refused)
        #expect(await server.error(try rsa.token(OIDCServer.claims(), header: ["kid": "k2"])) == refused)
        #expect(await server.error(try rsa.token(OIDCServer.claims(), header: ["crit": ["b64"]])) == refused)
        #expect(await server.error(try rsa.token(OIDCServer.claims(), header: ["kid": nil])).isEmpty, "any key may have signed it")
        var forged = Array(try rsa.token(OIDCServer.claims()).utf8)
        forged[forged.count - 20] = forged[forged.count - 20] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        #expect(await server.error(String(decoding: forged, as: UTF8.self)) == refused)
    }

    @Test("another issuer's token is nobody's; without an associated provider the trace says how to associate one")
    func issuers() async throws {
        let signer = try await TokenSigner.rsa("k1")
        let server = try await OIDCServer(Self.configuration(), keys: [signer])
        let foreign = try signer.token(OIDCServer.claims(["iss": "https://elsewhere.example.com"]))
        #expect(await server.error(foreign) == "invalid bearer token")
        let step = await server.review(foreign).steps.first { $0.check == "OIDC iss" }
        #expect(step?.expected == OIDCServer.issuer && step?.actual == "https://elsewhere.example.com")
        #expect(server.documents.asked.isEmpty)
        for text in ["a.b", "a.b.c", "\(Array(repeating: "x", count: 9).joined()).e30.", ""] where !text.isEmpty {
            #expect(await server.error(text) == "invalid bearer token")
        }
        server.settings.set(nil)
        let steps = await server.review(try signer.token(OIDCServer.claims())).steps
        #expect(steps.contains { $0.fix?.contains("associate-identity-provider-config --cluster-name demo") == true })
        #expect(await server.review(foreign, audiences: ["vault"]).status["authenticated"] == nil)
    }

    @Test("the documents are fetched once; a failed discovery is tried again after ten seconds")
    func discovery() async throws {
        let signer = try await TokenSigner.rsa("k1")
        let server = try await OIDCServer(Self.configuration(), keys: [signer], life: "public, max-age=3600")
        let token = try signer.token(OIDCServer.claims())
        server.documents.fail("no route to host")
        #expect(await server.error(token) == "oidc: authenticator not initialized")
        server.documents.fail(nil)
        #expect(await server.error(token) == "oidc: authenticator not initialized")
        let step = await server.review(token).steps.last { $0.verdict == .fail && $0.check == "OIDC discovery" }
        #expect(step?.actual == "no route to host; tried again after 2027-01-15T08:00:10Z")
        await server.world.advance(by: .seconds(10))
        for _ in 0..<3 { #expect(await server.error(token).isEmpty) }
        #expect(server.documents.asked == ["openid-configuration", "openid-configuration", "keys"])
    }

    @Test("a document of another issuer is not believed")
    func wrongDocument() async throws {
        let signer = try await TokenSigner.rsa("k1")
        let server = try await OIDCServer(Self.configuration(), keys: [signer])
        server.documents.name(issuer: "https://evil.example.com")
        let token = try signer.token(OIDCServer.claims())
        #expect(await server.error(token) == "oidc: authenticator not initialized")
    }

    @Test(
        "rotated keys are found at once when the old ones may not be kept, else when their life ends",
        arguments: [(life: String?.none, wait: 0), (life: "max-age=3600", wait: 3571), (life: "s-maxage=60, max-age=9", wait: 31)])
    func rotation(life: String?, wait: Int) async throws {
        let old = TokenSigner.p256("old")
        let new = TokenSigner.p256("new")
        let server = try await OIDCServer(Self.configuration(), keys: [old], life: life)
        let claims = OIDCServer.claims(["exp": .integer(OIDCServer.start.seconds + 86_400)])
        #expect(await server.error(try old.token(claims)).isEmpty)
        server.documents.rotate(to: [try new.json()])
        if wait > 0 {
            await server.world.advance(by: .seconds(wait - 1))
            #expect(await server.error(try new.token(claims)).hasSuffix("failed to verify id token signature"))
            let step = await server.review(try new.token(claims)).steps.last { $0.verdict == .fail && $0.check == "OIDC kid" }
            #expect(step?.actual == "new" && step?.expected?.contains("[\"old\"], kept until") == true)
            #expect(server.documents.asked == ["openid-configuration", "keys"])
            await server.world.advance(by: .seconds(1))
        }
        #expect(await server.error(try new.token(claims)).isEmpty)
        #expect(await server.error(try old.token(claims)).hasSuffix("failed to verify id token signature"))
    }
}
