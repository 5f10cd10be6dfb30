import EKSSim
import IAMAuthenticator
import IAMPolicy
import JSON
import PKI
import RBAC
import Testing
import World

/// Property: whatever the bytes, a parser answers within bounds. Seeds are fixed; what a parser accepts is used once, so that what it made is
/// sound as well.
@Suite("Parsers of untrusted text", .serialized)
struct ParserFuzzTests {
    /// One parser with texts to start from.
    struct Target: Sendable, CustomTestStringConvertible {
        let name: String
        let seeds: [String]
        let words: [String]
        let parse: @Sendable (String) -> Void
        var testDescription: String { name }
    }

    private static let now = Instant(seconds: 1_795_478_400)
    private static let url =
        "https://sts.ap-northeast-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        + "&X-Amz-Credential=AKIA%2F20261124%2Fap-northeast-1%2Fsts%2Faws4_request&X-Amz-Date=20261124T000000Z&X-Amz-Expires=60"
        + "&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=00"

    private static let key = try? ServiceAccountKey(secret: [1])
    private static let jwt = (try? key?.sign(claims: Array(#"{"iss":"i","aud":["a"],"exp":1}"#.utf8))) ?? ""
    private static let jwks = String(decoding: (try? key?.jwks()) ?? [], as: UTF8.self)

    static let targets = [
        Target(name: "token", seeds: [TokenForge.token(url), "k8s-aws-v1.", "k8s-aws-v1.aHR0cA"], words: ["k8s-aws-v1.", "=", "-_", "+/"]) {
            text in
            guard let partition = Partition.named("aws") else { return }
            var steps: [TraceStep] = []
            _ = try? TokenVerifier(partition: partition, region: "ap-northeast-1", tellsEveryCheck: true).verify(
                text, at: now, steps: &steps)
            _ = TokenInspection.local(text, at: now).text()
        },
        Target(
            name: "URL", seeds: [url, "http://[::1]:80/a%20b?x=%41&y", "s3://h"],
            words: ["%", "%zz", "?", "&", "=", "@", "[", "]", "://", "#"]
        ) { text in
            _ = PresignedURL(text)?.queryPairs
        },
        Target(
            name: "aws-auth",
            seeds: [
                "- rolearn: arn:aws:iam::111122223333:role/r\n  username: u:{{SessionName}}\n  groups: [a, system:masters]\n",
                "- userarn: &a arn:aws:iam::1:user/u\n  groups:\n  - *a\n- sso: {permissionSetName: x, accountID: '1'}\n",
            ], words: ["- ", "\n", "  ", "&a ", "*a", "<<: ", "{", "}", "[", "]", "|\n", "!!", "{{", "}}", "? ", "\u{FEFF}"]
        ) { text in
            let map = AWSAuthConfigMap(data: ["mapRoles": text, "mapUsers": text, "mapAccounts": text])
            _ = map.problems
            let access = ClusterAccess(clusterName: "c", accountID: "1", mode: .apiAndConfigMap, awsAuth: ["mapRoles": text])
            _ = AccessLint(access).text()
        },
        Target(name: "JWT", seeds: [jwt, "e30.e30.", "a.b"], words: [".", "=", "-_", "e30", "eyJhbGciOiJub25lIn0", "\u{0}"]) { text in
            _ = try? key?.verify(text)
            _ = try? (key?.jwks()).flatMap { JSONWebKeySet($0) }?.verify(text)
        },
        Target(name: "JWKS", seeds: [jwks, #"{"keys":[{"kty":"RSA"}]}"#], words: ["{", "}", "[", "]", "\"", "n", "AQAB", "kty", "EC"]) {
            text in
            _ = JSONWebKeySet(Array(text.utf8))
        },
        Target(
            name: "trust policy",
            seeds: [
                """
                {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::1:root"]},"Action":"sts:*",
                "Condition":{"ForAnyValue:StringLike":{"sts:ExternalId":["a*?${aws:username}"]},"DateLessThan":{"aws:CurrentTime":"2026-01-01"},
                "IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"NumericEqualsIfExists":{"x":1},"Null":{"y":"true"}}}]}
                """,
                "{\"Statement\":{\"Effect\":\"Deny\",\"NotPrincipal\":\"*\",\"NotAction\":[\"*\"]}}",
            ], words: ["{", "}", "[", "]", "\"", ",", ":", "${", "}", "*", "?", "\\u0000", "IfExists", "Not"]
        ) { text in
            guard let document = try? PolicyDocument(parsing: text, isTrust: true) else { return }
            let request = PolicyRequest(
                action: "sts:AssumeRole",
                principal: .aws(arn: "arn:aws:sts::1:assumed-role/r/s", roleARN: "arn:aws:iam::1:role/r", accountID: "1"),
                context: [
                    "sts:ExternalId": ["aab", "x"], "aws:username": ["u"], "aws:SourceIp": ["10.1.1.1"],
                    "aws:CurrentTime": ["2025-01-01T00:00:00Z"],
                ])
            _ = PolicyEvaluation.evaluate([("p", document)], request)
            if let principal = request.principal { _ = document.grant(to: principal, request) }
        },
        Target(
            name: "plan of a rehearsal",
            seeds: [
                "authenticationMode: API\nawsAuth: {mapRoles: x}\naccessEntries:\n  create: [{principalArn: 'arn:aws:iam::1:role/r', type: EC2_LINUX}]\n",
                "accessPolicies:\n  associate: [{principalArn: 'arn:aws:iam::1:role/r', policyArn: AmazonEKSViewPolicy}]\n",
            ], words: ["\n", "  ", "- ", ": ", "{", "}", "[", "]", "null", "delete", "update"]
        ) { text in
            let access = ClusterAccess(clusterName: "c", accountID: "1", mode: .apiAndConfigMap, knowsPrincipals: false)
            _ = try? AccessPlan(parsing: text).applied(to: access)
        },
    ]

    @Test("no text crashes it or holds it up", arguments: targets)
    func bounded(_ target: Target) {
        let mutator = Mutator(seed: 99, words: target.words)
        let clock = ContinuousClock()
        var slowest = Duration.zero
        var pool = target.seeds
        for round in 0..<Cases.count(1500) {
            var text = mutator.mutate(pool[round % pool.count])
            // Now and then a very long one, and what was made before goes on being changed.
            if round % 97 == 0 {
                text = String(repeating: target.words[mutator.next(target.words.count)], count: 1 << mutator.next(16)) + text
            }
            let start = clock.now
            target.parse(text)
            slowest = max(slowest, clock.now - start)
            if text.utf8.count < 4096, round % 5 == 0 { pool.append(text) }
            if pool.count > 200 { pool.removeSubrange(target.seeds.count..<100) }
        }
        #expect(slowest < .seconds(5), "the slowest text took \(slowest)")
    }
}
