import AWSServices
import IPAddress
import JSON
import VPCCNI
import World

/// EC2 and the metadata service as the agent of one instance sees them: the account's own interfaces and subnets.
final class InstanceNetworkOverEC2: InstanceNetwork {
    /// The interfaces as they were read from records that may still be the same.
    private struct Known: Sendable {
        var records: [JSON] = []
        var interfaces: [AttachedInterface] = []
        var revision: UInt64 = 0
    }

    let aws: AWSFrontDoor
    let account: String
    let region: String
    let id: String
    /// Whose rights the calls have; `nil` for those of the instance's role.
    private let credentials: AgentCredentials?
    private let known = Lock(Known())

    init(aws: AWSFrontDoor, account: String, region: String, id: String, credentials: AgentCredentials?) {
        self.aws = aws
        self.account = account
        self.region = region
        self.id = id
        self.credentials = credentials
    }

    /// Asks whether the agent may make a call; answers the account that it goes to.
    @discardableResult
    private func judge(_ operation: String, _ input: JSON = [:]) async throws(EC2Failure) -> String {
        let session = try await credentials?.accessKeyID()
        do throws(AWSError) {
            return try aws.judge(operation, input, ofInstance: id, session: session, account: account, region: region)
        } catch {
            throw EC2Failure(error.code, error.message)
        }
    }

    private func call(_ operation: String, _ input: JSON) async throws(EC2Failure) -> JSON {
        let account = try await judge(operation, input)
        do throws(AWSError) { return try await aws.ec2(operation, input, account: account, region: region) } catch {
            throw EC2Failure(error.code, error.message)
        }
    }

    private var place: AWSFrontDoor.InstancePlace? { aws.place(ofInstance: id, account: account, region: region) }

    // MARK: Metadata

    func attachedInterfaces() async -> [AttachedInterface] { present.interfaces }

    func vpcBlocks() async -> [CIDRBlock] { place?.blocks ?? [] }

    func revision() async -> UInt64 { present.revision }

    /// What is attached now. An agent asks with every pod, and its interfaces seldom change.
    private var present: Known {
        let records = aws.interfaces(ofInstance: id, account: account, region: region)
        return known.withLock { known in
            if !records.elementsEqual(known.records, by: { $0.sharesStorage(with: $1) }) {
                let interfaces = records.compactMap(Self.interface)
                known = Known(records: records, interfaces: interfaces, revision: Self.revision(of: interfaces))
            }
            return known
        }
    }

    /// FNV-1a over what the interfaces have.
    private static func revision(of interfaces: [AttachedInterface]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for interface in interfaces {
            let addresses = ([interface.primary] + interface.secondary).map(\.description)
            let blocks = (interface.prefixes + interface.ipv6Prefixes).map(\.description)
            for byte in ([interface.id] + addresses + blocks).joined(separator: " ").utf8 {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
            }
        }
        return hash
    }

    // MARK: Describing

    func describeInterfaces(_ ids: [String]) async throws(EC2Failure) -> [AttachedInterface] {
        let account = try await judge("DescribeNetworkInterfaces")
        let found = aws.interfaces(ids, account: account, region: region)
        guard found.count == ids.count else {
            let known = Set(found.compactMap { $0["networkInterfaceId"]?.string })
            let missing = ids.first { !known.contains($0) } ?? ""
            throw EC2Failure("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '\(missing)' does not exist")
        }
        return found.compactMap(Self.interface)
    }

    func describeDetachedInterfaces(cluster: String) async throws(EC2Failure) -> [DetachedInterface] {
        let account = try await judge("DescribeNetworkInterfaces")
        return aws.detachedInterfaces(described: "aws-K8S-", account: account, region: region).compactMap { record in
            let tags = Self.tags(record)
            guard tags["node.k8s.amazonaws.com/instance_id"] != nil,
                cluster.isEmpty || tags["cluster.k8s.amazonaws.com/name"] == cluster
            else { return nil }
            return DetachedInterface(id: record["networkInterfaceId"]?.string ?? "", tags: tags)
        }
    }

    func describeDevices() async throws(EC2Failure) -> Set<Int> {
        try await judge("DescribeInstances")
        return Set(await attachedInterfaces().map(\.device))
    }

    func describeSubnets() async throws(EC2Failure) -> [CandidateSubnet] {
        try await judge("DescribeSubnets")
        guard let place else { return [] }
        return aws.subnets(vpc: place.vpc, zone: place.zone, account: account, region: region).map { subnet in
            CandidateSubnet(
                id: subnet["subnetId"]?.string ?? "",
                availableAddressCount: subnet["availableIpAddressCount"]?.integer.map { Int(clamping: $0) } ?? 0, tags: Self.tags(subnet))
        }
    }

    private static func tags(_ record: JSON) -> [String: String] {
        let tags = record["tagSet"]?.array ?? []
        return Dictionary(tags.map { ($0["key"]?.string ?? "", $0["value"]?.string ?? "") }) { first, _ in first }
    }

