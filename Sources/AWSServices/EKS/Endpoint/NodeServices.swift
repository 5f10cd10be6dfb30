import IPAddress
import JSON

/// An AWS service that nodes call, and how those of a cluster reach it.
public struct NodeService: Sendable, Hashable {
    /// The way from the nodes' subnets to a service.
    public enum Way: Sendable, Hashable {
        /// Every subnet has a route to the internet.
        case internet
        /// Through a VPC endpoint.
        case endpoint(String)
        /// From these subnets not at all.
        case none(subnets: [String])
    }

    /// `com.amazonaws.ap-northeast-1.ecr.api`
    public let name: String
    /// `Interface` or `Gateway`.
    public let type: String
    /// How it is reached.
    public let way: Way
    /// What does not work without it.
    public let consequence: String
    /// What makes the endpoint, as a command to paste.
    public let fix: String
}

/// The services of "Deploy private clusters with limited internet access" (EKS User Guide, clusters/private-clusters), and what each is for.
private let servicesOfNodes: [(word: String, isGateway: Bool, consequence: String)] = [
    ("ec2", false, "nodes do not join: their names and the network plugin's interfaces come from EC2"),
    ("ecr.api", false, "no image of ECR is pulled: the kubelet gets no authorization token"),
    ("ecr.dkr", false, "no image of ECR is pulled: manifests come from there"),
    ("s3", true, "no image of ECR is pulled: layers come from there"),
    ("sts", false, "pods with roles for service accounts (IRSA) get no credentials"),
    ("eks", false, "nodes that look the cluster up at their start do not join"),
    ("eks-auth", false, "the EKS Pod Identity agent gets no credentials"),
    ("logs", false, "no logs of containers reach CloudWatch"),
    ("monitoring", false, "no metrics of nodes reach CloudWatch"),
    ("elasticloadbalancing", false, "Services and Ingresses get no load balancers"),
    ("autoscaling", false, "the Cluster Autoscaler changes nothing"),
    ("ssm", false, "no Session Manager, and node images are not looked up"),
    ("ssmmessages", false, "no Session Manager session opens"),
    ("ec2messages", false, "no Systems Manager command arrives"),
    ("xray", false, "no traces reach X-Ray"),
]

extension AWSFrontDoor {
    /// How the nodes of a cluster reach the AWS services that they call, from the subnets of the cluster and of its node groups.
    public func nodeServices(of cluster: ClusterRecord) -> [NodeService] {
        let draft = regions.resources(cluster.accountID, cluster.region).present
        let vpc = cluster.json.at("resourcesVpcConfig", "vpcId")?.string ?? ""
        let groups = records.list(Records.collection(cluster.accountID, cluster.region, "eks", "nodegroups")).filter {
            $0.name.hasPrefix("\(cluster.name)/")
        }
        let own = cluster.json.at("resourcesVpcConfig", "subnetIds")?.strings ?? []
        let wanted = Set(own + groups.flatMap { $0.json["subnets"]?.strings ?? [] })
        let subnets = wanted.sorted().compactMap { draft.get(.subnet, $0) }
        let endpoints = draft.list(.vpcEndpoint, "vpcId", vpc).filter { $0["state"] == "available" }
        return servicesOfNodes.map { service in
            let name = "com.amazonaws.\(cluster.region).\(service.word)"
            let candidates = endpoints.filter { $0["serviceName"]?.string == name }
            var cut: [String] = []
            var used: String?
            for subnet in subnets where !Self.hasInternet(subnet, draft) {
                let serving = candidates.first { Self.serves($0, subnet, draft) }
                used = used ?? serving?["vpcEndpointId"]?.string
                if serving == nil { cut.append(subnet["subnetId"]?.string ?? "") }
            }
            return NodeService(
                name: name, type: service.isGateway ? "Gateway" : "Interface",
                way: !cut.isEmpty ? .none(subnets: cut) : used.map(NodeService.Way.endpoint) ?? .internet,
                consequence: service.consequence,
                fix: Self.fix(name, service.isGateway, vpc, subnets.filter { cut.contains($0["subnetId"]?.string ?? "") }, cluster, draft))
        }
    }

    private static func hasInternet(_ subnet: JSON, _ draft: ResourceDraft) -> Bool {
        // Any public address stands for all: routes that are more specific lead to single services at most.
        guard let route = RouteTables.route(to: IPAddress(52, 0, 0, 1), from: subnet, draft) else { return false }
        return route["gatewayId"]?.string != "local"
    }

    /// Whether an endpoint serves a subnet: a gateway through the subnet's table, an interface by its private name and its groups.
    private static func serves(_ endpoint: JSON, _ subnet: JSON, _ draft: ResourceDraft) -> Bool {
        if endpoint["vpcEndpointType"] == "Gateway" {
            guard let table = RouteTables.effective(subnet, draft)?["routeTableId"]?.string else { return false }
            return (endpoint["routeTableIdSet"]?.strings ?? []).contains(table)
        }
        guard endpoint["privateDnsEnabled"]?.bool == true, let block = subnet["cidrBlock"]?.string.flatMap({ CIDRBlock($0) }) else {
            return false
        }
        let groups = (endpoint["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string }
        return groups.flatMap { draft.list(.securityGroupRule, "groupId", $0) }.contains { record in
            let rule = SecurityGroupRule(record: record)
            guard record["isEgress"]?.bool == false, rule.isHTTPS else { return false }
            // A group stands for the nodes' own.
            if case .group = rule.peer { return true }
            return rule.block?.contains(block) == true
        }
    }

    private static func fix(
        _ name: String, _ isGateway: Bool, _ vpc: String, _ cut: [JSON], _ cluster: ClusterRecord, _ draft: ResourceDraft
    ) -> String {
        let head =
            "aws ec2 create-vpc-endpoint --vpc-id \(vpc) --service-name \(name) --vpc-endpoint-type \(isGateway ? "Gateway" : "Interface")"
        guard !isGateway else {
            let tables = Set(cut.compactMap { RouteTables.effective($0, draft)?["routeTableId"]?.string }).sorted()
            return "\(head) --route-table-ids \(tables.joined(separator: " "))"
        }
        // One subnet of each zone is what an endpoint takes.
        var zones: Set<String> = []
        let subnets = cut.filter { zones.insert($0["availabilityZone"]?.string ?? "").inserted }.compactMap { $0["subnetId"]?.string }
        let group = cluster.json.at("resourcesVpcConfig", "clusterSecurityGroupId")?.string ?? ""
        return "\(head) --subnet-ids \(subnets.joined(separator: " ")) --security-group-ids \(group)"
    }
}
