import VPCModel

/// How many pods a node is said to have room for. Four programs say so, each in its own way.
public enum MaxPods {
    /// What a type without an entry in the tables gets.
    public static let ofUnknownType = 110
    /// Pods on the host's network that every node is expected to run.
    private static let hostNetworkPods = 2
    private static let smallCeiling = 110
    private static let largeCeiling = 250

    /// What nodeadm sets when nobody says otherwise; the CNI's settings do not matter
    /// (amazon-eks-ami, nodeadm/internal/kubelet/eni_max_pods.go).
    public static func nodeadm(_ type: InstanceLimits?) -> Int {
        guard let type else { return ofUnknownType }
        return type.interfaces * type.slotsPerInterface + hostNetworkPods
    }

    /// What amazon-eks-ami's script `max-pods-calculator.sh` is told.
    public struct Calculation: Sendable, Hashable {
        /// The type.
        public var type: InstanceLimits
        /// Its virtual CPUs.
        public var vCPUs: Int
        /// The CNI's version, `1.23.1` or `v1.23.1-eksbuild.1`.
        public var cniVersion: String
        /// `--cni-prefix-delegation-enabled`.
        public var usesPrefixes: Bool
        /// `--cni-custom-networking-enabled`.
        public var usesCustomNetworking: Bool
        /// `--cni-max-eni`.
        public var maximumInterfaces: Int?
        /// `--show-max-allowed`: without the ceiling.
        public var ignoresCeiling: Bool

        /// Makes a calculation.
        public init(
            type: InstanceLimits, vCPUs: Int, cniVersion: String, usesPrefixes: Bool = false, usesCustomNetworking: Bool = false,
            maximumInterfaces: Int? = nil, ignoresCeiling: Bool = false
        ) {
            self.type = type
            self.vCPUs = vCPUs
            self.cniVersion = cniVersion
            self.usesPrefixes = usesPrefixes
            self.usesCustomNetworking = usesCustomNetworking
            self.maximumInterfaces = maximumInterfaces
            self.ignoresCeiling = ignoresCeiling
        }

        /// What the script prints. It sees no hypervisor on bare metal, and so no prefixes, though the agent uses them there.
        public var result: Int {
            let interfaces = min(maximumInterfaces ?? type.interfaces, type.interfaces) - (usesCustomNetworking ? 1 : 0)
            let factor = usesPrefixes && type.hypervisor == "nitro" && canHavePrefixes ? NodeLimits.addressesPerPrefix : 1
            let pods = interfaces * type.slotsPerInterface * factor + hostNetworkPods
            return ignoresCeiling ? pods : min(pods, vCPUs > 30 ? largeCeiling : smallCeiling)
        }

        /// Version 1.9 is the first with prefixes.
        private var canHavePrefixes: Bool {
            let numbers = cniVersion.drop { $0 == "v" }.split { $0 == "." || $0 == "-" }.prefix(2).map { Int($0) ?? 0 }
            guard numbers.count == 2 else { return false }
            return numbers[0] > 1 || numbers[0] == 1 && numbers[1] > 8
        }
    }

    /// What a managed node group without an AMI of its own gets (EKS user guide, nodes/create-managed-node-group.adoc). Where pods have
    /// addresses of prefixes, as in every cluster of IPv6, each slot of an interface counts for sixteen; with custom networking the first
    /// interface has none.
    public static func managedNodeGroup(
        _ type: InstanceLimits?, vCPUs: Int, usesPrefixes: Bool = false, usesCustomNetworking: Bool = false
    ) -> Int {
        let ceiling = vCPUs < 30 ? smallCeiling : largeCeiling
        guard let type, usesPrefixes || usesCustomNetworking else { return min(nodeadm(type), ceiling) }
        let interfaces = type.interfaces - (usesCustomNetworking ? 1 : 0)
        let factor = usesPrefixes && type.canHavePrefixes ? NodeLimits.addressesPerPrefix : 1
        return min(interfaces * type.slotsPerInterface * factor + hostNetworkPods, ceiling)
    }

    /// What a node of Auto Mode gets at most.
    public static func autoMode(_ type: InstanceLimits?) -> Int { min(nodeadm(type), smallCeiling) }
}
