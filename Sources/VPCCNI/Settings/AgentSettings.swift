import IPAddress
import VPCModel

/// The agent's settings, read from its environment as it reads them: an empty environment gives the code's defaults, which differ from
/// those of the shipped manifest (amazon-vpc-cni-k8s, pkg/ipamd/ipamd.go).
public struct AgentSettings: Sendable, Hashable {
    /// Whole interfaces to keep free (`WARM_ENI_TARGET`).
    public var warmInterfaces = 1
    /// Addresses to keep free; 0 when unset (`WARM_IP_TARGET`).
    public var warmAddresses = 0
    /// Addresses to hold at least; 0 when unset (`MINIMUM_IP_TARGET`).
    public var minimumAddresses = 0
    /// Prefixes to keep free (`WARM_PREFIX_TARGET`).
    public var warmPrefixes = 0
    /// The most interfaces to use, below the type's own limit; `nil` without a limit (`MAX_ENI`).
    public var maximumInterfaces: Int?
    /// Prefixes instead of single addresses (`ENABLE_PREFIX_DELEGATION`).
    public var usesPrefixes = false
    /// `ENABLE_IPv4`.
    public var isIPv4Enabled = false
    /// `ENABLE_IPv6`.
    public var isIPv6Enabled = false
    /// New interfaces may go to other subnets by their tags (`ENABLE_SUBNET_DISCOVERY`).
    public var discoversSubnets = true
    /// Pods' interfaces are placed by ENIConfig objects (`AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG`).
    public var usesCustomNetworking = false
    /// The node annotation that names an ENIConfig (`ENI_CONFIG_ANNOTATION_DEF`).
    public var eniConfigAnnotation = "k8s.amazonaws.com/eniConfig"
    /// The node label that names an ENIConfig (`ENI_CONFIG_LABEL_DEF`).
    public var eniConfigLabel = "k8s.amazonaws.com/eniConfig"
    /// Trunk and branch interfaces (`ENABLE_POD_ENI`).
    public var usesBranchInterfaces = false
    /// How the traffic of pods with branch interfaces goes (`POD_SECURITY_GROUP_ENFORCING_MODE`).
    public var enforcingMode = EnforcingMode.strict
    /// Whether the node's kernel drops TCP packets of its own that come back by another interface (the init container's
    /// `DISABLE_TCP_EARLY_DEMUX` is not `true`).
    public var hasEarlyDemux = true
    /// Acts on cordoned nodes too (`AWS_MANAGE_ENIS_NON_SCHEDULABLE`).
    public var managesCordonedNodes = false
    /// Adopts interfaces that it did not make (`MANAGE_UNTAGGED_ENI`).
    public var managesUntaggedInterfaces = true
    /// Makes no change in EC2 (`DISABLE_NETWORK_RESOURCE_PROVISIONING`, `ENABLE_IMDS_ONLY_MODE`).
    public var isProvisioningDisabled = false
    /// Asks EC2 nothing either (`ENABLE_IMDS_ONLY_MODE`).
    public var usesMetadataOnly = false
    /// How long a released address is not given again (`IP_COOLDOWN_PERIOD`).
    public var cooldown = Duration.seconds(30)
    /// Tags on interfaces, and subnets that name a cluster (`CLUSTER_NAME`).
    public var clusterName = ""
    /// Further tags on interfaces (`ADDITIONAL_ENI_TAGS`).
    public var additionalTags: [String: String] = [:]
    /// Whether interfaces that an agent left behind stay (`DISABLE_LEAKED_ENI_CLEANUP`).
    public var keepsLeakedInterfaces = false
    /// Source addresses, marks and device names.
    public var hostNetwork = HostNetworkSettings()

    /// The code's defaults.
    public init() {}

    /// Reads an environment.
    public init(environment: [String: String]) { self.init(Environment(variables: environment)) }

