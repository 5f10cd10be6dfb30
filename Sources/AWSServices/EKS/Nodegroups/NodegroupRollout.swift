import JSON
import Store
import World

/// How an update of a node group goes on, step by step ("Understand each phase of node updates").
enum NodegroupRollout {
    /// Points the Auto Scaling group to the new template version and makes room for new nodes: the larger of twice its zones and
    /// `maxUnavailable`. The strategy MINIMAL makes no room.
    static func begin(_ draft: inout ResourceDraft, _ group: inout JSON, templateVersion: Int64) {
        group["_templateVersion"] = .integer(templateVersion)
        var rollout: JSON = [:]
        for name in NodegroupLifecycle.scalingGroups(group) {
            guard var scaling = draft.get(.autoScalingGroup, name) else { continue }
            let members = AutoScaling.members(scaling, draft)
            let old = members.compactMap { $0["instanceId"]?.string }
            rollout["old"] = JSON(strings: old)
            NodegroupDrain.setCordoned(&draft, old, true)
            for member in ["MinSize", "MaxSize", "DesiredCapacity"] { rollout[member] = scaling[member] }
            rollout["parallel"] = .integer(Int64(parallel(group, members.count)))
            scaling.set(
                .string(String(templateVersion)),
                at: ["MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification", "Version"])
            if group.at("updateConfig", "updateStrategy") != "MINIMAL", !members.isEmpty {
                let zones = Set(members.compactMap { $0.at("placement", "availabilityZone")?.string }).count
                let room = max(2 * zones, parallel(group, members.count))
                for member in ["MaxSize", "DesiredCapacity"] { scaling[member] = .integer((scaling[member]?.integer ?? 0) + Int64(room)) }
            }
            draft.put(.autoScalingGroup, name, scaling)
            try? AutoScaling.reconcile(&draft, name)
        }
        group["_rollout"] = rollout
    }

    /// How many nodes may be away at a time.
    private static func parallel(_ group: JSON, _ count: Int) -> Int {
        if let percentage = group.at("updateConfig", "maxUnavailablePercentage")?.integer {
            return max(count * Int(clamping: percentage) / 100, 1)
        }
        return max(Int(clamping: group.at("updateConfig", "maxUnavailable")?.integer ?? 1), 1)
    }

    /// The next step of an update: while nodes come or go it waits; old nodes go a few at a time; at last the sizes are as before.
    static func step(_ draft: inout ResourceDraft, _ key: String, _ group: JSON) throws(AWSError) {
        switch NodegroupLifecycle.arrival(group, began: group["_updateBegan"]?.integer ?? 0, draft) {
        case .waiting(let pause): return NodegroupLifecycle.settle(&draft, key, after: pause)
        case .late(let issues): return try fail(&draft, key, group, issues)
        case .arrived: break
        }
        guard let rollout = group["_rollout"], let name = NodegroupLifecycle.scalingGroups(group).first,
            var scaling = draft.get(.autoScalingGroup, name)
        else { return try finish(&draft, key, group) }
        let old = rollout["old"]?.strings ?? []
        let remaining = AutoScaling.members(scaling, draft).compactMap { $0["instanceId"]?.string }.filter(old.contains)
        if !remaining.isEmpty { return try replace(&draft, key, group, rollout, remaining, in: name) }
        guard scaling["DesiredCapacity"] == rollout["DesiredCapacity"] else {
            for member in ["MinSize", "MaxSize", "DesiredCapacity"] { scaling[member] = rollout[member] }
            draft.put(.autoScalingGroup, name, scaling)
            try AutoScaling.reconcile(&draft, name)
            return NodegroupLifecycle.settle(&draft, key)
        }
        try finish(&draft, key, group)
    }

