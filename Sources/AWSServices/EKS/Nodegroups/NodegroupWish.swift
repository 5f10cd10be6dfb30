import IAMPolicy
import JSON
import VPCModel
import World

/// What CreateNodegroup asks for, checked in EKS' words.
struct NodegroupWish: Sendable {
    let cluster: ClusterRecord
    let name: String
    let body: JSON
    let role: JSON
    let sizes: NodegroupSizes
    let image: NodeImage?
    let instanceTypes: [String]
    /// The user's launch template: id, name and resolved version; its data.
    var template: (reference: JSON, data: JSON)?

    static let defaultDisk: Int64 = 20
    private static let quota = 30

    static func invalid(_ message: String, _ cluster: String, _ group: String?) -> AWSError {
        error("InvalidParameterException", message, cluster, group)
    }

    static func error(_ code: String, status: Int = 400, _ message: String, _ cluster: String, _ group: String?) -> AWSError {
        var members = ["clusterName": cluster]
        members["nodegroupName"] = group
        return AWSError(status, code, message, members: members)
    }

    private func invalid(_ message: String) -> AWSError { Self.invalid(message, cluster.name, name) }

    init(_ request: EKSServices.Request, _ cluster: ClusterRecord, _ draft: ResourceDraft) throws(AWSError) {
        self.cluster = cluster
        body = request.body
        name = request.body["nodegroupName"]?.string ?? ""
        let group = name
        guard cluster.status == "ACTIVE" else {
            throw Self.error("InvalidRequestException", "Cluster '\(cluster.name)' is not in ACTIVE status", cluster.name, group)
        }
        guard EKSServices.isClusterName(name), name.count <= 63 else {
            throw Self.invalid("The nodegroup name '\(name)' is not valid: it has 1 to 63 letters, digits, - and _", cluster.name, group)
        }
        guard draft.get(.nodegroup, "\(cluster.name)/\(name)") == nil else {
            throw Self.error(
                "ResourceInUseException", status: 409, "NodeGroup already exists with name \(name) and cluster name \(cluster.name)",
                cluster.name, group)
        }
        guard draft.list(.nodegroup, "clusterName", cluster.name).count < Self.quota else {
            throw Self.error(
                "ResourceLimitExceededException", "Nodegroup limit exceeded. The maximum is \(Self.quota)", cluster.name, group)
        }
        sizes = try NodegroupSizes(creating: body["scalingConfig"], cluster.name, group)
        role = try Self.role(body["nodeRole"]?.string ?? "", draft, cluster.name, group)
        template = try Self.template(body["launchTemplate"], draft, cluster.name, group)
        let data = template?.data
        let isCustom = data?["ImageId"] != nil
        instanceTypes =
            body["instanceTypes"]?.strings ?? data?["InstanceType"]?.string.map { [$0] } ?? ["t3.medium"]
        let fallback =
            InstanceShape(instanceTypes.first ?? "").architecture == "arm64" ? "AL2023_ARM_64_STANDARD" : "AL2023_x86_64_STANDARD"
        let amiType = isCustom ? "CUSTOM" : body["amiType"]?.string ?? fallback
        image = NodeImage.of(amiType)
        try checkImage(amiType, isCustom: isCustom)
        try checkTemplate(data)
        try checkPlaces(draft)
        try checkLabels()
        try checkUpdateConfig(body["updateConfig"] ?? [:])
    }

    /// The role of the nodes exists and trusts EC2.
    private static func role(_ arn: String, _ draft: ResourceDraft, _ cluster: String, _ group: String) throws(AWSError) -> JSON {
        let found = draft.principal("roles", arn.split(separator: "/").last.map(String.init) ?? "")
        guard let found, found["Arn"]?.string == arn else {
            throw invalid(
                "The role with name \(arn.split(separator: "/").last ?? "") cannot be found. (Service: AmazonIdentityManagement; Status Code: 404; Error Code: NoSuchEntity)",
                cluster, group)
        }
        let trust = found["AssumeRolePolicyDocument"]?.string.flatMap { try? PolicyDocument(parsing: $0, isTrust: true) }
        let decision = trust.map {
            PolicyEvaluation.evaluate(
                [("trust policy", $0)], PolicyRequest(action: "sts:AssumeRole", principal: .service("ec2.amazonaws.com")))
        }
        guard decision?.outcome == .allowed else {
            throw invalid(
                "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of nodeRole \(arn)",
                cluster, group)
        }
        return found
    }

