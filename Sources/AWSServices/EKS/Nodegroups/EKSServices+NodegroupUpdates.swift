import JSON
import Store
import World

/// Updates of node groups: their configuration, or the version that their nodes run.
extension EKSServices {
    func updateNodegroupConfig(_ request: Request) async throws(AWSError) -> JSON {
        try await network(request).change { draft throws(AWSError) in
            var group = try nodegroup(request, draft)
            if let earlier = earlierNodegroupUpdate(request, group) { return earlier }
            let cluster = group["clusterName"]?.string ?? ""
            let name = group["nodegroupName"]?.string ?? ""
            try requireActive(group)
            let body = request.body
            var parameters: [(type: String, value: String)] = []
            if let wish = body["scalingConfig"] {
                let sizes = try NodegroupSizes(wish, over: NodegroupSizes(group["scalingConfig"]), cluster, name)
                parameters += [
                    ("MinSize", String(sizes.minimum)), ("MaxSize", String(sizes.maximum)), ("DesiredSize", String(sizes.desired)),
                ]
                group["scalingConfig"] = sizes.json
                for scaling in NodegroupLifecycle.scalingGroups(group) { try resize(&draft, scaling, sizes) }
            }
            try relabel(&group, body["labels"], &parameters)
            retaint(&group, body["taints"], &parameters)
            if let wish = body["updateConfig"] {
                try NodegroupWish.checkUpdateConfig(wish, cluster, name)
                for (member, type) in [("maxUnavailable", "MaxUnavailable"), ("maxUnavailablePercentage", "MaxUnavailablePercentage")] {
                    if let value = wish[member]?.integer { parameters.append((type, String(value))) }
                }
                if let strategy = wish["updateStrategy"]?.string { parameters.append(("UpdateStrategy", strategy)) }
                group["updateConfig"] = wish
            }
            if let wish = body["nodeRepairConfig"] {
                parameters.append(("NodeRepairConfig", wish.text))
                group["nodeRepairConfig"] = wish
            }
            guard !parameters.isEmpty else {
                throw NodegroupWish.invalid("No changes needed for the nodegroup config provided", cluster, name)
            }
            return begin(&draft, request, &group, "ConfigUpdate", parameters, result: [:])
        }
    }

    private func resize(_ draft: inout ResourceDraft, _ name: String, _ sizes: NodegroupSizes) throws(AWSError) {
        guard var scaling = draft.get(.autoScalingGroup, name) else { return }
        try AutoScalingGroups.setSizes(sizes.scaling, &scaling)
        draft.put(.autoScalingGroup, name, scaling)
        try AutoScaling.reconcile(&draft, name)
    }

    private func relabel(
        _ group: inout JSON, _ wish: JSON?, _ parameters: inout [(type: String, value: String)]
    ) throws(AWSError) {
        guard let wish else { return }
        var labels = group["labels"]?.object ?? JSONObject()
        if let added = wish["addOrUpdateLabels"]?.object, !added.isEmpty {
            try NodegroupWish.checkLabels(.object(added), group["clusterName"]?.string ?? "", group["nodegroupName"]?.string ?? "")
            for label in added { labels[label.key] = label.value }
            parameters.append(("LabelsToAdd", JSON.object(added).text))
        }
        if let removed = wish["removeLabels"]?.strings, !removed.isEmpty {
            for label in removed { labels.removeValue(forKey: label) }
            parameters.append(("LabelsToRemove", JSON(strings: removed).text))
        }
        group["labels"] = .object(labels)
    }

    private func retaint(_ group: inout JSON, _ wish: JSON?, _ parameters: inout [(type: String, value: String)]) {
        guard let wish else { return }
        var taints = group["taints"]?.array ?? []
        func isSame(_ left: JSON, _ right: JSON) -> Bool { left["key"] == right["key"] && left["effect"] == right["effect"] }
        if let removed = wish["removeTaints"]?.array, !removed.isEmpty {
            taints.removeAll { taint in removed.contains { isSame($0, taint) } }
            parameters.append(("TaintsToRemove", JSON.array(removed).text))
        }
        if let added = wish["addOrUpdateTaints"]?.array, !added.isEmpty {
            taints.removeAll { taint in added.contains { isSame($0, taint) } }
            taints += added
            parameters.append(("TaintsToAdd", JSON.array(added).text))
        }
        group["taints"] = .array(taints)
    }

    /// A second update waits for the first; so does any update of a group that is not there yet or on its way out.
    private func requireActive(_ group: JSON) throws(AWSError) {
        let status = group["status"]?.string ?? ""
        guard status != "ACTIVE", status != "DEGRADED" else { return }
        let name = group["nodegroupName"]?.string ?? ""
        let cluster = group["clusterName"]?.string ?? ""
        throw NodegroupWish.error(
            "ResourceInUseException", status: 409,
            status == "UPDATING"
                ? "Nodegroup \(name) currently has update \(group["_update"]?.string ?? "") in progress"
                : "Nodegroup cannot be updated as it is currently not in Active State", cluster, name)
    }

    private func earlierNodegroupUpdate(_ request: Request, _ group: JSON) -> JSON? {
        guard let token = request.token else { return nil }
        let known = records.list(request.updates, prefix: "\(group["clusterName"]?.string ?? "")/").map(\.json)
        return known.first { $0["_token"]?.string == token && $0["_nodegroup"] == group["nodegroupName"] }.map { ["update": Self.wire($0)] }
    }

