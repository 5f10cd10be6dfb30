import JSON
import Store
import World

extension EKSServices {
    private static let reservedPrefixes = ["system:", "eks:", "aws:", "amazon:", "iam:"]
    private static let nodeTypes = ["EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "EC2"]

    private func entryMissing(_ cluster: String) -> AWSError {
        AWSError(
            404, "ResourceNotFoundException",
            "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.",
            members: ["clusterName": cluster])
    }

    /// The cluster of an access entry call: it must exist and look at access entries.
    private func entryCluster(_ request: Request) throws(AWSError) -> ClusterRecord {
        let record = try cluster(request)
        guard record.authenticationMode != "CONFIG_MAP" else {
            throw AWSError(
                400, "InvalidRequestException",
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
                members: ["clusterName": record.name])
        }
        return record
    }

    func entry(of request: Request) throws(AWSError) -> Records.Document {
        let record = try entryCluster(request)
        guard let document = records.get(request.entries, "\(record.name)/\(request.path[3])") else { throw entryMissing(record.name) }
        return document
    }

    /// The wire form of an entry.
    private func wire(_ json: JSON) -> JSON {
        guard let object = json.object else { return json }
        return .object(JSONObject(object.members.filter { !$0.key.hasPrefix("_") }.map { ($0.key, $0.value) }))
    }

    func createAccessEntry(_ request: Request) async throws(AWSError) -> JSON {
        let cluster = try entryCluster(request)
        let body = request.body
        guard let arn = body["principalArn"]?.string else { throw invalid("principalArn: Member must not be null", cluster: cluster.name) }
        let type = body["type"]?.string ?? "STANDARD"
        let principal = try principal(arn, type, request, cluster.name)
        let groups = body["kubernetesGroups"]?.array?.compactMap(\.string) ?? []
        let username = body["username"]?.string
        if type != "STANDARD" {
            guard groups.isEmpty else {
                throw invalid(
                    "The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is \"\(type)\"",
                    cluster: cluster.name)
            }
            guard username == nil else {
                throw invalid(
                    "The specified username is invalid: setting username is not allowed when the type is \"\(type)\"", cluster: cluster.name
                )
            }
        }
        try checkNames(groups, username, cluster.name)
        let name = "\(cluster.name)/\(arn)"
        let now = JSON.number(Self.epoch(world.now))
        let kind = arn.contains(":user/") ? "user" : "role"
        let short = arn.split(separator: "/").last.map(String.init) ?? arn
        var entry: JSON = [
            "clusterName": .string(cluster.name), "principalArn": .string(arn),
            "kubernetesGroups": type == "STANDARD" ? JSON(strings: groups) : JSON(strings: Self.defaultGroups(type)),
            "accessEntryArn": .string(
                "arn:aws:eks:\(request.region):\(request.account):access-entry/\(cluster.name)/\(kind)/\(principal.account)/\(short)/\(world.random.uuid())"
            ),
            "createdAt": now, "modifiedAt": now, "tags": body["tags"] ?? [:],
            "username": .string(username ?? Self.defaultUsername(type, arn, principal.account)), "type": .string(type),
            "_principalId": .string(principal.id), "_policies": [],
        ]
        entry["_token"] = body["clientRequestToken"]
        if let token = body["clientRequestToken"]?.string, let earlier = records.get(request.entries, name)?.json,
            earlier["_token"]?.string == token
        {
            return ["accessEntry": wire(earlier)]
        }
        try await records.create(
            request.entries, name, entry,
            exists: AWSError(
                409, "ResourceInUseException", "The specified access entry resource is already in use on this cluster.",
                members: ["clusterName": cluster.name]))
        return ["accessEntry": wire(entry)]
    }

    private static func defaultGroups(_ type: String) -> [String] {
        type == "EC2_LINUX" || type == "EC2_WINDOWS" || type == "EC2" ? ["system:nodes"] : []
    }

    private static func defaultUsername(_ type: String, _ arn: String, _ account: String) -> String {
        switch type {
        case "STANDARD":
            if !arn.contains(":role/") { return arn }
            return "arn:aws:sts::\(account):assumed-role/\(arn.split(separator: "/").last ?? "")/{{SessionName}}"
        case "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX": return "system:node:{{SessionName}}"
        default: return "system:node:{{EC2PrivateDNSName}}"
        }
    }

    /// The principal must exist; one of another account cannot be checked.
    private func principal(_ arn: String, _ type: String, _ request: Request, _ cluster: String) throws(AWSError) -> (
        account: String, id: String
    ) {
        if arn.contains(":role/aws-service-role/") {
            throw invalid(
                "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role", cluster: cluster)
        }
        let wrong = invalid("The specified principalArn is invalid: invalid principal.", cluster: cluster)
        let sections = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard sections.count == 6, sections[0] == "arn", sections[2] == "iam", sections[4].count == 12 else { throw wrong }
        if Self.nodeTypes.contains(type) {
            guard sections[4] == request.account else {
                throw invalid(
                    "AccessEntry principalArn must be from the same account as the cluster when using types [\(Self.nodeTypes.joined(separator: ", "))]",
                    cluster: cluster)
            }
            guard sections[5].hasPrefix("role/") else {
                throw invalid(
                    "AccessEntry principalArn must be IAM role when using types [\(Self.nodeTypes.joined(separator: ", "))]",
                    cluster: cluster)
            }
        } else if type != "STANDARD", type != "HYPERPOD_LINUX" {
            throw invalid("type: \(type) is not valid", cluster: cluster)
        }
        if sections[5] == "root" { return (sections[4], sections[4]) }
        let kind = sections[5].hasPrefix("role/") ? "roles" : sections[5].hasPrefix("user/") ? "users" : ""
        guard !kind.isEmpty, let name = sections[5].split(separator: "/").last else { throw wrong }
        let found = records.get(Records.collection(sections[4], "global", "iam", kind), String(name))?.json
        if let found, found["Arn"]?.string == arn { return (sections[4], found[kind == "roles" ? "RoleId" : "UserId"]?.string ?? "") }
        // Whether another account has the principal cannot be checked by EKS either.
        guard sections[4] != request.account else { throw wrong }
        return (sections[4], found?[kind == "roles" ? "RoleId" : "UserId"]?.string ?? arn)
    }

    private func checkNames(_ groups: [String], _ username: String?, _ cluster: String) throws(AWSError) {
        for group in groups {
            for prefix in Self.reservedPrefixes where group.hasPrefix(prefix) {
                throw invalid("The kubernetes group name \(group) is invalid, it cannot start with \(prefix)", cluster: cluster)
            }
        }
        guard let username else { return }
        for prefix in Self.reservedPrefixes where username.hasPrefix(prefix) {
            throw invalid("The username must not begin with \(prefix)", cluster: cluster)
        }
        if let template = username.firstRange(of: "{{SessionName"), !username[..<template.lowerBound].contains(":") {
            throw invalid("The username is invalid: a colon must come before {{SessionName}}", cluster: cluster)
        }
    }

    func listAccessEntries(_ request: Request) throws(AWSError) -> JSON {
        let cluster = try entryCluster(request)
        var found = records.list(request.entries, prefix: "\(cluster.name)/").map(\.json)
        if let policy = request.query("associatedPolicyArn") {
            found = found.filter { $0["_policies"]?.array?.contains { $0["policyArn"]?.string == policy } ?? false }
        }
        let (page, next) = try page(request, found.compactMap { $0["principalArn"]?.string })
        var answer: JSON = ["accessEntries": JSON(strings: page)]
        answer["nextToken"] = next.map(JSON.string)
        return answer
    }

    func describeAccessEntry(_ request: Request) throws(AWSError) -> JSON { ["accessEntry": wire(try entry(of: request).json)] }

    func updateAccessEntry(_ request: Request) async throws(AWSError) -> JSON {
        let document = try entry(of: request)
        let cluster = request.path[1]
        let groups = request.body["kubernetesGroups"]?.array?.compactMap(\.string)
        let username = request.body["username"]?.string
        let type = document.json["type"]?.string ?? "STANDARD"
        if type != "STANDARD", groups?.isEmpty == false || username != nil {
            throw invalid(
                "The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is \"\(type)\"",
                cluster: cluster)
        }
        try checkNames(groups ?? [], username, cluster)
        let now = JSON.number(Self.epoch(world.now))
        let json = try await records.update(request.entries, document.name, missing: entryMissing(cluster)) {
            (json: inout JSON) throws(AWSError) in
            if let groups { json["kubernetesGroups"] = JSON(strings: groups) }
            if let username { json["username"] = .string(username) }
            json["modifiedAt"] = now
        }
        return ["accessEntry": wire(json)]
    }

    func deleteAccessEntry(_ request: Request) async throws(AWSError) -> JSON {
        try await records.delete([Key(request.entries, try entry(of: request).name)])
        return [:]
    }

    /// The creator of a cluster in an API mode gets an entry with the administrator policy, visible and removable.
    func bootstrapCreator(_ request: Request, _ cluster: String, _ caller: Caller) async throws(AWSError) {
        let arn = caller.principalARN
        let kind = caller.roleARN == nil ? "user" : "role"
        let short = arn.split(separator: "/").last.map(String.init) ?? arn
        let now = JSON.number(Self.epoch(world.now))
        let entry: JSON = [
            "clusterName": .string(cluster), "principalArn": .string(arn), "kubernetesGroups": [],
            "accessEntryArn": .string(
                "arn:aws:eks:\(request.region):\(request.account):access-entry/\(cluster)/\(kind)/\(caller.accountID)/\(short)/\(world.random.uuid())"
            ),
            "createdAt": now, "modifiedAt": now, "tags": [:], "username": .string(Self.defaultUsername("STANDARD", arn, caller.accountID)),
            "type": "STANDARD", "_principalId": .string(caller.principalID),
            "_policies": [
                [
                    "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                    "accessScope": ["type": "cluster", "namespaces": []], "associatedAt": now, "modifiedAt": now,
                ]
            ],
        ]
        try await records.create(
            request.entries, "\(cluster)/\(arn)", entry, exists: AWSError(409, "ResourceInUseException", "access entry exists"))
    }
}
