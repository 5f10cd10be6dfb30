import IPAddress
import JSON
import Store
import World

/// The network that every account of a region starts with: a VPC `172.31.0.0/16` with a subnet in each zone and a way to the internet
/// (Amazon VPC User Guide, "Default VPCs").
enum DefaultNetwork {
    /// Names every `account/region` that ever had its network made, so that a deleted one does not come back.
    static let index = "aws/index/ec2"

    /// Makes the network unless it was made before.
    static func make(in resources: RegionResources) async throws(AWSError) {
        let key = Key(index, "\(resources.account)/\(resources.region)")
        let made = AWSError(409, "AlreadyMade", "")
        do throws(AWSError) {
            try await resources.change { draft throws(AWSError) in
                draft.join(Transaction(conditions: [.absent(key)], writes: [.put(key, .bytes(Array("{}".utf8)))]), conflict: made)
                try build(&draft)
            }
        } catch  where error == made { return }
    }

    private static func build(_ draft: inout ResourceDraft) throws(AWSError) {
        guard let block = CIDRBlock("172.31.0.0/16") else { return }
        DHCPOptions.makeDefault(&draft)
        let vpc = VPCs.make(&draft, block, isDefault: true, tags: [])
        let gateway = InternetGateways.make(&draft, attachedTo: vpc)
        if let table = RouteTables.main(of: vpc, draft), let id = table["routeTableId"]?.string {
            try Routes.add(&draft, to: id, ["destinationCidrBlock": "0.0.0.0/0", "gatewayId": .string(gateway)])
        }
        for (index, zone) in EC2Zones.of(draft.region).enumerated() {
            guard let part = block.subnet(at: UInt128(index), prefixLength: 20) else { continue }
            Subnets.make(&draft, part, in: vpc, zone: zone, isDefault: true, tags: [])
        }
    }
}
