import IPAddress
import JSON
public import VPCModel

/// The way from a caller to a cluster's endpoint through the account's network as it is now: name, security groups, routes, gateways
/// (EKS User Guide, clusters/cluster-endpoint).
extension AWSFrontDoor {
    /// How a call to a cluster's endpoint would go.
    ///
    /// - Throws: `EndpointCallerProblem` when the caller's interface is gone.
    public func reach(_ cluster: ClusterRecord, from caller: EndpointCaller) throws(EndpointCallerProblem) -> EndpointReach {
        let draft = regions.resources(cluster.accountID, cluster.region).present
        let endpoint = ClusterEndpoint(cluster, draft)
        switch caller {
        case .internet(let address): return endpoint.reach(from: Vantage(.internet, address))
        case .peered(let address, let outside):
            let vantage = Vantage(.peered, address, natAddress: outside)
            guard let way = endpoint.way(from: vantage, of: nil, to: cluster, draft) else { return endpoint.reach(from: vantage) }
            return endpoint.reach(from: vantage, arriving: way.arriving)
        case .interface(let reference):
            let own = regions.resources(reference.account, reference.region).present
            guard let interface = own.get(.networkInterface, reference.id) else { throw .unknown(reference.id) }
            let place = InterfacePlace(interface, own)
            var vantage = place.vantage(towards: endpoint, of: cluster)
            vantage.isInClusterGroup = ClusterEndpoint.groups(cluster, draft).contains { group in
                draft.list(.securityGroupRule, "groupId", group).contains { place.isPeer(of: SecurityGroupRule(record: $0), $0) }
            }
            guard let way = endpoint.way(from: vantage, of: place, to: cluster, draft) else { return endpoint.reach(from: vantage) }
            return endpoint.reach(from: vantage, after: [place.egress(to: way.target)] + way.leaving, arriving: way.arriving)
        }
    }
}

