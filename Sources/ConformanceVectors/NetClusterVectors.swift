import IPAddress
import JSON
import VPCModel

/// The Service range and the endpoint of a cluster on EKS.
enum NetClusterVectors {
    static func serviceRange(_ given: JSON) -> JSON? {
        let wanted = given["serviceIpv4Cidr"]?.string
        let blocks = (given["vpcCidrs"]?.strings ?? []).compactMap { CIDRBlock($0) }
        let isIPv6 = given["ipFamily"]?.string == "ipv6"
        do throws(ClusterServiceRange.Problem) {
            let range: ClusterServiceRange
            if isIPv6 {
                let assigned = given["assignedServiceIpv6Cidr"]?.string ?? "fd00::/108"
                guard let block = CIDRBlock(assigned) else { return nil }
                range = try ClusterServiceRange(assigned: block, wanted: wanted)
            } else {
                range = try ClusterServiceRange(wanted, vpcBlocks: blocks)
            }
            return [
                "accepted": true, isIPv6 ? "serviceIpv6Cidr" : "serviceIpv4Cidr": .string(range.block.description),
                "kubernetesService": .string(range.kubernetesService.description), "clusterDNS": .string(range.clusterDNS),
            ]
        } catch {
            // EKS' own text is not known, so that the cases state none.
            return ["accepted": false, "exception": "InvalidParameterException"]
        }
    }

    static func endpoint(_ given: JSON) -> JSON? {
        func addresses(_ member: String) -> [IPAddress] { (given[member]?.strings ?? []).compactMap { IPAddress($0) } }
        let exposure = EndpointExposure(
            isPublic: given["endpointPublicAccess"]?.bool ?? true, isPrivate: given["endpointPrivateAccess"]?.bool ?? false,
            publicCIDRs: given["publicAccessCidrs"]?.strings ?? [])
        guard (try? exposure.check()) != nil else { return ["apiError": "InvalidParameterException"] }
        guard let vantage = vantage(given["from"] ?? [:], nat: given["natIP"]?.string.flatMap { IPAddress($0) }) else { return nil }
        let endpoint = ClusterEndpoint(
            exposure: exposure, interfaces: addresses("controlPlaneEnis"), publicAddresses: addresses("publicIPs"),
            allowedSources: (given["clusterSecurityGroupAllows443From"]?.strings ?? []).compactMap { CIDRBlock($0) })
        let reach = endpoint.reach(from: vantage)
        var answer: JSON = ["dns": JSON(strings: reach.names.map(\.description)), "reachable": .bool(reach.isReachable)]
        if let source = reach.source { answer["sourceSeen"] = .string(source.description) }
        if let source = reach.sourceAfterNode { answer["afterNodeSnat"] = .string(source.description) }
        return answer
    }

    private static func vantage(_ from: JSON, nat: IPAddress?) -> Vantage? {
        func address(_ member: String) -> IPAddress? { from[member]?.string.flatMap { IPAddress($0) } }
        guard let own = address("ip") else { return nil }
        switch from["where"]?.string {
        case "internet": return Vantage(.internet, own)
        case "peeredVpc": return Vantage(.peered, own)
        case "node", "hostNetworkPod", "pod":
            return Vantage(
                .vpc, own, node: address("nodeIP"), keepsAddress: from["externalSNAT"]?.bool ?? false,
                publicAddress: address("nodePublicIP"), natAddress: nat, isInClusterGroup: true)
        default: return nil
        }
    }
}
