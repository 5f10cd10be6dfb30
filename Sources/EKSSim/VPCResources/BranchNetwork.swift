import AWSServices
import IPAddress
import JSON
import VPCCNI
import World

/// EC2 as the VPC resource controller uses it: interfaces with the rights of the cluster's role, what binds them to each other with those
/// of EKS itself, whose account alone may (amazon-vpc-resource-controller-k8s, pkg/aws/ec2/api).
struct BranchNetwork: Sendable {
    /// EC2's refusal, and what the controller was doing.
    struct Failure: Error, Sendable {
        let context: String
        let operation: String
        let refusal: AWSError
        /// What the refused request was called.
        let requestID: String

        /// The text of the SDK's error (aws-sdk-go-v2), behind what the controller was doing.
        var message: String {
            "\(context), operation error EC2: \(operation), https response error StatusCode: \(refusal.status), "
                + "RequestID: \(requestID), api error \(refusal.code): \(refusal.message)"
        }
    }

    /// Where the interfaces of a node's pods go.
    struct Place: Sendable, Hashable {
        let subnet: String
        let groups: [String]
        let block: CIDRBlock
        let ipv6Block: CIDRBlock?
    }

    private static let session = "VPCResourceController"
    private static let ownerTag = "eks:eni:owner"
    private static let owner = "eks-vpc-resource-controller"
    private static let clusterTag = "cluster.k8s.amazonaws.com/name"
    private static let instanceTag = "node.k8s.amazonaws.com/instance_id"
    private static let vlanTag = "vpcresources.k8s.aws/vlan-id"
    private static let trunkTag = "vpcresources.k8s.aws/trunk-eni-id"

    let record: ClusterRecord
    let aws: AWSReference
    let world: World

    /// The tags of a CNINode, which say whose its interfaces are.
    static func tags(cluster: String) -> JSON { [clusterTag: .string(cluster)] }

    // MARK: Calls

    private func asRole(_ operation: String, _ input: JSON, _ context: String) async throws(Failure) -> JSON {
        do throws(AWSError) {
            return try await frontDoor().ec2(
                operation, input, asRole: record.roleARN, session: Self.session, account: record.accountID, region: record.region)
        } catch {
            throw Failure(context: context, operation: operation, refusal: error, requestID: world.random.uuid())
        }
    }

    private func asEKS(_ operation: String, _ input: JSON, _ context: String) async throws(Failure) -> JSON {
        do throws(AWSError) {
            return try await frontDoor().ec2(operation, input, account: record.accountID, region: record.region)
        } catch {
            throw Failure(context: context, operation: operation, refusal: error, requestID: world.random.uuid())
        }
    }

    private func frontDoor() throws(AWSError) -> AWSFrontDoor {
        guard let frontDoor = aws.frontDoor else { throw AWSError(503, "Unavailable", "The service is unavailable.") }
        return frontDoor
    }

    private func tags(instance: String, _ more: [(String, String)] = []) -> JSON {
        let all = more + [(Self.instanceTag, instance), (Self.ownerTag, Self.owner), (Self.clusterTag, record.name)]
        return [
            ["ResourceType": "network-interface", "Tag": .array(all.map { ["Key": .string($0.0), "Value": .string($0.1)] })]
        ]
    }

    private static func value(_ tag: String, of interface: JSON) -> String? {
        interface["tagSet"]?.array?.first { $0["key"]?.string == tag }?["value"]?.string
    }

    // MARK: Instances

    /// The interfaces of an instance, by device.
    func interfaces(of instance: String) -> [JSON] {
        aws.frontDoor?.interfaces(ofInstance: instance, account: record.accountID, region: record.region) ?? []
    }

