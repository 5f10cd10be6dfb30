/// A kind of resource that a region keeps, each in a collection of its own.
enum ResourceKind: String, CaseIterable, Sendable {
    case vpc = "ec2/vpcs"
    case dhcpOptions = "ec2/dhcp-options"
    case subnet = "ec2/subnets"
    case cidrReservation = "ec2/subnet-cidr-reservations"
    case routeTable = "ec2/route-tables"
    case internetGateway = "ec2/internet-gateways"
    case egressOnlyGateway = "ec2/egress-only-internet-gateways"
    case natGateway = "ec2/nat-gateways"
    case address = "ec2/addresses"
    case vpcEndpoint = "ec2/vpc-endpoints"
    case securityGroup = "ec2/security-groups"
    case securityGroupRule = "ec2/security-group-rules"
    case networkACL = "ec2/network-acls"
    case networkInterface = "ec2/network-interfaces"
    case trunkAssociation = "ec2/trunk-interface-associations"
    case instance = "ec2/instances"
    case launchTemplate = "ec2/launch-templates"
    case launchTemplateVersion = "ec2/launch-template-versions"
    case autoScalingGroup = "autoscaling/groups"
    case scalingActivity = "autoscaling/activities"
    case scheduledAction = "autoscaling/scheduled-actions"
    case nodegroup = "eks/nodegroups"

    /// How the ids of the kind begin; empty for what is named by its owner.
    var prefix: String {
        switch self {
        case .vpc: "vpc-"
        case .dhcpOptions: "dopt-"
        case .subnet: "subnet-"
        case .cidrReservation: "scr-"
        case .routeTable: "rtb-"
        case .internetGateway: "igw-"
        case .egressOnlyGateway: "eigw-"
        case .natGateway: "nat-"
        case .address: "eipalloc-"
        case .vpcEndpoint: "vpce-"
        case .securityGroup: "sg-"
        case .securityGroupRule: "sgr-"
        case .networkACL: "acl-"
        case .networkInterface: "eni-"
        case .trunkAssociation: "trunk-assoc-"
        case .instance: "i-"
        case .launchTemplate: "lt-"
        case .launchTemplateVersion, .autoScalingGroup, .scalingActivity, .scheduledAction, .nodegroup: ""
        }
    }

    /// The kind's word in ARNs, tag specifications and `DescribeTags`.
    var word: String {
        switch self {
        case .vpc: "vpc"
        case .dhcpOptions: "dhcp-options"
        case .subnet: "subnet"
        case .cidrReservation: "subnet-cidr-reservation"
        case .routeTable: "route-table"
        case .internetGateway: "internet-gateway"
        case .egressOnlyGateway: "egress-only-internet-gateway"
        case .natGateway: "natgateway"
        case .address: "elastic-ip"
        case .vpcEndpoint: "vpc-endpoint"
        case .securityGroup: "security-group"
        case .securityGroupRule: "security-group-rule"
        case .networkACL: "network-acl"
        case .networkInterface: "network-interface"
        case .trunkAssociation: "trunk-interface-association"
        case .instance: "instance"
        case .launchTemplate: "launch-template"
        case .launchTemplateVersion: "launch-template-version"
        case .autoScalingGroup: "auto-scaling-group"
        case .scalingActivity: "scaling-activity"
        case .scheduledAction: "scheduled-action"
        case .nodegroup: "nodegroup"
        }
    }

    /// Whether EC2 tags resources of the kind.
    var isTaggable: Bool { !prefix.isEmpty }

    /// The kind that an id names by its beginning.
    init?(id: String) {
        guard let dash = id.utf8.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let prefix = id[...dash]
        guard let kind = Self.byPrefix[String(prefix)] else { return nil }
        self = kind
    }

    private static let byPrefix = Dictionary(uniqueKeysWithValues: allCases.filter { !$0.prefix.isEmpty }.map { ($0.prefix, $0) })
}

extension ResourceKind {
    /// EC2's refusal of an id that names nothing (EC2 API Reference, "Error codes").
    func notFound(_ id: String) -> AWSError {
        let (code, text): (String, String) =
            switch self {
            case .vpc: ("InvalidVpcID.NotFound", "The vpc ID '\(id)' does not exist")
            case .dhcpOptions: ("InvalidDhcpOptionID.NotFound", "The dhcpOption ID '\(id)' does not exist")
            case .subnet: ("InvalidSubnetID.NotFound", "The subnet ID '\(id)' does not exist")
            case .cidrReservation: ("InvalidSubnetCidrReservationID.NotFound", "The subnetCidrReservation ID '\(id)' does not exist")
            case .routeTable: ("InvalidRouteTableID.NotFound", "The routeTable ID '\(id)' does not exist")
            case .internetGateway: ("InvalidInternetGatewayID.NotFound", "The internetGateway ID '\(id)' does not exist")
            case .egressOnlyGateway: ("InvalidGatewayID.NotFound", "The egressOnlyInternetGateway ID '\(id)' does not exist")
            case .natGateway: ("NatGatewayNotFound", "NatGateway \(id) was not found")
            case .address: ("InvalidAllocationID.NotFound", "The allocation ID '\(id)' does not exist")
            case .vpcEndpoint: ("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '\(id)' does not exist")
            case .securityGroup: ("InvalidGroup.NotFound", "The security group '\(id)' does not exist")
            case .securityGroupRule: ("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '\(id)' does not exist")
            case .networkACL: ("InvalidNetworkAclID.NotFound", "The networkAcl ID '\(id)' does not exist")
            case .networkInterface: ("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '\(id)' does not exist")
            case .trunkAssociation: ("InvalidAssociationID.NotFound", "The association ID '\(id)' does not exist")
            case .instance: ("InvalidInstanceID.NotFound", "The instance ID '\(id)' does not exist")
            case .launchTemplate:
                ("InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID \(id), does not exist.")
            case .launchTemplateVersion:
                ("InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version \(id)")
            case .autoScalingGroup, .scalingActivity, .scheduledAction, .nodegroup: ("InternalError", "There is no \(word) \(id)")
            }
        return AWSError(400, code, text)
    }

    /// EC2's refusal of a text that is no id of the kind.
    func malformed(_ id: String) -> AWSError {
        let code = notFound(id).code
        let stem = code.hasSuffix(".NotFound") ? String(code.dropLast(".NotFound".count)) : "InvalidParameterValue"
        let name = stem == "InvalidGroup" ? "InvalidGroupId" : stem
        return AWSError(
            400, stem == "InvalidParameterValue" ? stem : "\(name).Malformed", "Invalid id: \"\(id)\" (expecting \"\(prefix)...\")")
    }

    /// Whether a text has the form of an id: the prefix and hexadecimal digits.
    func isID(_ text: String) -> Bool {
        guard !prefix.isEmpty else { return true }
        guard text.hasPrefix(prefix) else { return false }
        let digits = text.dropFirst(prefix.count)
        return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