extension ClusterEndpoint {
    /// The security groups of the control plane's interfaces.
    fileprivate static func groups(_ cluster: ClusterRecord, _ draft: ResourceDraft) -> [String] {
        let interfaces = (cluster.json["_interfaces"]?.strings ?? []).compactMap { draft.get(.networkInterface, $0) }
        let groups = interfaces.flatMap { ($0["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string } }
        return Set(groups).sorted()
    }

    /// A cluster's endpoint as the owner's network has it.
    fileprivate init(_ cluster: ClusterRecord, _ draft: ResourceDraft) {
        let vpc = draft.get(.vpc, cluster.json.at("resourcesVpcConfig", "vpcId")?.string ?? "")
        let rules = Self.groups(cluster, draft).flatMap { draft.list(.securityGroupRule, "groupId", $0) }
        self.init(
            exposure: EndpointExposure(of: cluster.json["resourcesVpcConfig"] ?? [:]),
            interfaces: (cluster.json["_interfaces"]?.strings ?? []).compactMap {
                draft.get(.networkInterface, $0)?["privateIpAddress"]?.string.flatMap { IPAddress($0) }
            }, publicAddresses: Self.publicAddresses(cluster),
            allowedSources: rules.compactMap { record in
                guard record["isEgress"]?.bool == false, let rule = Optional(SecurityGroupRule(record: record)), rule.isHTTPS else {
                    return nil
                }
                return rule.block
            }, hasPrivateNames: vpc?["_enableDnsSupport"]?.bool == true && vpc?["_enableDnsHostnames"]?.bool == true)
    }

    /// The way that a call takes, of those to the addresses of the endpoint's name the first on which no network ACL stands in the way;
    /// `nil` when the name has none.
    fileprivate func way(
        from vantage: Vantage, of caller: InterfacePlace?, to cluster: ClusterRecord, _ draft: ResourceDraft
    ) -> CallWay? {
        let names = names(for: vantage)
        guard exposure.isPrivate, names == interfaces else {
            return names.first.map {
                CallWay(target: $0, leaving: caller?.leaving(to: $0) ?? [], arriving: caller?.translating(to: $0) ?? [])
            }
        }
        let records = (cluster.json["_interfaces"]?.strings ?? []).compactMap { draft.get(.networkInterface, $0) }
        let ways = records.compactMap { record -> CallWay? in
            guard let target = record["privateIpAddress"]?.string.flatMap({ IPAddress($0) }), let subnet = record["subnetId"]?.string else {
                return nil
            }
            // What stays in a subnet passes no ACL.
            guard caller?.subnet != subnet else { return CallWay(target: target, leaving: [], arriving: []) }
            let arriving = NetworkACLs.acl(of: subnet, draft).map { SubnetCrossing($0, .inbound, vantage.address).step }
            return CallWay(target: target, leaving: caller?.leaving(to: target) ?? [], arriving: arriving.map { [$0] } ?? [])
        }
        return ways.first(where: \.isOpen) ?? ways.first
    }

    /// Addresses of a public load balancer's two zones, which follow from the cluster's id: of 52.0.0.0/9, while instances and Elastic IPs
    /// have those of 54.0.0.0/8.
    private static func publicAddresses(_ cluster: ClusterRecord) -> [IPAddress] {
        var hash: UInt32 = 0x811C_9DC5
        for byte in cluster.clusterID.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return [hash, hash ^ 0x0040_0100].map { IPAddress(ipv4: 0x3400_0000 | $0 & 0x007F_FFFE | 1) }
    }
}

/// An address of an endpoint, and the network ACLs on the way there.
private struct CallWay {
    let target: IPAddress
    let leaving: [EndpointReach.Step]
    let arriving: [EndpointReach.Step]

    var isOpen: Bool { (leaving + arriving).allSatisfy(\.isPassed) }
}

/// A network interface with what its subnet and security groups let it do.
private struct InterfacePlace {
    private static let https: Int64 = 443
    private let interface: JSON
    private let draft: ResourceDraft
    private let address: IPAddress
    private let groups: [String]

    init(_ interface: JSON, _ draft: ResourceDraft) {
        self.interface = interface
        self.draft = draft
        address = interface["privateIpAddress"]?.string.flatMap { IPAddress($0) } ?? IPAddress(0, 0, 0, 0)
        groups = (interface["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string }
    }

    private var vpc: String { interface["vpcId"]?.string ?? "" }

    /// Where it lies, seen from a cluster, and the addresses with which it would leave for the endpoint's public addresses.
    func vantage(towards endpoint: ClusterEndpoint, of cluster: ClusterRecord) -> Vantage {
        let isInside =
            vpc == cluster.json.at("resourcesVpcConfig", "vpcId")?.string && draft.region == cluster.region
            && draft.account == cluster.accountID
        var vantage = Vantage(isInside ? .vpc : .otherVPC, address)
        guard let target = endpoint.publicAddresses.first, let route = route(to: target) else { return vantage }
        if route["gatewayId"]?.string?.hasPrefix("igw-") == true {
            vantage.publicAddress = Self.publicAddress(interface)
        } else if let gateway = route["natGatewayId"]?.string {
            let addresses = draft.get(.natGateway, gateway)?["natGatewayAddressSet"]?.array
            vantage.natAddress = addresses?.first?["publicIp"]?.string.flatMap { IPAddress($0) }
        } else if let id = route["networkInterfaceId"]?.string, let translator = draft.get(.networkInterface, id) {
            vantage.natAddress = Self.publicAddress(translator)
        }
        return vantage
    }

    /// Its subnet.
    var subnet: String { interface["subnetId"]?.string ?? "" }

    /// The ACL of its subnet, which a call to an address outside passes.
    func leaving(to target: IPAddress) -> [EndpointReach.Step] {
        NetworkACLs.acl(of: subnet, draft).map { [SubnetCrossing($0, .outbound, target).step] } ?? []
    }

    /// The ACL of the subnet of the NAT gateway or instance that its route leads to, which a call passes twice.
    func translating(to target: IPAddress) -> [EndpointReach.Step] {
        guard let route = route(to: target) else { return [] }
        let gateway = route["natGatewayId"]?.string.flatMap { draft.get(.natGateway, $0) }
        let instance = route["networkInterfaceId"]?.string.flatMap { draft.get(.networkInterface, $0) }
        guard let subnet = (gateway ?? instance)?["subnetId"]?.string, let acl = NetworkACLs.acl(of: subnet, draft) else { return [] }
        let ports = gateway == nil ? SubnetCrossing.linuxPorts : SubnetCrossing.gatewayPorts
        let out = SubnetCrossing(acl, .outbound, target, callerPorts: ports).step
        return subnet == self.subnet ? [out] : [SubnetCrossing(acl, .inbound, address).step, out]
    }

    private static func publicAddress(_ interface: JSON) -> IPAddress? {
        interface.at("association", "publicIp")?.string.flatMap { IPAddress($0) }
    }

    /// The most specific route of the subnet's table that leads somewhere.
    private func route(to target: IPAddress) -> JSON? {
        guard let subnet = draft.get(.subnet, interface["subnetId"]?.string ?? "") else { return nil }
        return RouteTables.route(to: target, from: subnet, draft)
    }

    /// Whether a rule lets in what comes from one of the interface's groups, on the port of the endpoint.
    func isPeer(of rule: SecurityGroupRule, _ record: JSON) -> Bool {
        guard record["isEgress"]?.bool == false, rule.isHTTPS, case .group(let id, _) = rule.peer else { return false }
        return groups.contains(id)
    }

    /// Whether the interface's own groups let it call an address.
    func egress(to target: IPAddress) -> EndpointReach.Step {
        let open = groups.first { group in
            draft.list(.securityGroupRule, "groupId", group).contains { record in
                let rule = SecurityGroupRule(record: record)
                guard record["isEgress"]?.bool == true, rule.isHTTPS else { return false }
                if case .group(let id, _) = rule.peer { return isInterface(of: id, target) }
                return rule.block?.contains(target) == true
            }
        }
        return EndpointReach.Step(
            hop: "own security group", isPassed: open != nil,
            detail: open.map { "\($0) lets it call 443 of \(target)" }
                ?? "no rule of \(groups.joined(separator: ", ")) lets it call 443 of \(target)")
    }

    private func isInterface(of group: String, _ target: IPAddress) -> Bool {
        draft.list(.networkInterface, "privateIpAddress", target.description).contains { other in
            other["vpcId"]?.string == vpc && other["groupSet"]?.array?.contains { $0["groupId"]?.string == group } == true
        }
    }
}

extension SecurityGroupRule {
    /// Whether the rule is about the port of the endpoint.
    var isHTTPS: Bool { ipProtocol == "-1" || ipProtocol == "tcp" && from <= 443 && to >= 443 }

    /// The addresses of a rule about addresses.
    var block: CIDRBlock? {
        switch peer {
        case .ipv4(let text), .ipv6(let text): CIDRBlock(text)
        default: nil
        }
    }
}