    static func template(
        _ wanted: JSON?, _ draft: ResourceDraft, _ cluster: String, _ group: String
    ) throws(AWSError) -> (reference: JSON, data: JSON)? {
        guard let wanted else { return nil }
        guard (wanted["id"] == nil) != (wanted["name"] == nil) else {
            throw invalid(
                "You must specify either the launch template ID or the launch template name in the request, but not both.", cluster, group)
        }
        var named: JSON = [:]
        named["LaunchTemplateId"] = wanted["id"]
        named["LaunchTemplateName"] = wanted["name"]
        do {
            let template = try LaunchTemplates.find(named, draft)
            let version = try LaunchTemplates.version(template, wanted["version"]?.string, draft)
            let reference: JSON = [
                "id": template["launchTemplateId"] ?? "", "name": template["launchTemplateName"] ?? "",
                "version": .string(String(version["versionNumber"]?.integer ?? 1)),
            ]
            return (reference, version["_data"] ?? [:])
        } catch {
            throw invalid(error.message, cluster, group)
        }
    }

    private func checkImage(_ amiType: String, isCustom: Bool) throws(AWSError) {
        let wantedVersion = body["version"]?.string ?? cluster.version
        if isCustom {
            for member in ["amiType", "version", "releaseVersion"] where body[member] != nil && body[member] != "CUSTOM" {
                throw invalid(
                    "You cannot specify an image id within the launch template and specify \(member == "amiType" ? "AMI type" : member) in the request."
                )
            }
            return
        }
        guard let image else { throw invalid("The AMI type \(amiType) is not simulated yet") }
        guard image.exists(version: wantedVersion) else {
            throw invalid("AMI Type \(amiType) is only supported for kubernetes versions 1.32 or earlier")
        }
        guard wantedVersion == cluster.version else {
            throw invalid("Requested nodegroup version \(wantedVersion) must match the cluster's version \(cluster.version)")
        }
        if let release = body["releaseVersion"]?.string, release != image.releaseVersion(wantedVersion) {
            throw Self.error(
                "InvalidRequestException", "Requested release version \(release) is not valid for kubernetes version \(wantedVersion).",
                cluster.name, name)
        }
        for type in instanceTypes {
            guard InstanceTypes.exists(type) else {
                throw invalid("The following supplied instance types do not exist: [\(type)]")
            }
            guard InstanceShape(type).architecture == image.architecture else {
                throw invalid("[\(type)] is not a valid instance type for requested amiType \(amiType)")
            }
        }
    }

    private func checkTemplate(_ data: JSON?) throws(AWSError) {
        guard let data else {
            if let key = body.at("remoteAccess", "ec2SshKey")?.string { throw invalid("The key pair '\(key)' does not exist") }
            return
        }
        if body["diskSize"] != nil { throw invalid("Disk size must be specified within the launch template.") }
        if body["remoteAccess"] != nil { throw invalid("Remote access configuration cannot be specified with a launch template.") }
        if body["instanceTypes"] != nil, data["InstanceType"] != nil {
            throw invalid("You cannot specify instance types in the request and within the launch template.")
        }
        if data["IamInstanceProfile"] != nil {
            throw invalid(
                "Launch template should not specify an instance profile. The noderole in your request will be used to construct an instance profile."
            )
        }
        if data["NetworkInterface"]?.array?.contains(where: { $0["SubnetId"] != nil }) == true {
            throw invalid("Launch template should not specify subnets. The subnets in your request will be used.")
        }
        if data["InstanceMarketOptions"] != nil {
            throw invalid("Launch template should not specify instance market options. The capacity type in your request will be used.")
        }
        if data.at("HibernationOptions", "Configured")?.bool == true {
            throw invalid("Hibernation is not supported for managed node groups.")
        }
    }

    private func checkPlaces(_ draft: ResourceDraft) throws(AWSError) {
        let subnets = body["subnets"]?.strings ?? []
        guard !subnets.isEmpty else { throw invalid("subnets: Member must not be null") }
        let vpc = cluster.json.at("resourcesVpcConfig", "vpcId")
        for id in subnets {
            guard let subnet = draft.get(.subnet, id) else { throw invalid("The subnet ID '\(id)' does not exist") }
            guard subnet["vpcId"] == vpc else {
                throw invalid("The subnet '\(id)' is not in the same VPC as the cluster: \(vpc?.string ?? "")")
            }
        }
    }

