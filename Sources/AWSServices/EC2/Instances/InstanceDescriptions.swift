import JSON

/// What EC2 tells of instances.
enum InstanceDescriptions {
    static let operations: [EC2Operation] = [
        .read("DescribeInstances", describe), .read("DescribeInstanceStatus", describeStatus),
        .read("DescribeInstanceAttribute", describeAttribute),
    ]

    private static let description: EC2Description = {
        var filters = [
            "affinity": "placement.affinity", "architecture": "architecture", "availability-zone": "placement.availabilityZone",
            "block-device-mapping.device-name": "blockDeviceMapping.deviceName",
            "block-device-mapping.volume-id": "blockDeviceMapping.ebs.volumeId", "client-token": "clientToken", "dns-name": "dnsName",
            "hypervisor": "hypervisor", "iam-instance-profile.arn": "iamInstanceProfile.arn",
            "iam-instance-profile.id": "iamInstanceProfile.id", "image-id": "imageId", "instance-id": "instanceId",
            "instance-lifecycle": "instanceLifecycle", "instance-state-code": "instanceState.code",
            "instance-state-name": "instanceState.name", "instance-type": "instanceType", "instance.group-id": "groupSet.groupId",
            "instance.group-name": "groupSet.groupName", "ip-address": "ipAddress", "key-name": "keyName", "launch-index": "amiLaunchIndex",
            "launch-time": "launchTime", "monitoring-state": "monitoring.state", "owner-id": "networkInterfaceSet.ownerId",
            "private-dns-name": "privateDnsName", "private-ip-address": "privateIpAddress", "reservation-id": "_reservation",
            "root-device-name": "rootDeviceName", "root-device-type": "rootDeviceType", "source-dest-check": "sourceDestCheck",
            "subnet-id": "subnetId", "tenancy": "placement.tenancy", "virtualization-type": "virtualizationType", "vpc-id": "vpcId",
        ]
        for (name, member) in [
            ("addresses.private-ip-address", "privateIpAddressesSet.privateIpAddress"),
            ("attachment.device-index", "attachment.deviceIndex"),
            ("attachment.attachment-id", "attachment.attachmentId"), ("description", "description"), ("group-id", "groupSet.groupId"),
            ("group-name", "groupSet.groupName"), ("mac-address", "macAddress"), ("network-interface-id", "networkInterfaceId"),
            ("owner-id", "ownerId"), ("private-dns-name", "privateDnsName"), ("status", "status"), ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"), ("association.public-ip", "association.publicIp"),
        ] { filters["network-interface.\(name)"] = "networkInterfaceSet.\(member)" }
        return EC2Description(
            kind: .instance, set: "instancesSet", ids: ("InstanceId", "instanceId"), filters: filters, render: described)
    }()

    /// An instance with its interfaces, of which the first gives it its addresses and groups.
    @Sendable static func described(_ instance: JSON, _ draft: ResourceDraft) -> JSON {
        var instance = instance
        let interfaces = Instances.interfaces(of: instance, draft)
        instance["networkInterfaceSet"] = .array(interfaces.map(shown))
        let primary = interfaces.first { $0.at("attachment", "deviceIndex")?.integer == 0 }
        instance["privateDnsName"] = primary?["privateDnsName"] ?? ""
        instance["dnsName"] = primary?.at("association", "publicDnsName") ?? ""
        instance["groupSet"] = primary?["groupSet"] ?? []
        instance["privateIpAddress"] = primary?["privateIpAddress"]
        instance["ipAddress"] = primary?.at("association", "publicIp")
        instance["sourceDestCheck"] = primary?["sourceDestCheck"] ?? true
        instance["ipv6Address"] = primary?["ipv6AddressesSet"]?.array?.first?["ipv6Address"]
        return instance
    }

