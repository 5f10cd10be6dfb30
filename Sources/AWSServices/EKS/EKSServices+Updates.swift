import JSON
import Store
import VPCModel
import World

/// Changes of a cluster's configuration, which take their time.
extension EKSServices {
    /// What an update is going to do.
    struct Change: Sendable {
        let type: String
        let parameters: [(type: String, value: String)]
        /// Members of the cluster that get these values when the update is done.
        var result: JSON = [:]
        /// The identity provider config that the update is about.
        var identityProvider: String?
        /// What else has to hold at the start, and is written with it.
        var conditions: [Transaction.Condition] = []
        var writes: [Transaction.Write] = []
    }

    func updateClusterConfig(_ request: Request) async throws(AWSError) -> JSON {
        let document = try document(request)
        let cluster = ClusterRecord(json: document.json)
        if let earlier = earlierUpdate(request, cluster) { return earlier }
        return try await begin(try change(request, cluster), request, document)
    }

    /// The answer of an earlier call with the same client request token and input.
    func earlierUpdate(_ request: Request, _ cluster: ClusterRecord) -> JSON? {
        guard let token = request.token else { return nil }
        return updates(request, cluster.name).first { $0["_token"]?.string == token && $0["_request"] == request.body }
            .map { ["update": Self.wire($0)] }
    }

    /// Starts an update of an idle cluster; it ends on the clock.
    func begin(_ change: Change, _ request: Request, _ document: Records.Document) async throws(AWSError) -> JSON {
        let cluster = ClusterRecord(json: document.json)
        let name = cluster.name
        try requireIdle(cluster, change.type)
        let id = world.random.uuid()
        var update: JSON = [
            "id": .string(id), "status": "InProgress", "type": .string(change.type),
            "params": .array(change.parameters.map { ["type": .string($0.type), "value": .string($0.value)] }),
            "createdAt": Self.epoch(world.now), "errors": [], "_result": change.result, "_order": .integer(world.now.nanoseconds),
        ]
        update["_token"] = request.token.map(JSON.string)
        update["_request"] = request.body
        update["_identityProvider"] = change.identityProvider.map(JSON.string)
        var updating = document.json
        updating["status"] = "UPDATING"
        updating["_update"] = .string(id)
        let key = Key(request.clusters, name)
        let refusal = try await records.commit(
            Transaction(
                conditions: [.modified(key, document.revision)] + change.conditions,
                writes: [
                    .put(key, .bytes(updating.serialized())), .put(Key(request.updates, "\(name)/\(id)"), .bytes(update.serialized())),
                ] + change.writes))
        guard refusal == nil else {
            throw AWSError(
                409, "ResourceInUseException", "Cannot \(change.type) because cluster \(name) is being changed",
                members: ["clusterName": name])
        }
        finish(request.clusters, ClusterRecord(json: updating), after: configuration.clusterDelay)
        return ["update": Self.wire(update)]
    }

    /// One update at a time, of an ACTIVE cluster.
    func requireIdle(_ cluster: ClusterRecord, _ type: String) throws(AWSError) {
        switch cluster.status {
        case "ACTIVE": return
        case "UPDATING":
            throw AWSError(
                409, "ResourceInUseException",
                "Cannot \(type) because cluster \(cluster.name) currently has update \(cluster.json["_update"]?.string ?? "") in progress",
                members: ["clusterName": cluster.name])
        default:
            throw AWSError(
                400, "InvalidRequestException", "Cluster '\(cluster.name)' is not in ACTIVE status", members: ["clusterName": cluster.name])
        }
    }

    /// The one change that a call asks for.
    private func change(_ request: Request, _ cluster: ClusterRecord) throws(AWSError) -> Change {
        let body = request.body
        let vpc = body["resourcesVpcConfig"]
        var kinds = ["logging", "accessConfig", "upgradePolicy", "deletionProtection", "kubernetesNetworkConfig"].filter { body[$0] != nil }
        kinds += Self.notSimulated.filter { body[$0] != nil }
        if ["endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"].contains(where: { vpc?[$0] != nil }) {
            kinds.append("endpoint")
        }
        if vpc?["subnetIds"] != nil || vpc?["securityGroupIds"] != nil { kinds.append("vpc") }
        guard kinds.count <= 1 else { throw invalid("Only one type of update can be allowed.", cluster: cluster.name) }
        switch kinds.first {
        case "endpoint": return try endpointChange(vpc ?? [:], cluster)
        case "vpc": return try vpcChange(request, vpc ?? [:], cluster)
        case "logging": return try loggingChange(body["logging"] ?? [:], cluster)
        case "accessConfig": return try modeChange(body, cluster)
        case "upgradePolicy":
            return try plainChange("UpgradePolicyUpdate", "UpgradePolicy", "upgradePolicy", body["upgradePolicy"] ?? [:], cluster)
        case "deletionProtection":
            return try plainChange(
                "DeletionProtectionUpdate", "DeletionProtection", "deletionProtection", body["deletionProtection"] ?? false, cluster)
        case let kind?: throw invalid("Updating \(kind) is not simulated yet", cluster: cluster.name)
        case nil: throw invalid("The request names no change of the cluster's configuration.", cluster: cluster.name)
        }
    }

