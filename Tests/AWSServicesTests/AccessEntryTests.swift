import AWSServices
import HTTP
import JSON
import Testing
import World

@Suite("EKS access entries")
struct AccessEntryTests {
    private static let account = Simulation.account
    private static let base = "/clusters/demo/access-entries"
    private static let view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"

    private func path(_ arn: String, _ rest: String = "") -> String { "\(Self.base)/\(PercentEncoding.encode(arn))\(rest)" }

    private func prepared() async throws -> Simulation {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        return simulation
    }

    @Test("an entry is made with its type's defaults, read, changed and deleted under its encoded ARN")
    func life() async throws {
        let simulation = try await prepared()
        let role = await simulation.makeRole("dev", path: "/teams/")
        let made = await simulation.eks(
            "POST", Self.base, ["principalArn": .string(role), "kubernetesGroups": ["devs"], "tags": ["a": "1"]])
        let entry = made.json["accessEntry"] ?? .null
        #expect(entry["username"]?.string == "arn:aws:sts::\(Self.account):assumed-role/dev/{{SessionName}}")
        #expect(
            entry["kubernetesGroups"] == ["devs"] && entry["type"] == "STANDARD" && entry["tags"] == ["a": "1"]
                && !made.text.contains("\"_"))
        #expect(
            entry["accessEntryArn"]?.string?.hasPrefix(
                "arn:aws:eks:\(Simulation.region):\(Self.account):access-entry/demo/role/\(Self.account)/dev/") == true)
        #expect(await simulation.eks("GET", path(role)).json == made.json)
        await simulation.world.advance(by: .seconds(5))
        let changed =
            await simulation.eks("POST", path(role), ["kubernetesGroups": [], "username": "dev:{{SessionName}}"]).json["accessEntry"]
            ?? .null
        #expect(changed["kubernetesGroups"] == [] && changed["username"] == "dev:{{SessionName}}")
        #expect(changed["createdAt"] == entry["createdAt"] && changed["modifiedAt"] != entry["modifiedAt"])
        let cluster = try #require(simulation.door.clusters.first)
        #expect(simulation.door.accessEntries(of: cluster).first { $0.principalARN == role }?.username == "dev:{{SessionName}}")
        #expect(await simulation.eks("DELETE", path(role)).status == 200)
        #expect(simulation.door.accessEntries(of: cluster).count == 1)
        let gone = await simulation.eks("GET", path(role))
        #expect(gone.verdict == "404 ResourceNotFoundException")
        #expect(
            gone.message
                == "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.")
        #expect(await simulation.eks("DELETE", path(role)).verdict == "404 ResourceNotFoundException")
    }

    @Test("usernames and groups by type")
    func types() async throws {
        let simulation = try await prepared()
        _ = await simulation.makeUser("ann")
        for (index, (type, username, groups))
            in ([
                ("EC2_LINUX", "system:node:{{EC2PrivateDNSName}}", ["system:nodes"]),
                ("EC2_WINDOWS", "system:node:{{EC2PrivateDNSName}}", ["system:nodes"]),
                ("FARGATE_LINUX", "system:node:{{SessionName}}", []), ("HYBRID_LINUX", "system:node:{{SessionName}}", []),
            ] as [(String, String, [String])]).enumerated()
        {
            let role = await simulation.makeRole("node\(index)")
            let entry =
                await simulation.eks("POST", Self.base, ["principalArn": .string(role), "type": .string(type)]).json["accessEntry"] ?? .null
            #expect(entry["username"]?.string == username && entry["kubernetesGroups"] == JSON(strings: groups), "\(type)")
        }
        for arn in ["arn:aws:iam::\(Self.account):user/ann", "arn:aws:iam::\(Self.account):root", "arn:aws:iam::999988887777:user/far"] {
            #expect(
                await simulation.eks("POST", Self.base, ["principalArn": .string(arn)]).json.at("accessEntry", "username")?.string == arn)
        }
    }

    /// The table of facts/auth.md, section 9.
    @Test("what CreateAccessEntry refuses")
    func refusals() async throws {
        let simulation = try await prepared()
        let role = await simulation.makeRole("dev")
        let user = "arn:aws:iam::\(Self.account):user/eks-sim"
        let far = "arn:aws:iam::999988887777:role/x"
        let types = "[EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"
        let invalid = "400 InvalidParameterException"
        let cases: [(JSON, String, String)] = [
            (
                ["principalArn": .string(user)], "409 ResourceInUseException",
                "The specified access entry resource is already in use on this cluster."
            ),
            (["principalArn": .string(role + "x")], invalid, "The specified principalArn is invalid: invalid principal."),
            (
                ["principalArn": "arn:aws:sts::\(Self.account):assumed-role/dev/s"], invalid,
                "The specified principalArn is invalid: invalid principal."
            ),
            (["principalArn": "dev"], invalid, "The specified principalArn is invalid: invalid principal."),
            (["kubernetesGroups": []], invalid, "must not be null"),
            (
                ["principalArn": "arn:aws:iam::999988887777:role/aws-service-role/eks.amazonaws.com/X", "type": "EC2_LINUX"], invalid,
                "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
            ),
            (
                ["principalArn": .string(far), "type": "EC2_LINUX"], invalid,
                "AccessEntry principalArn must be from the same account as the cluster when using types \(types)"
            ),
            (
                ["principalArn": .string(user), "type": "EC2"], invalid,
                "AccessEntry principalArn must be IAM role when using types \(types)"
            ),
            (["principalArn": .string(role), "type": "X"], invalid, "X"),
            (
                ["principalArn": .string(role), "kubernetesGroups": ["system:masters"]], invalid,
                "The kubernetes group name system:masters is invalid, it cannot start with system:"
            ),
            (
                ["principalArn": .string(role), "kubernetesGroups": ["iam:x"]], invalid,
                "The kubernetes group name iam:x is invalid, it cannot start with iam:"
            ),
            (["principalArn": .string(role), "username": "system:x"], invalid, "The username must not begin with system:"),
            (["principalArn": .string(role), "username": "aws:x"], invalid, "The username must not begin with aws:"),
            (["principalArn": .string(role), "username": "john{{SessionName}}"], invalid, "colon"),
            (
                ["principalArn": .string(role), "type": "EC2_LINUX", "kubernetesGroups": ["g"]], invalid,
                "The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is \"EC2_LINUX\""
            ),
            (
                ["principalArn": .string(role), "type": "FARGATE_LINUX", "username": "u"], invalid,
                "The specified username is invalid: setting username is not allowed when the type is \"FARGATE_LINUX\""
            ),
        ]
        for (body, want, message) in cases {
            let answer = await simulation.eks("POST", Self.base, body)
            #expect(answer.verdict == want && answer.message.contains(message), "\(body.text): \(answer.text)")
        }
        for username in ["sts:x", "jo:hn{{SessionName}}"] {
            let role = await simulation.makeRole("ok-\(username.prefix(2))")
            #expect(await simulation.eks("POST", Self.base, ["principalArn": .string(role), "username": .string(username)]).status == 200)
        }
        #expect(await simulation.eks("GET", "/clusters/none/access-entries").message == "No cluster found for name: none.")
    }

    @Test("with CONFIG_MAP every entry call is refused, lists too")
    func mode() async throws {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo", mode: nil)
        let arn = "arn:aws:iam::\(Self.account):user/eks-sim"
        for (method, path) in [
            ("GET", Self.base), ("POST", Self.base), ("GET", path(arn)), ("DELETE", path(arn)), ("POST", path(arn)),
            ("GET", path(arn, "/access-policies")),
        ] {
            let answer = await simulation.eks(method, path, method == "POST" ? ["principalArn": .string(arn)] : nil)
            #expect(answer.verdict == "400 InvalidRequestException")
            #expect(
                answer.message
                    == "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
        }
    }

    @Test("a node's username sent back with groups is told of its prefix; the token of a create call makes it repeatable")
    func updates() async throws {
        let simulation = try await prepared()
        let role = await simulation.makeRole("node")
        let body: JSON = ["principalArn": .string(role), "type": "EC2_LINUX", "clientRequestToken": "t"]
        let made = await simulation.eks("POST", Self.base, body)
        #expect(await simulation.eks("POST", Self.base, body).json == made.json)
        let answer = await simulation.eks("POST", path(role), ["kubernetesGroups": ["g"], "username": "system:node:{{EC2PrivateDNSName}}"])
        #expect(answer.message == "The username must not begin with system:")
        let policy = await simulation.eks(
            "POST", path(role, "/access-policies"), ["policyArn": .string(Self.view), "accessScope": ["type": "cluster"]])
        #expect(policy.verdict == "400 InvalidRequestException")
        #expect(policy.message == "This operation can only be performed on Access Entries with a type of \"STANDARD\"")
    }

    @Test("policies: associated with a scope, replaced keeping associatedAt, listed, filtered by, dissociated")
    func policies() async throws {
        let simulation = try await prepared()
        let role = await simulation.makeRole("dev")
        _ = await simulation.eks("POST", Self.base, ["principalArn": .string(role)])
        let place = path(role, "/access-policies")
        let associate = { (policy: JSON, scope: JSON) async in
            await simulation.eks("POST", place, ["policyArn": policy, "accessScope": scope])
        }
        for (policy, scope, want, message) in [
            ("View", ["type": "cluster"], "400 InvalidParameterException", "The policyArn parameter format is not valid"),
            (.string(Self.view + "x"), ["type": "cluster"], "404 ResourceNotFoundException", "The specified policyArn could not be found."),
            (
                .string(Self.view), ["type": "namespace"], "400 InvalidParameterException",
                "At least 1 namespace must be provided if the type is set as namespace"
            ),
            (
                .string(Self.view), ["type": "cluster", "namespaces": ["a"]], "400 InvalidParameterException",
                "accessScope should not include namespaces if the type is not set as namespace"
            ),
            (.string(Self.view), ["type": "planet"], "400 InvalidParameterException", "enum value set"),
        ] as [(JSON, JSON, String, String)] {
            let answer = await associate(policy, scope)
            #expect(answer.verdict == want && answer.message.contains(message), "\(answer.text)")
        }
        let first = await associate(.string(Self.view), ["type": "namespace", "namespaces": ["a", "b-*"]]).json
        #expect(first["principalArn"]?.string == role && first.at("associatedAccessPolicy", "accessScope", "namespaces") == ["a", "b-*"])
        let cluster = try #require(simulation.door.clusters.first)
        #expect(simulation.door.accessEntries(of: cluster).first { $0.principalARN == role }?.policies.first?.namespaces == ["a", "b-*"])
        await simulation.world.advance(by: .seconds(9))
        let second = await associate(.string(Self.view), ["type": "cluster"]).json["associatedAccessPolicy"] ?? .null
        #expect(
            second["associatedAt"] == first.at("associatedAccessPolicy", "associatedAt") && second["modifiedAt"] != second["associatedAt"])
        let listed = await simulation.eks("GET", place).json
        #expect(listed["associatedAccessPolicies"] == [second] && listed["clusterName"] == "demo")
        let filtered = await simulation.eks("GET", Self.base, query: [("associatedPolicyArn", Self.view)]).json
        #expect(filtered == ["accessEntries": [.string(role)]])
        let one = "\(place)/\(PercentEncoding.encode(Self.view))"
        #expect(await simulation.eks("DELETE", one).status == 200)
        #expect(await simulation.eks("DELETE", one).message == "The specified policyArn could not be found.")
        let all = await simulation.eks("GET", "/access-policies").json["accessPolicies"]?.array ?? []
        #expect(all.count > 5 && all.contains { $0["arn"]?.string == Self.view && $0["name"] == "AmazonEKSViewPolicy" })
    }

    @Test("bootstrap: the creator has an entry unless it was refused, and no cluster inherits entries of an earlier one")
    func bootstrap() async throws {
        let simulation = try await Simulation()
        var body = await simulation.clusterBody("demo")
        for isAdmin in [true, false] {
            body["accessConfig"] = ["authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": .bool(isAdmin)]
            let made = await simulation.eks("POST", "/clusters", body)
            #expect(made.json.at("cluster", "accessConfig") == ["authenticationMode": "API"])
            await simulation.world.advance(by: .seconds(60))
            #expect(await simulation.eks("GET", Self.base).json["accessEntries"]?.array?.count == (isAdmin ? 1 : 0))
            _ = await simulation.eks("DELETE", "/clusters/demo")
            await simulation.world.advance(by: .seconds(60))
        }
    }

    @Test("tags of clusters and entries")
    func tags() async throws {
        let simulation = try await prepared()
        let cluster = "arn:aws:eks:\(Simulation.region):\(Self.account):cluster/demo"
        let principal = "arn:aws:iam::\(Self.account):user/eks-sim"
        let entry = await simulation.eks("GET", path(principal)).json.at("accessEntry", "accessEntryArn")?.string ?? ""
        for arn in [cluster, entry] {
            let place = "/tags/\(PercentEncoding.encode(arn))"
            #expect(await simulation.eks("POST", place, ["tags": ["a": "1", "b c": "2"]]).status == 200)
            #expect(await simulation.eks("GET", place).json == ["tags": ["a": "1", "b c": "2"]])
            #expect(await simulation.eks("DELETE", place, query: [("tagKeys", "a"), ("tagKeys", "x")]).status == 200)
            #expect(await simulation.eks("GET", place).json == ["tags": ["b c": "2"]])
            #expect(await simulation.eks("POST", place, ["tags": ["aws:a": "1"]]).verdict == "400 BadRequestException")
            #expect(await simulation.eks("POST", place, [:]).verdict == "400 BadRequestException")
            #expect(await simulation.eks("DELETE", place).verdict == "400 BadRequestException")
        }
        for (arn, want) in [
            (cluster + "x", "404 NotFoundException"), (cluster.replacing(Simulation.region, with: "us-east-1"), "404 NotFoundException"),
            ("demo", "400 BadRequestException"),
        ] { #expect(await simulation.eks("GET", "/tags/\(PercentEncoding.encode(arn))").verdict == want, "\(arn)") }
        #expect(await simulation.eks("GET", "/clusters/demo").json.at("cluster", "tags") == ["b c": "2"])
    }
}
