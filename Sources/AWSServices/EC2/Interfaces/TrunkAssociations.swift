import JSON

/// Branch interfaces on trunk interfaces: each has a VLAN, or a key of GRE, of its own there (EC2 API Reference,
/// AssociateTrunkInterface). What EC2 says to wrong parameters is not published; the texts are ours.
enum TrunkAssociations {
    static let operations: [EC2Operation] = [
        .write("AssociateTrunkInterface", on: ["BranchInterfaceId", "TrunkInterfaceId"], associate),
        .write("DisassociateTrunkInterface", disassociate), description.operation("DescribeTrunkInterfaceAssociations"),
    ]

    /// What a VLAN tag can say (IEEE 802.1Q).
    private static let vlans: ClosedRange<Int64> = 1...4094

    private static let description = EC2Description(
        kind: .trunkAssociation, set: "interfaceAssociationSet", ids: ("AssociationId", "associationId"),
        filters: [
            "gre-key": "greKey", "interface-protocol": "interfaceProtocol",
            "trunk-interface-association.trunk-interface-id": "trunkInterfaceId",
        ])

    @Sendable private static func associate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let branchID = try request.required("BranchInterfaceId")
        let trunkID = try request.required("TrunkInterfaceId")
        let branch = try draft.require(.networkInterface, branchID)
        let trunk = try draft.require(.networkInterface, trunkID)
        for interface in [branch, trunk] { try NetworkInterfaces.requireOwn(interface) }
        return try draft.once(request, .trunkAssociation, answer: "interfaceAssociation", keepsToken: true) {
            (draft: inout ResourceDraft) throws(AWSError) -> String in
            guard trunk["interfaceType"] == "trunk" else { throw EC2Error.invalid("Interface '\(trunkID)' is not a trunk interface.") }
            guard branch["attachment"] == nil, branch["status"] != "in-use", branch["interfaceType"] != "trunk" else {
                throw AWSError(400, "InvalidNetworkInterface.InUse", "Interface: [\(branchID)] in use.")
            }
            guard branch["availabilityZone"] == trunk["availabilityZone"] else {
                throw EC2Error.combination(
                    "You may not associate a branch interface with a trunk interface if they are not in the same availability zone")
            }
            let association = try self.association(request, draft)
            let id = draft.newID(ResourceKind.trunkAssociation.prefix)
            var record: JSON = [
                "associationId": .string(id), "branchInterfaceId": .string(branchID), "trunkInterfaceId": .string(trunkID), "tagSet": [],
                "_type": branch["interfaceType"] ?? "interface",
            ]
            for member in association.members { record[member.key] = member.value }
            draft.put(.trunkAssociation, id, record)
            try draft.update(.networkInterface, branchID) { interface in
                interface["interfaceType"] = "branch"
                interface["status"] = "in-use"
            }
            return id
        }
    }

    /// How the branch is told from others of its trunk.
    private static func association(_ request: EC2Request, _ draft: ResourceDraft) throws(AWSError) -> JSONObject {
        try request.exclude("VlanId", "GreKey")
        let others = draft.list(.trunkAssociation, "trunkInterfaceId", request.string("TrunkInterfaceId") ?? "")
        if let key = request.integer("GreKey") {
            guard !others.contains(where: { $0["greKey"]?.integer == key }) else {
                throw EC2Error.invalid("The GRE key \(key) is already in use on the trunk interface.")
            }
            return ["interfaceProtocol": "GRE", "greKey": .integer(key)]
        }
        guard let vlan = request.integer("VlanId") else { throw EC2Error.missing("VlanId") }
        guard vlans.contains(vlan) else { throw EC2Error.invalidValue(String(vlan), "VlanId") }
        guard !others.contains(where: { $0["vlanId"]?.integer == vlan }) else {
            throw EC2Error.invalid("The VLAN ID \(vlan) is already in use on the trunk interface.")
        }
        return ["interfaceProtocol": "VLAN", "vlanId": .integer(vlan)]
    }

    @Sendable private static func disassociate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("AssociationId")
        try end(&draft, try draft.require(.trunkAssociation, id))
        var answer = ec2Return
        answer["clientToken"] = request.input["ClientToken"]
        return answer
    }

    /// Ends what binds an interface that goes to others.
    static func end(_ draft: inout ResourceDraft, of interface: JSON) throws(AWSError) {
        let id = interface["networkInterfaceId"]?.string ?? ""
        switch interface["interfaceType"] {
        case "trunk": for found in draft.list(.trunkAssociation, "trunkInterfaceId", id) { try end(&draft, found) }
        case "branch": for found in draft.list(.trunkAssociation, "branchInterfaceId", id) { try end(&draft, found) }
        default: break
        }
    }

    /// The branch is an interface like any other again.
    private static func end(_ draft: inout ResourceDraft, _ association: JSON) throws(AWSError) {
        draft.remove(.trunkAssociation, association["associationId"]?.string ?? "")
        let branch = association["branchInterfaceId"]?.string ?? ""
        guard draft.get(.networkInterface, branch) != nil else { return }
        try draft.update(.networkInterface, branch) { interface in
            interface["interfaceType"] = association["_type"]
            interface["status"] = "available"
        }
    }
}
