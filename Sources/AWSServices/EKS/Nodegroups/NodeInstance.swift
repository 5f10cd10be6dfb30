import IAMPolicy
import JSON
public import World

/// An EC2 instance that is to be a node of a cluster: what its kubelet would find out about itself.
public struct NodeInstance: Sendable {
    /// A taint of its node group.
    public struct Taint: Sendable, Hashable {
        /// The key.
        public let key: String
        /// The value, often empty.
        public let value: String
        /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
        public let effect: String
    }

    /// What EKS has still to do with its node.
    public enum Duty: Sendable, Hashable {
        /// No new pods.
        case cordon
        /// New pods again.
        case uncordon
        /// All pods have to go; with `respectsBudgets` as disruption budgets let them.
        case drain(respectsBudgets: Bool)
    }

    /// `i-0123456789abcdef0`
    public let id: String
    /// `m5.large`
    public let type: String
    /// The zone's name and id.
    public let zone: (name: String, id: String)
    /// The address and name of its first interface.
    public let address: String
    /// The first IPv6 address of that interface; `nil` without one.
    public let ipv6Address: String?
    /// `ip-10-0-1-5.ap-northeast-1.compute.internal`
    public let privateDNSName: String
    /// The cluster whose tag it has.
    public let cluster: String
    /// Whether it runs.
    public let isRunning: Bool
    /// Whether it is stopped or about to be: its node stays. One that neither runs nor is stopped is no node.
    public let isStopped: Bool
    /// How often it was started again.
    public let boots: Int64
    /// When it was started.
    public let launched: Instant
    /// Whether it has joined and was ready.
    public let hasJoined: Bool
    /// The role of its instance profile: ARN and unique id; `nil` without one.
    public let role: (arn: String, id: String)?
    /// Whether the role may look up the instance, without which a node does not find its name (AmazonEKSWorkerNodePolicy).
    public let canJoin: Bool
    /// Whether the role may pull images, without which no plugin connects pods (AmazonEC2ContainerRegistryPullOnly). What its agent may do
    /// is judged call by call.
    public let canPull: Bool
    /// Labels of its node group, EKS' own included.
    public let labels: [String: String]
    /// Taints of its node group.
    public let taints: [Taint]
    /// Kubernetes' version of its image: `1.34.2`.
    public let kubeletVersion: String
    /// `amd64` or `arm64`.
    public let architecture: String
    /// Whether EKS chose its image, and with it the number of pods.
    public let isManagedImage: Bool
    /// What EKS reckons with when it chooses the number of pods.
    public let pods: NodePodSettings
    /// GiB of its root volume.
    public let diskSize: Int64
    /// What EKS has to do with its node; `nil` for nothing.
    public let duty: Duty?
}

/// A node group whose role has to be mapped for its nodes to be let in.
public struct NodeRoleMapping: Sendable, Hashable {
    /// `CLUSTER/NODEGROUP`
    public let key: String
    /// The cluster's name.
    public let cluster: String
    /// The role's ARN.
    public let roleARN: String
}

extension AWSFrontDoor {
    private static let imageActions = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"]

    /// What is asked once for all instances that have it in common.
    private struct Verdict {
        let canJoin: Bool
        let canPull: Bool
    }

    /// The instances of an account in a region that carry a cluster's tag, oldest first.
    public func nodeInstances(account: String, region: String) -> [NodeInstance] {
        let draft = regions.resources(account, region).present
        var judged: [String: Verdict] = [:]
        var clusters: [String: ClusterRecord?] = [:]
        return draft.list(.instance).compactMap { instance in
            let tags = EC2Tags.values(of: instance)
            guard let cluster = Self.cluster(of: tags), let first = Instances.interfaces(of: instance, draft).first else { return nil }
            let group = tags["eks:nodegroup-name"].flatMap { draft.get(.nodegroup, EKSServices.nodegroupKey(cluster, $0)) }
            let role = Self.role(of: instance, draft)
            let name = role?["RoleName"]?.string ?? ""
            let record = clusters[cluster] ?? self.cluster(account: account, region: region, name: cluster)
            clusters[cluster] = record
            let verdict = judged[name] ?? role.map { judge($0, draft) } ?? Verdict(canJoin: false, canPull: false)
            judged[name] = verdict
            let version = group?["version"]?.string ?? record?.version ?? ""
            return NodeInstance(
                id: instance["instanceId"]?.string ?? "", type: instance["instanceType"]?.string ?? "",
                zone: (
                    instance.at("placement", "availabilityZone")?.string ?? "", instance.at("placement", "availabilityZoneId")?.string ?? ""
                ), address: first["privateIpAddress"]?.string ?? "",
                ipv6Address: first["ipv6AddressesSet"]?.array?.first?["ipv6Address"]?.string,
                privateDNSName: first["privateDnsName"]?.string ?? "",
                cluster: cluster,
                isRunning: Instances.state(instance) == "running", isStopped: Instances.isStopped(instance),
                boots: instance[Instances.boots]?.integer ?? 0,
                launched: (instance["launchTime"]?.string).flatMap(Instant.init(rfc3339:)) ?? world.now,
                hasJoined: instance["_joined"]?.bool == true,
                role: role.map { ($0["Arn"]?.string ?? "", $0["RoleId"]?.string ?? "") }, canJoin: verdict.canJoin,
                canPull: verdict.canPull, labels: group.map { Self.labels($0, instance) } ?? [:], taints: Self.taints(group),
                kubeletVersion: NodeImage.kubelet(version), architecture: instance["architecture"]?.string == "arm64" ? "arm64" : "amd64",
                isManagedImage: group != nil && group?["amiType"] != "CUSTOM", pods: NodePodSettings(group?["_pods"]),
                diskSize: group?["diskSize"]?.integer ?? 20,
                duty: NodegroupDrain.duty(instance))
        }
    }

