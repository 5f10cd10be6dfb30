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
        guard let document = records.get(request.entries, "\(record.name)/\(request.member("principalArn"))") else {
            throw entryMissing(record.name)
        }
        return document
    }

    func createAccessEntry(_ request: Request) async throws(AWSError) -> JSON {
        let cluster = try entryCluster(request)
        let body = request.body
        let arn = body["principalArn"]?.string ?? ""
        let name = "\(cluster.name)/\(arn)"
        if let token = request.token, let earlier = records.get(request.entries, name)?.json, earlier["_token"]?.string == token,
            earlier["_request"] == body
        {
            return ["accessEntry": Self.wire(earlier)]
        }
        let type = body["type"]?.string ?? "STANDARD"
        let principal = try principal(arn, type, request, cluster.name)
        let groups = body["kubernetesGroups"]?.strings ?? []
        let username = body["username"]?.string
        try requireSettable(groups, username, type, cluster.name)
        try checkNames(groups, username, cluster.name)
        if Self.nodeTypes.contains(type), let call = request.call {
            try authorization.require(call, "iam:PassRole", on: arn, conditions: ["iam:PassedToService": ["eks.amazonaws.com"]])
        }
        var entry = newEntry(cluster, arn, id: principal.id, type: type)
        if type == "STANDARD" { entry["kubernetesGroups"] = JSON(strings: groups) }
        if let username { entry["username"] = .string(username) }
        entry["tags"] = try tags(request)
        entry["_token"] = request.token.map(JSON.string)
        entry["_request"] = body
        try await records.create(
            request.entries, name, entry,
            exists: AWSError(
                409, "ResourceInUseException", "The specified access entry resource is already in use on this cluster.",
                members: ["clusterName": cluster.name]))
        return ["accessEntry": Self.wire(entry)]
    }

    /// An entry as it is before its creator's wishes.
    func newEntry(_ cluster: ClusterRecord, _ arn: String, id: String, type: String) -> JSON {
        let now = Self.epoch(world.now)
        let sections = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        let (account, resource) = sections.count == 6 ? (sections[4], sections[5]) : ("", arn)
        let kind = resource.split(separator: "/").first ?? ""
        let name = resource.split(separator: "/").last ?? ""
        return [
            "clusterName": .string(cluster.name), "principalArn": .string(arn),
            "kubernetesGroups": JSON(strings: Self.defaultGroups(type)),
            "accessEntryArn": .string(
                "arn:aws:eks:\(cluster.region):\(cluster.accountID):access-entry/\(cluster.name)/\(kind)/\(account)/\(name)/\(world.random.uuid())"
            ),
            "createdAt": now, "modifiedAt": now, "tags": [:], "username": .string(Self.defaultUsername(type, arn, account)),
            "type": .string(type), "_principalId": .string(id), "_policies": [],
        ]
    }

    /// Only STANDARD entries have groups and a username of one's own.
    private func requireSettable(_ groups: [String], _ username: String?, _ type: String, _ cluster: String) throws(AWSError) {
        guard type != "STANDARD" else { return }
        for (member, isSet) in [("kubernetesGroups", !groups.isEmpty), ("username", username != nil)] where isSet {
            throw invalid(
                "The specified \(member) is invalid: setting \(member) is not allowed when the type is \"\(type)\"", cluster: cluster)
        }
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
        return try page(request, "accessEntries", found.compactMap { $0["principalArn"]?.string })
    }

    func describeAccessEntry(_ request: Request) throws(AWSError) -> JSON { ["accessEntry": Self.wire(try entry(of: request).json)] }

    func updateAccessEntry(_ request: Request) async throws(AWSError) -> JSON {
        let document = try entry(of: request)
        let cluster = request.member("name")
        let groups = request.body["kubernetesGroups"]?.strings
        let username = request.body["username"]?.string
        // EKS looks at the names first: a client that sends a node's own username back is told of its prefix.
        try checkNames(groups ?? [], username, cluster)
        try requireSettable(groups ?? [], username, document.json["type"]?.string ?? "STANDARD", cluster)
        let now = Self.epoch(world.now)
        let json = try await records.update(request.entries, document.name, missing: entryMissing(cluster)) {
            (json: inout JSON) throws(AWSError) in
            if let groups { json["kubernetesGroups"] = JSON(strings: groups) }
            if let username { json["username"] = .string(username) }
            json["modifiedAt"] = now
        }
        return ["accessEntry": Self.wire(json)]
    }

    func deleteAccessEntry(_ request: Request) async throws(AWSError) -> JSON {
        try await records.delete([Key(request.entries, try entry(of: request).name)])
        return [:]
    }

    /// The creator of a cluster gets an entry with the administrator policy, visible and removable, once entries count.
    func creatorEntry(_ entries: String, _ cluster: ClusterRecord) -> Transaction.Write {
        var entry = newEntry(cluster, cluster.creatorARN, id: cluster.creatorID, type: "STANDARD")
        entry["_policies"] = [
            [
                "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                "accessScope": ["type": "cluster", "namespaces": []], "associatedAt": entry["createdAt"] ?? 0,
                "modifiedAt": entry["createdAt"] ?? 0,
            ]
        ]
        return .put(Key(entries, "\(cluster.name)/\(cluster.creatorARN)"), .bytes(entry.serialized()))
    }
}
