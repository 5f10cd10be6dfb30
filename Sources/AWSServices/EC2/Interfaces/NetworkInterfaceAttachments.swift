import IPAddress
import JSON
import VPCModel
import World

/// Interfaces on instances, and what can be changed of an interface.
enum NetworkInterfaceAttachments {
    static let operations: [EC2Operation] = [
        .write("AttachNetworkInterface", on: ["NetworkInterfaceId", "InstanceId"], attach), .write("DetachNetworkInterface", detach),
        .write("ModifyNetworkInterfaceAttribute", on: ["NetworkInterfaceId"], modify),
        .read("DescribeNetworkInterfaceAttribute", describeAttribute),
    ]

    @Sendable private static func attach(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NetworkInterfaceId")
        let interface = try draft.require(.networkInterface, id)
        try NetworkInterfaces.requireOwn(interface)
        let instance = try request.resource(.instance, "InstanceId", draft)
        let instanceID = try request.required("InstanceId")
        let index = request.integer("DeviceIndex") ?? 0
        let card = request.integer("NetworkCardIndex") ?? 0
        guard interface["attachment"] == nil, interface["status"] != "in-use" else {
            throw AWSError(400, "InvalidNetworkInterface.InUse", "Interface: [\(id)] in use.")
        }
        guard ["running", "stopped", "pending"].contains(Instances.state(instance)) else {
            throw AWSError(400, "IncorrectState", "Instance '\(instanceID)' is not 'running' or 'stopped'.")
        }
        guard interface["availabilityZone"] == instance.at("placement", "availabilityZone") else {
            throw EC2Error.combination(
                "You may not attach a network interface to an instance if they are not in the same availability zone")
        }
        let attached = Instances.interfaces(of: instance, draft)
        guard
            !attached.contains(where: {
                $0.at("attachment", "deviceIndex")?.integer == index && $0.at("attachment", "networkCardIndex")?.integer == card
            })
        else {
            throw EC2Error.invalid("Instance '\(instanceID)' already has an interface attached at device index '\(index)'.")
        }
        let type = instance["instanceType"]?.string ?? ""
        let limits = InstanceTypes.limits(type)
        guard let limit = limits.interfaces(card: card) else {
            throw EC2Error.invalid("The network card index \(card) is not valid for instance type \(type)")
        }
        let onCard = attached.filter { $0.at("attachment", "networkCardIndex")?.integer == card }.count
        guard onCard < limit else {
            throw AWSError(400, "AttachmentLimitExceeded", "Interface count \(onCard + 1) exceeds the limit for \(type)")
        }
        let held = InterfaceAddresses(interface)
        for family in [IPAddress.Family.ipv4, .ipv6]
        where held.addresses(family).count + held.prefixes(family).count > limits.addressesPerInterface {
            throw AWSError(400, "PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
        }
        let attachment = try put(
            &draft, interface: id, on: instanceID, at: index, card: card, deletesOnTermination: false)
        return ["attachmentId": .string(attachment), "networkCardIndex": .integer(card)]
    }

    /// Attaches an interface; answers the attachment's id.
    static func put(
        _ draft: inout ResourceDraft, interface: String, on instance: String, at index: Int64, card: Int64, deletesOnTermination: Bool
    ) throws(AWSError) -> String {
        let id = draft.newID("eni-attach-")
        let now = draft.world.now.ec2Text
        let owner = draft.account
        try draft.update(.networkInterface, interface) { interface in
            interface["status"] = "in-use"
            interface["attachment"] = [
                "attachmentId": .string(id), "instanceId": .string(instance), "instanceOwnerId": .string(owner),
                "deviceIndex": .integer(index), "networkCardIndex": .integer(card), "status": "attached", "attachTime": .string(now),
                "deleteOnTermination": .bool(deletesOnTermination),
            ]
        }
        try draft.update(.instance, instance) { record in
            record["_interfaces"] = .array((record["_interfaces"]?.array ?? []) + [.string(interface)])
        }
        return id
    }

    /// Marks an interface as used by a service, which is nobody's instance.
    static func putManaged(_ draft: inout ResourceDraft, interface: String, owner: String) throws(AWSError) {
        let id = draft.newID("ela-attach-")
        let now = draft.world.now.ec2Text
        try draft.update(.networkInterface, interface) { interface in
            interface["status"] = "in-use"
            interface["attachment"] = [
                "attachmentId": .string(id), "instanceOwnerId": .string(owner), "deviceIndex": 1, "networkCardIndex": 0,
                "status": "attached", "attachTime": .string(now), "deleteOnTermination": false,
            ]
        }
    }

    @Sendable private static func detach(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("AttachmentId")
        let found = draft.list(.networkInterface).first { $0.at("attachment", "attachmentId")?.string == id }
        guard let found, let attachment = found["attachment"], let interface = found["networkInterfaceId"]?.string else {
            throw AWSError(400, "InvalidAttachmentID.NotFound", "The attachment '\(id)' does not exist")
        }
        guard found["requesterManaged"]?.bool != true else {
            throw AWSError(400, "OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
        }
        guard attachment["deviceIndex"]?.integer != 0 || attachment["networkCardIndex"]?.integer != 0 else {
            throw AWSError(
                400, "OperationNotPermitted", "The network interface at device index 0 and networkCard index 0 cannot be detached.")
        }
        try remove(&draft, interface: interface)
        return ec2Return
    }

    /// Takes an interface off its instance.
    static func remove(_ draft: inout ResourceDraft, interface: String) throws(AWSError) {
        let instance = draft.get(.networkInterface, interface)?.at("attachment", "instanceId")?.string
        try draft.update(.networkInterface, interface) {
            $0["attachment"] = nil
            $0["status"] = "available"
        }
        guard let instance, draft.get(.instance, instance) != nil else { return }
        try draft.update(.instance, instance) { record in
            record["_interfaces"] = .array((record["_interfaces"]?.array ?? []).filter { $0.string != interface })
        }
    }

    @Sendable private static func modify(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let id = try request.required("NetworkInterfaceId")
        let interface = try draft.require(.networkInterface, id)
        try NetworkInterfaces.requireOwn(interface)
        let named = (request.input.object?.keys ?? []).filter { $0 != "NetworkInterfaceId" && $0 != "DryRun" }
        guard let name = named.first else { throw EC2Error.combination("No attributes specified.") }
        guard named.count == 1 else { throw EC2Error.combination("Fields for multiple attribute types specified") }
        switch name {
        case "Description":
            try draft.update(.networkInterface, id) { $0["description"] = request.input.at("Description", "Value") ?? "" }
        case "SourceDestCheck":
            let value = request.input.at("SourceDestCheck", "Value") ?? true
            try draft.update(.networkInterface, id) { $0["sourceDestCheck"] = value }
        case "SecurityGroupId":
            let subnet = try draft.require(.subnet, interface["subnetId"]?.string ?? "")
            let groups = try NetworkInterfaces.groups(request.strings("SecurityGroupId"), subnet, draft)
            let set = NetworkInterfaces.groupSet(groups, draft)
            try draft.update(.networkInterface, id) { $0["groupSet"] = set }
        case "Attachment":
            let wanted = request.input["Attachment"]?["AttachmentId"]
            guard let attachment = interface["attachment"], attachment["attachmentId"] == wanted else {
                throw AWSError(
                    400, "InvalidAttachmentID.NotFound", "The attachment '\(wanted?.string ?? "")' does not exist")
            }
            guard let flag = request.input.at("Attachment", "DeleteOnTermination") else { throw EC2Error.missing("deleteOnTermination") }
            try draft.update(.networkInterface, id) { $0.set(flag, at: ["attachment", "deleteOnTermination"]) }
        default: throw AWSError(400, "UnsupportedOperation", "The attribute \(name) is not supported.")
        }
        return ec2Return
    }

    @Sendable private static func describeAttribute(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let interface = try request.resource(.networkInterface, "NetworkInterfaceId", draft)
        var answer: JSON = ["networkInterfaceId": interface["networkInterfaceId"] ?? ""]
        switch request.string("Attribute") {
        case "description": answer["description"] = ["value": interface["description"] ?? ""]
        case "groupSet": answer["groupSet"] = interface["groupSet"] ?? []
        case "sourceDestCheck": answer["sourceDestCheck"] = ["value": interface["sourceDestCheck"] ?? true]
        case "attachment": if let attachment = interface["attachment"] { answer["attachment"] = attachment }
        default: throw EC2Error.missing("attribute")
        }
        return answer
    }
}
