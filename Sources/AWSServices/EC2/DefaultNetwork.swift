import JSON
import Store
import World

/// The VPC that every account of a region starts with: one subnet in each of three zones, and the default security group.
/// EC2 serves it read-only; clusters are placed in it.
enum DefaultNetwork {
    /// Makes the network of an account and region unless it exists.
    static func bootstrap(_ records: Records, account: String, region: String, world: World) async throws(AWSError) {
        let collection = Records.collection(account, region, "ec2", "vpcs")
        guard records.list(collection).isEmpty else { return }
        let vpc = "vpc-" + world.random.hex(17)
        var writes: [(String, String, JSON)] = [
            (collection, vpc, ["vpcId": .string(vpc), "cidrBlock": "172.31.0.0/16", "isDefault": true])
        ]
        for (index, letter) in ["a", "c", "d"].enumerated() {
            let subnet = "subnet-" + world.random.hex(17)
            let zoneID =
                region.split(separator: "-").enumerated().map { $0 == 0 ? String($1) : String($1.prefix(1)) }.joined() + "-az\(index + 1)"
            writes.append(
                (
                    Records.collection(account, region, "ec2", "subnets"), subnet,
                    [
                        "subnetId": .string(subnet), "vpcId": .string(vpc), "cidrBlock": .string("172.31.\(index * 16).0/20"),
                        "availabilityZone": .string(region + letter), "availabilityZoneId": .string(zoneID),
                    ]
                ))
        }
        let group = "sg-" + world.random.hex(17)
        writes.append(
            (
                Records.collection(account, region, "ec2", "security-groups"), group,
                ["groupId": .string(group), "groupName": "default", "description": "default VPC security group", "vpcId": .string(vpc)]
            ))
        // Together, so that a crash leaves no half of it.
        _ = try await records.commit(
            Transaction(
                conditions: [.absent(Key(collection, vpc))],
                writes: writes.map { .put(Key($0.0, $0.1), .bytes($0.2.serialized())) }))
    }
}
