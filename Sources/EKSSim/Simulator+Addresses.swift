import AWSServices
import IPAddress
public import JSON
import KubeAPIServer
import KubeControllers
import Store
import VPCCNI
import VPCModel
import World

/// What is held, warm, cooling and free: of nodes' pools, of subnets, of the Service range.
extension Simulator {
    /// The pools of a cluster's nodes, or of one of them.
    ///
    /// - Throws: `NodeFailure`.
    public func pools(cluster: String, node: String?) async throws(NodeFailure) -> JSON {
        let nodes = try await agents(cluster, node)
        let resources = try? await plane(cluster.isEmpty ? nil : cluster).resources
        var list: [JSON] = []
        for (node, agent) in nodes {
            let interfaces = await agent.store.interfaces
            let statistics = await agent.statistics(at: world.now)
            var row: JSON = [
                "node": .string(node.machine.name), "instanceId": .string(node.machine.instanceID),
                "instanceType": .string(node.machine.instanceType), "maxPods": .integer(node.machine.maximumPods),
                "held": .integer(Int64(statistics.total)), "used": .integer(Int64(statistics.assigned)),
                "cooling": .integer(Int64(statistics.cooling)),
                "warm": .integer(Int64(statistics.available - statistics.cooling)),
                "interfaces": .array(
                    interfaces.map { interface in
                        let blocks = interface.blocks + interface.ipv6Blocks
                        let prefixes = blocks.filter(\.isPrefix)
                        var row: JSON = [
                            "id": .string(interface.id), "device": .integer(Int64(interface.device)), "subnet": .string(interface.subnet),
                            "kind": .string(interface.isPrimary ? "primary" : interface.isTrunk ? "trunk" : interface.isEFA ? "efa" : ""),
                            "held": .integer(Int64(blocks.reduce(0) { $0 + $1.size })),
                            "used": .integer(Int64(blocks.reduce(0) { $0 + $1.assignedCount })),
                            "prefixes": .integer(Int64(prefixes.count)),
                        ]
                        if !interface.ipv6Blocks.isEmpty { row["cidrs"] = JSON(strings: prefixes.map(\.block.description)) }
                        return row
                    }),
            ]
            row["trunk"] = await resources?.shown(node.machine.name)
            list.append(row)
        }
        return ["nodes": .array(list)]
    }

    private func agents(_ cluster: String, _ node: String?) async throws(NodeFailure) -> [(AgentHost, IPAMAgent)] {
        let plane: ControlPlane
        do { plane = try await self.plane(cluster.isEmpty ? nil : cluster) } catch { throw .noCluster(cluster) }
        let hosts = plane.network.hosts.filter { node == nil || $0.machine.name == node || $0.machine.instanceID == node }
        let found = hosts.compactMap { host in host.agent.map { (host, $0) } }
        if let node, found.isEmpty { throw .noNode(node) }
        return found
    }

    /// What the agent of a node serves or writes: `metrics`, `ipamd.log`, the plugin's `plugin.log`, or a path of its introspection server.
    ///
    /// - Throws: `NodeFailure`.
    public func agentPage(cluster: String, node: String, _ page: String) async throws(NodeFailure) -> String {
        guard let (host, agent) = try await agents(cluster, node).first else { throw .noNode(node) }
        switch page {
        case "metrics": return await agent.metricsPage
        case "ipamd.log": return await agent.log.text
        case "plugin.log": return host.pluginLog.text
        default: return await agent.introspect("/" + page).text + "\n"
        }
    }

    /// A map of each subnet of a cluster's VPC.
    ///
    /// - Throws: `NodeFailure`.
    public func subnetMaps(cluster: String) async throws(NodeFailure) -> [AddressMap] {
        let plane: ControlPlane
        do { plane = try await self.plane(cluster.isEmpty ? nil : cluster) } catch { throw .noCluster(cluster) }
        let (account, region) = (plane.record.accountID, plane.record.region)
        var pods: [IPAddress: AddressMap.Kind] = [:]
        var prefixes: [CIDRBlock: AddressMap.Kind] = [:]
        var instances: Set<String> = []
        for host in plane.network.hosts {
            instances.insert(host.machine.instanceID)
            for branch in await plane.resources?.shown(host.machine.name)?["branches"]?.array ?? [] {
                guard let address = branch["address"]?.string.flatMap({ IPAddress($0) }) else { continue }
                pods[address] = branch["state"] == "used" ? .used : .cooling
            }
            guard let agent = host.agent else { continue }
            let cooldown = agent.settings.cooldown
            let interfaces = await agent.store.interfaces
            for block in interfaces.flatMap(\.ipv6Blocks) { prefixes[block.block] = block.assignedCount > 0 ? .used : .warm }
            for block in interfaces.flatMap(\.blocks) {
                for address in Self.addresses(of: block.block) { pods[address] = .warm }
                for record in block.records {
                    let isCooling = record.unassignedAt.map { world.now - $0 <= cooldown } ?? false
                    pods[record.address] = record.key != nil ? .used : isCooling ? .cooling : .warm
                }
            }
        }
        let vpc = plane.record.json.at("resourcesVpcConfig", "vpcId")?.string ?? ""
        return aws.subnets(vpc: vpc, account: account, region: region).flatMap { subnet -> [AddressMap] in
            guard let id = subnet["subnetId"]?.string, let block = subnet["cidrBlock"]?.string.flatMap({ CIDRBlock($0) }) else {
                return []
            }
            let held = aws.interfaces(inSubnet: id, account: account, region: region)
            var addresses: [IPAddress: AddressMap.Kind] = [:]
            for place in [0, 1, 2, 3] as [UInt128] { if let address = block.address(at: place) { addresses[address] = .reserved } }
            addresses[block.last] = .reserved
            for interface in held {
                let isNode = instances.contains(interface.at("attachment", "instanceId")?.string ?? "")
                for entry in interface["privateIpAddressesSet"]?.array ?? [] {
                    guard let address = entry["privateIpAddress"]?.string.flatMap({ IPAddress($0) }) else { continue }
                    let isPrimary = entry["primary"]?.bool == true
                    addresses[address] = isPrimary && isNode ? .node : pods[address] ?? .other
                }
                for prefix in interface["ipv4PrefixSet"]?.array ?? [] {
                    guard let block = prefix["ipv4Prefix"]?.string.flatMap({ CIDRBlock($0) }) else { continue }
                    for address in Self.addresses(of: block) { addresses[address] = pods[address] ?? .other }
                }
            }
            let title = "\(id)  \(subnet["availabilityZone"]?.string ?? "")"
            let map = AddressMap(title: title, block: block, addresses: addresses)
            return [map] + (Self.ipv6Map(title, subnet, held, instances, prefixes).map { [$0] } ?? [])
        }
    }