    private func endpointChange(_ wish: JSON, _ cluster: ClusterRecord) throws(AWSError) -> Change {
        var vpc = cluster.json["resourcesVpcConfig"] ?? [:]
        var before = EndpointAccess(of: vpc)
        before.isDualStack = cluster.isIPv6
        let after = EndpointAccess(wish, over: before)
        try after.check(cluster.name)
        guard !after.isSame(as: before) else {
            throw invalid(
                "Cluster is already at the desired configuration with endpointPrivateAccess: \(after.isPrivate) , endpointPublicAccess: \(after.isPublic), and Public Endpoint Restrictions: [\(after.publicCIDRs.joined(separator: ", "))]",
                cluster: cluster.name)
        }
        after.write(into: &vpc)
        return Change(
            type: "EndpointAccessUpdate",
            parameters: [
                ("EndpointPublicAccess", String(after.isPublic)), ("EndpointPrivateAccess", String(after.isPrivate)),
                ("PublicAccessCidrs", JSON(strings: after.publicCIDRs).text),
            ], result: ["resourcesVpcConfig": vpc])
    }

    private func vpcChange(_ request: Request, _ wish: JSON, _ cluster: ClusterRecord) throws(AWSError) -> Change {
        var vpc = cluster.json["resourcesVpcConfig"] ?? [:]
        let subnets = wish["subnetIds"]?.strings ?? vpc["subnetIds"]?.strings ?? []
        let groups = wish["securityGroupIds"]?.strings ?? vpc["securityGroupIds"]?.strings ?? []
        let placement = try ClusterNetwork.check(
            subnets: subnets, groups: groups, isIPv6: cluster.isIPv6, cluster.name, network(request).present)
        guard placement.vpc == vpc["vpcId"]?.string else {
            throw invalid("Provided subnets belong to a different VPC than the cluster's", cluster: cluster.name)
        }
        vpc["subnetIds"] = JSON(strings: subnets)
        vpc["securityGroupIds"] = JSON(strings: groups)
        return Change(
            type: "VpcConfigUpdate",
            parameters: [("Subnets", JSON(strings: subnets).text), ("SecurityGroups", JSON(strings: groups).text)],
            result: ["resourcesVpcConfig": vpc])
    }

    private func loggingChange(_ wish: JSON, _ cluster: ClusterRecord) throws(AWSError) -> Change {
        let before = Self.enabledLogs(cluster.json["logging"], over: [])
        guard Self.enabledLogs(wish, over: before) != before else {
            throw invalid("No changes needed for the logging config provided", cluster: cluster.name)
        }
        return Change(
            type: "LoggingUpdate", parameters: [("ClusterLogging", wish.text)], result: ["logging": Self.logging(wish, over: before)])
    }

    /// CONFIG_MAP to API_AND_CONFIG_MAP to API, one step, never back.
    private func modeChange(_ body: JSON, _ cluster: ClusterRecord) throws(AWSError) -> Change {
        let before = cluster.authenticationMode
        let after = body.at("accessConfig", "authenticationMode")?.string ?? before
        let isStep = (before == "CONFIG_MAP" && after == "API_AND_CONFIG_MAP") || (before == "API_AND_CONFIG_MAP" && after == "API")
        guard isStep else { throw invalid("Unsupported authentication mode update from \(before) to \(after)", cluster: cluster.name) }
        return Change(
            type: "AccessConfigUpdate", parameters: [("AuthenticationMode", after)],
            result: ["accessConfig": ["authenticationMode": .string(after)]])
    }

    private func plainChange(
        _ type: String, _ parameter: String, _ member: String, _ value: JSON, _ cluster: ClusterRecord
    ) throws(AWSError) -> Change {
        guard cluster.json[member] != value else {
            throw invalid("Cluster is already at the desired configuration with \(member): \(value.text)", cluster: cluster.name)
        }
        return Change(type: type, parameters: [(parameter, value.text)], result: [member: value])
    }

