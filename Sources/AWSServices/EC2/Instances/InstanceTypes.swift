import Facts
import JSON

/// Instance types with their networking limits (`instance-limits.json`), and what can be told of them by their names.
enum InstanceTypes {
    /// What a type lets an instance have.
    struct Limits: Sendable {
        /// Interfaces of each network card.
        var cards: [Int] = [2]
        /// IPv4 addresses of an interface, the primary one included; as many IPv6 ones.
        var addressesPerInterface = 10
        /// `nitro`, `xen` or `unknown`.
        var hypervisor = "nitro"
        var isBareMetal = false

        /// How many interfaces a network card takes; `nil` when the type has no such card.
        func interfaces(card: Int64) -> Int? { cards.indices.contains(Int(clamping: card)) ? cards[Int(clamping: card)] : nil }
    }

    /// Every type of the table.
    private static let known: [String: Limits] = {
        let document = (try? JSON(parsing: Facts.instanceLimits)) ?? .null
        var known: [String: Limits] = [:]
        for member in document["types"]?.object?.members ?? [] {
            var limits = Limits()
            let cards = (member.value["networkCards"]?.array ?? []).map { Int(clamping: $0["maxENIs"]?.integer ?? 0) }
            limits.cards = cards.isEmpty ? [Int(clamping: member.value["maxENIs"]?.integer ?? 2)] : cards
            limits.addressesPerInterface = Int(clamping: member.value["ipv4PerENI"]?.integer ?? 10)
            limits.hypervisor = member.value["hypervisor"]?.string ?? "unknown"
            limits.isBareMetal = member.value["bareMetal"]?.bool ?? false
            known[member.key] = limits
        }
        return known
    }()

    static func exists(_ type: String) -> Bool { known[type] != nil }

    /// A type's limits; modest ones for a type that is not in the table.
    static func limits(_ type: String) -> Limits { known[type] ?? Limits() }

    // MARK: What names tell

    private static let small: [String: (cpus: Int64, memory: Int64)] = [
        "t1.micro": (1, 627), "t2.nano": (1, 512), "t2.micro": (1, 1024), "t2.small": (1, 2048), "t2.medium": (2, 4096),
        "t2.large": (2, 8192), "m1.small": (1, 1741), "m1.medium": (1, 3788), "m3.medium": (1, 3840), "c3.large": (2, 3840),
        "c4.large": (2, 3840),
    ]

    private static let burstable: Set<String> = ["t2", "t3", "t3a", "t4g"]

    /// GiB of each vCPU by the first letters of the family.
    private static let memoryRatios: [(prefix: String, ratio: Int64)] = [
        ("x2iezn", 32), ("x2iedn", 32), ("x1e", 32), ("x8", 16), ("x", 16), ("u", 32), ("z", 8), ("r", 8), ("i3", 8), ("i", 8), ("p5", 10),
        ("p4", 12), ("p", 8), ("g", 4), ("h", 4), ("d2", 8), ("d3", 8), ("inf", 2), ("trn", 4), ("dl1", 8), ("hpc", 4), ("a", 2), ("c", 2),
        ("f", 15), ("m", 4), ("t", 4),
    ]

    /// vCPUs and MiB as the naming of sizes has it: `large` is 2 vCPUs, `xlarge` 4, `Nxlarge` 4 N; memory follows the family.
    static func shape(_ type: String) -> (cpus: Int64, memory: Int64) {
        if let exact = small[type] { return exact }
        let parts = type.split(separator: ".", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return (2, 4096) }
        let (family, size) = (parts[0], parts[1])
        if burstable.contains(family), let memory = ["nano": 512, "micro": 1024, "small": 2048, "medium": 4096][size] {
            return (2, Int64(memory))
        }
        let cpus: Int64
        switch size {
        case "medium": cpus = 1
        case "large": cpus = 2
        case "xlarge": cpus = 4
        case let text where text.hasSuffix("xlarge"): cpus = (Int64(text.dropLast("xlarge".count)) ?? 1) * 4
        case let text where text.hasPrefix("metal-"): cpus = (Int64(text.dropFirst("metal-".count).dropLast(2)) ?? 24) * 4
        default: cpus = 96
        }
        let ratio = memoryRatios.first { family.hasPrefix($0.prefix) }?.ratio ?? 4
        return (cpus, cpus * ratio * 1024)
    }

    /// `arm64` for families with a `g` behind their generation, and for the first Graviton.
    static func architecture(_ type: String) -> String {
        let family = type.prefix { $0 != "." }
        let letters = family.drop { !$0.isNumber }.drop { $0.isNumber }
        return family == "a1" || family.hasPrefix("g5g") || letters.hasPrefix("g") ? "arm64" : "x86_64"
    }

    // MARK: Operations

    static let operations: [EC2Operation] = [
        .read("DescribeInstanceTypes", describe), .read("DescribeInstanceTypeOfferings", describeOfferings),
    ]

    /// All names in order.
    private static let names = known.keys.sorted()

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
        let shape = shape(type)
        let isBurstable = burstable.contains(String(type.prefix { $0 != "." }))
        return [
            "instanceType": .string(type), "currentGeneration": .bool(limits.hypervisor != "xen"),
            "freeTierEligible": .bool(type == "t2.micro"),
            "supportedUsageClasses": ["on-demand", "spot"], "supportedRootDeviceTypes": ["ebs"], "supportedVirtualizationTypes": ["hvm"],
            "bareMetal": .bool(limits.isBareMetal), "hypervisor": limits.isBareMetal ? .null : .string(limits.hypervisor),
            "processorInfo": ["supportedArchitectures": [.string(architecture(type))]], "vCpuInfo": ["defaultVCpus": .integer(shape.cpus)],
            "memoryInfo": ["sizeInMiB": .integer(shape.memory)], "instanceStorageSupported": false,
            "networkInfo": [
                "maximumNetworkInterfaces": .integer(Int64(limits.cards.reduce(0, +))),
                "maximumNetworkCards": .integer(Int64(limits.cards.count)), "defaultNetworkCardIndex": 0,
                "networkCards": .array(
                    limits.cards.enumerated().map {
                        ["networkCardIndex": .integer(Int64($0.offset)), "maximumNetworkInterfaces": .integer(Int64($0.element))]
                    }), "ipv4AddressesPerInterface": .integer(Int64(limits.addressesPerInterface)),
                "ipv6AddressesPerInterface": .integer(Int64(limits.addressesPerInterface)), "ipv6Supported": true,
                "enaSupport": limits.hypervisor == "xen" ? "supported" : "required",
            ], "burstablePerformanceSupported": .bool(isBurstable), "dedicatedHostsSupported": .bool(!isBurstable),
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