    /// A map of a subnet's IPv6 block in prefixes as nodes have them: which of them have pods, and in which interfaces have their addresses.
    private static func ipv6Map(
        _ title: String, _ subnet: JSON, _ interfaces: [JSON], _ instances: Set<String>, _ pods: [CIDRBlock: AddressMap.Kind]
    ) -> AddressMap? {
        let text = subnet["ipv6CidrBlockAssociationSet"]?.array?.first?["ipv6CidrBlock"]?.string
        guard let block = text.flatMap({ CIDRBlock($0) }) else { return nil }
        let length = SubnetPool.prefixLength(.ipv6)
        func first(_ address: IPAddress) -> IPAddress { CIDRBlock(containing: address, prefixLength: length)?.first ?? address }
        var places: [IPAddress: AddressMap.Kind] = [first(block.first): .reserved, first(block.last): .reserved]
        for interface in interfaces {
            let isNode = instances.contains(interface.at("attachment", "instanceId")?.string ?? "")
            for entry in interface["ipv6AddressesSet"]?.array ?? [] {
                guard let place = entry["ipv6Address"]?.string.flatMap({ IPAddress($0) }).map(first), places[place] != .node else {
                    continue
                }
                places[place] = isNode ? .node : .other
            }
            for entry in interface["ipv6PrefixSet"]?.array ?? [] {
                guard let prefix = entry["ipv6Prefix"]?.string.flatMap({ CIDRBlock($0) }) else { continue }
                places[prefix.first] = pods[prefix] ?? .other
            }
        }
        return AddressMap(title: title, block: block, prefixLength: length, addresses: places)
    }

    /// The addresses of a block that an interface has: one, or a prefix's sixteen.
    private static func addresses(of block: CIDRBlock) -> [IPAddress] {
        guard let count = block.count, count <= 256 else { return [] }
        return (0..<count).compactMap { block.address(at: $0) }
    }

    /// A map of each of a cluster's Service ranges, and whose each address is.
    ///
    /// - Throws: `NodeFailure`.
    public func serviceMaps(cluster: String) async throws(NodeFailure) -> (maps: [AddressMap], owners: [(address: String, service: String)])
    {
        let plane: ControlPlane
        do { plane = try await self.plane(cluster.isEmpty ? nil : cluster) } catch { throw .noCluster(cluster) }
        let state = plane.cluster
        func objects(_ resource: String) -> [JSON] {
            let collection = state.collection(group: "networking.k8s.io", resource)
            let range = try? state.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
            return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
        }
        let owners = objects("ipaddresses").compactMap { object -> (IPAddress, String)? in
            guard let address = object.at("metadata", "name")?.string.flatMap({ IPAddress($0) }) else { return nil }
            let parent = object.at("spec", "parentRef")
            return (address, "\(parent?["namespace"]?.string ?? "")/\(parent?["name"]?.string ?? "")")
        }.sorted { $0.0 < $1.0 }
        let blocks = objects("servicecidrs").flatMap { $0.at("spec", "cidrs")?.strings ?? [] }.compactMap { CIDRBlock($0) }
        let maps = blocks.map { block in
            var addresses = Dictionary(owners.filter { block.contains($0.0) }.map { ($0.0, AddressMap.Kind.used) }) { first, _ in first }
            addresses[block.first] = .reserved
            if block.family == .ipv4 { addresses[block.last] = .reserved }
            return AddressMap(title: "Services of \(plane.record.name)", block: block, addresses: addresses)
        }
        return (maps, owners.map { ($0.0.description, $0.1) })
    }
}
