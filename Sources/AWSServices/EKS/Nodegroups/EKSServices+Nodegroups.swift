import JSON
import Store
import World

/// Managed node groups.
extension EKSServices {
    static func nodegroupKey(_ cluster: String, _ group: String) -> String { "\(cluster)/\(group)" }

    func noNodegroup(_ cluster: String, _ group: String) -> AWSError {
        NodegroupWish.error(
            "ResourceNotFoundException", status: 404, "No node group found for name: \(group).", cluster, group)
    }

    /// The node group that a call's path names.
    func nodegroup(_ request: Request, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        let cluster = try cluster(request).name
        let group = request.member("nodegroupName")
        guard let found = draft.get(.nodegroup, Self.nodegroupKey(cluster, group)) else { throw noNodegroup(cluster, group) }
        return found
    }

    func createNodegroup(_ request: Request) async throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let key = Self.nodegroupKey(cluster.name, request.body["nodegroupName"]?.string ?? "")
        let resources = network(request)
        if let token = request.token, let earlier = resources.present.get(.nodegroup, key), earlier["_token"]?.string == token,
            earlier["_request"] == request.body
        {
            return ["nodegroup": Self.wire(earlier)]
        }
        if let call = request.call {
            try authorization.require(
                call, "iam:PassRole", on: request.body["nodeRole"]?.string ?? "*",
                conditions: ["iam:PassedToService": ["eks.amazonaws.com"]])
        }
        let tags = try tags(request)
        let pods = await provisioner.podSettings(cluster)
        return try await resources.change { draft throws(AWSError) in
            let wish = try NodegroupWish(request, cluster, draft)
            var group = try make(&draft, request, wish, tags: tags)
            group["_pods"] = pods.json
            draft.put(.nodegroup, key, group)
            NodegroupLifecycle.settle(&draft, key)
            return ["nodegroup": Self.wire(group)]
        }
    }

    /// Makes the node group's parts; answers its record, CREATING.
    private func make(_ draft: inout ResourceDraft, _ request: Request, _ wish: NodegroupWish, tags: JSON) throws(AWSError) -> JSON {
        let body = wish.body
        let cluster = wish.cluster
        let id = world.random.uuid()
        let isCustom = wish.image == nil
        let version = cluster.version
        let image = wish.image.map { Images.node($0, version: version, draft.region) }
        let profile = "eks-\(id)"
        // The disk is the template's where there is one.
        let disk = wish.template == nil ? body["diskSize"]?.integer ?? NodegroupWish.defaultDisk : nil
        let data = NodegroupParts.data(
            cluster, group: wish.name, user: wish.template?.data, image: image?.id, profile: profile, disk: disk,
            image?.rootDevice ?? "/dev/xvda")
        var writes = [NodegroupParts.profile(profile, role: wish.role, draft)]
        if cluster.authenticationMode != "CONFIG_MAP", let entry = nodeEntry(request, cluster, wish.role) { writes.append(entry) }
        draft.join(Transaction(writes: writes), conflict: AWSError(409, "ResourceInUseException", "The node role's entry is being changed"))
        let template = LaunchTemplates.make(
            &draft, "eks-\(id)", data, tags: EC2Tags.set([("eks:cluster-name", cluster.name), ("eks:nodegroup-name", wish.name)]),
            by: "arn:aws:sts::\(draft.account):assumed-role/AWSServiceRoleForAmazonEKSNodegroup/EKS")
        // In subnets whose instances would be of no use none are launched.
        let problem = NodegroupHealth.addressIssue(wish, draft)
        let scaling = problem == nil ? try NodegroupParts.makeScalingGroup(&draft, wish, template: template, version: 1, id: id) : nil
        let now = Self.epoch(world.now)
        var group: JSON = [
            "nodegroupName": .string(wish.name),
            "nodegroupArn": .string("arn:aws:eks:\(draft.region):\(draft.account):nodegroup/\(cluster.name)/\(wish.name)/\(id)"),
            "clusterName": .string(cluster.name), "version": .string(version),
            "releaseVersion": .string(wish.image?.releaseVersion(version) ?? wish.template?.data["ImageId"]?.string ?? ""),
            "createdAt": now, "modifiedAt": now, "status": "CREATING", "capacityType": body["capacityType"] ?? "ON_DEMAND",
            "scalingConfig": wish.sizes.json, "subnets": body["subnets"] ?? [],
            "amiType": .string(isCustom ? "CUSTOM" : wish.image?.amiType ?? ""), "nodeRole": body["nodeRole"] ?? "",
            "labels": body["labels"] ?? [:], "taints": body["taints"] ?? [],
            "resources": ["autoScalingGroups": .array(scaling.map { [["name": .string($0)]] } ?? [])], "health": ["issues": []],
            "updateConfig": body["updateConfig"].map { $0.object?.isEmpty == false ? $0 : ["maxUnavailable": 1] } ?? ["maxUnavailable": 1],
            "tags": tags, "_id": .string(id), "_template": .string(template), "_templateVersion": 1, "_profile": .string(profile),
            "_began": .integer(world.now.nanoseconds), "_request": body, "_clusterId": .string(cluster.clusterID),
        ]
        group["_problem"] = problem
        if let disk { group["diskSize"] = .integer(disk) }
        if wish.template?.data["InstanceType"] == nil { group["instanceTypes"] = JSON(strings: wish.instanceTypes) }
        group["launchTemplate"] = wish.template?.reference
        group["nodeRepairConfig"] = body["nodeRepairConfig"]
        group["_token"] = request.token.map(JSON.string)
        return group
    }

    /// The entry by which nodes of a role are let in, unless there is one.
    private func nodeEntry(_ request: Request, _ cluster: ClusterRecord, _ role: JSON) -> Transaction.Write? {
        let arn = role["Arn"]?.string ?? ""
        let name = "\(cluster.name)/\(arn)"
        guard records.get(request.entries, name) == nil else { return nil }
        let entry = newEntry(cluster, arn, id: role["RoleId"]?.string ?? "", type: "EC2_LINUX")
        return .put(Key(request.entries, name), .bytes(entry.serialized()))
    }

    func listNodegroups(_ request: Request) throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let names = network(request).present.list(.nodegroup, "clusterName", cluster.name).compactMap { $0["nodegroupName"]?.string }
        return try page(request, "nodegroups", names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    func describeNodegroup(_ request: Request) throws(AWSError) -> JSON {
        let present = network(request).present
        return ["nodegroup": Self.wire(NodegroupHealth.described(try nodegroup(request, present), present))]
    }

    func deleteNodegroup(_ request: Request) async throws(AWSError) -> JSON {
        try await network(request).change { draft throws(AWSError) in
            var group = try nodegroup(request, draft)
            let cluster = group["clusterName"]?.string ?? ""
            let name = group["nodegroupName"]?.string ?? ""
            let status = group["status"]?.string ?? ""
            guard status != "DELETING", status != "UPDATING" else {
                throw NodegroupWish.error(
                    "ResourceInUseException", status: 409, "Nodegroup \(name) cannot be deleted because it is in status \(status)", cluster,
                    name)
            }
            group["status"] = "DELETING"
            draft.put(.nodegroup, Self.nodegroupKey(cluster, name), group)
            for scaling in NodegroupLifecycle.scalingGroups(group) where draft.get(.autoScalingGroup, scaling) != nil {
                try AutoScalingGroups.remove(&draft, scaling)
            }
            NodegroupLifecycle.settle(&draft, Self.nodegroupKey(cluster, name))
            return ["nodegroup": Self.wire(group)]
        }
    }
}