    private static let reservedLabels = ["kubernetes.io/", "k8s.io/", "eks.amazonaws.com/"]

    private func checkLabels() throws(AWSError) { try Self.checkLabels(body["labels"], cluster.name, name) }

    static func checkLabels(_ labels: JSON?, _ cluster: String, _ group: String) throws(AWSError) {
        for label in labels?.object?.keys ?? [] {
            let domain = label.split(separator: "/").count == 2 ? "\(label.prefix { $0 != "/" })/" : ""
            // Some of Kubernetes' own may be set: those under node-role are not among them.
            let isReserved = reservedLabels.contains { domain == $0 || domain.hasSuffix(".\($0)") }
            if isReserved {
                throw invalid("Label cannot contain reserved prefixes [\(reservedLabels.joined(separator: ", "))]", cluster, group)
            }
        }
    }

    private func checkUpdateConfig(_ config: JSON) throws(AWSError) { try Self.checkUpdateConfig(config, cluster.name, name) }

    static func checkUpdateConfig(_ config: JSON, _ cluster: String, _ group: String) throws(AWSError) {
        guard config["maxUnavailable"] == nil || config["maxUnavailablePercentage"] == nil else {
            throw invalid("You cannot specify both maxUnavailable and maxUnavailablePercentage.", cluster, group)
        }
        if let count = config["maxUnavailable"]?.integer, count > 100 {
            throw invalid("maxUnavailable cannot be greater than 100", cluster, group)
        }
    }
}

/// The bounds of a node group and what is desired between them.
struct NodegroupSizes: Sendable, Hashable {
    var minimum: Int64 = 1
    var maximum: Int64 = 2
    var desired: Int64 = 2

    private static let quota: Int64 = 450

    /// The sizes of a node group's record.
    init(_ json: JSON?) {
        minimum = json?["minSize"]?.integer ?? 1
        maximum = json?["maxSize"]?.integer ?? 2
        desired = json?["desiredSize"]?.integer ?? 2
    }

    /// The sizes that a new node group is to have.
    init(creating wish: JSON?, _ cluster: String, _ group: String) throws(AWSError) {
        if let wish {
            minimum = wish["minSize"]?.integer ?? 1
            desired = wish["desiredSize"]?.integer ?? max(minimum, 2)
            maximum = wish["maxSize"]?.integer ?? max(desired, 2)
        }
        guard minimum <= desired else { throw NodegroupWish.invalid("minSize can't be greater than desiredSize", cluster, group) }
        guard desired <= maximum else { throw NodegroupWish.invalid("desiredSize can't be greater than maxSize", cluster, group) }
        guard maximum >= 1 else { throw NodegroupWish.invalid("maxSize must be at least 1", cluster, group) }
        try checkQuota(cluster, group)
    }

    /// A change over the present sizes.
    init(_ wish: JSON, over before: NodegroupSizes, _ cluster: String, _ group: String) throws(AWSError) {
        minimum = wish["minSize"]?.integer ?? before.minimum
        maximum = wish["maxSize"]?.integer ?? before.maximum
        desired = wish["desiredSize"]?.integer ?? before.desired
        guard minimum <= desired else {
            throw NodegroupWish.invalid("Minimum capacity \(minimum) can't be greater than desired size \(desired)", cluster, group)
        }
        guard desired <= maximum else {
            throw NodegroupWish.invalid("Maximum capacity \(maximum) can't be less than desired size \(desired)", cluster, group)
        }
        try checkQuota(cluster, group)
    }

    private func checkQuota(_ cluster: String, _ group: String) throws(AWSError) {
        guard maximum <= Self.quota else {
            throw NodegroupWish.error(
                "ResourceLimitExceededException", "Nodes per managed node group cannot exceed \(Self.quota)", cluster, group)
        }
    }

    var json: JSON { ["minSize": .integer(minimum), "maxSize": .integer(maximum), "desiredSize": .integer(desired)] }
    /// As Auto Scaling calls them.
    var scaling: JSON { ["MinSize": .integer(minimum), "MaxSize": .integer(maximum), "DesiredCapacity": .integer(desired)] }
}