    /// An interface as instances show it: fewer members than it has by itself.
    private static func shown(_ interface: JSON) -> JSON {
        var shown = interface
        for member in ["availabilityZone", "availabilityZoneId", "requesterManaged", "requesterId", "tagSet"] { shown[member] = nil }
        shown["association"] = interface["association"].map(shownAssociation)
        if var attachment = interface["attachment"] {
            attachment["instanceId"] = nil
            attachment["instanceOwnerId"] = nil
            shown["attachment"] = attachment
        }
        shown["privateIpAddressesSet"] = .array(
            (interface["privateIpAddressesSet"]?.array ?? []).map { entry in
                var entry = entry
                entry["association"] = entry["association"].map(shownAssociation)
                return entry
            })
        return shown
    }

    private static func shownAssociation(_ association: JSON) -> JSON {
        var association = association
        association["allocationId"] = nil
        association["associationId"] = nil
        return association
    }

    /// Instances that were launched together, as RunInstances answers them.
    static func reservation(_ instances: [JSON], _ draft: ResourceDraft) -> JSON {
        [
            "reservationId": instances.first?["_reservation"] ?? "", "ownerId": .string(draft.account), "groupSet": [],
            "instancesSet": .array(instances.map { described($0, draft) }),
        ]
    }

    @Sendable private static func describe(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let page = try description.answer(request, draft)
        var reservations: [JSON] = []
        for instance in page["instancesSet"]?.array ?? [] {
            if let last = reservations.indices.last, reservations[last]["reservationId"] == instance["_reservation"] {
                reservations[last]["instancesSet"] = .array((reservations[last]["instancesSet"]?.array ?? []) + [instance])
            } else {
                reservations.append([
                    "reservationId": instance["_reservation"] ?? "", "ownerId": .string(draft.account), "groupSet": [],
                    "instancesSet": [instance],
                ])
            }
        }
        var answer: JSON = ["reservationSet": .array(reservations)]
        answer["nextToken"] = page["nextToken"]
        return answer
    }

    @Sendable private static func describeStatus(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let wanted = request.strings("InstanceId")
        for id in wanted { _ = try draft.require(.instance, id) }
        let rows: [JSON] = draft.list(.instance).filter { instance in
            (wanted.isEmpty || wanted.contains(instance["instanceId"]?.string ?? ""))
                && (request.bool("IncludeAllInstances") == true || Instances.state(instance) == "running")
        }.map { instance in
            let word: JSON = Instances.state(instance) == "running" ? "ok" : "not-applicable"
            return [
                "instanceId": instance["instanceId"] ?? "", "availabilityZone": instance.at("placement", "availabilityZone") ?? "",
                "instanceState": instance["instanceState"] ?? [:], "systemStatus": ["status": word, "details": []],
                "instanceStatus": ["status": word, "details": []], RegionState.number: instance[RegionState.number] ?? 0,
            ]
        }
        let found = try EC2Filter.select(
            rows, request.structures("Filter"),
            paths: [
                "availability-zone": "availabilityZone", "instance-state-code": "instanceState.code",
                "instance-state-name": "instanceState.name", "instance-status.status": "instanceStatus.status",
                "system-status.status": "systemStatus.status",
            ])
        return try EC2Page().answer(request, "instanceStatusSet", found)
    }

    @Sendable private static func describeAttribute(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let instance = described(try request.resource(.instance, "InstanceId", draft), draft)
        var answer: JSON = ["instanceId": instance["instanceId"] ?? ""]
        let name = request.string("Attribute") ?? ""
        switch name {
        case "userData": answer[name] = instance["_userData"].map { ["value": $0] } ?? [:]
        case "disableApiTermination": answer[name] = ["value": instance["_disableApiTermination"] ?? false]
        case "instanceInitiatedShutdownBehavior": answer[name] = ["value": instance["_shutdownBehavior"] ?? "stop"]
        case "instanceType", "rootDeviceName", "sourceDestCheck", "ebsOptimized", "enaSupport":
            answer[name] = ["value": instance[name] ?? ""]
        case "groupSet", "blockDeviceMapping", "productCodes": answer[name] = instance[name] ?? []
        case "disableApiStop": answer[name] = ["value": false]
        default: answer[name] = [:]
        }
        return answer
    }
}
