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

    /// The policy of an ARN, as the record of an account's own one.
    static func find(_ arn: String, records: Records, account: String) -> JSON? {
        guard let range = arn.firstRange(of: ":policy/") else { return nil }
        let name = String(arn[range.upperBound...])
        if arn.hasPrefix("arn:aws:iam::aws:") { return awsManaged[name].map { record(name, $0) } }
        let last = name.split(separator: "/").last.map(String.init) ?? name
        guard let own = records.get(Records.collection(account, "global", "iam", "policies"), last)?.json, own["Arn"]?.string == arn else {
            return nil
        }
        return own
    }

    /// The document of a policy.
    static func document(_ arn: String, records: Records, account: String) -> PolicyDocument? {
        find(arn, records: records, account: account)?["PolicyDocument"]?.string.flatMap { try? PolicyDocument(parsing: $0) }
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
