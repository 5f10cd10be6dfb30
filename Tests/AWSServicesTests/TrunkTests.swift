import JSON
import Testing
import World

@Suite("EC2 trunk and branch interfaces")
struct TrunkTests {
    private static let network: [EC2Step] = [
        .ok("CreateVpc", ("CidrBlock", "10.0.0.0/16"), keep: [("vpc", "vpcId")]),
        .ok("CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.0/24"), keep: [("subnet", "subnetId")]),
        .ok(
            "CreateNetworkInterface", ("SubnetId", "$subnet"), ("InterfaceType", "trunk"), keep: [("trunk", "networkInterfaceId")],
            show: [("interfaceType", ["trunk"])]),
        .ok("CreateNetworkInterface", ("SubnetId", "$subnet"), keep: [("branch", "networkInterfaceId")]),
        .ok("CreateNetworkInterface", ("SubnetId", "$subnet"), keep: [("other", "networkInterfaceId")]),
    ]

    @Test("a branch has a VLAN of its own on its trunk until it is taken off")
    func associate() async throws {
        let simulation = try await Simulation()
        let steps: [EC2Step] = [
            .no(
                "AssociateTrunkInterface", ("TrunkInterfaceId", "$trunk"), ("BranchInterfaceId", "$branch"),
                because: "MissingParameter"),
            .no(
                "AssociateTrunkInterface", ("TrunkInterfaceId", "$trunk"), ("BranchInterfaceId", "$branch"), ("VlanId", "0"),
                because: "InvalidParameterValue"),
            .no(
                "AssociateTrunkInterface", ("TrunkInterfaceId", "$other"), ("BranchInterfaceId", "$branch"), ("VlanId", "7"),
                because: "InvalidParameterValue"),
            .ok(
                "AssociateTrunkInterface", ("TrunkInterfaceId", "$trunk"), ("BranchInterfaceId", "$branch"), ("VlanId", "7"),
                keep: [("association", "associationId")],
                show: [
                    ("branchInterfaceId", ["$branch"]), ("trunkInterfaceId", ["$trunk"]), ("interfaceProtocol", ["VLAN"]),
                    ("vlanId", ["7"]),
                ]),
            .no(
                "AssociateTrunkInterface", ("TrunkInterfaceId", "$trunk"), ("BranchInterfaceId", "$other"), ("VlanId", "7"),
                because: "InvalidParameterValue"),
            .no(
                "AssociateTrunkInterface", ("TrunkInterfaceId", "$trunk"), ("BranchInterfaceId", "$branch"), ("VlanId", "8"),
                because: "InvalidNetworkInterface.InUse"),
            .ok(
                "DescribeNetworkInterfaces", ("Filter.1.Name", "interface-type"), ("Filter.1.Value.1", "branch"),
                show: [("networkInterfaceId", ["$branch"]), ("status", ["in-use"])]),
            .ok(
                "DescribeTrunkInterfaceAssociations", ("Filter.1.Name", "interface-protocol"), ("Filter.1.Value.1", "VLAN"),
                show: [("associationId", ["$association"])]),
            .ok(
                "DescribeTrunkInterfaceAssociations", ("Filter.1.Name", "interface-protocol"), ("Filter.1.Value.1", "GRE"),
                show: [("associationId", [])]),
            .ok("DisassociateTrunkInterface", ("AssociationId", "$association"), show: [("return", ["true"])]),
            .no(
                "DisassociateTrunkInterface", ("AssociationId", "$association"), because: "InvalidAssociationID.NotFound"),
            .ok(
                "DescribeNetworkInterfaces", ("NetworkInterfaceId.1", "$branch"),
                show: [("interfaceType", ["interface"]), ("status", ["available"])]),
        ]
        _ = await simulation.walk(Self.network + steps)
    }

    @Test("what goes takes its associations along")
    func delete() async throws {
        let simulation = try await Simulation()
        let steps: [EC2Step] = [
            .ok("AssociateTrunkInterface", ("TrunkInterfaceId", "$trunk"), ("BranchInterfaceId", "$branch"), ("VlanId", "1")),
            .ok("AssociateTrunkInterface", ("TrunkInterfaceId", "$trunk"), ("BranchInterfaceId", "$other"), ("VlanId", "2")),
            .ok("DeleteNetworkInterface", ("NetworkInterfaceId", "$branch")),
            .ok("DescribeTrunkInterfaceAssociations", show: [("branchInterfaceId", ["$other"])]),
            .ok("DeleteNetworkInterface", ("NetworkInterfaceId", "$trunk")),
            .ok("DescribeTrunkInterfaceAssociations", show: [("branchInterfaceId", [])]),
            .ok("DescribeNetworkInterfaces", ("NetworkInterfaceId.1", "$other"), show: [("status", ["available"])]),
        ]
        _ = await simulation.walk(Self.network + steps)
    }
}
