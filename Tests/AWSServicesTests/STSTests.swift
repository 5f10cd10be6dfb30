import HTTP
import JSON
import Testing
import World

@Suite("STS")
struct STSTests {
    @Test("GetCallerIdentity tells a user in XML, and in JSON when asked to")
    func identity() async throws {
        let simulation = try await Simulation()
        let xml = await simulation.call("sts", "GetCallerIdentity")
        let arn = "arn:aws:iam::\(Simulation.account):user/eks-sim"
        #expect(xml.status == 200 && xml.field("Arn") == arn && xml.field("Account") == Simulation.account)
        #expect(xml.field("UserId")?.hasPrefix("AIDA") == true && xml.headers["Content-Type"] == "text/xml")
        #expect(xml.field("RequestId") == xml.headers["x-amzn-RequestId"])
        let json = await simulation.call("sts", "GetCallerIdentity", headers: [("Accept", "application/json")]).json
        #expect(json.at("GetCallerIdentityResponse", "GetCallerIdentityResult", "Arn")?.string == arn)
    }

    @Test("a presigned GetCallerIdentity works over GET with a signed cluster header, for fifteen minutes whatever it says")
    func presigned() async throws {
        let simulation = try await Simulation()
        let query = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]
        for expires in [0, 60, 900] {
            for (age, want) in [(0, "200"), (899, "200"), (901, "403 SignatureDoesNotMatch"), (-301, "403 SignatureDoesNotMatch")] {
                var signer = simulation.signer("sts")
                signer.date = simulation.world.now - .seconds(age)
                let request = signer.presign(query, expires: expires, headers: [("x-k8s-aws-id", "demo")])
                #expect(await simulation.send(request).verdict == want, "X-Amz-Expires=\(expires), \(age) s old")
            }
        }
        var foreign = simulation.signer("sts").presign(query, headers: [("x-k8s-aws-id", "demo")])
        foreign.headers["x-k8s-aws-id"] = "other"
        #expect(await simulation.send(foreign).verdict == "403 SignatureDoesNotMatch")
    }

    @Test("AssumeRole follows the trust policy")
    func trust() async throws {
        let simulation = try await Simulation()
        let user = "arn:aws:iam::\(Simulation.account):user"
        let ann = await simulation.makeUser("ann")
        let bob = await simulation.makeUser("bob", allowing: "sts:AssumeRole")
        let named = await simulation.makeRole("named", trusting: ["AWS": .string("\(user)/ann")], path: "/teams/")
        let root = await simulation.makeRole("root", trusting: ["AWS": .string("arn:aws:iam::\(Simulation.account):root")])
        let service = await simulation.makeRole("service")
        let external = await simulation.makeRole("external")
        _ = await simulation.iam(
            "UpdateAssumeRolePolicy", ("RoleName", "external"),
            (
                "PolicyDocument",
                """
                {"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"\(user)/ann"},"Action":"sts:AssumeRole",
                "Condition":{"StringEquals":{"sts:ExternalId":"42"}}}}
                """
            ))
        for (role, key, name, want) in [
            (named, ann, "ann, who is named", "200"), (named, bob, "bob, whom nothing trusts", "403 AccessDenied"),
            (root, ann, "ann, whose own policies are silent", "403 AccessDenied"), (root, bob, "bob, by the account and his policy", "200"),
            (service, ann, "a role for a service", "403 AccessDenied"), (external, ann, "no external id", "403 AccessDenied"),
            ("arn:aws:iam::\(Simulation.account):role/none", bob, "no role", "403 AccessDenied"),
            ("arn:aws:iam::\(Simulation.account):role/named", ann, "the path left out", "403 AccessDenied"),
            ("named", ann, "no ARN", "400 ValidationError"),
        ] {
            let (answer, _) = await simulation.assume(role, as: key)
            #expect(answer.verdict == want, "\(name): \(answer.text)")
            #expect(answer.status == 200 || answer.refusal != nil, "\(name)")
            if want == "403 AccessDenied" {
                #expect(answer.message.contains("is not authorized to perform: sts:AssumeRole on resource: \(role)"))
            }
        }
        #expect(await simulation.assume(external, as: ann, ("ExternalId", "42")).0.status == 200)
        let fix = await simulation.assume(service, as: ann).0.refusal?.fix
        #expect(fix?.hasPrefix("aws iam update-assume-role-policy --role-name service --policy-document '{") == true)
        #expect(await simulation.assume(named, as: ann, session: "a b").0.verdict == "400 ValidationError")
    }

    @Test("a session has the role without path, the role's id, and dies on the clock; its key is useless without the token")
    func session() async throws {
        let simulation = try await Simulation()
        let ann = await simulation.makeUser("ann")
        let role = await simulation.makeRole(
            "dev", trusting: ["AWS": .string("arn:aws:iam::\(Simulation.account):user/ann")], path: "/teams/")
        let (answer, session) = await simulation.assume(role, as: ann, session: "ann@example.com", ("DurationSeconds", "900"))
        let arn = "arn:aws:sts::\(Simulation.account):assumed-role/dev/ann@example.com"
        #expect(answer.field("Arn") == arn && session.id.hasPrefix("ASIA") && answer.field("Expiration") == "2026-11-24T00:15:00Z")
        #expect(
            answer.field("AssumedRoleId")?.hasPrefix("AROA") == true && answer.field("AssumedRoleId")?.hasSuffix(":ann@example.com") == true
        )
        #expect(await simulation.call("sts", "GetCallerIdentity", as: session).field("Arn") == arn)
        var bare = session
        bare.token = nil
        #expect(await simulation.call("sts", "GetCallerIdentity", as: bare).verdict == "403 InvalidClientTokenId")
        await simulation.world.advance(by: .seconds(899))
        #expect(await simulation.call("sts", "GetCallerIdentity", as: session).status == 200)
        await simulation.world.advance(by: .seconds(1))
        #expect(await simulation.call("sts", "GetCallerIdentity", as: session).verdict == "403 ExpiredToken")
        #expect(await simulation.eks("GET", "/clusters", as: session).verdict == "403 ExpiredTokenException")
    }

    @Test("durations: 900 s to the role's maximum, an hour when chaining")
    func durations() async throws {
        let simulation = try await Simulation()
        let account: JSON = ["AWS": .string("arn:aws:iam::\(Simulation.account):root")]
        let document = Simulation.trust(account)
        let arn =
            await simulation.iam(
                "CreateRole", ("RoleName", "long"), ("AssumeRolePolicyDocument", document), ("MaxSessionDuration", "7200")
            ).field("Arn") ?? ""
        _ = await simulation.iam(
            "PutRolePolicy", ("RoleName", "long"), ("PolicyName", "p"), ("PolicyDocument", Simulation.allow("sts:AssumeRole")))
        let (_, session) = await simulation.assume(arn)
        for (seconds, chained, want) in [
            ("899", false, "400 ValidationError"), ("7200", false, "200"), ("7201", false, "400 ValidationError"),
            ("x", false, "400 ValidationError"), ("3600", true, "200"), ("3601", true, "400 ValidationError"),
        ] {
            let (answer, _) = await simulation.assume(arn, as: chained ? session : nil, ("DurationSeconds", seconds))
            #expect(answer.verdict == want, "\(seconds), chained \(chained)")
        }
    }

    @Test("a session policy only narrows, and a session outlived by its role may do nothing, even when the role is made again")
    func narrowing() async throws {
        let simulation = try await Simulation()
        let trust: JSON = ["AWS": .string("arn:aws:iam::\(Simulation.account):user/eks-sim")]
        let role = await simulation.makeRole("dev", trusting: trust)
        let permit = { () async in
            _ = await simulation.iam(
                "PutRolePolicy", ("RoleName", "dev"), ("PolicyName", "p"), ("PolicyDocument", Simulation.allow("eks:*")))
        }
        await permit()
        let (_, narrow) = await simulation.assume(role, ("Policy", Simulation.allow("eks:DescribeCluster")))
        #expect(await simulation.eks("GET", "/clusters", as: narrow).verdict == "403 AccessDeniedException")
        #expect(await simulation.eks("GET", "/clusters/none", as: narrow).verdict == "404 ResourceNotFoundException")
        #expect(await simulation.assume(role, ("Policy", "{")).0.verdict == "400 MalformedPolicyDocument")
        let (_, session) = await simulation.assume(role)
        #expect(await simulation.eks("GET", "/clusters", as: session).status == 200)
        _ = await simulation.iam("DeleteRolePolicy", ("RoleName", "dev"), ("PolicyName", "p"))
        _ = await simulation.iam("DeleteRole", ("RoleName", "dev"))
        #expect(await simulation.eks("GET", "/clusters", as: session).verdict == "403 AccessDeniedException")
        _ = await simulation.makeRole("dev", trusting: trust)
        await permit()
        #expect(await simulation.eks("GET", "/clusters", as: session).verdict == "403 AccessDeniedException")
        #expect(await simulation.call("sts", "GetCallerIdentity", as: session).status == 200)
    }
}