    /// Starts an update; it ends on the clock.
    private func begin(
        _ draft: inout ResourceDraft, _ request: Request, _ group: inout JSON, _ type: String,
        _ parameters: [(type: String, value: String)],
        result: JSON
    ) -> JSON {
        let cluster = group["clusterName"]?.string ?? ""
        let key = Self.nodegroupKey(cluster, group["nodegroupName"]?.string ?? "")
        let id = world.random.uuid()
        var update: JSON = [
            "id": .string(id), "status": "InProgress", "type": .string(type),
            "params": .array(parameters.map { ["type": .string($0.type), "value": .string($0.value)] }),
            "createdAt": Self.epoch(world.now), "errors": [], "_order": .integer(world.now.nanoseconds),
            "_nodegroup": group["nodegroupName"] ?? "", "_result": result,
        ]
        update["_token"] = request.token.map(JSON.string)
        group["status"] = "UPDATING"
        group["modifiedAt"] = Self.epoch(world.now)
        group["_update"] = .string(id)
        group["_updateBegan"] = .integer(world.now.nanoseconds)
        draft.put(.nodegroup, key, group)
        draft.join(
            Transaction(writes: [.put(Key(request.updates, "\(cluster)/\(id)"), .bytes(update.serialized()))]),
            conflict: AWSError(409, "ResourceInUseException", ""))
        NodegroupLifecycle.settle(&draft, key)
        return ["update": Self.wire(update)]
    }

    // MARK: Versions

    func updateNodegroupVersion(_ request: Request) async throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let pods = await provisioner.podSettings(cluster)
        return try await network(request).change { draft throws(AWSError) in
            var group = try nodegroup(request, draft)
            if let earlier = earlierNodegroupUpdate(request, group) { return earlier }
            try requireActive(group)
            group["_pods"] = pods.json
            let plan = try versionPlan(request, cluster, group, draft)
            let number = try LaunchTemplates.makeVersion(
                &draft, group["_template"]?.string ?? "", plan.data,
                by: "arn:aws:sts::\(draft.account):assumed-role/AWSServiceRoleForAmazonEKSNodegroup/EKS")
            group["_isForced"] = request.body["force"]?.bool == true ? true : nil
            NodegroupRollout.begin(&draft, &group, templateVersion: number)
            return begin(&draft, request, &group, "VersionUpdate", plan.parameters, result: plan.result)
        }
    }

    /// What nodes are to run after a version update.
    private func versionPlan(
        _ request: Request, _ cluster: ClusterRecord, _ group: JSON, _ draft: ResourceDraft
    ) throws(AWSError) -> (data: JSON, result: JSON, parameters: [(type: String, value: String)]) {
        let body = request.body
        let name = group["nodegroupName"]?.string ?? ""
        let before = group["version"]?.string ?? ""
        func invalid(_ message: String) -> AWSError { NodegroupWish.invalid(message, cluster.name, name) }
        if body["launchTemplate"] != nil, group["launchTemplate"] == nil {
            throw invalid("You cannot specify a launch template for a node group that was created without one.")
        }
        let wanted = body["launchTemplate"] ?? group["launchTemplate"].map { ["id": $0["id"] ?? "", "version": $0["version"] ?? ""] }
        if let id = body.at("launchTemplate", "id"), id != group.at("launchTemplate", "id") {
            throw invalid("You cannot use a different launch template than the node group was created with.")
        }
        let template = try NodegroupWish.template(wanted, draft, cluster.name, name)
        let type = NodeImage.of(group["amiType"]?.string ?? "")
        if type == nil, body["version"] != nil || body["releaseVersion"] != nil {
            throw invalid("You cannot specify the field kubernetesVersion when using custom AMIs")
        }
        let version = type == nil ? before : body["version"]?.string ?? cluster.version
        guard let low = EKSVersions.minor(before), let high = EKSVersions.minor(version), let top = EKSVersions.minor(cluster.version),
            (low...max(low, top)).contains(high)
        else {
            throw invalid("Nodegroup Kubernetes version \(version) must be between \(before) and the cluster's version \(cluster.version)")
        }
        let image = type.map { Images.node($0, version: version, draft.region) }
        let release = type?.releaseVersion(version) ?? template?.data["ImageId"]?.string ?? ""
        if let asked = body["releaseVersion"]?.string, asked != release {
            throw NodegroupWish.error(
                "InvalidRequestException", "Requested release version \(asked) is not valid for kubernetes version \(version).",
                cluster.name,
                name)
        }
        let data = NodegroupParts.data(
            cluster, group: name, user: template?.data, image: image?.id, profile: group["_profile"]?.string ?? "",
            disk: group["diskSize"]?.integer, image?.rootDevice ?? "/dev/xvda")
        var result: JSON = ["version": .string(version), "releaseVersion": .string(release)]
        var parameters = [(type: "Version", value: version), (type: "ReleaseVersion", value: release)]
        if let reference = template?.reference {
            result["launchTemplate"] = reference
            parameters += [
                ("LaunchTemplateName", reference["name"]?.string ?? ""), ("LaunchTemplateVersion", reference["version"]?.string ?? ""),
            ]
        }
        return (data, result, parameters)
    }
}