    /// Where the interfaces of a node's pods go: as its first interface, or as an ENIConfig says; `nil` when there is no such subnet.
    func place(of instance: String, _ config: ENIConfig?) -> Place? {
        guard let first = interfaces(of: instance).first, let frontDoor = aws.frontDoor else { return nil }
        let own = (first["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string }
        let wanted = config?.subnet ?? first["subnetId"]?.string ?? ""
        let subnets = frontDoor.subnets(vpc: first["vpcId"]?.string ?? "", account: record.accountID, region: record.region)
        guard let subnet = subnets.first(where: { $0["subnetId"]?.string == wanted }),
            let block = subnet["cidrBlock"]?.string.flatMap({ CIDRBlock($0) })
        else { return nil }
        let ipv6 = subnet["ipv6CidrBlockAssociationSet"]?.array?.first?["ipv6CidrBlock"]?.string.flatMap { CIDRBlock($0) }
        let groups = config.flatMap { $0.securityGroups.isEmpty ? nil : $0.securityGroups } ?? own
        return Place(subnet: wanted, groups: groups, block: block, ipv6Block: ipv6)
    }

    /// Makes a trunk and puts it on an instance; answers its id.
    ///
    /// - Throws: EC2's refusal; nothing is left of what was made before it.
    func makeTrunk(on instance: String, device: Int, at place: Place) async throws(Failure) -> String {
        let made = try await asRole(
            "CreateNetworkInterface",
            [
                "SubnetId": .string(place.subnet), "SecurityGroupId": JSON(strings: place.groups), "Description": "aws-k8s-trunk-eni",
                "InterfaceType": "trunk", "TagSpecification": tags(instance: instance),
            ], "creating network interface")
        let id = made.at("networkInterface", "networkInterfaceId")?.string ?? ""
        do throws(Failure) {
            let attached = try await asRole(
                "AttachNetworkInterface",
                ["NetworkInterfaceId": .string(id), "InstanceId": .string(instance), "DeviceIndex": .integer(Int64(device))],
                "attaching network interface")
            _ = try await asRole(
                "ModifyNetworkInterfaceAttribute",
                [
                    "NetworkInterfaceId": .string(id),
                    "Attachment": ["AttachmentId": attached["attachmentId"] ?? "", "DeleteOnTermination": true],
                ], "enabling delete on termination")
        } catch {
            _ = try? await asRole("DeleteNetworkInterface", ["NetworkInterfaceId": .string(id)], "")
            throw error
        }
        return id
    }

    // MARK: Branches

    /// Makes a branch interface with a VLAN of its own on a trunk.
    ///
    /// - Throws: EC2's refusal, with the interface that was made before it.
    func makeBranch(
        on trunk: String, of instance: String, vlan: Int, groups: [String], at place: Place
    ) async throws(Failure) -> BranchInterfaces.Branch {
        let tags = tags(instance: instance, [(Self.vlanTag, String(vlan)), (Self.trunkTag, trunk)])
        let made = try await asRole(
            "CreateNetworkInterface",
            [
                "SubnetId": .string(place.subnet), "SecurityGroupId": JSON(strings: groups), "Description": "aws-k8s-branch-eni",
                "TagSpecification": tags,
            ], "creating network interface")
        let interface = made["networkInterface"] ?? [:]
        let id = interface["networkInterfaceId"] ?? ""
        let bound: JSON
        do throws(Failure) {
            bound = try await asEKS(
                "AssociateTrunkInterface",
                ["BranchInterfaceId": id, "TrunkInterfaceId": .string(trunk), "VlanId": .integer(Int64(vlan))],
                "associating branch to trunk")
        } catch {
            _ = try? await asRole("DeleteNetworkInterface", ["NetworkInterfaceId": id], "")
            throw error
        }
        return Self.branch(
            interface, vlan: vlan, association: bound.at("interfaceAssociation", "associationId")?.string ?? "", at: place)
    }

    private static func branch(_ interface: JSON, vlan: Int, association: String, at place: Place) -> BranchInterfaces.Branch {
        BranchInterfaces.Branch(
            id: interface["networkInterfaceId"]?.string ?? "", hardwareAddress: interface["macAddress"]?.string ?? "",
            address: interface["privateIpAddress"]?.string.flatMap { IPAddress($0) } ?? place.block.first,
            ipv6Address: interface["ipv6AddressesSet"]?.array?.first?["ipv6Address"]?.string.flatMap { IPAddress($0) }, vlan: vlan,
            subnetBlock: place.block, ipv6SubnetBlock: place.ipv6Block, association: association)
    }

    /// The branch interfaces on a trunk.
    func branches(on trunk: String, at place: Place) async -> [BranchInterfaces.Branch] {
        let filter: JSON = [["Name": "trunk-interface-association.trunk-interface-id", "Value": [.string(trunk)]]]
        let answer = try? await asEKS("DescribeTrunkInterfaceAssociations", ["Filter": filter], "")
        let associations = answer?["interfaceAssociationSet"]?.array ?? []
        let interfaces =
            aws.frontDoor?.interfaces(
                associations.compactMap { $0["branchInterfaceId"]?.string }, account: record.accountID, region: record.region) ?? []
        let byID = Dictionary(interfaces.map { ($0["networkInterfaceId"]?.string ?? "", $0) }) { first, _ in first }
        return associations.compactMap { association in
            guard let interface = byID[association["branchInterfaceId"]?.string ?? ""],
                Self.value(Self.ownerTag, of: interface) == Self.owner
            else { return nil }
            return Self.branch(
                interface, vlan: association["vlanId"]?.integer.map { Int(clamping: $0) } ?? 0,
                association: association["associationId"]?.string ?? "", at: place)
        }
    }

    /// Takes a branch interface off its trunk and deletes it. One that is gone needs neither.
    ///
    /// - Throws: EC2's refusal.
    func delete(_ branch: BranchInterfaces.Branch) async throws(Failure) {
        do throws(Failure) {
            _ = try await asEKS(
                "DisassociateTrunkInterface", ["AssociationId": .string(branch.association)], "disassociating branch from trunk")
        } catch  where error.refusal.code == "InvalidAssociationID.NotFound" {}
        try await delete(interface: branch.id)
    }

    private func delete(interface id: String) async throws(Failure) {
        do throws(Failure) {
            _ = try await asRole("DeleteNetworkInterface", ["NetworkInterfaceId": .string(id)], "deleting network interface")
        } catch  where error.refusal.code == "InvalidNetworkInterfaceID.NotFound" {}
    }

    /// Deletes what the controller made for an instance and nothing has attached.
    func deleteLeftovers(of instance: String) async {
        let filters: [(String, String)] = [
            ("tag:\(Self.ownerTag)", Self.owner), ("tag:\(Self.instanceTag)", instance), ("status", "available"),
        ]
        let filter = JSON.array(filters.map { ["Name": .string($0.0), "Value": [.string($0.1)]] })
        let found = try? await asEKS("DescribeNetworkInterfaces", ["Filter": filter], "")
        for interface in found?["networkInterfaceSet"]?.array ?? [] {
            try? await delete(interface: interface["networkInterfaceId"]?.string ?? "")
        }
    }
}
