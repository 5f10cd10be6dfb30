import JSON
import VPCModel

/// The operations about instance types.
enum InstanceTypes {
    static func exists(_ type: String) -> Bool { InstanceLimits.of(type) != nil }

    /// A type's limits; modest ones for a type that is not in the table.
    static func limits(_ type: String) -> InstanceLimits {
        InstanceLimits.of(type) ?? InstanceLimits(type: type, interfaces: 2, addressesPerInterface: 10, hypervisor: "nitro")
    }

    // MARK: Operations

    static let operations: [EC2Operation] = [
        .read("DescribeInstanceTypes", describe), .read("DescribeInstanceTypeOfferings", describeOfferings),
    ]

    /// All names in order.
    private static let names = InstanceLimits.table.keys.sorted()

    @Sendable private static func describe(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let wanted = request.strings("InstanceType")
        if !wanted.isEmpty { try request.exclude("InstanceType", "MaxResults") }
        let unknown = wanted.filter { !exists($0) }
        guard unknown.isEmpty else {
            throw AWSError(
                400, "InvalidInstanceType", "The following supplied instance types do not exist: [\(unknown.joined(separator: ", "))]")
        }
        let rows = names.enumerated().filter { wanted.isEmpty || wanted.contains($0.element) }.map {
            described($0.element, Int64($0.offset) + 1)
        }
        let found = try EC2Filter.select(
            rows, request.structures("Filter"),
            paths: [
                "auto-recovery-supported": "autoRecoverySupported", "bare-metal": "bareMetal",
                "burstable-performance-supported": "burstablePerformanceSupported", "current-generation": "currentGeneration",
                "free-tier-eligible": "freeTierEligible", "hypervisor": "hypervisor", "instance-type": "instanceType",
                "instance-storage-supported": "instanceStorageSupported", "memory-info.size-in-mib": "memoryInfo.sizeInMiB",
                "network-info.ipv4-addresses-per-interface": "networkInfo.ipv4AddressesPerInterface",
                "network-info.ipv6-addresses-per-interface": "networkInfo.ipv6AddressesPerInterface",
                "network-info.ipv6-supported": "networkInfo.ipv6Supported",
                "network-info.maximum-network-cards": "networkInfo.maximumNetworkCards",
                "network-info.maximum-network-interfaces": "networkInfo.maximumNetworkInterfaces",
                "processor-info.supported-architecture": "processorInfo.supportedArchitectures",
                "supported-root-device-type": "supportedRootDeviceTypes", "supported-usage-class": "supportedUsageClasses",
                "supported-virtualization-type": "supportedVirtualizationTypes", "vcpu-info.default-vcpus": "vCpuInfo.defaultVCpus",
            ])
        var answer = try EC2Page(maximum: 100).answer(request, "instanceTypeSet", found)
        // Without MaxResults, too, a page has a hundred at most.
        if request.input["MaxResults"] == nil, let all = answer["instanceTypeSet"]?.array, all.count > 100 {
            answer["instanceTypeSet"] = .array(Array(all.prefix(100)))
            answer["nextToken"] = all[99][RegionState.number]?.integer.map { .string(PageToken.encode(String($0))) }
        }
        return answer
    }

    private static func described(_ type: String, _ number: Int64) -> JSON {
        let limits = limits(type)
        let shape = InstanceShape(type)
        return [
            "instanceType": .string(type), "currentGeneration": .bool(limits.hypervisor != "xen"),
            "freeTierEligible": .bool(type == "t2.micro"),
            "supportedUsageClasses": ["on-demand", "spot"], "supportedRootDeviceTypes": ["ebs"], "supportedVirtualizationTypes": ["hvm"],
            "bareMetal": .bool(limits.isBareMetal), "hypervisor": limits.isBareMetal ? .null : .string(limits.hypervisor),
            "processorInfo": ["supportedArchitectures": [.string(shape.architecture)]], "vCpuInfo": ["defaultVCpus": .integer(shape.vCPUs)],
            "memoryInfo": ["sizeInMiB": .integer(shape.memory)], "instanceStorageSupported": false,
            "networkInfo": [
                "maximumNetworkInterfaces": .integer(Int64(limits.networkCards.reduce(0, +))),
                "maximumNetworkCards": .integer(Int64(limits.networkCards.count)), "defaultNetworkCardIndex": 0,
                "networkCards": .array(
                    limits.networkCards.enumerated().map {
                        ["networkCardIndex": .integer(Int64($0.offset)), "maximumNetworkInterfaces": .integer(Int64($0.element))]
                    }), "ipv4AddressesPerInterface": .integer(Int64(limits.addressesPerInterface)),
                "ipv6AddressesPerInterface": .integer(Int64(limits.addressesPerInterface)), "ipv6Supported": true,
                "enaSupport": limits.hypervisor == "xen" ? "supported" : "required",
            ], "burstablePerformanceSupported": .bool(shape.isBurstable), "dedicatedHostsSupported": .bool(!shape.isBurstable),
            "autoRecoverySupported": .bool(!limits.isBareMetal), "hibernationSupported": false, RegionState.number: .integer(number),
        ]
    }

    @Sendable private static func describeOfferings(_ request: EC2Request, _ draft: inout ResourceDraft) throws(AWSError) -> JSON {
        let type = request.string("LocationType") ?? "region"
        let places: [String]
        switch type {
        case "availability-zone": places = EC2Zones.of(draft.region).map(\.name)
        case "availability-zone-id": places = EC2Zones.of(draft.region).map(\.id)
        default: places = [draft.region]
        }
        var rows: [JSON] = []
        for name in names {
            for place in places {
                rows.append([
                    "instanceType": .string(name), "locationType": .string(type), "location": .string(place),
                    RegionState.number: .integer(Int64(rows.count) + 1),
                ])
            }
        }
        let found = try EC2Filter.select(
            rows, request.structures("Filter"), paths: ["instance-type": "instanceType", "location": "location"])
        return try EC2Page(maximum: 1000).answer(request, "instanceTypeOfferingSet", found)
    }
}
