import IPAddress
import JSON
import VPCModel

/// Parts of subnets that are kept for prefixes or for addresses that callers name.
enum CIDRReservations {
    static let operations: [EC2Operation] = [
        .write("CreateSubnetCidrReservation", on: ["SubnetId"], making: [.cidrReservation], create),
        .write("DeleteSubnetCidrReservation", on: ["SubnetCidrReservationId"], delete), .read("GetSubnetCidrReservations", list),
    ]

    @Sendable private static func create(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let subnet = try request.required("SubnetId")
        _ = try draft.require(.subnet, subnet)
        let text = try request.required("Cidr")
        guard let block = CIDRBlock(text) else { throw EC2Error.invalidValue(text, "cidr", "This is not a valid CIDR block.") }
        let name = SubnetBlock(subnet: subnet, family: block.family)
        guard let kind = request.string("ReservationType").flatMap(SubnetReservation.Kind.init) else {
            throw EC2Error.missing("reservationType")
        }
        guard var pool = draft.pool(name) else { throw SubnetError.outsideSubnet(text).ec2 }
        do { try pool.reserve(SubnetReservation(block: block, kind: kind)) } catch { throw error.ec2 }
        draft.setPool(name, pool)
        let id = draft.newID("scr-")
        var reservation: JSON = [
            "subnetCidrReservationId": .string(id), "subnetId": .string(subnet), "cidr": .string(block.description),
            "reservationType": .string(kind.rawValue), "ownerId": .string(draft.account),
            "tagSet": try EC2Tags.specified(request, for: .cidrReservation),
        ]
        reservation["description"] = request.string("Description").map(JSON.string)
        draft.put(.cidrReservation, id, reservation)
        return ["subnetCidrReservation": reservation]
    }

    @Sendable private static func delete(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("SubnetCidrReservationId")
        let reservation = try draft.require(.cidrReservation, id)
        if let kept = SubnetReservation(record: reservation), let subnet = reservation["subnetId"]?.string {
            let name = SubnetBlock(subnet: subnet, family: kept.block.family)
            var pool = draft.pool(name)
            pool?.unreserve(kept.block)
            draft.setPool(name, pool)
        }
        draft.remove(.cidrReservation, id)
        return ["deletedSubnetCidrReservation": reservation]
    }

    @Sendable private static func list(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let subnet = try request.required("SubnetId")
        _ = try draft.require(.subnet, subnet)
        let found = try EC2Filter.select(
            draft.list(.cidrReservation, "subnetId", subnet), request.structures("Filter"),
            paths: ["reservationType": "reservationType", "subnet-id": "subnetId"])
        let ipv6 = found.filter { $0["cidr"]?.string?.contains(":") == true }
        return [
            "subnetIpv4CidrReservationSet": .array(found.filter { $0["cidr"]?.string?.contains(":") == false }),
            "subnetIpv6CidrReservationSet": .array(ipv6),
        ]
    }
}

extension SubnetError {
    /// The refusal as EC2 answers it.
    var ec2: AWSError { AWSError(400, code, message) }
}
