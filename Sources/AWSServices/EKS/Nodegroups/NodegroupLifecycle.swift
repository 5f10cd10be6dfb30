import IAMPolicy
import JSON
import Store
import World

/// What happens to node groups on the clock.
enum NodegroupLifecycle {
    /// Nodes that have not joined by then make the creation or the update fail.
    private static let patience = Duration.seconds(15 * 60)

    /// The names of a node group's Auto Scaling groups.
    static func scalingGroups(_ group: JSON) -> [String] {
        (group.at("resources", "autoScalingGroups")?.array ?? []).compactMap { $0["name"]?.string }
    }

    /// Looks at a node group again after the delay, as long as it is on its way somewhere.
    static func settle(_ draft: inout ResourceDraft, _ key: String, after delay: Duration? = nil) {
        guard let group = draft.get(.nodegroup, key), ["CREATING", "UPDATING", "DELETING"].contains(group["status"]?.string) else { return }
        draft.schedule(after: delay ?? draft.delay, "eks: nodegroup \(key)") { resources in
            try? await resources.change { draft throws(AWSError) in
                guard let group = draft.get(.nodegroup, key) else { return }
                try step(&draft, key, group)
            }
        }
    }

    /// Looks at the node group of an instance.
    static func settle(_ draft: inout ResourceDraft, ofInstance id: String) {
        let tags = draft.get(.instance, id).map { EC2Tags.values(of: $0) } ?? [:]
        guard let cluster = tags["eks:cluster-name"], let group = tags["eks:nodegroup-name"] else { return }
        settle(&draft, EKSServices.nodegroupKey(cluster, group))
    }

    /// Goes on with what was under way when an earlier run ended.
    static func resume(_ draft: inout ResourceDraft) {
        NodegroupDrain.resume(&draft)
        for group in draft.list(.nodegroup) {
            settle(&draft, EKSServices.nodegroupKey(group["clusterName"]?.string ?? "", group["nodegroupName"]?.string ?? ""))
        }
    }

    private static func step(_ draft: inout ResourceDraft, _ key: String, _ group: JSON) throws(AWSError) {
        switch group["status"]?.string {
        case "CREATING": try create(&draft, key, group)
        case "UPDATING": try NodegroupRollout.step(&draft, key, group)
        case "DELETING": try delete(&draft, key, group)
        default: return
        }
    }

    /// ACTIVE once all nodes have joined; CREATE_FAILED when they have not after a quarter of an hour.
    private static func create(_ draft: inout ResourceDraft, _ key: String, _ group: JSON) throws(AWSError) {
        if let problem = group["_problem"] {
            return try draft.update(.nodegroup, key) { group in
                group["status"] = "CREATE_FAILED"
                group["health"] = ["issues": [problem]]
            }
        }
        switch arrival(group, began: group["_began"]?.integer ?? 0, draft) {
        case .arrived:
            try draft.update(.nodegroup, key) { $0["status"] = "ACTIVE" }
        case .waiting(let pause): settle(&draft, key, after: pause)
        case .late(let issues):
            try draft.update(.nodegroup, key) { group in
                group["status"] = "CREATE_FAILED"
                group["health"] = ["issues": .array(issues)]
            }
        }
    }

    /// How far the nodes of a group have come.
    enum Arrival {
        case arrived
        /// Not yet; to be looked at again after a pause.
        case waiting(Duration?)
        /// Not in time, and why.
        case late([JSON])
    }

    static func arrival(_ group: JSON, began: Int64, _ draft: ResourceDraft) -> Arrival {
        let names = scalingGroups(group)
        let wanted = names.compactMap { draft.get(.autoScalingGroup, $0) }
        let members = wanted.flatMap { AutoScaling.members($0, draft) }
        let desired = wanted.reduce(0) { $0 + ($1["DesiredCapacity"]?.integer ?? 0) }
        let serving = members.filter { $0.at("_scaling", "state")?.string == "InService" }
        let missing = draft.nodesJoin ? serving.filter { $0["_joined"]?.bool != true } : canJoin(group, draft) ? [] : serving
        if Int64(serving.count) == desired, members.count == serving.count, missing.isEmpty { return .arrived }
        let deadline = Instant(nanoseconds: began) + patience
        guard draft.world.now >= deadline else {
            let isStuck = members.count == serving.count
            return .waiting(isStuck ? deadline - draft.world.now : nil)
        }
        var issues = names.compactMap { NodegroupHealth.launchFailure($0, draft) }
        if !missing.isEmpty {
            issues.append(
                NodegroupHealth.issue(
                    "NodeCreationFailure", "Instances failed to join the kubernetes cluster",
                    missing.compactMap { $0["instanceId"]?.string }))
        }
        return .late(issues)
    }

    /// Whether nodes with the group's role find their cluster: what AmazonEKSWorkerNodePolicy allows.
    private static func canJoin(_ group: JSON, _ draft: ResourceDraft) -> Bool {
        let arn = group["nodeRole"]?.string ?? ""
        let name = arn.split(separator: "/").last.map(String.init) ?? ""
        guard let role = draft.principal("roles", name) else { return false }
        let authorization = CallerAuthorization(records: draft.records, world: draft.world)
        let caller = Caller(
            arn: arn, accountID: draft.account, userID: role["RoleId"]?.string ?? "", roleARN: arn, roleName: name, userName: nil)
        let decision = authorization.policies(caller, role).evaluate(
            PolicyRequest(action: "ec2:DescribeInstances", resource: "*"), granted: .none)
        return decision.isAllowed
    }

    /// Gone with the last instance.
    private static func delete(_ draft: inout ResourceDraft, _ key: String, _ group: JSON) throws(AWSError) {
        guard scalingGroups(group).allSatisfy({ draft.get(.autoScalingGroup, $0) == nil }) else { return settle(&draft, key) }
        LaunchTemplates.remove(&draft, group["_template"]?.string ?? "")
        draft.remove(.nodegroup, key)
        let updates = Records.collection(draft.account, draft.region, "eks", "updates")
        var writes: [Transaction.Write] = [
            .delete(NodegroupParts.profileKey(group["_profile"]?.string ?? "", draft), last: nil)
        ]
        let cluster = group["clusterName"]?.string ?? ""
        for update in draft.records.list(updates, prefix: "\(cluster)/") where update.json["_nodegroup"] == group["nodegroupName"] {
            writes.append(.delete(Key(updates, update.name), last: nil))
        }
        draft.join(Transaction(writes: writes), conflict: AWSError(409, "ResourceInUseException", ""))
    }
}