    private static func interface(_ record: JSON) -> AttachedInterface? {
        guard let id = record["networkInterfaceId"]?.string, let primary = record["privateIpAddress"]?.string.flatMap({ IPAddress($0) })
        else { return nil }
        let addresses = (record["privateIpAddressesSet"]?.array ?? []).filter { $0["primary"]?.bool != true }
        func blocks(_ list: String, _ member: String) -> [CIDRBlock] {
            (record[list]?.array ?? []).compactMap { $0[member]?.string.flatMap { CIDRBlock($0) } }
        }
        return AttachedInterface(
            id: id, device: record.at("attachment", "deviceIndex")?.integer.map { Int(clamping: $0) } ?? 0,
            subnet: record["subnetId"]?.string ?? "",
            kind: record["interfaceType"].flatMap { $0.string }.flatMap(AttachedInterface.Kind.init) ?? .interface,
            primary: primary, secondary: addresses.compactMap { $0["privateIpAddress"]?.string.flatMap { IPAddress($0) } },
            prefixes: blocks("ipv4PrefixSet", "ipv4Prefix"), ipv6Prefixes: blocks("ipv6PrefixSet", "ipv6Prefix"), tags: tags(record))
    }

    // MARK: Changing

    func createInterface(_ request: InterfaceRequest) async throws(EC2Failure) -> String {
        let primary = aws.interfaces(ofInstance: id, account: account, region: region).first
        let own = (primary?["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string }
        var input: JSON = [
            "SubnetId": .string(request.subnet), "SecurityGroupId": JSON(strings: request.securityGroups ?? own),
            "Description": .string(request.description),
            "TagSpecification": [["ResourceType": "network-interface", "Tag": Self.tagList(request.tags)]],
        ]
        if request.secondaryCount > 0 { input["SecondaryPrivateIpAddressCount"] = .integer(Int64(request.secondaryCount)) }
        if request.prefixCount > 0 { input["Ipv4PrefixCount"] = .integer(Int64(request.prefixCount)) }
        return try await call("CreateNetworkInterface", input).at("networkInterface", "networkInterfaceId")?.string ?? ""
    }

    private static func tagList(_ tags: [String: String]) -> JSON {
        .array(tags.sorted { $0.key < $1.key }.map { ["Key": .string($0.key), "Value": .string($0.value)] })
    }

    func attachInterface(_ interface: String, device: Int) async throws(EC2Failure) {
        _ = try await call(
            "AttachNetworkInterface",
            ["NetworkInterfaceId": .string(interface), "InstanceId": .string(id), "DeviceIndex": .integer(Int64(device))])
    }

    func deleteOnTermination(_ interface: String) async throws(EC2Failure) {
        let attachment = aws.interfaces([interface], account: account, region: region).first?.at("attachment", "attachmentId") ?? ""
        _ = try await call(
            "ModifyNetworkInterfaceAttribute",
            [
                "NetworkInterfaceId": .string(interface),
                "Attachment": ["AttachmentId": attachment, "DeleteOnTermination": true],
            ])
    }

    func detachInterface(_ interface: String) async throws(EC2Failure) {
        let attachment = aws.interfaces([interface], account: account, region: region).first?.at("attachment", "attachmentId") ?? ""
        _ = try await call("DetachNetworkInterface", ["AttachmentId": attachment])
    }

    func deleteInterface(_ interface: String) async throws(EC2Failure) {
        _ = try await call("DeleteNetworkInterface", ["NetworkInterfaceId": .string(interface)])
    }

    func createTags(_ tags: [String: String], on interface: String) async throws(EC2Failure) {
        _ = try await call("CreateTags", ["ResourceId": [.string(interface)], "Tag": Self.tagList(tags)])
    }

    func assignAddresses(_ count: Int, to interface: String) async throws(EC2Failure) -> [IPAddress] {
        let answer = try await call(
            "AssignPrivateIpAddresses",
            ["NetworkInterfaceId": .string(interface), "SecondaryPrivateIpAddressCount": .integer(Int64(count))])
        return (answer["assignedPrivateIpAddressesSet"]?.array ?? []).compactMap {
            $0["privateIpAddress"]?.string.flatMap { IPAddress($0) }
        }
    }

    func assignPrefixes(_ count: Int, to interface: String) async throws(EC2Failure) -> [CIDRBlock] {
        let answer = try await call(
            "AssignPrivateIpAddresses", ["NetworkInterfaceId": .string(interface), "Ipv4PrefixCount": .integer(Int64(count))])
        return (answer["assignedIpv4PrefixSet"]?.array ?? []).compactMap { $0["ipv4Prefix"]?.string.flatMap { CIDRBlock($0) } }
    }

    func assignIPv6Prefix(to interface: String) async throws(EC2Failure) -> [CIDRBlock] {
        let answer = try await call("AssignIpv6Addresses", ["NetworkInterfaceId": .string(interface), "Ipv6PrefixCount": 1])
        return (answer["assignedIpv6PrefixSet"]?.strings ?? []).compactMap { CIDRBlock($0) }
    }

    func unassign(_ addresses: [IPAddress], _ prefixes: [CIDRBlock], from interface: String) async throws(EC2Failure) {
        var input: JSON = ["NetworkInterfaceId": .string(interface)]
        if !addresses.isEmpty { input["PrivateIpAddress"] = JSON(strings: addresses.map(\.description)) }
        if !prefixes.isEmpty { input["Ipv4Prefix"] = JSON(strings: prefixes.map(\.description)) }
        _ = try await call("UnassignPrivateIpAddresses", input)
    }
}
