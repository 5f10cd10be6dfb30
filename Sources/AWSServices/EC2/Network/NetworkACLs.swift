import IPAddress
import JSON
import VPCModel

/// Network ACLs: each VPC has a default one, and each subnet is in exactly one.
enum NetworkACLs {
    static let operations: [EC2Operation] = [
        .write("CreateNetworkAcl", on: ["VpcId"], making: [.networkACL], create), .write("DeleteNetworkAcl", on: ["NetworkAclId"], delete),
        description.operation("DescribeNetworkAcls"), .write("CreateNetworkAclEntry", on: ["NetworkAclId"], createEntry),
        .write("ReplaceNetworkAclEntry", on: ["NetworkAclId"], replaceEntry),
        .write("DeleteNetworkAclEntry", on: ["NetworkAclId"], deleteEntry),
        .write("ReplaceNetworkAclAssociation", on: ["NetworkAclId"], replaceAssociation),
    ]

    private static let description = EC2Description(
        kind: .networkACL, set: "networkAclSet", ids: ("NetworkAclId", "networkAclId"),
        filters: [
            "association.association-id": "associationSet.networkAclAssociationId",
            "association.network-acl-id": "associationSet.networkAclId", "association.subnet-id": "associationSet.subnetId",
            "default": "default", "entry.cidr": "entrySet.cidrBlock", "entry.ipv6-cidr": "entrySet.ipv6CidrBlock",
            "entry.port-range.from": "entrySet.portRange.from", "entry.port-range.to": "entrySet.portRange.to",
            "entry.protocol": "entrySet.protocol", "entry.rule-action": "entrySet.ruleAction", "entry.egress": "entrySet.egress",
            "entry.rule-number": "entrySet.ruleNumber", "network-acl-id": "networkAclId", "owner-id": "ownerId", "vpc-id": "vpcId",
        ])

    private static let lastRule: Int64 = 32767

    private static func entry(
        _ number: Int64, _ action: String, egress: Bool, _ member: String = "cidrBlock", _ block: String = "0.0.0.0/0"
    )
        -> JSON
    {
        ["ruleNumber": .integer(number), "protocol": "-1", "ruleAction": .string(action), "egress": .bool(egress), member: .string(block)]
    }

    private static func make(_ draft: inout ResourceDraft, vpc: JSON, isDefault: Bool, tags: JSON) -> String {
        let id = draft.newID("acl-")
        let hasIPv6 = !vpc.vpcIPv6Blocks.isEmpty
        var entries: [JSON] = []
        for egress in [true, false] {
            if isDefault { entries.append(entry(100, "allow", egress: egress)) }
            if isDefault, hasIPv6 { entries.append(entry(101, "allow", egress: egress, "ipv6CidrBlock", "::/0")) }
            entries.append(entry(lastRule, "deny", egress: egress))
            if hasIPv6 { entries.append(entry(lastRule + 1, "deny", egress: egress, "ipv6CidrBlock", "::/0")) }
        }
        draft.put(
            .networkACL, id,
            [
                "networkAclId": .string(id), "vpcId": vpc["vpcId"] ?? "", "default": .bool(isDefault), "ownerId": .string(draft.account),
                "entrySet": .array(entries), "associationSet": [], "tagSet": tags,
            ])
        return id
    }

    static func makeDefault(_ draft: inout ResourceDraft, for vpc: JSON) {
        _ = make(&draft, vpc: vpc, isDefault: true, tags: [])
    }

    /// Puts a subnet into its VPC's default ACL.
    static func associate(_ draft: inout ResourceDraft, _ subnet: String, vpc: String) {
        guard let acl = draft.list(.networkACL, "vpcId", vpc).first(where: { $0["default"]?.bool == true }),
            let id = acl["networkAclId"]?.string
        else { return }
        var changed = acl
        changed["associationSet"] = .array((acl["associationSet"]?.array ?? []) + [association(subnet, id, draft)])
        draft.put(.networkACL, id, changed)
    }

