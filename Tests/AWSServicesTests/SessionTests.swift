import JSON
import Testing

/// What a session of a role brings along: tags, policies that limit it, an identity that stays; and what limits principals from above.
@Suite("Sessions and boundaries")
struct SessionTests {
    private static let account = "arn:aws:iam::\(Simulation.account)"

    private static func trust(_ actions: JSON, _ principal: String = "\(account):root", _ condition: JSON = [:]) -> String {
        ([
            "Version": "2012-10-17",
            "Statement": [["Effect": "Allow", "Principal": ["AWS": .string(principal)], "Action": actions, "Condition": condition]],
        ] as JSON).text
    }

    private func role(_ simulation: Simulation, _ name: String, trust: String, allowing action: String? = nil) async -> String {
        let made = await simulation.iam("CreateRole", ("RoleName", name), ("AssumeRolePolicyDocument", trust))
        if let action {
            _ = await simulation.iam(
                "PutRolePolicy", ("RoleName", name), ("PolicyName", "p"), ("PolicyDocument", Simulation.allow(action)))
        }
        return made.field("Arn") ?? ""
    }

    @Test("tags need sts:TagSession, become aws:PrincipalTag, and go on along a chain only when transitive")
    func tags() async throws {
        let simulation = try await Simulation()
        let silent = await role(simulation, "silent", trust: Self.trust("sts:AssumeRole"))
        let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "a")]
        let transitive = tag + [("TransitiveTagKeys.member.1", "team")]
        func assume(_ role: String, _ more: [(String, String)], as key: ClientKey? = nil) async -> (Answer, ClientKey) {
            let answer = await simulation.call("sts", "AssumeRole", [("RoleArn", role), ("RoleSessionName", "s1")] + more, as: key)
            let key = ClientKey(
                id: answer.field("AccessKeyId") ?? "", secret: answer.field("SecretAccessKey") ?? "", token: answer.field("SessionToken"))
            return (answer, key)
        }
        let refused = await assume(silent, tag).0
        #expect(refused.verdict == "403 AccessDenied" && refused.message.contains("sts:TagSession on resource: \(silent)"))
        let first = await role(simulation, "first", trust: Self.trust(["sts:AssumeRole", "sts:TagSession"]), allowing: "sts:*")
        let tagged: JSON = ["StringEquals": ["aws:PrincipalTag/team": "a"]]
        let second = await role(
            simulation, "second", trust: Self.trust(["sts:AssumeRole", "sts:TagSession"], "\(Self.account):root", tagged))
        let (answer, plain) = await assume(first, tag)
        #expect(answer.status == 200 && answer.field("PackedPolicySize") == "1")
        let (hop, after) = await assume(second, [], as: plain)
        #expect(hop.status == 200, "the first session carries the tag: \(hop.text)")
        #expect(await simulation.call("sts", "GetCallerIdentity", as: after).status == 200)
        let (_, chained) = await assume(first, transitive)
        #expect(
            await assume(second, tag, as: chained).0.verdict == "400 InvalidParameterValue", "a transitive tag is fixed for the chain")
        for (wrong, want) in [
            ([("TransitiveTagKeys.member.1", "x")], "400 InvalidParameterValue"),
            (tag + [("Tags.member.2.Key", "TEAM"), ("Tags.member.2.Value", "b")], "400 InvalidParameterValue"),
            ([("Tags.member.1.Key", "aws:x"), ("Tags.member.1.Value", "b")], "400 InvalidParameterValue"),
            ([("Policy", "{")], "400 MalformedPolicyDocument"), ([("SourceIdentity", "a b")], "400 ValidationError"),
            ([("Policy", Simulation.allow(String(repeating: "s3:x", count: 600)))], "400 PackedPolicyTooLarge"),
        ] as [([(String, String)], String)] {
            #expect(await assume(first, wrong).0.verdict == want, "\(wrong)")
        }
    }

    @Test("session policies, inline and managed, limit a session; the refusal says that it was the session policy")
    func sessionPolicies() async throws {
        let simulation = try await Simulation()
        let role = await role(simulation, "r", trust: Self.trust("sts:AssumeRole"), allowing: "iam:*")
        for (parameters, want) in [
            ([("Policy", Simulation.allow("iam:List*"))], " because no session policy allows the iam:CreateUser action"),
            (
                [("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess")],
                " because no session policy allows the iam:CreateUser action"
            ),
            ([("Policy", Simulation.allow("iam:*", effect: "Deny"))], " with an explicit deny in a session policy"),
        ] as [([(String, String)], String)] {
            let answer = await simulation.call("sts", "AssumeRole", [("RoleArn", role), ("RoleSessionName", "s1")] + parameters)
            let key = ClientKey(
                id: answer.field("AccessKeyId") ?? "", secret: answer.field("SecretAccessKey") ?? "", token: answer.field("SessionToken"))
            let refused = await simulation.iam("CreateUser", ("UserName", "x"), as: key)
            #expect(refused.message.hasSuffix(want), "\(refused.text)")
            let lists = await simulation.iam("ListUsers", as: key)
            #expect(lists.status == (want.contains("deny") ? 403 : 200))
        }
    }

    @Test("a permissions boundary limits what policies give, and its refusal is AWS' own")
    func boundary() async throws {
        let simulation = try await Simulation()
        let ann = await simulation.makeUser("ann", allowing: "*")
        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        #expect(await simulation.iam("PutUserPermissionsBoundary", ("UserName", "ann"), ("PermissionsBoundary", arn)).status == 200)
        #expect(await simulation.iam("GetUser", ("UserName", "ann")).field("PermissionsBoundaryArn") == arn)
        #expect(await simulation.iam("ListUsers", as: ann).status == 200)
        let refused = await simulation.iam("CreateUser", ("UserName", "x"), as: ann)
        #expect(refused.message.hasSuffix(" because no permissions boundary allows the iam:CreateUser action"), "\(refused.text)")
        #expect(await simulation.iam("DeleteUserPermissionsBoundary", ("UserName", "ann")).status == 200)
        #expect(await simulation.iam("DeleteUserPermissionsBoundary", ("UserName", "ann")).verdict == "404 NoSuchEntity")
        #expect(await simulation.iam("CreateUser", ("UserName", "x"), as: ann).status == 200)
        let wrong = await simulation.iam("CreateUser", ("UserName", "y"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/None"))
        #expect(wrong.verdict == "400 InvalidInput")
    }

    @Test("the source identity needs its own permission and stays along a chain")
    func sourceIdentity() async throws {
        let simulation = try await Simulation()
        let actions: JSON = ["sts:AssumeRole", "sts:SetSourceIdentity"]
        let first = await role(simulation, "first", trust: Self.trust(actions), allowing: "sts:*")
        let second = await role(
            simulation, "second",
            trust: Self.trust("sts:AssumeRole", "\(Self.account):root", ["StringEquals": ["aws:SourceIdentity": "ann"]]))
        let (plain, nobody) = await simulation.assume(first)
        #expect(plain.status == 200)
        #expect(await simulation.assume(second, as: nobody).0.verdict == "403 AccessDenied")
        let (answer, ann) = await simulation.assume(first, session: "s1", ("SourceIdentity", "ann"))
        #expect(answer.field("SourceIdentity") == "ann")
        #expect(await simulation.assume(second, as: ann).0.status == 200)
        #expect(await simulation.assume(second, as: nobody, session: "s1", ("SourceIdentity", "ann")).0.verdict == "403 AccessDenied")
    }

    @Test("EKS' condition keys and tags decide: an entry with another group, a policy of another name, a cluster of another team")
    func eksConditions() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        let dev = await simulation.makeRole("dev")
        let ann = await simulation.makeUser("ann")
        func allow(_ action: String, _ condition: JSON) async {
            let text: JSON = [
                "Version": "2012-10-17",
                "Statement": [["Effect": "Allow", "Action": .string(action), "Resource": "*", "Condition": condition]],
            ]
            _ = await simulation.iam("PutUserPolicy", ("UserName", "ann"), ("PolicyName", "p"), ("PolicyDocument", text.text))
        }
        await allow("eks:CreateAccessEntry", ["ForAllValues:StringEquals": ["eks:kubernetesGroups": "dev"]])
        let entries = "/clusters/demo/access-entries"
        #expect(
            await simulation.eks("POST", entries, ["principalArn": .string(dev), "kubernetesGroups": ["admin"]], as: ann).verdict
                == "403 AccessDeniedException")
        #expect(await simulation.eks("POST", entries, ["principalArn": .string(dev), "kubernetesGroups": ["dev"]], as: ann).status == 200)
        await allow(
            "eks:AssociateAccessPolicy",
            ["StringLike": ["eks:policyArn": "*/AmazonEKSViewPolicy"], "StringEquals": ["eks:accessScope": "cluster"]])
        for (policy, want) in [("AmazonEKSViewPolicy", 200), ("AmazonEKSClusterAdminPolicy", 403)] {
            let body: JSON = [
                "policyArn": .string("arn:aws:eks::aws:cluster-access-policy/\(policy)"), "accessScope": ["type": "cluster"],
            ]
            let path = "\(entries)/\(dev.replacing(":", with: "%3A").replacing("/", with: "%2F"))/access-policies"
            #expect(await simulation.eks("POST", path, body, as: ann).status == want)
        }
        await allow("eks:DescribeCluster", ["StringEquals": ["aws:ResourceTag/team": "a"]])
        #expect(await simulation.eks("GET", "/clusters/demo", as: ann).status == 403)
        let arn = "arn%3Aaws%3Aeks%3A\(Simulation.region)%3A\(Simulation.account)%3Acluster%2Fdemo"
        #expect(await simulation.eks("POST", "/tags/\(arn)", ["tags": ["team": "a"]]).status == 200)
        #expect(await simulation.eks("GET", "/clusters/demo", as: ann).status == 200)
        #expect(
            await simulation.eks("GET", "/clusters", as: ann).message
                == "User: \(Self.account):user/ann is not authorized to perform: eks:ListClusters on resource: arn:aws:eks:\(Simulation.region):\(Simulation.account):cluster/* because no identity-based policy allows the eks:ListClusters action"
        )
    }

    @Test("instance profiles hold one role, which cannot go while they do")
    func instanceProfiles() async throws {
        let simulation = try await Simulation()
        _ = await simulation.makeRole("node", trusting: ["Service": "ec2.amazonaws.com"])
        _ = await simulation.makeRole("other", trusting: ["Service": "ec2.amazonaws.com"])
        let name = ("InstanceProfileName", "nodes")
        for (action, parameters, want) in [
            ("GetInstanceProfile", [name], "404 NoSuchEntity"), ("CreateInstanceProfile", [name], "200"),
            ("CreateInstanceProfile", [name], "409 EntityAlreadyExists"),
            ("AddRoleToInstanceProfile", [name, ("RoleName", "node")], "200"),
            ("AddRoleToInstanceProfile", [name, ("RoleName", "other")], "409 LimitExceeded"),
            ("DeleteRole", [("RoleName", "node")], "409 DeleteConflict"), ("DeleteInstanceProfile", [name], "409 DeleteConflict"),
            ("ListInstanceProfilesForRole", [("RoleName", "node")], "200"),
            ("RemoveRoleFromInstanceProfile", [name, ("RoleName", "node")], "200"), ("DeleteInstanceProfile", [name], "200"),
            ("DeleteRole", [("RoleName", "node")], "200"),
        ] as [(String, [(String, String)], String)] {
            let answer = await simulation.call("iam", action, parameters)
            #expect(answer.verdict == want, "\(action): \(answer.text)")
            if action == "ListInstanceProfilesForRole" { #expect(answer.fields("InstanceProfileName") == ["nodes"]) }
        }
    }

    @Test("a policy has up to five versions, of which the default counts; numbers are not given twice")
    func policyVersions() async throws {
        let simulation = try await Simulation()
        let ann = await simulation.makeUser("ann")
        let made = await simulation.iam("CreatePolicy", ("PolicyName", "p"), ("PolicyDocument", Simulation.allow("iam:ListUsers")))
        let arn = ("PolicyArn", made.field("Arn") ?? "")
        _ = await simulation.iam("AttachUserPolicy", ("UserName", "ann"), arn)
        #expect(await simulation.iam("ListUsers", as: ann).status == 200)
        let other = ("PolicyDocument", Simulation.allow("iam:ListRoles"))
        #expect(await simulation.iam("CreatePolicyVersion", arn, other).field("IsDefaultVersion") == "false")
        #expect(await simulation.iam("ListUsers", as: ann).status == 200)
        #expect(await simulation.iam("SetDefaultPolicyVersion", arn, ("VersionId", "v2")).status == 200)
        #expect(await simulation.iam("ListUsers", as: ann).status == 403)
        #expect(await simulation.iam("GetPolicy", arn).field("DefaultVersionId") == "v2")
        #expect(await simulation.iam("DeletePolicyVersion", arn, ("VersionId", "v2")).verdict == "409 DeleteConflict")
        #expect(await simulation.iam("DeletePolicyVersion", arn, ("VersionId", "v1")).status == 200)
        #expect(await simulation.iam("GetPolicyVersion", arn, ("VersionId", "v1")).verdict == "404 NoSuchEntity")
        for number in 3...6 {
            #expect(await simulation.iam("CreatePolicyVersion", arn, other, ("SetAsDefault", "true")).field("VersionId") == "v\(number)")
        }
        #expect(await simulation.iam("CreatePolicyVersion", arn, other).verdict == "409 LimitExceeded")
        #expect(await simulation.iam("ListPolicyVersions", arn).fields("VersionId") == ["v6", "v5", "v4", "v3", "v2"])
        _ = await simulation.iam("DetachUserPolicy", ("UserName", "ann"), arn)
        #expect(await simulation.iam("DeletePolicy", arn).verdict == "409 DeleteConflict")
        let managed = ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")
        #expect(await simulation.iam("CreatePolicyVersion", managed, other).verdict == "403 AccessDenied")
    }
}
