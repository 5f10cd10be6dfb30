import JSON
import VPCModel
import World

/// Instances, as far as networks and nodes need them.
enum Instances {
    static let operations: [EC2Operation] = [
        .write("RunInstances", on: ["SubnetId", "SecurityGroupId"], making: [.instance], run),
        .write("TerminateInstances", on: ["InstanceId"], terminate),
        .write("StopInstances", on: ["InstanceId"]) { request, draft throws(AWSError) in try stop(request, &draft) },
        .write("StartInstances", on: ["InstanceId"]) { request, draft throws(AWSError) in try start(request, &draft) },
        .write("RebootInstances", on: ["InstanceId"], reboot),
    ]

    private static let codes: [String: Int64] = [
        "pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80,
    ]

    /// An instance's state by its name.
    static func state(_ instance: JSON) -> String { instance.at("instanceState", "name")?.string ?? "" }

    /// Counts the starts after the first.
    static let boots = "_boots"

    /// Whether an instance is stopped, about to be, or about to run again after that.
    static func isStopped(_ instance: JSON) -> Bool {
        ["stopping", "stopped"].contains(state(instance)) || state(instance) == "pending" && instance[boots] != nil
    }

    /// A state as EC2 shows it.
    static func stateRecord(_ name: String) -> JSON { ["code": .integer(codes[name] ?? 0), "name": .string(name)] }

    /// The interfaces that an instance has, by device.
    static func interfaces(of instance: JSON, _ draft: ResourceDraft) -> [JSON] {
        (instance["_interfaces"]?.strings ?? []).compactMap { draft.get(.networkInterface, $0) }.sorted {
            ($0.at("attachment", "networkCardIndex")?.integer ?? 0, $0.at("attachment", "deviceIndex")?.integer ?? 0)
                < ($1.at("attachment", "networkCardIndex")?.integer ?? 0, $1.at("attachment", "deviceIndex")?.integer ?? 0)
        }
    }

    // MARK: Launching

    @Sendable private static func run(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let minimum = request.integer("MinCount") ?? 1
        let maximum = request.integer("MaxCount") ?? 1
        guard minimum >= 1, maximum >= minimum, maximum <= 1000 else {
            throw EC2Error.invalid(
                "Value (\(maximum)) for parameter maxCount is invalid. maxCount must be at least minCount and at most 1000")
        }
        let token = request.string("ClientToken") ?? ""
        if !token.isEmpty {
            let earlier = draft.list(.instance, "clientToken", token)
            if let first = earlier.first {
                guard first["_request"] == request.input else {
                    throw AWSError(
                        400, "IdempotentParameterMismatch", "The client token '\(token)' has already been used with different parameters.")
                }
                return InstanceDescriptions.reservation(earlier, draft)
            }
        }
        let template = try request.input["LaunchTemplate"].map { wanted throws(AWSError) in try LaunchTemplates.data(wanted, draft) }
        var parameters = request.input
        for member in ["LaunchTemplate", "MinCount", "MaxCount", "ClientToken", "DryRun"] { parameters[member] = nil }
        let wish = LaunchWish(parameters, template: template)
        guard let key = wish.input["KeyName"]?.string else {
            return try launch(request, &draft, wish, minimum: Int(minimum), maximum: Int(maximum))
        }
        throw AWSError(400, "InvalidKeyPair.NotFound", "The key pair '\(key)' does not exist")
    }

    private static func launch(
        _ request: EC2Request, _ draft: inout ResourceDraft, _ wish: LaunchWish, minimum: Int, maximum: Int
    ) throws(AWSError) -> JSON {
        let reservation = draft.newID("r-")
        var made: [JSON] = []
        for index in 0..<maximum {
            let before = draft
            do throws(AWSError) {
                let id = try make(request, &draft, wish, reservation: reservation, index: index)
                made.append(try draft.require(.instance, id))
            } catch {
                // As many as there is room for, but not fewer than asked for.
                guard index >= minimum, error.code == "InsufficientFreeAddressesInSubnet" else { throw error }
                draft = before
                break
            }
        }
        return InstanceDescriptions.reservation(made, draft)
    }

