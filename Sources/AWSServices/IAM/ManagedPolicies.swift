import Crypto
import IAMPolicy
import JSON

/// Policies that AWS manages, as far as EKS work names them, and those of the account.
enum ManagedPolicies {
    /// ARN suffix and document. The documents of service policies list the actions that matter to what is simulated.
    private static let awsManaged: [String: String] = [
        "AdministratorAccess": allow(["*"]),
        "ReadOnlyAccess": allow(["*:Describe*", "*:List*", "*:Get*"]),
        "AmazonEKSClusterPolicy": allow([
            "autoscaling:DescribeAutoScalingGroups", "autoscaling:UpdateAutoScalingGroup", "ec2:Describe*", "ec2:*Volume",
            "ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", "ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup",
            "ec2:CreateRoute", "ec2:DeleteRoute", "ec2:CreateTags", "ec2:ModifyInstanceAttribute", "elasticloadbalancing:*",
            "kms:DescribeKey",
        ]),
        "AmazonEKSVPCResourceController": allow([
            "ec2:*NetworkInterface*", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
        ]),
        "AmazonEKSWorkerNodePolicy": allow([
            "ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVolumesModifications", "ec2:DescribeVpcs", "eks:DescribeCluster",
            "eks-auth:AssumeRoleForPodIdentity",
        ]),
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
        "PowerUserAccess": document([
            ["Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"],
            [
                "Effect": "Allow",
                "Action": ["account:GetAccountInformation", "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles"],
                "Resource": "*",
            ],
        ]),
        "IAMFullAccess": allow(["iam:*", "organizations:Describe*", "organizations:List*"]),
        "IAMReadOnlyAccess": allow(["iam:Generate*", "iam:Get*", "iam:List*", "iam:Simulate*"]),
        "AmazonEC2FullAccess": allow(["ec2:*", "elasticloadbalancing:*", "cloudwatch:*", "autoscaling:*"]),
        "AmazonEC2ReadOnlyAccess": allow(["ec2:Describe*", "ec2:Get*", "elasticloadbalancing:Describe*", "autoscaling:Describe*"]),
        "AmazonEKSServicePolicy": allow([
            "ec2:*NetworkInterface*", "ec2:Describe*", "ec2:DetachNetworkInterface", "eks:UpdateClusterVersion",
            "iam:ListAttachedRolePolicies",
            "route53:AssociateVPCWithHostedZone", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ]),
        "AmazonEKSWorkerNodeMinimalPolicy": allow(["eks-auth:AssumeRoleForPodIdentity"]),
        "AmazonEKSComputePolicy": allow([
            "ec2:CreateFleet", "ec2:RunInstances", "ec2:*LaunchTemplate*", "ec2:CreateTags", "ec2:Describe*", "iam:*InstanceProfile*",
            "iam:PassRole",
        ]),
        "AmazonEKSBlockStoragePolicy": allow(["ec2:*Volume*", "ec2:*Snapshot*", "ec2:Describe*", "ec2:CreateTags"]),
        "AmazonEKSLoadBalancingPolicy": allow(["elasticloadbalancing:*", "ec2:*SecurityGroup*", "ec2:Describe*", "ec2:CreateTags"]),
        "AmazonEKSNetworkingPolicy": allow([
            "ec2:*NetworkInterface*", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ec2:Describe*", "ec2:CreateTags",
        ]),
        "AmazonEC2ContainerRegistryPullOnly": allow([
            "ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchImportUpstreamImage",
        ]),
        "CloudWatchAgentServerPolicy": allow([
            "cloudwatch:PutMetricData", "ec2:Describe*", "logs:PutLogEvents", "logs:PutRetentionPolicy", "logs:DescribeLogStreams",
            "logs:DescribeLogGroups", "logs:CreateLogStream", "logs:CreateLogGroup", "xray:Put*", "xray:GetSampling*",
        ]),
        "service-role/AmazonEFSCSIDriverPolicy": allow([
            "elasticfilesystem:Describe*", "elasticfilesystem:*AccessPoint", "elasticfilesystem:TagResource",
            "ec2:DescribeAvailabilityZones",
        ]),
        "service-role/AmazonEBSCSIDriverPolicy": allow(["ec2:*Volume*", "ec2:*Snapshot*", "ec2:Describe*", "ec2:CreateTags"]),
    ]

    private static let awsPrefix = "arn:aws:iam::aws:policy/"

    private static func allow(_ actions: [String]) -> String {
        document([["Effect": "Allow", "Action": actions == ["*"] ? "*" : JSON(strings: actions), "Resource": "*"]])
    }

    private static func document(_ statements: [JSON]) -> String {
        (["Version": "2012-10-17", "Statement": .array(statements)] as JSON).text
    }

    /// The policy of an ARN, as the record of an account's own one.
    static func find(_ arn: String, records: Records, account: String) -> JSON? {
        guard let range = arn.firstRange(of: ":policy/") else { return nil }
        let name = String(arn[range.upperBound...])
        if arn.hasPrefix(awsPrefix) { return awsManaged[name].map { record(name, $0) } }
        let last = name.split(separator: "/").last.map(String.init) ?? name
        guard let own = records.get(Records.collection(account, "global", "iam", "policies"), last)?.json, own["Arn"]?.string == arn else {
            return nil
        }
        return own
    }

    /// The documents of AWS' own, read once: nearly every call is weighed by one of them.
    private static let awsDocuments = awsManaged.compactMapValues { try? PolicyDocument(parsing: $0) }

    /// The document of a policy.
    static func document(_ arn: String, records: Records, account: String) -> PolicyDocument? {
        if arn.hasPrefix(awsPrefix) { return awsDocuments[String(arn.dropFirst(awsPrefix.count))] }
        return find(arn, records: records, account: account)?["PolicyDocument"]?.string.flatMap { try? PolicyDocument(parsing: $0) }
    }

    /// All policies that AWS manages, by name.
    static var all: [JSON] { awsManaged.sorted { $0.key < $1.key }.map { record($0.key, $0.value) } }

    private static func record(_ suffix: String, _ text: String) -> JSON {
        let slash = suffix.lastIndex(of: "/")
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        let id = SHA256.hash(data: Array(suffix.utf8)).prefix(17).map { letters[Int($0) % letters.count] }
        return [
            "PolicyName": .string(slash.map { String(suffix[suffix.index(after: $0)...]) } ?? suffix),
            "PolicyId": .string("ANPA" + String(id)),
            "Arn": .string("arn:aws:iam::aws:policy/\(suffix)"), "Path": .string(slash.map { "/\(suffix[...$0])" } ?? "/"),
            "PolicyDocument": .string(text), "CreateDate": "2017-12-01T00:00:00Z",
        ]
    }
}
