import Encoding
import IPAddress
import JSON
import World

/// The agent's introspection server, 127.0.0.1:61679.
extension IPAMAgent {
    private static let paths = ["/v1/enis", "/v1/eni-configs", "/v1/networkutils-env-settings", "/v1/ipamd-env-settings"]

    /// The body of the answer for a path; any unknown path answers what there is.
    public func introspect(_ path: String) async -> JSON {
        switch path {
        case "/v1/enis": interfacesDocument
        case "/v1/eni-configs": .string(await objects.node().eniConfigName(settings))
        case "/v1/ipamd-env-settings": settings.document
        case "/v1/networkutils-env-settings": settings.hostNetwork.document
        default: ["AvailableCommands": JSON(strings: Self.paths)]
        }
    }

    private var interfacesDocument: JSON {
        var interfaces = JSONObject()
        for interface in store.interfaces { interfaces[interface.id] = interface.document }
        return [
            "0": [
                "TotalIPs": .integer(Int64(store.counters.total)), "AssignedIPs": .integer(Int64(store.counters.assigned)),
                "ENIs": .object(interfaces),
            ]
        ]
    }
}

extension PoolInterface {
    fileprivate var document: JSON {
        [
            "ID": .string(id), "IsPrimary": .bool(isPrimary), "IsTrunk": .bool(isTrunk), "IsEFA": .bool(isEFA),
            "DeviceNumber": .integer(Int64(device)), "AvailableIPv4Cidrs": PoolInterface.document(of: blocks),
            "IPv6Cidrs": PoolInterface.document(of: ipv6Blocks), "IsExcludedForPodIPs": .bool(isExcluded),
            "RouteTableID": .integer(Int64(routeTable)), "SubnetID": .string(subnet),
        ]
    }

    private static func document(of blocks: [PoolBlock]) -> JSON {
        var document = JSONObject()
        for block in blocks { document[block.block.description] = block.document }
        return .object(document)
    }
}

extension PoolBlock {
    fileprivate var document: JSON {
        var addresses = JSONObject()
        for record in records { addresses[record.address.description] = record.document }
        return [
            "Cidr": ["IP": .string(block.network.description), "Mask": .string(Base64.encode(block.netmask.bytes))],
            "IPAddresses": .object(addresses), "IsPrefix": .bool(isPrefix),
            // The copy that the server makes leaves the family out.
            "AddressFamily": "",
        ]
    }
}

extension AddressRecord {
    /// Sandbox and interface are blanked.
    fileprivate var document: JSON {
        [
            "Address": .string(address.description),
            "IPAMKey": ["networkName": .string(key?.networkName ?? ""), "containerID": "", "ifName": ""],
            "IPAMMetadata": pod?.json ?? [:], "AssignedTime": .string(assignedAt.goText),
            "UnassignedTime": .string(unassignedAt?.goText ?? "0001-01-01T00:00:00Z"),
        ]
    }
}

extension Instant {
    /// Go's RFC 3339 with nanoseconds, without zeros at the end.
    fileprivate var goText: String {
        guard subsecond != 0 else { return rfc3339 }
        var digits = String(subsecond + 1_000_000_000).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(rfc3339.dropLast()).\(digits)Z"
    }
}

extension AgentSettings {
    /// The five settings that `/v1/ipamd-env-settings` shows.
    var document: JSON {
        [
            "AWS_MANAGE_ENIS_NON_SCHEDULABLE": .bool(managesCordonedNodes),
            "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": .bool(usesCustomNetworking), "ENABLE_SUBNET_DISCOVERY": .bool(discoversSubnets),
            "WARM_ENI_TARGET": .integer(Int64(warmInterfaces)), "WARM_IP_TARGET": .integer(Int64(warmAddresses)),
        ]
    }
}

extension HostNetworkSettings {
    /// The eight settings that `/v1/networkutils-env-settings` shows.
    var document: JSON {
        func list(_ blocks: [CIDRBlock]) -> JSON { blocks.isEmpty ? .null : JSON(strings: blocks.map(\.description)) }
        return [
            "AWS_EXTERNAL_SERVICE_CIDRS": list(externalServices), "AWS_VPC_CNI_NODE_PORT_SUPPORT": .bool(supportsNodePorts),
            "AWS_VPC_ENI_MTU": .integer(Int64(mtu)), "AWS_VPC_K8S_CNI_CONNMARK": .integer(Int64(connectionMark)),
            "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": list(excludedFromSNAT), "AWS_VPC_K8S_CNI_EXTERNALSNAT": .bool(usesExternalSNAT),
            "AWS_VPC_K8S_CNI_RANDOMIZESNAT": .integer(Int64(randomisation.rawValue)), "AWS_VPC_K8S_CNI_VETHPREFIX": .string(vethPrefix),
        ]
    }
}