    /// Makes one instance, pending, with its interfaces; answers its id.
    static func make(
        _ request: EC2Request, _ draft: inout ResourceDraft, _ wish: LaunchWish, reservation: String, index: Int
    ) throws(AWSError) -> String {
        let image = try wish.image(draft)
        let subnet = try wish.subnet(draft)
        let profile = try wish.profile(request, draft)
        let id = draft.newID("i-")
        let now = draft.world.now.ec2Text
        let input = wish.input
        var instance: JSON = [
            "instanceId": .string(id), "imageId": .string(image.id), "instanceState": stateRecord("pending"), "reason": "",
            "amiLaunchIndex": .integer(Int64(index)), "productCodes": [], "instanceType": .string(wish.type), "launchTime": .string(now),
            "placement": [
                "availabilityZone": subnet["availabilityZone"] ?? "", "availabilityZoneId": subnet["availabilityZoneId"] ?? "",
                "groupName": "", "tenancy": input.at("Placement", "Tenancy") ?? "default",
            ], "monitoring": ["state": input.at("Monitoring", "Enabled")?.bool == true ? "pending" : "disabled"],
            "subnetId": subnet["subnetId"] ?? "", "vpcId": subnet["vpcId"] ?? "", "architecture": .string(image.architecture),
            "rootDeviceType": "ebs", "rootDeviceName": .string(image.rootDevice),
            "blockDeviceMapping": [
                [
                    "deviceName": .string(image.rootDevice),
                    "ebs": [
                        "volumeId": .string(draft.newID("vol-")), "status": "attached", "attachTime": .string(now),
                        "deleteOnTermination": true,
                    ],
                ]
            ], "virtualizationType": "hvm", "tagSet": wish.tags(.instance), "hypervisor": "xen",
            "ebsOptimized": input["EbsOptimized"] ?? false, "enaSupport": true, "sourceDestCheck": true,
            "metadataOptions": [
                "state": "applied", "httpTokens": input.at("MetadataOptions", "HttpTokens") ?? "optional",
                "httpPutResponseHopLimit": input.at("MetadataOptions", "HttpPutResponseHopLimit") ?? 1,
                "httpEndpoint": input.at("MetadataOptions", "HttpEndpoint") ?? "enabled",
                "httpProtocolIpv6": input.at("MetadataOptions", "HttpProtocolIpv6") ?? "disabled",
                "instanceMetadataTags": input.at("MetadataOptions", "InstanceMetadataTags") ?? "disabled",
            ], "platformDetails": "Linux/UNIX", "usageOperation": "RunInstances", "usageOperationUpdateTime": .string(now),
            "_reservation": .string(reservation), "_interfaces": [],
        ]
        if let profile { instance["iamInstanceProfile"] = profile }
        instance["_userData"] = input["UserData"]
        instance["_disableApiTermination"] = input["DisableApiTermination"] ?? false
        instance["_shutdownBehavior"] = input["InstanceInitiatedShutdownBehavior"] ?? "stop"
        if wish.isSpot { instance["instanceLifecycle"] = "spot" }
        if let token = request.string("ClientToken"), request.operation == "RunInstances" {
            instance["clientToken"] = .string(token)
            instance["_request"] = request.input
        }
        draft.put(.instance, id, instance)
        try attachInterfaces(&draft, id, wish, subnet)
        draft.settle(.instance, id)
        return id
    }