    /// Empties a few of the old nodes and ends them a minute after they are empty.
    private static func replace(
        _ draft: inout ResourceDraft, _ key: String, _ group: JSON, _ rollout: JSON, _ remaining: [String], in name: String
    ) throws(AWSError) {
        let now = draft.world.now
        let known = (rollout["batch"]?.strings ?? []).filter(remaining.contains)
        guard !known.isEmpty else {
            let batch = Array(remaining.prefix(Int(clamping: rollout["parallel"]?.integer ?? 1)))
            for id in batch {
                if let instance = draft.get(.instance, id), NodegroupDrain.isCalledFor(instance, draft) {
                    try NodegroupDrain.begin(&draft, id)
                }
            }
            // Each batch has its own time.
            try draft.update(.nodegroup, key) { group in
                group["_updateBegan"] = .integer(now.nanoseconds)
                group.set(JSON(strings: batch), at: ["_rollout", "batch"])
            }
            return NodegroupLifecycle.settle(&draft, key)
        }
        var next: Instant?
        var stuck: [String] = []
        for id in known {
            guard let instance = draft.get(.instance, id) else { continue }
            switch NodegroupDrain.progress(instance, isForced: group["_isForced"]?.bool == true, draft) {
            case .over:
                // By force, perhaps: then pods are left, and nobody waits for them again.
                try NodegroupDrain.end(&draft, id)
                _ = try AutoScaling.terminate(
                    &draft, name, id,
                    cause: "At \(now.ec2Text.prefix(19))Z instance \(id) was taken out of service in response to a user request.")
            case .waiting(let time): next = min(next ?? time, time)
            case .stuck: stuck.append(id)
            }
        }
        guard stuck.isEmpty else {
            let nodes = stuck.compactMap { draft.get(.instance, $0) }.compactMap {
                Instances.interfaces(of: $0, draft).first?["privateDnsName"]?.string
            }
            let text = "Reached max retries while trying to evict pods from nodes in node group \(group["nodegroupName"]?.string ?? "")"
            return try fail(&draft, key, group, [NodegroupHealth.issue("PodEvictionFailure", text, nodes)])
        }
        try AutoScaling.reconcile(&draft, name)
        // What comes in place of those that went has its own time too.
        if next == nil { try draft.update(.nodegroup, key) { $0["_updateBegan"] = .integer(now.nanoseconds) } }
        NodegroupLifecycle.settle(&draft, key, after: next.map { max($0 - now, .zero) })
    }

    private static func finish(_ draft: inout ResourceDraft, _ key: String, _ group: JSON) throws(AWSError) {
        end(&draft, key, group, status: "Successful", errors: [])
    }

    /// The group is back in service with the nodes it has, and the update tells what was wrong.
    private static func fail(_ draft: inout ResourceDraft, _ key: String, _ group: JSON, _ issues: [JSON]) throws(AWSError) {
        if let rollout = group["_rollout"], let name = NodegroupLifecycle.scalingGroups(group).first,
            var scaling = draft.get(.autoScalingGroup, name)
        {
            for member in ["MinSize", "MaxSize", "DesiredCapacity"] { scaling[member] = rollout[member] }
            draft.put(.autoScalingGroup, name, scaling)
            // The old nodes are back in service.
            NodegroupDrain.setCordoned(&draft, rollout["old"]?.strings ?? [], false)
            try AutoScaling.reconcile(&draft, name)
        }
        end(
            &draft, key, group, status: "Failed",
            errors: issues.map {
                ["errorCode": $0["code"] ?? "", "errorMessage": $0["message"] ?? "", "resourceIds": $0["resourceIds"] ?? []]
            })
    }

    private static func end(_ draft: inout ResourceDraft, _ key: String, _ group: JSON, status: String, errors: [JSON]) {
        let updates = Key(
            Records.collection(draft.account, draft.region, "eks", "updates"),
            "\(group["clusterName"]?.string ?? "")/\(group["_update"]?.string ?? "")")
        var changed = group
        changed["status"] = "ACTIVE"
        for member in ["_update", "_rollout", "_updateBegan", "_isForced"] { changed[member] = nil }
        if var update = draft.records.get(updates.collection, updates.name)?.json {
            if status == "Successful" {
                for member in update["_result"]?.object?.members ?? [] { changed[member.key] = member.value }
            }
            update["status"] = .string(status)
            update["errors"] = .array(errors)
            update["_result"] = nil
            draft.join(
                Transaction(writes: [.put(updates, .bytes(update.serialized()))]), conflict: AWSError(409, "ResourceInUseException", ""))
        }
        draft.put(.nodegroup, key, changed)
    }
}
