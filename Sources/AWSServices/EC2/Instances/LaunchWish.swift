import IPAddress
import JSON
import VPCModel

/// What a call or a launch template wants instances to be.
struct LaunchWish: Sendable {
    /// The parameters by their names in RunInstances.
    let input: JSON
    /// What pays and stops the instances for somebody: `aws:autoscaling:groupName` and the like, which callers cannot set themselves.
    var serviceTags: [(String, String)] = []
    var isSpot: Bool { input.at("InstanceMarketOptions", "MarketType")?.string == "spot" }

    /// A template's data under the parameters of a call, which win. Tags of both are given.
    init(_ parameters: JSON, template: JSON? = nil) {
        guard var merged = template?.object else {
            input = parameters
            return
        }
        for member in parameters.object?.members ?? [] where member.key != "TagSpecification" { merged[member.key] = member.value }
        let tags = (parameters["TagSpecification"]?.array ?? []) + (template?["TagSpecification"]?.array ?? [])
        if !tags.isEmpty { merged["TagSpecification"] = .array(tags) }
        // A subnet of the call replaces that of the template's first interface.
        if let subnet = parameters["SubnetId"], var interfaces = merged["NetworkInterface"]?.array, parameters["NetworkInterface"] == nil,
            !interfaces.isEmpty
        {
            interfaces[0]["SubnetId"] = subnet
            merged["NetworkInterface"] = .array(interfaces)
            merged["SubnetId"] = nil
        }
        input = .object(merged)
    }

    var type: String { input["InstanceType"]?.string ?? "m1.small" }
    var interfaces: [JSON] { input["NetworkInterface"]?.array ?? [] }

    /// The tags that the resources of a kind get.
    func tags(_ kind: ResourceKind) -> JSON {
        var tags: [JSON] = []
        for specification in input["TagSpecification"]?.array ?? [] where specification["ResourceType"]?.string == kind.word {
            for tag in specification["Tag"]?.array ?? [] where !tags.contains(where: { $0["key"] == tag["Key"] }) {
                tags.append(["key": tag["Key"] ?? "", "value": tag["Value"] ?? ""])
            }
        }
        guard kind == .instance else { return .array(tags) }
        return .array(
            tags.filter { tag in !serviceTags.contains { $0.0 == tag["key"]?.string } } + (EC2Tags.set(serviceTags).array ?? []))
    }

    /// The image, whose architecture must be the type's.
    func image(_ draft: ResourceDraft) throws(AWSError) -> Images.Image {
        guard let id = input["ImageId"]?.string else { throw EC2Error.missing("ImageId") }
        let image = try Images.find(id, draft.region)
        guard InstanceTypes.exists(type) else { throw EC2Error.invalid("Invalid value '\(type)' for InstanceType.") }
        let architecture = InstanceShape(type).architecture
        guard architecture == image.architecture else {
            throw EC2Error.invalid(
                "The architecture '\(architecture)' of the specified instance type does not match the architecture '\(image.architecture)' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI."
            )
        }
        return image
    }

    /// The subnet of the primary interface: as asked for, or the default one of the zone.
    func subnet(_ draft: ResourceDraft) throws(AWSError) -> JSON {
        if let interface = interfaces.first {
            guard input["SubnetId"] == nil, input["SecurityGroupId"] == nil else {
                throw EC2Error.combination(
                    "Network interfaces and an instance-level \(input["SubnetId"] == nil ? "security groups" : "subnet ID") may not be specified on the same request"
                )
            }
            if let id = interface["NetworkInterfaceId"]?.string {
                return try draft.require(.subnet, try draft.require(.networkInterface, id)["subnetId"]?.string ?? "")
            }
            if let id = interface["SubnetId"]?.string { return try draft.require(.subnet, id) }
        } else if let id = input["SubnetId"]?.string {
            return try draft.require(.subnet, id)
        }
        guard let vpc = draft.list(.vpc).first(where: { $0["isDefault"]?.bool == true })?["vpcId"]?.string else {
            throw AWSError(400, "VPCIdNotSpecified", "No default VPC for this user")
        }
        let zone = input.at("Placement", "AvailabilityZone")?.string
        if let zone, EC2Zones.find(zone, in: draft.region) == nil {
            throw EC2Error.invalidValue(zone, "availabilityZone", "The availability zone does not exist.")
        }
        let found = draft.list(.subnet, "vpcId", vpc).first {
            $0["defaultForAz"]?.bool == true && (zone == nil || $0["availabilityZone"]?.string == zone)
        }
        guard let found else {
            throw AWSError(
                400, "MissingInput", "No subnets found for the default VPC '\(vpc)'. Please specify a subnet.")
        }
        return found
    }

    /// The instance profile as an instance shows it; the caller must be allowed to pass its role.
    func profile(_ request: EC2Request, _ draft: ResourceDraft) throws(AWSError) -> JSON? {
        guard let wanted = input["IamInstanceProfile"] else { return nil }
        let name = wanted["Name"]?.string ?? wanted["Arn"]?.string.flatMap { $0.split(separator: "/").last.map(String.init) } ?? ""
        let found = draft.principal("instance-profiles", name)
        guard let found, wanted["Arn"] == nil || wanted["Arn"] == found["Arn"] else {
            let isName = wanted["Name"] != nil
            throw EC2Error.invalidValue(
                isName ? name : wanted["Arn"]?.string ?? "", "iamInstanceProfile.\(isName ? "name" : "arn")",
                "Invalid IAM Instance Profile \(isName ? "name" : "ARN")")
        }
        if let call = request.call, let authorization = request.authorization, let role = found["Roles"]?.strings?.first {
            let arn = draft.principal("roles", role)?["Arn"]?.string
            try authorization.require(
                call, "iam:PassRole", on: arn ?? "*", conditions: ["iam:PassedToService": ["ec2.amazonaws.com"]])
        }
        return ["arn": found["Arn"] ?? "", "id": found["InstanceProfileId"] ?? ""]
    }
}