    /// The variables that the agent reads.
    public static let variables: Set<String> = {
        let names = Environment.Names()
        _ = AgentSettings(Environment(variables: [:], asked: names))
        return names.all
    }()

    private init(_ environment: Environment) {
        if let value = environment.integer("WARM_ENI_TARGET"), value >= 0 { warmInterfaces = value }
        if let value = environment.integer("WARM_IP_TARGET"), value >= 0 { warmAddresses = value }
        if let value = environment.integer("MINIMUM_IP_TARGET"), value >= 0 { minimumAddresses = value }
        if let value = environment.integer("WARM_PREFIX_TARGET"), value >= 0 { warmPrefixes = value }
        if let value = environment.integer("MAX_ENI"), value >= 1 { maximumInterfaces = value }
        if let value = environment.integer("IP_COOLDOWN_PERIOD") { cooldown = .seconds(value) }
        usesPrefixes = environment.bool("ENABLE_PREFIX_DELEGATION") ?? false
        isIPv4Enabled = environment.bool("ENABLE_IPv4") ?? false
        isIPv6Enabled = environment.bool("ENABLE_IPv6") ?? false
        discoversSubnets = environment.bool("ENABLE_SUBNET_DISCOVERY") ?? true
        usesCustomNetworking = environment.bool("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG") ?? false
        eniConfigAnnotation = environment.text("ENI_CONFIG_ANNOTATION_DEF") ?? eniConfigAnnotation
        eniConfigLabel = environment.text("ENI_CONFIG_LABEL_DEF") ?? eniConfigLabel
        usesBranchInterfaces = environment.bool("ENABLE_POD_ENI") ?? false
        enforcingMode = environment.text("POD_SECURITY_GROUP_ENFORCING_MODE").flatMap(EnforcingMode.init) ?? .strict
        hasEarlyDemux = environment.text("DISABLE_TCP_EARLY_DEMUX") != "true"
        managesCordonedNodes = environment.bool("AWS_MANAGE_ENIS_NON_SCHEDULABLE") ?? false
        managesUntaggedInterfaces = environment.bool("MANAGE_UNTAGGED_ENI") ?? true
        usesMetadataOnly = environment.bool("ENABLE_IMDS_ONLY_MODE") ?? false
        isProvisioningDisabled = usesMetadataOnly || environment.bool("DISABLE_NETWORK_RESOURCE_PROVISIONING") == true
        clusterName = environment.text("CLUSTER_NAME") ?? ""
        additionalTags = environment.text("ADDITIONAL_ENI_TAGS").map(InterfaceTags.additional) ?? [:]
        keepsLeakedInterfaces = environment.bool("DISABLE_LEAKED_ENI_CLEANUP") ?? false
        hostNetwork = HostNetworkSettings(environment)
    }

    /// Whether one of the two targets that count addresses is set; it then beats the targets of interfaces and prefixes.
    public var hasAddressTarget: Bool { warmAddresses != 0 || minimumAddresses != 0 }

    /// Whether the agent would start with these settings on a type: exactly one family, and for IPv6 prefixes without custom networking.
    public func isValid(on limits: InstanceLimits) -> Bool {
        guard isIPv4Enabled != isIPv6Enabled else { return false }
        return !isIPv6Enabled || usesPrefixes && !usesCustomNetworking && limits.canHavePrefixes
    }
}

/// The settings of routes, marks and source addresses on the host (pkg/networkutils/network.go).
public struct HostNetworkSettings: Sendable, Hashable {
    /// How iptables chooses source ports.
    public enum Randomisation: Int, Sendable, Hashable {
        /// It keeps them where it can.
        case none = 0
        /// `--random`.
        case hashRandom = 1
        /// `--random-fully`.
        case prng = 2
    }

