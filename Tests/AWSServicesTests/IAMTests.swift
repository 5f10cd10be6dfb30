import JSON
import Testing
import World

@Suite("IAM")
struct IAMTests {
    private static let user = "arn:aws:iam::\(Simulation.account):user"

    @Test("users: create, read, list by path in pages, delete; a caller without name reads itself")
    func users() async throws {
        let simulation = try await Simulation()
        let made = await simulation.iam(
            "CreateUser", ("UserName", "ann"), ("Path", "/dev/"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "a&b"))
        #expect(made.field("Arn") == "\(Self.user)/dev/ann" && made.field("CreateDate") == "2026-11-24T00:00:00Z")
        #expect(
            made.field("UserId")?.hasPrefix("AIDA") == true && made.field("UserId")?.utf8.count == 21 && made.field("Value") == "a&amp;b")
        #expect(await simulation.iam("CreateUser", ("UserName", "ann")).verdict == "409 EntityAlreadyExists")
        #expect(await simulation.iam("CreateUser", ("UserName", "a/b")).verdict == "400 ValidationError")
        #expect(await simulation.iam("CreateUser").verdict == "400 ValidationError")
        #expect(await simulation.iam("GetUser").field("UserName") == "eks-sim")
        #expect(await simulation.iam("GetUser", ("UserName", "bob")).verdict == "404 NoSuchEntity")
        _ = await simulation.iam("CreateUser", ("UserName", "bob"))
        #expect(await simulation.iam("ListUsers", ("PathPrefix", "/dev/")).fields("UserName") == ["ann"])
        let first = await simulation.iam("ListUsers", ("MaxItems", "2"))
        #expect(first.fields("UserName") == ["ann", "bob"] && first.field("IsTruncated") == "true")
        let second = await simulation.iam("ListUsers", ("MaxItems", "2"), ("Marker", first.field("Marker") ?? ""))
        #expect(second.fields("UserName") == ["eks-sim"] && second.field("IsTruncated") == "false" && second.field("Marker") == nil)
        #expect(await simulation.iam("ListUsers", ("Marker", "zz")).verdict == "400 ValidationError")
        #expect(await simulation.iam("ListUsers", ("MaxItems", "0")).verdict == "400 ValidationError")
        #expect(await simulation.iam("DeleteUser", ("UserName", "bob")).status == 200)
        #expect(await simulation.iam("DeleteUser", ("UserName", "bob")).verdict == "404 NoSuchEntity")
    }

    @Test("access keys: at most two, listed without secrets, one's own without a name, and in the way of deleting the user")
    func accessKeys() async throws {
        let simulation = try await Simulation()
        let key = await simulation.makeUser("ann", allowing: "iam:*")
        #expect(key.id.hasPrefix("AKIA") && key.secret.utf8.count == 40)
        let second = await simulation.iam("CreateAccessKey", as: key)
        #expect(second.field("UserName") == "ann")
        #expect(await simulation.iam("CreateAccessKey", ("UserName", "ann")).verdict == "409 LimitExceeded")
        let listed = await simulation.iam("ListAccessKeys", ("UserName", "ann"))
        #expect(listed.fields("AccessKeyId").count == 2 && !listed.text.contains("Secret"))
        #expect(await simulation.iam("DeleteUser", ("UserName", "ann")).verdict == "409 DeleteConflict")
        #expect(await simulation.iam("UpdateAccessKey", ("AccessKeyId", key.id), ("Status", "Active")).verdict == "404 NoSuchEntity")
        let status = await simulation.iam("UpdateAccessKey", ("UserName", "ann"), ("AccessKeyId", key.id), ("Status", "Off"))
        #expect(status.verdict == "400 ValidationError")
        for id in listed.fields("AccessKeyId") {
            #expect(await simulation.iam("DeleteAccessKey", ("UserName", "ann"), ("AccessKeyId", id)).status == 200)
        }
        #expect(await simulation.iam("DeleteUser", ("UserName", "ann")).verdict == "409 DeleteConflict")
        _ = await simulation.iam("DeleteUserPolicy", ("UserName", "ann"), ("PolicyName", "p"))
        #expect(await simulation.iam("DeleteUser", ("UserName", "ann")).status == 200)
        let role = await simulation.makeRole("r", trusting: ["AWS": .string("\(Self.user)/eks-sim")])
        _ = await simulation.iam("PutRolePolicy", ("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", Simulation.allow("*")))
        let (_, session) = await simulation.assume(role)
        #expect(await simulation.iam("GetUser", as: session).verdict == "400 ValidationError")
    }

    @Test("roles: documents come back as sent, deleting waits for policies, a role made again has another id")
    func roles() async throws {
        let simulation = try await Simulation()
        let arn = await simulation.makeRole("r", path: "/a/b/")
        #expect(arn == "arn:aws:iam::\(Simulation.account):role/a/b/r")
        let role = await simulation.iam("GetRole", ("RoleName", "r"))
        #expect(role.field("MaxSessionDuration") == "3600" && role.field("AssumeRolePolicyDocument")?.hasPrefix("%7B%22Version%22") == true)
        for (action, parameters, want) in [
            ("CreateRole", [("RoleName", "r"), ("AssumeRolePolicyDocument", Simulation.trust("*"))], "409 EntityAlreadyExists"),
            ("CreateRole", [("RoleName", "s")], "400 ValidationError"),
            ("CreateRole", [("RoleName", "s"), ("AssumeRolePolicyDocument", "{")], "400 MalformedPolicyDocument"),
            ("CreateRole", [("RoleName", "s"), ("AssumeRolePolicyDocument", Simulation.allow("*"))], "400 MalformedPolicyDocument"),
            (
                "CreateRole", [("RoleName", "s"), ("AssumeRolePolicyDocument", Simulation.trust("*")), ("MaxSessionDuration", "10")],
                "400 ValidationError"
            ),
            ("CreateRole", [("RoleName", "s"), ("AssumeRolePolicyDocument", Simulation.trust("*")), ("Path", "x")], "400 ValidationError"),
            ("UpdateRole", [("RoleName", "r"), ("MaxSessionDuration", "7200"), ("Description", "d")], "200"),
            ("GetRole", [("RoleName", "none")], "404 NoSuchEntity"), ("ListInstanceProfilesForRole", [("RoleName", "r")], "200"),
            ("UpdateAssumeRolePolicy", [("RoleName", "r"), ("PolicyDocument", Simulation.trust("*"))], "200"),
            ("UpdateAssumeRolePolicy", [("RoleName", "none"), ("PolicyDocument", Simulation.trust("*"))], "404 NoSuchEntity"),
            ("TagRole", [("RoleName", "r"), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "1")], "200"),
            ("TagRole", [("RoleName", "r"), ("Tags.member.1.Key", "aws:a"), ("Tags.member.1.Value", "1")], "400 InvalidInput"),
            ("AttachRolePolicy", [("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "200"),
            ("DeleteRole", [("RoleName", "r")], "409 DeleteConflict"),
            ("DetachRolePolicy", [("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "200"),
            ("DetachRolePolicy", [("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], "404 NoSuchEntity"),
        ] as [(String, [(String, String)], String)] {
            let answer = await simulation.call("iam", action, parameters)
            #expect(answer.verdict == want, "\(action) \(parameters): \(answer.text)")
        }
        let again = await simulation.iam("GetRole", ("RoleName", "r"))
        #expect(again.field("MaxSessionDuration") == "7200" && again.field("Description") == "d" && again.field("Key") == "a")
        #expect(await simulation.iam("ListRoleTags", ("RoleName", "r")).fields("Key") == ["a"])
        _ = await simulation.iam("UntagRole", ("RoleName", "r"), ("TagKeys.member.1", "a"))
        #expect(await simulation.iam("ListRoleTags", ("RoleName", "r")).fields("Key") == [])
        #expect(await simulation.iam("ListRoles", ("PathPrefix", "/a/")).fields("RoleName") == ["r"])
        #expect(await simulation.iam("DeleteRole", ("RoleName", "r")).status == 200)
        _ = await simulation.makeRole("r")
        #expect(await simulation.iam("GetRole", ("RoleName", "r")).field("RoleId") != role.field("RoleId"))
    }

    @Test("inline policies of users and roles", arguments: ["User", "Role"])
    func inline(kind: String) async throws {
        let simulation = try await Simulation()
        _ = await simulation.makeUser("x")
        _ = await simulation.makeRole("x")
        let owner = ("\(kind)Name", "x")
        let document = "{\"Version\":\"2012-10-17\", \"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"eks:*\",\"Resource\":\"<*>\"}]}"
        let put = { (name: String, text: String) async in
            await simulation.iam("Put\(kind)Policy", owner, ("PolicyName", name), ("PolicyDocument", text)).verdict
        }
        #expect(await put("b", document) == "200")
        #expect(await put("a", Simulation.allow("s3:*")) == "200")
        #expect(await put("c", "nonsense") == "400 MalformedPolicyDocument")
        #expect(await put("c", Simulation.trust("*")) == "400 MalformedPolicyDocument")
        #expect(await put("c", Simulation.allow(String(repeating: "s3:Get", count: 2000))) == "409 LimitExceeded")
        #expect(await simulation.iam("List\(kind)Policies", owner).fields("member") == ["a", "b"])
        let read = await simulation.iam("Get\(kind)Policy", owner, ("PolicyName", "b"))
        #expect(read.field("PolicyDocument")?.hasPrefix("%7B%22Version%22%3A%222012-10-17%22%2C%20%22Statement") == true)
        #expect(await simulation.iam("Get\(kind)Policy", owner, ("PolicyName", "c")).verdict == "404 NoSuchEntity")
        #expect(await simulation.iam("Delete\(kind)Policy", owner, ("PolicyName", "b")).status == 200)
        #expect(await simulation.iam("Delete\(kind)Policy", owner, ("PolicyName", "b")).verdict == "404 NoSuchEntity")
        #expect(await simulation.iam("List\(kind)Policies", ("\(kind)Name", "none")).verdict == "404 NoSuchEntity")
    }

    @Test("managed policies: created, attached, counted, and not deleted while attached; AWS' own resolve")
    func managed() async throws {
        let simulation = try await Simulation()
        let ann = await simulation.makeUser("ann")
        let made = await simulation.iam(
            "CreatePolicy", ("PolicyName", "p"), ("Path", "/x/"), ("PolicyDocument", Simulation.allow("eks:ListClusters")))
        let arn = "arn:aws:iam::\(Simulation.account):policy/x/p"
        #expect(made.field("Arn") == arn && made.field("PolicyId")?.hasPrefix("ANPA") == true)
        #expect(await simulation.eks("GET", "/clusters", as: ann).verdict == "403 AccessDeniedException")
        _ = await simulation.iam("AttachUserPolicy", ("UserName", "ann"), ("PolicyArn", arn))
        #expect(await simulation.eks("GET", "/clusters", as: ann).status == 200)
        let aws = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
        for (action, parameters, want) in [
            ("CreatePolicy", [("PolicyName", "p"), ("PolicyDocument", Simulation.allow("*"))], "409 EntityAlreadyExists"),
            ("CreatePolicy", [("PolicyName", "q"), ("PolicyDocument", "[]")], "400 MalformedPolicyDocument"),
            ("GetPolicy", [("PolicyArn", arn)], "200"), ("GetPolicy", [("PolicyArn", aws)], "200"),
            ("GetPolicy", [("PolicyArn", "\(arn)x")], "404 NoSuchEntity"),
            ("GetPolicyVersion", [("PolicyArn", aws), ("VersionId", "v1")], "200"),
            ("GetPolicyVersion", [("PolicyArn", aws), ("VersionId", "v2")], "404 NoSuchEntity"),
            ("ListPolicyVersions", [("PolicyArn", arn)], "200"),
            ("AttachUserPolicy", [("UserName", "ann"), ("PolicyArn", "\(aws)x")], "404 NoSuchEntity"),
            ("AttachUserPolicy", [("UserName", "ann"), ("PolicyArn", "p")], "400 InvalidInput"),
            ("AttachUserPolicy", [("UserName", "ann"), ("PolicyArn", arn)], "200"),
            ("DeletePolicy", [("PolicyArn", aws)], "403 AccessDenied"), ("DeletePolicy", [("PolicyArn", arn)], "409 DeleteConflict"),
        ] as [(String, [(String, String)], String)] {
            let answer = await simulation.call("iam", action, parameters)
            #expect(answer.verdict == want, "\(action) \(parameters): \(answer.text)")
        }
        #expect(await simulation.iam("ListAttachedUserPolicies", ("UserName", "ann")).fields("PolicyArn") == [arn])
        #expect(await simulation.iam("GetPolicy", ("PolicyArn", arn)).field("AttachmentCount") == "1")
        #expect(await simulation.iam("ListPolicies", ("Scope", "Local")).fields("Arn") == [arn])
        #expect(await simulation.iam("ListPolicies", ("OnlyAttached", "true")).fields("PolicyName") == ["p", "AdministratorAccess"])
        _ = await simulation.iam("DetachUserPolicy", ("UserName", "ann"), ("PolicyArn", arn))
        #expect(await simulation.iam("DeletePolicy", ("PolicyArn", arn)).status == 200)
    }

    @Test("at most ten policies are attached")
    func attachmentQuota() async throws {
        let simulation = try await Simulation()
        _ = await simulation.makeRole("r")
        for number in 1...11 {
            let made = await simulation.iam("CreatePolicy", ("PolicyName", "p\(number)"), ("PolicyDocument", Simulation.allow("*")))
            let answer = await simulation.iam("AttachRolePolicy", ("RoleName", "r"), ("PolicyArn", made.field("Arn") ?? ""))
            #expect(answer.verdict == (number == 11 ? "409 LimitExceeded" : "200"))
        }
    }

    @Test("OpenID Connect providers are named by their issuer")
    func providers() async throws {
        let simulation = try await Simulation()
        let url = "https://oidc.eks.ap-northeast-1.amazonaws.com/id/0123"
        let arn = "arn:aws:iam::\(Simulation.account):oidc-provider/oidc.eks.ap-northeast-1.amazonaws.com/id/0123"
        let made = await simulation.iam("CreateOpenIDConnectProvider", ("Url", url), ("ClientIDList.member.1", "sts.amazonaws.com"))
        #expect(made.field("OpenIDConnectProviderArn") == arn)
        #expect(await simulation.iam("CreateOpenIDConnectProvider", ("Url", url)).verdict == "409 EntityAlreadyExists")
        #expect(await simulation.iam("CreateOpenIDConnectProvider", ("Url", "http://x")).verdict == "400 ValidationError")
        #expect(
            await simulation.iam("GetOpenIDConnectProvider", ("OpenIDConnectProviderArn", arn)).fields("member") == ["sts.amazonaws.com"])
        #expect(await simulation.iam("ListOpenIDConnectProviders").fields("Arn") == [arn])
        #expect(await simulation.iam("DeleteOpenIDConnectProvider", ("OpenIDConnectProviderArn", arn)).status == 200)
        #expect(await simulation.iam("GetOpenIDConnectProvider", ("OpenIDConnectProviderArn", arn)).verdict == "404 NoSuchEntity")
    }

    @Test("callers' policies decide: nothing by default, an explicit deny wins, a refusal names user, action, resource and fix")
    func authorization() async throws {
        let simulation = try await Simulation()
        let ann = await simulation.makeUser("ann")
        _ = await simulation.iam("CreateUser", ("UserName", "bob"), ("Path", "/dev/"))
        let silent = await simulation.iam("DeleteUser", ("UserName", "bob"), as: ann)
        #expect(
            silent.message
                == "User: \(Self.user)/ann is not authorized to perform: iam:DeleteUser on resource: \(Self.user)/dev/bob because no identity-based policy allows the iam:DeleteUser action"
        )
        #expect(silent.verdict == "403 AccessDenied" && silent.refusal?.fix?.hasPrefix("aws iam put-user-policy --user-name ann") == true)
        for (name, text) in [
            ("a", Simulation.allow("iam:*")), ("b", Simulation.allow("iam:Delete*", on: "\(Self.user)/dev/*", effect: "Deny")),
        ] {
            _ = await simulation.iam("PutUserPolicy", ("UserName", "ann"), ("PolicyName", name), ("PolicyDocument", text))
        }
        #expect(
            await simulation.iam("DeleteUser", ("UserName", "bob"), as: ann).message.hasSuffix(
                "with an explicit deny in an identity-based policy"))
        #expect(await simulation.iam("ListUsers", as: ann).status == 200)
        #expect(await simulation.call("sts", "GetCallerIdentity", as: ann).status == 200)
        #expect(await simulation.call("ec2", "DescribeVpcs", as: ann).verdict == "403 UnauthorizedOperation")
    }
}
