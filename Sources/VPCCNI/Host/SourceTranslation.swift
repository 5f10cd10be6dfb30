import IPAddress

/// Which source address a pod's packets leave the node with, and the iptables rules that do it
/// (amazon-vpc-cni-k8s, pkg/networkutils/network.go).
public struct SourceTranslation: Sendable, Hashable {
    /// A rule that the agent adds or removes.
    public struct Rule: Sendable, Hashable {
        /// The table.
        public let table: String
        /// The chain.
        public let chain: String
        /// The rule's arguments.
        public let text: String
        /// Whether it is to be there; else it is removed.
        public let isPresent: Bool
    }

    private static let chain = "AWS-SNAT-CHAIN-0"

    /// The agent's settings.
    public let settings: HostNetworkSettings
    /// The VPC's IPv4 blocks, in their order. Blocks of peered VPCs are not among them.
    public let vpcBlocks: [CIDRBlock]
    /// The node's primary address.
    public let nodeAddress: IPAddress

    /// The translation of a node.
    public init(_ settings: HostNetworkSettings, vpcBlocks: [CIDRBlock], nodeAddress: IPAddress) {
        self.settings = settings
        self.vpcBlocks = vpcBlocks
        self.nodeAddress = nodeAddress
    }

    /// The address that a destination sees of a pod before anything outside the node translates it. IPv6 addresses are never translated.
    public func source(of pod: IPAddress, to destination: IPAddress) -> IPAddress {
        let keeps =
            settings.usesExternalSNAT || destination.family == .ipv6
            || (vpcBlocks + settings.excludedFromSNAT).contains { $0.contains(destination) }
        return keeps ? pod : nodeAddress
    }

    /// The rules in their order. `hasRandomFully` says whether iptables knows `--random-fully`.
    public func rules(hasRandomFully: Bool) -> [Rule] {
        let isPresent = !settings.usesExternalSNAT
        func nat(_ chain: String, _ text: String) -> Rule { Rule(table: "nat", chain: chain, text: text, isPresent: isPresent) }
        var rules = [nat("POSTROUTING", "-m comment --comment AWS SNAT CHAIN -j \(Self.chain)")]
        rules += vpcBlocks.map { nat(Self.chain, "-d \($0) -m comment --comment AWS SNAT CHAIN -j RETURN") }
        // Without translation of its own, the agent does not even read what is excluded from it.
        for block in isPresent ? settings.excludedFromSNAT : [] {
            let destination = block.prefixLength == 0 ? "" : "-d \(block) "
            rules.append(nat(Self.chain, "\(destination)-m comment --comment AWS SNAT CHAIN EXCLUSION -j RETURN"))
        }
        rules.append(
            nat(
                Self.chain,
                "! -o vlan+ -m comment --comment AWS, SNAT -m addrtype ! --dst-type LOCAL -j SNAT --to-source \(nodeAddress)"
                    + randomisation(hasRandomFully)))
        return rules + connectionMarks
    }

    private func randomisation(_ hasRandomFully: Bool) -> String {
        switch settings.randomisation {
        case .none: ""
        case .hashRandom: " --random"
        case .prng: hasRandomFully ? " --random-fully" : " --random"
        }
    }

    /// Connections that came in by the main interface go out by it.
    private var connectionMarks: [Rule] {
        let mark = "0x" + String(settings.connectionMark, radix: 16)
        let primary = "-m comment --comment AWS, primary ENI"
        return [
            "\(primary) -i eth0 -m addrtype --dst-type LOCAL --limit-iface-in -j CONNMARK --set-mark \(mark)/\(mark)",
            "\(primary) -i \(settings.vethPrefix)+ -j CONNMARK --restore-mark --mask \(mark)",
            "\(primary) -i vlan+ -j CONNMARK --restore-mark --mask \(mark)",
        ].map { Rule(table: "mangle", chain: "PREROUTING", text: $0, isPresent: settings.supportsNodePorts) }
    }
}