    /// Pods keep their addresses towards other networks; something else translates them (`AWS_VPC_K8S_CNI_EXTERNALSNAT`).
    public var usesExternalSNAT = false
    /// Blocks towards which pods keep their addresses (`AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS`).
    public var excludedFromSNAT: [CIDRBlock] = []
    /// Blocks of Services outside the VPC (`AWS_EXTERNAL_SERVICE_CIDRS`).
    public var externalServices: [CIDRBlock] = []
    /// Source ports (`AWS_VPC_K8S_CNI_RANDOMIZESNAT`).
    public var randomisation = Randomisation.prng
    /// NodePorts of Services on every interface (`AWS_VPC_CNI_NODE_PORT_SUPPORT`).
    public var supportsNodePorts = true
    /// Bytes of a packet (`AWS_VPC_ENI_MTU`).
    public var mtu = 9001
    /// The bit that marks connections which came in by the main interface (`AWS_VPC_K8S_CNI_CONNMARK`).
    public var connectionMark: UInt32 = 0x80
    /// What names of pods' host interfaces begin with (`AWS_VPC_K8S_CNI_VETHPREFIX`).
    public var vethPrefix = "eni"

    /// The defaults.
    public init() {}

    init(_ environment: Environment) {
        usesExternalSNAT = environment.bool("AWS_VPC_K8S_CNI_EXTERNALSNAT") ?? false
        excludedFromSNAT = environment.ipv4Blocks("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS")
        externalServices = environment.ipv4Blocks("AWS_EXTERNAL_SERVICE_CIDRS")
        switch environment.text("AWS_VPC_K8S_CNI_RANDOMIZESNAT") {
        case "none": randomisation = .none
        case "hashrandom": randomisation = .hashRandom
        default: randomisation = .prng
        }
        supportsNodePorts = environment.bool("AWS_VPC_CNI_NODE_PORT_SUPPORT") ?? true
        if let value = environment.integer("AWS_VPC_ENI_MTU") { mtu = min(max(value, 576), 9001) }
        if let value = environment.text("AWS_VPC_K8S_CNI_CONNMARK").flatMap(Environment.goInteger), value > 0,
            let mark = UInt32(exactly: value)
        {
            connectionMark = mark
        }
        vethPrefix = environment.text("AWS_VPC_K8S_CNI_VETHPREFIX") ?? vethPrefix
    }
}

/// Variables read as Go's `strconv` reads them.
struct Environment {
    /// Names that were asked for.
    final class Names {
        fileprivate(set) var all: Set<String> = []
    }

    let variables: [String: String]
    var asked: Names?

    private func value(_ name: String) -> String? {
        asked?.all.insert(name)
        return variables[name]
    }

    /// A text that is not empty.
    func text(_ name: String) -> String? { value(name).flatMap { $0.isEmpty ? Optional.none : $0 } }

    /// `strconv.Atoi`, held to a range in which nothing that is computed of it overflows.
    func integer(_ name: String) -> Int? { value(name).flatMap { Int($0) }.map { min(max($0, -1_000_000_000), 1_000_000_000) } }

    /// `strconv.ParseBool`.
    func bool(_ name: String) -> Bool? {
        switch value(name) {
        case "1", "t", "T", "TRUE", "true", "True": true
        case "0", "f", "F", "FALSE", "false", "False": false
        default: nil
        }
    }

    /// Blocks separated by commas, cleared of bits beyond their prefix; IPv6 and what is no block are skipped.
    func ipv4Blocks(_ name: String) -> [CIDRBlock] {
        (text(name) ?? "").split(separator: ",").compactMap { part in
            let text = String(part.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
            guard let block = try? CIDRBlock(parsing: text, syntax: .go), block.family == .ipv4 else { return nil }
            return block
        }
    }

    /// `strconv.ParseInt` with base 0: a prefix names another base than ten.
    static func goInteger(_ text: String) -> Int64? {
        let lower = text.lowercased()
        for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] where lower.hasPrefix(prefix) {
            return Int64(lower.dropFirst(2), radix: radix)
        }
        return lower.count > 1 && lower.hasPrefix("0") ? Int64(lower.dropFirst(), radix: 8) : Int64(lower)
    }
}