    /// The ACL that a subnet is in, as far as it is about TCP.
    static func acl(of subnet: String, _ draft: ResourceDraft) -> NetworkACL? {
        let vpc = draft.get(.subnet, subnet)?["vpcId"]?.string ?? ""
        let record = draft.list(.networkACL, "vpcId", vpc).first { acl in
            acl["associationSet"]?.array?.contains { $0["subnetId"]?.string == subnet } == true
        }
        guard let record, let id = record["networkAclId"]?.string else { return nil }
        let rules = (record["entrySet"]?.array ?? []).compactMap { entry -> NetworkACL.Rule? in
            guard ["-1", "6"].contains(entry["protocol"]?.string), let number = entry["ruleNumber"]?.integer,
                let block = (entry["cidrBlock"] ?? entry["ipv6CidrBlock"])?.string.flatMap({ CIDRBlock($0) })
            else { return nil }
            let range = entry["portRange"]
            let (from, to) = (range?["from"]?.integer ?? 0, range?["to"]?.integer ?? 65535)
            return NetworkACL.Rule(
                number < lastRule ? number : nil, entry["egress"]?.bool == true ? .outbound : .inbound,
                isAllowed: entry["ruleAction"]?.string == "allow", block, ports: min(from, to)...max(from, to))
        }
        return NetworkACL(id: id, subnet: subnet, rules: rules)
    }

    private static func association(_ subnet: String, _ acl: String, _ draft: ResourceDraft) -> JSON {
        [
            "networkAclAssociationId": .string(draft.newID("aclassoc-")), "networkAclId": .string(acl), "subnetId": .string(subnet),
        ]
    }