    /// Ends the running update of a cluster after its delay: the cluster is ACTIVE again and as asked, or as it was when its network
    /// does not let it change.
    func finish(_ clusters: String, _ cluster: ClusterRecord, after delay: Duration) {
        let name = cluster.name
        let updates = clusters.replacing("/eks/clusters", with: "/eks/updates")
        let network = regions.resources(cluster.accountID, cluster.region)
        world.timers.schedule(after: delay, "eks: the update of \(name) is done") {
            guard let id = cluster.json["_update"]?.string, let document = records.get(clusters, name),
                document.json["_update"]?.string == id, let update = records.get(updates, "\(name)/\(id)")?.json
            else { return }
            let ended = try? await network.change { draft throws(AWSError) in
                try end(update, at: Key(updates, "\(name)/\(id)"), of: document, at: Key(clusters, name), &draft)
            }
            guard let ended else { return }
            if ["EndpointAccessUpdate", "LoggingUpdate", "VersionUpdate"].contains(update["type"]?.string) {
                await provisioner.update(ended)
            }
            // Another mode looks elsewhere for whom nodes are.
            if update["type"] == "AccessConfigUpdate" { regions.noteMappings(of: cluster.accountID, in: cluster.region) }
        }
    }

    /// Types of updates that touch the cluster's interfaces.
    private static let networkUpdates: Set<String> = ["VersionUpdate", "VpcConfigUpdate"]

    private func end(
        _ update: JSON, at updateKey: Key, of document: Records.Document, at key: Key, _ draft: inout ResourceDraft
    ) throws(AWSError) -> ClusterRecord {
        var update = update
        var changed = document.json
        let type = update["type"]?.string ?? ""
        for member in update["_result"]?.object?.members ?? [] { changed[member.key] = member.value }
        let problems = Self.networkUpdates.contains(type) ? ClusterNetwork.problems(changed, draft) : []
        if !problems.isEmpty {
            changed = document.json
        } else if type == "VpcConfigUpdate" {
            changed["_interfaces"] = JSON(strings: try ClusterNetwork.moveInterfaces(&draft, changed))
        }
        changed["status"] = "ACTIVE"
        changed["_update"] = nil
        update["status"] = problems.isEmpty ? "Successful" : "Failed"
        update["errors"] = .array(problems)
        update["_result"] = nil
        let record = ClusterRecord(json: changed)
        var writes: [Transaction.Write] = [.put(key, .bytes(changed.serialized())), .put(updateKey, .bytes(update.serialized()))]
        writes += endedIdentityProvider(update, key.collection, record.name)
        // Leaving CONFIG_MAP shows the creator, who was an administrator without being listed.
        if ClusterRecord(json: document.json).authenticationMode == "CONFIG_MAP", record.authenticationMode != "CONFIG_MAP" {
            writes.append(creatorEntry(key.collection.replacing("/eks/clusters", with: "/eks/access-entries"), record))
        }
        draft.join(
            Transaction(conditions: [.modified(key, document.revision)], writes: writes),
            conflict: AWSError(409, "ResourceInUseException", "Cluster \(record.name) was changed meanwhile"))
        return record
    }

    /// The updates of a cluster, oldest first.
    private func updates(_ request: Request, _ cluster: String) -> [JSON] {
        records.list(request.updates, prefix: "\(cluster)/").map(\.json)
            .sorted { ($0["_order"]?.integer ?? 0, $0["id"]?.string ?? "") < ($1["_order"]?.integer ?? 0, $1["id"]?.string ?? "") }
    }

    /// The node group whose updates a call asks for; `nil` for the cluster's own. Add-ons and capabilities do not exist here.
    private func updatedGroup(_ request: Request, _ cluster: ClusterRecord) throws(AWSError) -> JSON? {
        for (parameter, word) in [("addonName", "addon"), ("capabilityName", "capability")] {
            guard let name = request.query(parameter) else { continue }
            throw AWSError(
                404, "ResourceNotFoundException", "No \(word) found for name: \(name).",
                members: ["clusterName": cluster.name, parameter: name])
        }
        guard let group = request.query("nodegroupName") else { return nil }
        guard let found = network(request).present.get(.nodegroup, Self.nodegroupKey(cluster.name, group)) else {
            throw noNodegroup(cluster.name, group)
        }
        return found["nodegroupName"]
    }

    func listUpdates(_ request: Request) throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let group = try updatedGroup(request, cluster)
        let found = updates(request, cluster.name).filter { $0["_nodegroup"] == group }
        return try page(request, "updateIds", found.compactMap { $0["id"]?.string })
    }

    func describeUpdate(_ request: Request) throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let group = try updatedGroup(request, cluster)
        let id = request.member("updateId")
        guard let update = records.get(request.updates, "\(cluster.name)/\(id)")?.json, update["_nodegroup"] == group else {
            throw AWSError(404, "ResourceNotFoundException", "No update found for ID: \(id)", members: ["clusterName": cluster.name])
        }
        return ["update": Self.wire(update)]
    }
}
