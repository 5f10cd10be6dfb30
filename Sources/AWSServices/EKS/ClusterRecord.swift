public import JSON
import World

/// A cluster as EKS keeps it. The wire form is made of it; fields behind `_` never leave.
public struct ClusterRecord: Sendable {
    /// The stored document.
    public internal(set) var json: JSON

    /// The cluster's name.
    public var name: String { json["name"]?.string ?? "" }
    /// The cluster's ARN.
    public var arn: String { json["arn"]?.string ?? "" }
    /// The account that owns it.
    public var accountID: String { json["_account"]?.string ?? "" }
    /// The region it is in.
    public var region: String { json["_region"]?.string ?? "" }
    /// What tells this cluster from an earlier one of the same name: 32 upper-case hexadecimal digits, also in the OIDC issuer.
    public var clusterID: String { json["_id"]?.string ?? "" }
    /// `CREATING`, `ACTIVE`, `UPDATING`, `DELETING` or `FAILED`.
    public var status: String { json["status"]?.string ?? "" }
    /// `1.34`
    public var version: String { json["version"]?.string ?? "" }
    /// `CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`.
    public var authenticationMode: String { json.at("accessConfig", "authenticationMode")?.string ?? "CONFIG_MAP" }
    /// Whether its pods and Services have addresses of IPv6.
    public var isIPv6: Bool { json.at("kubernetesNetworkConfig", "ipFamily") == "ipv6" }
    /// The range of Service addresses.
    public var serviceCIDR: String {
        json.at("kubernetesNetworkConfig", isIPv6 ? "serviceIpv6Cidr" : "serviceIpv4Cidr")?.string ?? "10.100.0.0/16"
    }
    /// The issuer of ServiceAccount tokens.
    public var oidcIssuer: String { json.at("identity", "oidc", "issuer")?.string ?? json["_issuer"]?.string ?? "" }
    /// Whether the public endpoint is open.
    public var hasPublicAccess: Bool { json.at("resourcesVpcConfig", "endpointPublicAccess")?.bool ?? true }
    /// Whether the private endpoint is open.
    public var hasPrivateAccess: Bool { json.at("resourcesVpcConfig", "endpointPrivateAccess")?.bool ?? false }
    /// Who may use the public endpoint.
    public var publicAccessCIDRs: [String] {
        json.at("resourcesVpcConfig", "publicAccessCidrs")?.array?.compactMap(\.string) ?? ["0.0.0.0/0"]
    }
    /// The kinds of control plane logs that are written: `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`.
    public var enabledLogTypes: [String] { EKSServices.enabledLogs(json["logging"], over: []) }
    /// The VPC of its network interfaces.
    public var vpcID: String { json.at("resourcesVpcConfig", "vpcId")?.string ?? "" }
    /// Whether it begins with EKS' network add-ons, which its owner manages from then on.
    public var bootstrapsSelfManagedAddons: Bool { json.at("_request", "bootstrapSelfManagedAddons")?.bool ?? true }
    /// The ARN of the role that EKS works with in the account.
    public var roleARN: String { json["roleArn"]?.string ?? "" }
    /// The creator, who is an administrator in CONFIG_MAP mode without being listed anywhere.
    public var creatorARN: String { json["_creatorArn"]?.string ?? "" }
    /// The creator's unique id.
    public var creatorID: String { json["_creatorId"]?.string ?? "" }

    /// The form that `DescribeCluster` answers.
    var wire: JSON { EKSServices.wire(json) }
}

/// Runs the clusters that EKS makes.
public protocol ClusterProvisioner: Sendable {
    /// Starts a cluster's control plane, or starts it again after a restart; answers its endpoint and CA certificate (PEM).
    func provision(_ cluster: ClusterRecord) async throws -> (endpoint: String, certificateAuthority: String)
    /// Tells of changed endpoint access or logging, or of another Kubernetes version.
    func update(_ cluster: ClusterRecord) async
    /// Stops a cluster's control plane and removes its objects.
    func deprovision(_ cluster: ClusterRecord) async
    /// Whether instances become nodes of the clusters.
    var runsNodes: Bool { get }
    /// What the network plugin of a cluster is set to at present.
    func podSettings(_ cluster: ClusterRecord) async -> NodePodSettings
    /// Tells that instances or node groups of an account in a region have changed.
    func instancesChanged(account: String, region: String) async
}

extension ClusterProvisioner {
    /// They do not.
    public var runsNodes: Bool { false }

    /// As shipped.
    public func podSettings(_ cluster: ClusterRecord) async -> NodePodSettings { NodePodSettings() }

    /// Nobody cares.
    public func instancesChanged(account: String, region: String) async {}
}

/// The settings of the VPC CNI that EKS reckons with when it says how many pods fit on the nodes of a group: those of the moment in which the
/// group is made or its nodes are replaced (AWS Containers Blog, "Amazon VPC CNI increases pods per node limits").
public struct NodePodSettings: Sendable, Hashable {
    /// Addresses come in prefixes.
    public var usesPrefixes: Bool
    /// The first interface of a node serves no pods.
    public var usesCustomNetworking: Bool

    /// Settings; by default as shipped.
    public init(usesPrefixes: Bool = false, usesCustomNetworking: Bool = false) {
        self.usesPrefixes = usesPrefixes
        self.usesCustomNetworking = usesCustomNetworking
    }

    init(_ json: JSON?) {
        self.init(usesPrefixes: json?["prefixes"]?.bool == true, usesCustomNetworking: json?["customNetworking"]?.bool == true)
    }

    /// The settings as node groups keep them; `nil` for those that are shipped.
    var json: JSON? {
        self == NodePodSettings() ? nil : ["prefixes": .bool(usesPrefixes), "customNetworking": .bool(usesCustomNetworking)]
    }
}

/// An access entry with its policies, as other subsystems read it.
public struct AccessEntryRecord: Sendable {
    /// The principal.
    public let principalARN: String
    /// Its unique id when the entry was made; the ARN for principals of other accounts.
    public let principalID: String
    /// `STANDARD`, `EC2_LINUX` …
    public let type: String
    /// The username template.
    public let username: String
    /// Groups.
    public let groups: [String]
    /// Associated policies: ARN, and namespaces or `nil` for the whole cluster.
    public let policies: [(arn: String, namespaces: [String]?)]

    init(_ json: JSON) {
        principalARN = json["principalArn"]?.string ?? ""
        principalID = json["_principalId"]?.string ?? ""
        type = json["type"]?.string ?? ""
        username = json["username"]?.string ?? ""
        groups = json["kubernetesGroups"]?.array?.compactMap(\.string) ?? []
        policies = (json["_policies"]?.array ?? []).map { policy in
            let scope = policy["accessScope"]
            return (
                policy["policyArn"]?.string ?? "",
                scope?["type"]?.string == "namespace" ? scope?["namespaces"]?.array?.compactMap(\.string) ?? [] : nil
            )
        }
    }
}