    /// Makes the interfaces that an instance begins with, the one at device index 0 first.
    private static func attachInterfaces(_ draft: inout ResourceDraft, _ id: String, _ wish: LaunchWish, _ subnet: JSON) throws(AWSError) {
        var primary = wish.input
        primary["SecurityGroupId"] = wish.input["SecurityGroupId"] ?? .array([])
        let wanted = wish.interfaces.isEmpty ? [primary] : wish.interfaces
        let limits = InstanceTypes.limits(wish.type)
        for (place, interface) in wanted.enumerated() {
            let index = interface["DeviceIndex"]?.integer ?? Int64(place)
            let card = interface["NetworkCardIndex"]?.integer ?? 0
            guard limits.interfaces(card: card).map({ place < $0 || card > 0 }) == true else {
                throw AWSError(400, "AttachmentLimitExceeded", "Interface count \(place + 1) exceeds the limit for \(wish.type)")
            }
            let deletes = interface["DeleteOnTermination"]?.bool ?? true
            if let given = interface["NetworkInterfaceId"]?.string {
                guard try draft.require(.networkInterface, given)["attachment"] == nil else {
                    throw AWSError(400, "InvalidNetworkInterface.InUse", "Interface: [\(given)] in use.")
                }
                _ = try NetworkInterfaceAttachments.put(
                    &draft, interface: given, on: id, at: index, card: card, deletesOnTermination: false)
                continue
            }
            let place = try interface["SubnetId"]?.string.map { id throws(AWSError) in try draft.require(.subnet, id) } ?? subnet
            let addresses = try InterfaceWish(interface)
            guard addresses.slots <= limits.addressesPerInterface else {
                throw AWSError(400, "PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
            }
            let groups = try NetworkInterfaces.groups(interface["SecurityGroupId"]?.strings ?? [], place, draft)
            let made = try NetworkInterfaces.make(
                &draft, in: place, addresses, groups: groups,
                NetworkInterfaces.Purpose(description: interface["Description"]?.string ?? "", tags: wish.tags(.networkInterface)))
            _ = try NetworkInterfaceAttachments.put(&draft, interface: made, on: id, at: index, card: card, deletesOnTermination: deletes)
            let isPublic = interface["AssociatePublicIpAddress"]?.bool ?? (place["mapPublicIpOnLaunch"]?.bool == true)
            if index == 0, isPublic { try givePublicAddress(&draft, made) }
        }
    }

    /// A public address that lasts until the instance stops.
    static func givePublicAddress(_ draft: inout ResourceDraft, _ interface: String) throws(AWSError) {
        let record = try draft.require(.networkInterface, interface)
        let address = draft.newPublicAddress()
        let vpc = draft.get(.vpc, record["vpcId"]?.string ?? "")
        try Addresses.set(
            &draft,
            [
                "ipOwnerId": "amazon", "publicIp": .string(address),
                "publicDnsName": .string(EC2Names.publicName(address, vpc: vpc, draft.region)),
            ], on: interface, at: record["privateIpAddress"]?.string ?? "")
    }

    // MARK: Ending

    /// Sets states of several instances; answers each one's present and previous one.
    private static func change(
        _ request: EC2Request, _ draft: inout ResourceDraft, _ next: (JSON, String) throws(AWSError) -> String
    ) throws(AWSError) -> JSON {
        var changes: [JSON] = []
        for id in request.strings("InstanceId") {
            let instance = try draft.require(.instance, id)
            let before = state(instance)
            let after = try next(instance, before)
            if after != before { try setState(&draft, id, after) }
            changes.append([
                "instanceId": .string(id), "currentState": stateRecord(after), "previousState": stateRecord(before),
            ])
        }
        return ["instancesSet": .array(changes)]
    }

    private static func setState(_ draft: inout ResourceDraft, _ id: String, _ state: String) throws(AWSError) {
        try draft.update(.instance, id) { $0["instanceState"] = stateRecord(state) }
        draft.settle(.instance, id)
    }

    @Sendable private static func terminate(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        try change(request, &draft) { instance, state throws(AWSError) in
            let id = instance["instanceId"]?.string ?? ""
            guard instance["_disableApiTermination"]?.bool != true else {
                throw AWSError(
                    400, "OperationNotPermitted",
                    "The instance '\(id)' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.")
            }
            return ["terminated", "shutting-down"].contains(state) ? state : "shutting-down"
        }
    }

    /// Begins the end of an instance that a service of AWS takes away.
    static func end(_ draft: inout ResourceDraft, _ id: String) throws(AWSError) {
        guard let instance = draft.get(.instance, id), !["terminated", "shutting-down"].contains(state(instance)) else { return }
        try setState(&draft, id, "shutting-down")
    }

    private static func stop(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        try change(request, &draft) { instance, state throws(AWSError) in
            switch state {
            case "running", "pending": return "stopping"
            case "stopping", "stopped": return state
            default: throw incorrect(instance, state)
            }
        }
    }

    private static func start(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        for id in request.strings("InstanceId") {
            guard let instance = draft.get(.instance, id), state(instance) == "stopped" else { continue }
            let now = draft.world.now.ec2Text
            try draft.update(.instance, id) { instance in
                instance["launchTime"] = .string(now)
                instance["reason"] = ""
                instance["stateReason"] = nil
                instance[boots] = .integer((instance[boots]?.integer ?? 0) + 1)
            }
            // Public addresses that are not one's own are given anew.
            if let first = interfaces(of: instance, draft).first, first["association"] == nil, let subnet = first["subnetId"]?.string,
                draft.get(.subnet, subnet)?["mapPublicIpOnLaunch"]?.bool == true
            {
                try givePublicAddress(&draft, first["networkInterfaceId"]?.string ?? "")
            }
        }
        return try change(request, &draft) { instance, state throws(AWSError) in
            switch state {
            case "stopped": return "pending"
            case "running", "pending": return state
            default: throw incorrect(instance, state)
            }
        }
    }

    /// Instances that run begin anew and go on running.
    @Sendable private static func reboot(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        for id in request.strings("InstanceId") {
            let instance = try draft.require(.instance, id)
            guard ["running", "pending"].contains(state(instance)) else { throw incorrect(instance, state(instance)) }
        }
        for id in request.strings("InstanceId") {
            guard let instance = draft.get(.instance, id), state(instance) == "running" else { continue }
            try draft.update(.instance, id) { $0[boots] = .integer((instance[boots]?.integer ?? 0) + 1) }
        }
        return ec2Return
    }

    private static func incorrect(_ instance: JSON, _ state: String) -> AWSError {
        AWSError(
            400, "IncorrectInstanceState",
            "The instance '\(instance["instanceId"]?.string ?? "")' is not in a state from which it can be changed: \(state).")
    }

    /// The next step of an instance on the clock.
    static func step(_ draft: inout ResourceDraft, _ id: String, _ instance: JSON, from state: String) throws(AWSError) {
        switch state {
        case "pending":
            try draft.update(.instance, id) { $0["instanceState"] = stateRecord("running") }
            try AutoScaling.instanceRuns(&draft, id)
        case "stopping":
            for interface in interfaces(of: instance, draft) where interface.at("association", "ipOwnerId")?.string == "amazon" {
                try Addresses.set(
                    &draft, nil, on: interface["networkInterfaceId"]?.string ?? "", at: interface["privateIpAddress"]?.string ?? "")
            }
            let now = draft.world.now.ec2Text
            try draft.update(.instance, id) { instance in
                instance["instanceState"] = stateRecord("stopped")
                instance["reason"] = .string("User initiated (\(now))")
                instance["stateReason"] = [
                    "code": "Client.UserInitiatedShutdown", "message": "Client.UserInitiatedShutdown: User initiated shutdown",
                ]
            }
            try AutoScaling.instanceStops(&draft, id)
        case "shutting-down":
            for interface in interfaces(of: instance, draft) {
                let interfaceID = interface["networkInterfaceId"]?.string ?? ""
                if interface.at("attachment", "deleteOnTermination")?.bool == true {
                    try NetworkInterfaces.remove(&draft, interfaceID)
                } else {
                    try NetworkInterfaceAttachments.remove(&draft, interface: interfaceID)
                }
            }
            let now = draft.world.now.ec2Text
            try draft.update(.instance, id) { instance in
                instance["instanceState"] = stateRecord("terminated")
                instance["_interfaces"] = []
                instance["reason"] = .string("User initiated (\(now))")
                instance["stateReason"] = [
                    "code": "Client.UserInitiatedShutdown", "message": "Client.UserInitiatedShutdown: User initiated shutdown",
                ]
                for member in ["subnetId", "vpcId"] { instance["_\(member)"] = instance[member] }
                for member in ["subnetId", "vpcId"] { instance[member] = nil }
            }
            try AutoScaling.instanceEnded(&draft, id)
        default: draft.remove(.instance, id)
        }
    }
}