    /// The tags by which instances are known to be of a cluster: that of managed node groups, or the one that nodes of one's own need.
    private static func cluster(of tags: [String: String]) -> String? {
        if let name = tags["eks:cluster-name"] { return name }
        let prefix = "kubernetes.io/cluster/"
        return tags.keys.filter { $0.hasPrefix(prefix) }.sorted().first.map { String($0.dropFirst(prefix.count)) }
    }

    /// The role that an instance's profile hands to the programs on it.
    static func role(of instance: JSON, _ draft: ResourceDraft) -> JSON? {
        let arn = instance.at("iamInstanceProfile", "arn")?.string ?? ""
        let name = arn.split(separator: "/").last.map(String.init) ?? ""
        guard let profile = draft.principal("instance-profiles", name), let role = profile["Roles"]?.array?.first?.string else {
            return nil
        }
        return draft.principal("roles", role)
    }

    private func judge(_ role: JSON, _ draft: ResourceDraft) -> Verdict {
        let arn = role["Arn"]?.string ?? ""
        let caller = Caller(
            arn: arn, accountID: draft.account, userID: role["RoleId"]?.string ?? "", roleARN: arn,
            roleName: role["RoleName"]?.string ?? "",
            userName: nil)
        let policies = authorization.policies(caller, role)
        func allows(_ action: String) -> Bool {
            policies.evaluate(PolicyRequest(action: action, resource: "*"), granted: .none).isAllowed
        }
        return Verdict(canJoin: allows("ec2:DescribeInstances"), canPull: Self.imageActions.allSatisfy(allows))
    }

    private static func labels(_ group: JSON, _ instance: JSON) -> [String: String] {
        var labels: [String: String] = [:]
        for member in group["labels"]?.object?.members ?? [] { labels[member.key] = member.value.string }
        labels["eks.amazonaws.com/nodegroup"] = group["nodegroupName"]?.string
        labels["eks.amazonaws.com/nodegroup-image"] = instance["imageId"]?.string
        labels["eks.amazonaws.com/capacityType"] = group["capacityType"]?.string
        if let template = group["launchTemplate"] {
            labels["eks.amazonaws.com/sourceLaunchTemplateId"] = template["id"]?.string
            labels["eks.amazonaws.com/sourceLaunchTemplateVersion"] = template["version"]?.string
        }
        return labels
    }

    private static func taints(_ group: JSON?) -> [NodeInstance.Taint] {
        let effects = ["NO_SCHEDULE": "NoSchedule", "PREFER_NO_SCHEDULE": "PreferNoSchedule", "NO_EXECUTE": "NoExecute"]
        return (group?["taints"]?.array ?? []).map { taint in
            NodeInstance.Taint(
                key: taint["key"]?.string ?? "", value: taint["value"]?.string ?? "", effect: effects[taint["effect"]?.string ?? ""] ?? "")
        }
    }

    /// Notes that instances are nodes now: their node groups are looked at again.
    public func noteJoined(_ instances: [String], account: String, region: String) async {
        _ = try? await regions.resources(account, region).change { draft throws(AWSError) in
            for id in instances where draft.get(.instance, id) != nil {
                try draft.update(.instance, id) { $0["_joined"] = true }
                NodegroupLifecycle.settle(&draft, ofInstance: id)
            }
        }
    }

    /// The name of an instance's first interface, which `{{EC2PrivateDNSName}}` stands for; `nil` when there is no such instance.
    public func privateDNSName(ofInstance id: String, account: String, region: String) -> String? {
        let draft = regions.resources(account, region).present
        guard let instance = draft.get(.instance, id) else { return nil }
        return Instances.interfaces(of: instance, draft).first?["privateDnsName"]?.string
    }

    /// The node groups of clusters in mode CONFIG_MAP whose role EKS has still to write to `aws-auth`.
    public func unmappedNodeRoles(account: String, region: String) -> [NodeRoleMapping] {
        regions.resources(account, region).present.list(.nodegroup).compactMap { group in
            let cluster = group["clusterName"]?.string ?? ""
            guard group["_isMapped"] == nil, group["status"] == "CREATING",
                self.cluster(account: account, region: region, name: cluster)?.authenticationMode == "CONFIG_MAP"
            else { return nil }
            return NodeRoleMapping(
                key: EKSServices.nodegroupKey(cluster, group["nodegroupName"]?.string ?? ""), cluster: cluster,
                roleARN: group["nodeRole"]?.string ?? "")
        }
    }

    /// Notes that a node group's role was written to `aws-auth`; from then on the line is the owner's.
    public func noteMapped(_ mapping: NodeRoleMapping, account: String, region: String) async {
        _ = try? await regions.resources(account, region).change { draft throws(AWSError) in
            if draft.get(.nodegroup, mapping.key) != nil { try draft.update(.nodegroup, mapping.key) { $0["_isMapped"] = true } }
        }
    }
}