    /// Takes a subnet out of its ACL.
    static func forget(_ draft: inout ResourceDraft, subnet: String) throws(AWSError) {
        for acl in draft.list(.networkACL) {
            let associations = acl["associationSet"]?.array ?? []
            guard associations.contains(where: { $0["subnetId"]?.string == subnet }) else { continue }
            try draft.update(.networkACL, acl["networkAclId"]?.string ?? "") {
                $0["associationSet"] = .array(associations.filter { $0["subnetId"]?.string != subnet })
            }
        }
    }

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let vpc = try request.resource(.vpc, "VpcId", draft)
        let tags = try EC2Tags.specified(request, for: .networkACL)
        return try draft.once(request, .networkACL, answer: "networkAcl", keepsToken: true) {
            (draft: inout ResourceDraft) throws(AWSError) -> String in
            guard draft.list(.networkACL, "vpcId", vpc["vpcId"]?.string ?? "").count < EC2Quota.aclsPerVPC else {
                throw AWSError(400, "NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached.")
            }
            return make(&draft, vpc: vpc, isDefault: false, tags: tags)
        }
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NetworkAclId")
        let acl = try draft.require(.networkACL, id)
        guard acl["default"]?.bool != true else { throw EC2Error.invalid("cannot delete default network ACL \(id)") }
        guard acl["associationSet"]?.array?.isEmpty != false else { throw EC2Error.dependency("networkAcl", id) }
        draft.remove(.networkACL, id)
        return ec2Return
    }

    // MARK: Entries

    private static func wanted(_ request: EC2Request) throws(AWSError) -> JSON {
        guard let number = request.integer("RuleNumber"), (1...32766).contains(number) else {
            throw EC2Error.invalidValue(String(request.integer("RuleNumber") ?? 0), "ruleNumber", "Must be between 1 and 32766.")
        }
        let protocolNumber = request.string("Protocol") ?? "-1"
        var entry: JSON = [
            "ruleNumber": .integer(number), "protocol": .string(["tcp": "6", "udp": "17", "icmp": "1"][protocolNumber] ?? protocolNumber),
            "ruleAction": .string(request.string("RuleAction") ?? ""), "egress": .bool(request.bool("Egress") ?? false),
        ]
        if let block = try request.block("CidrBlock") {
            entry["cidrBlock"] = .string(block.description)
        } else if let block = try request.block("Ipv6CidrBlock", .ipv6) {
            entry["ipv6CidrBlock"] = .string(block.description)
        } else {
            throw EC2Error.missing("cidrBlock")
        }
        if let range = request.input["PortRange"] {
            guard let from = range["From"]?.integer, let to = range["To"]?.integer, from <= to, (0...65535).contains(from), to <= 65535
            else {
                throw EC2Error.invalidValue(
                    "\(range["From"]?.integer ?? 0) - \(range["To"]?.integer ?? 0)", "portRange",
                    "The end of the port range must not be smaller than its start.")
            }
            entry["portRange"] = ["from": .integer(from), "to": .integer(to)]
        } else if ["6", "17"].contains(entry["protocol"]?.string) {
            throw EC2Error.missing("portRange")
        }
        if let code = request.input["Icmp"] {
            entry["icmpTypeCode"] = ["code": code["Code"] ?? -1, "type": code["Type"] ?? -1]
        }
        return entry
    }

    private static func isSame(_ left: JSON, _ right: JSON) -> Bool {
        left["ruleNumber"] == right["ruleNumber"] && left["egress"] == right["egress"]
    }

    private static func edit(
        _ request: EC2Request, _ draft: inout ResourceDraft, _ change: ([JSON]) throws(AWSError) -> [JSON]
    ) throws(AWSError) -> JSON {
        let id = try request.required("NetworkAclId")
        let entries = try change(try draft.require(.networkACL, id)["entrySet"]?.array ?? [])
        try draft.update(.networkACL, id) { acl in
            acl["entrySet"] = .array(
                entries.sorted {
                    ($0["egress"]?.bool == true ? 0 : 1, $0["ruleNumber"]?.integer ?? 0)
                        < ($1["egress"]?.bool == true ? 0 : 1, $1["ruleNumber"]?.integer ?? 0)
                })
        }
        return ec2Return
    }

    @Sendable private static func createEntry(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let new = try wanted(request)
        return try edit(request, &draft) { entries throws(AWSError) in
            guard !entries.contains(where: { isSame($0, new) }) else {
                throw AWSError(
                    400, "NetworkAclEntryAlreadyExists",
                    "The network acl entry identified by \(new["ruleNumber"]?.integer ?? 0) already exists.")
            }
            let own = entries.filter { $0["egress"] == new["egress"] && ($0["ruleNumber"]?.integer ?? 0) < lastRule }
            guard own.count < EC2Quota.aclRules else {
                throw AWSError(400, "NetworkAclEntryLimitExceeded", "The maximum number of network acl entries has been reached.")
            }
            return entries + [new]
        }
    }

    @Sendable private static func replaceEntry(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let new = try wanted(request)
        return try edit(request, &draft) { entries throws(AWSError) in
            guard entries.contains(where: { isSame($0, new) }) else { throw noEntry(new["ruleNumber"]?.integer ?? 0) }
            return entries.map { isSame($0, new) ? new : $0 }
        }
    }

    @Sendable private static func deleteEntry(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let unwanted: JSON = ["ruleNumber": request.input["RuleNumber"] ?? 0, "egress": request.input["Egress"] ?? false]
        return try edit(request, &draft) { entries throws(AWSError) in
            let number = unwanted["ruleNumber"]?.integer ?? 0
            guard number < lastRule, entries.contains(where: { isSame($0, unwanted) }) else { throw noEntry(number) }
            return entries.filter { !isSame($0, unwanted) }
        }
    }

    private static func noEntry(_ number: Int64) -> AWSError {
        AWSError(400, "InvalidNetworkAclEntry.NotFound", "The network acl entry identified by \(number) does not exist.")
    }

    @Sendable private static func replaceAssociation(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("AssociationId")
        let acl = try request.required("NetworkAclId")
        let target = try draft.require(.networkACL, acl)
        let found = draft.list(.networkACL).first {
            $0["associationSet"]?.array?.contains { $0["networkAclAssociationId"]?.string == id } == true
        }
        guard let found, let old = found["associationSet"]?.array?.first(where: { $0["networkAclAssociationId"]?.string == id }),
            let subnet = old["subnetId"]?.string
        else { throw AWSError(400, "InvalidAssociationID.NotFound", "The association ID '\(id)' does not exist") }
        guard found["vpcId"] == target["vpcId"] else {
            throw EC2Error.invalid("network ACL \(acl) and subnet \(subnet) belong to different networks")
        }
        try forget(&draft, subnet: subnet)
        let new = association(subnet, acl, draft)
        try draft.update(.networkACL, acl) { $0["associationSet"] = .array(($0["associationSet"]?.array ?? []) + [new]) }
        return ["newAssociationId": new["networkAclAssociationId"] ?? ""]
    }
}
