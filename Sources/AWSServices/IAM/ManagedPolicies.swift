import IAMPolicy
import JSON

/// Policies that AWS manages, as far as EKS work names them, and those of the account.
enum ManagedPolicies {
    /// ARN suffix and document. The documents of service policies list the actions that matter to what is simulated.
    private static let awsManaged: [String: String] = [
        "AdministratorAccess": allow(["*"]),
        "ReadOnlyAccess": allow(["*:Describe*", "*:List*", "*:Get*"]),
        "AmazonEKSClusterPolicy": allow([
            "autoscaling:*", "ec2:Describe*", "ec2:CreateNetworkInterface", "elasticloadbalancing:*", "kms:DescribeKey",
        ]),
        "AmazonEKSVPCResourceController": allow([
            "ec2:*NetworkInterface*", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
        ]),
        "AmazonEKSWorkerNodePolicy": allow(["ec2:Describe*", "eks:DescribeCluster", "eks-auth:AssumeRoleForPodIdentity"]),
        "AmazonEKS_CNI_Policy": allow([
            "ec2:*NetworkInterface*", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ec2:CreateTags", "ec2:Describe*",
        ]),
        "AmazonEC2ContainerRegistryReadOnly": allow([
            "ecr:Get*", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability", "ecr:Describe*", "ecr:List*",
        ]),
        "AmazonEKSFargatePodExecutionRolePolicy": allow([
            "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage",
        ]),
        "AmazonSSMManagedInstanceCore": allow(["ssm:*", "ssmmessages:*", "ec2messages:*"]),
        "service-role/AmazonEBSCSIDriverPolicy": allow(["ec2:*Volume*", "ec2:*Snapshot*", "ec2:Describe*", "ec2:CreateTags"]),
    ]

    private static func allow(_ actions: [String]) -> String {
        let json: JSON = [
            "Version": "2012-10-17",
            "Statement": [["Effect": "Allow", "Action": actions == ["*"] ? "*" : JSON(strings: actions), "Resource": "*"]],
        ]
        return json.text
    }

    /// Whether a policy of this ARN exists.
    static func exists(_ arn: String, records: Records, account: String) -> Bool { text(arn, records: records, account: account) != nil }

    /// The document of a policy.
    static func document(_ arn: String, records: Records, account: String) -> PolicyDocument? {
        text(arn, records: records, account: account).flatMap { try? PolicyDocument(parsing: $0) }
    }

    private static func text(_ arn: String, records: Records, account: String) -> String? {
        guard let range = arn.firstRange(of: ":policy/") else { return nil }
        let name = String(arn[range.upperBound...])
        if arn.contains(":iam::aws:policy/") { return awsManaged[name] }
        let last = name.split(separator: "/").last.map(String.init) ?? name
        let record = records.get(Records.collection(account, "global", "iam", "policies"), last)?.json
        return record?["Arn"]?.string == arn ? record?["PolicyDocument"]?.string : nil
    }
}
