import JSON
import Store
import World

extension EKSServices {
    func createCluster(_ request: Request) async throws(AWSError) -> JSON {
        let body = request.body
        if let name = body["name"]?.string, let token = request.token, let earlier = records.get(request.clusters, name)?.json,
            earlier["_token"]?.string == token, earlier["_request"] == body
        {
            return ["cluster": ClusterRecord(json: earlier).wire]
        }
        let record = try await makeCluster(request)
        activate(request.clusters, record, after: configuration.clusterDelay)
        return ["cluster": record.wire]
    }

    /// Makes a cluster that is ACTIVE when this returns: for a fresh state's `demo`.
    func createActiveCluster(_ body: JSON, caller: Caller, region: String) async throws(AWSError) {
        let request = Request(caller: caller, region: region, body: body)
        let record = try await makeCluster(request)
        await start(request.clusters, record)
    }

    /// Checks the wish and stores the cluster, CREATING, with all that comes with it.
    private func makeCluster(_ request: Request) async throws(AWSError) -> ClusterRecord {
        let body = request.body
        let name = body["name"]?.string ?? ""
        guard Self.isClusterName(name) else {
            throw invalid(
                "The cluster name '\(name)' is not valid: it must match ^[0-9A-Za-z][A-Za-z0-9\\-_]* and have 1 to 100 characters",
                cluster: name)
        }
        let exists = AWSError(409, "ResourceInUseException", "Cluster already exists with name: \(name)", members: ["clusterName": name])
        guard records.get(request.clusters, name) == nil else { throw exists }
        let version = body["version"]?.string ?? configuration.kubernetesVersion
        guard EKSVersions.exists(version) || version == configuration.kubernetesVersion else {
            throw invalid("unsupported Kubernetes version", cluster: name)
        }
        let role = try clusterRole(request, name)
        let key = Key(request.clusters, name)
        return try await network(request).change { draft throws(AWSError) in
            let placement = try ClusterNetwork.check(request, name, draft)
            let group = try ClusterNetwork.make(&draft, cluster: name, placement)
            var record = try describe(request, name, version: version, role: role, placement, group: group)
            record.json["_interfaces"] = JSON(
                strings: try ClusterNetwork.makeInterfaces(
                    &draft, cluster: name, subnets: placement.subnets, groups: [group] + placement.groups, isIPv6: record.isIPv6))
            draft.join(
                Transaction(conditions: [.absent(key)], writes: writes(request, record, at: key)), conflict: exists)
            return record
        }
    }

    /// What the account has in the region's network.
    func network(_ request: Request) -> RegionResources { regions.resources(request.account, request.region) }

    /// The cluster as it is when it begins.
    private func describe(
        _ request: Request, _ name: String, version: String, role: String, _ placement: ClusterNetwork.Placement, group: String
    ) throws(AWSError) -> ClusterRecord {
        let body = request.body
        let region = request.region
        let id = world.random.characters(32, of: "0123456789ABCDEF")
        let isCreatorAdmin = body.at("accessConfig", "bootstrapClusterCreatorAdminPermissions")?.bool ?? true
        var cluster: JSON = [
            "name": .string(name), "arn": .string("arn:aws:eks:\(region):\(request.account):cluster/\(name)"),
            "createdAt": Self.epoch(world.now), "version": .string(version), "roleArn": .string(role),
            "resourcesVpcConfig": try ClusterNetwork.described(
                body["resourcesVpcConfig"] ?? [:], placement, group: group,
                isIPv6: body.at("kubernetesNetworkConfig", "ipFamily") == "ipv6", name),
            "kubernetesNetworkConfig": try networkConfiguration(body, name, placement.blocks),
            "logging": Self.logging(body["logging"], over: []), "status": "CREATING", "certificateAuthority": [:],
            "platformVersion": "eks.1", "tags": try tags(request), "health": ["issues": []],
            "accessConfig": try accessConfiguration(body, name),
            "upgradePolicy": body["upgradePolicy"] ?? ["supportType": "EXTENDED"],
            "deletionProtection": body["deletionProtection"] ?? false,
            "_id": .string(id), "_issuer": .string("https://oidc.eks.\(region).amazonaws.com/id/\(id)"),
            "_account": .string(request.account), "_region": .string(region), "_creatorArn": .string(request.caller.principalARN),
            "_creatorId": .string(request.caller.principalID), "_creatorIsAdmin": .bool(isCreatorAdmin), "_request": body,
        ]
        cluster["_token"] = request.token.map(JSON.string)
        cluster["encryptionConfig"] = try encryption(body["encryptionConfig"], request, name)
        for (member, wish) in try undemanding(body, name) { cluster[member] = wish }
        return ClusterRecord(json: cluster)
    }

    /// What is written with a new cluster.
    private func writes(_ request: Request, _ record: ClusterRecord, at key: Key) -> [Transaction.Write] {
        let name = record.name
        var writes: [Transaction.Write] = [
            .put(key, .bytes(record.json.serialized())),
            .put(Key(Self.index, "\(request.account)/\(request.region)"), .bytes(JSON.object(JSONObject()).serialized())),
        ]
        let isListed = record.authenticationMode != "CONFIG_MAP" && record.json["_creatorIsAdmin"]?.bool == true
        if isListed { writes.append(creatorEntry(request.entries, record)) }
        // What a call that overlapped the end of an earlier cluster of the name may have left.
        for leftover in records.list(request.entries, prefix: "\(name)/")
        where !isListed || leftover.name != "\(name)/\(request.caller.principalARN)" {
            writes.append(.delete(Key(request.entries, leftover.name), last: nil))
        }
        return writes
    }

    static func isClusterName(_ name: String) -> Bool {
        guard (1...100).contains(name.utf8.count), let first = name.first, first.isASCII, first.isLetter || first.isNumber else {
            return false
        }
        return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    }

    func describeCluster(_ request: Request) throws(AWSError) -> JSON { ["cluster": described(try cluster(request))] }

    func listClusters(_ request: Request) throws(AWSError) -> JSON {
        try page(request, "clusters", records.list(request.clusters).map(\.name))
    }

    func deleteCluster(_ request: Request) async throws(AWSError) -> JSON {
        let name = request.member("name")
        guard network(request).present.list(.nodegroup, "clusterName", name).isEmpty else {
            throw AWSError(409, "ResourceInUseException", "Cluster has nodegroups attached", members: ["clusterName": name])
        }
        let json = try await records.update(request.clusters, name, missing: noCluster(name)) { (json: inout JSON) throws(AWSError) in
            guard json["deletionProtection"]?.bool != true else {
                throw AWSError(
                    400, "InvalidRequestException", "Cannot delete cluster \(name) because deletion protection is enabled",
                    members: ["clusterName": name])
            }
            let status = json["status"]?.string ?? ""
            guard status == "ACTIVE" || status == "FAILED" else {
                throw AWSError(
                    409, "ResourceInUseException", "Cannot delete cluster \(name) because it is in status \(status)",
                    members: ["clusterName": name])
            }
            json["status"] = "DELETING"
        }
        let deleting = ClusterRecord(json: json)
        remove(request.clusters, deleting, after: configuration.clusterDelay)
        return ["cluster": deleting.wire]
    }
}
