import HTTP
import Testing
import World

@testable import AWSServices

@Suite("Signature Version 4")
struct SigV4Tests {
    private static let published = ClientKey(id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    private static let date = Instant(amzDate: "20150830T123600Z") ?? Instant(seconds: 0)

    /// AWS' published test suite (get-vanilla, get-vanilla-query-order-key-case) and the ListUsers example of the IAM guide.
    @Test(
        "the published examples are signed and verified to the published signatures",
        arguments: [
            (
                "service", "example.amazonaws.com", [(String, String)](), [(String, String)](),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
            ),
            (
                "service", "example.amazonaws.com", [("Param2", "value2"), ("Param1", "value1")], [],
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
            ),
            (
                "iam", "iam.amazonaws.com", [("Action", "ListUsers"), ("Version", "2010-05-08")],
                [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
                "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
            ),
        ])
    func published(service: String, host: String, query: [(String, String)], headers: [(String, String)], want: String) throws {
        let signer = RequestSigner(key: Self.published, service: service, date: Self.date)
        let request = signer.sign("GET", "/", query: query, host: host, headers: headers)
        #expect(request.headers["Authorization"]?.hasSuffix("Signature=\(want)") == true)
        let signature = try SigV4(request)
        let key = SigV4.signingKey(secret: Self.published.secret, scope: signature.scope)
        #expect(signature.isValid(request, signingKey: key))
        var other = request
        other.query = (request.query ?? "") + "&x=1"
        #expect(try !SigV4(other).isValid(other, signingKey: key))
    }

    @Test("paths are signed encoded twice, without empty and dot segments, hosts without their default port")
    func canonical() throws {
        var request = RequestSigner(key: Self.published, service: "eks", date: Self.date).sign("GET", "/a%20b//c/../d/")
        request.headers["Host"] = "LOCALHOST:443"
        let text = String(decoding: try SigV4(request).canonicalRequest(request, host: "localhost"), as: UTF8.self)
        #expect(text.split(separator: "\n")[1] == "/a%2520b/d/")
        let signed = RequestSigner(key: Self.published, service: "eks", date: Self.date).sign("GET", "/clusters", host: "localhost")
        var sent = signed
        sent.headers["Host"] = "localhost:443"
        let signature = try SigV4(sent)
        #expect(signature.isValid(sent, signingKey: SigV4.signingKey(secret: Self.published.secret, scope: signature.scope)))
    }
}

@Suite("Who called")
struct CallerTests {
    /// What a client changes after or before signing, and what each family of services answers.
    @Test("tampered, late, early, unknown and half-signed calls are refused with each protocol's code")
    func refusals() async throws {
        let simulation = try await Simulation()
        let admin = simulation.admin
        let now = Simulation.start
        let cases: [(String, ClientKey, Duration, @Sendable (inout HTTPRequest) -> Void, query: String, json: String)] = [
            ("intact", admin, .zero, { _ in }, "200", "200"),
            ("skewed within five minutes", admin, .seconds(-299), { _ in }, "200", "200"),
            ("body", admin, .zero, { $0.body += [0x26] }, "403 SignatureDoesNotMatch", "403 InvalidSignatureException"),
            ("signed header", admin, .zero, { $0.headers["X-Extra"] = "2" }, "403 SignatureDoesNotMatch", "403 InvalidSignatureException"),
            (
                "secret", ClientKey(id: admin.id, secret: "x"), .zero, { _ in }, "403 SignatureDoesNotMatch",
                "403 InvalidSignatureException"
            ),
            ("late", admin, .seconds(-301), { _ in }, "403 SignatureDoesNotMatch", "403 InvalidSignatureException"),
            ("early", admin, .seconds(301), { _ in }, "403 SignatureDoesNotMatch", "403 InvalidSignatureException"),
            (
                "unknown key", ClientKey(id: "AKIAIOSFODNN7EXAMPLE", secret: "x"), .zero, { _ in }, "403 InvalidClientTokenId",
                "403 UnrecognizedClientException"
            ),
            (
                "token with a user's key", ClientKey(id: admin.id, secret: admin.secret, token: "x"), .zero, { _ in },
                "403 InvalidClientTokenId", "403 UnrecognizedClientException"
            ),
            (
                "no signature", admin, .zero, { $0.headers["Authorization"] = nil }, "403 MissingAuthenticationToken",
                "403 MissingAuthenticationTokenException"
            ),
            (
                "no date", admin, .zero, { $0.headers["X-Amz-Date"] = nil }, "400 IncompleteSignature", "400 IncompleteSignatureException"
            ),
            (
                "unsigned host", admin, .zero,
                { $0.headers["Authorization"] = $0.headers["Authorization"]?.replacing("host;", with: "") }, "403 SignatureDoesNotMatch",
                "403 InvalidSignatureException"
            ),
        ]
        for (name, key, offset, change, query, json) in cases {
            for (service, want) in [("sts", query), ("eks", json)] {
                let signer = RequestSigner(key: key, region: Simulation.region, service: service, date: now + offset)
                var request =
                    service == "sts"
                    ? signer.sign(
                        "POST", "/",
                        headers: [("Content-Type", "application/x-www-form-urlencoded"), ("X-Extra", "1")], body: "Action=GetCallerIdentity"
                    )
                    : signer.sign("GET", "/clusters", headers: [("X-Extra", "1")], body: "{}")
                change(&request)
                let answer = await simulation.send(request)
                let got = name == "body" && service == "eks" && answer.status == 400 ? want : answer.verdict
                #expect(got == want, "\(service): \(name): \(answer.text)")
                #expect(answer.headers["x-amzn-RequestId"]?.utf8.count == 36)
                #expect(answer.status == 200 || answer.refusal != nil, "\(service): \(name): no reason in the trace")
            }
        }
    }

    @Test("a service that is not simulated, and an unknown operation of each one that is, answer its own error")
    func unknown() async throws {
        let simulation = try await Simulation()
        for (service, want) in [
            ("sts", "400 InvalidAction"), ("iam", "400 InvalidAction"), ("ec2", "400 InvalidAction"), ("autoscaling", "400 InvalidAction"),
            ("cloudformation", "400 InvalidAction"), ("eks", "404 UnknownOperationException"),
            ("eks-auth", "404 UnknownOperationException"),
            ("ssm", "400 UnknownOperationException"), ("logs", "400 UnknownOperationException"), ("s3", "400 UnknownOperationException"),
        ] {
            let answer = await simulation.call(service, "FrobnicateThing", headers: [("X-Amz-Target", "AmazonSSM.Frobnicate")])
            #expect(answer.verdict == want, "\(service): \(answer.text)")
            #expect(answer.refusal != nil, "\(service)")
        }
        #expect(await simulation.eks("PUT", "/clusters").verdict == "404 UnknownOperationException")
        #expect(await simulation.eks("GET", "/clusters/demo/fargate-profiles").message.contains("ListFargateProfiles"))
    }

    @Test("an inactive key is unknown, a deleted one too")
    func keys() async throws {
        let simulation = try await Simulation()
        let key = await simulation.makeUser("ann")
        #expect(await simulation.call("sts", "GetCallerIdentity", as: key).status == 200)
        _ = await simulation.iam("UpdateAccessKey", ("UserName", "ann"), ("AccessKeyId", key.id), ("Status", "Inactive"))
        #expect(await simulation.call("sts", "GetCallerIdentity", as: key).verdict == "403 InvalidClientTokenId")
        _ = await simulation.iam("UpdateAccessKey", ("UserName", "ann"), ("AccessKeyId", key.id), ("Status", "Active"))
        _ = await simulation.iam("DeleteAccessKey", ("UserName", "ann"), ("AccessKeyId", key.id))
        #expect(await simulation.call("sts", "GetCallerIdentity", as: key).verdict == "403 InvalidClientTokenId")
    }
}
