import IPAddress
import JSON
import ServiceNetwork
import VPCModel

/// Vectors of addresses: `cases[]` by `kind`.
enum NetVectors {
    static func run(_ document: JSON) async -> VectorTally {
        var tally = VectorTally()
        for example in document["cases"]?.array ?? [] { tally.add(example["id"]?.string ?? "?", await run(example: example)) }
        return tally
    }

    private static func run(example: JSON) async -> VectorOutcome {
        switch example["kind"]?.string {
        case "serviceBands": return serviceBands(example)
        case "nodePortBands": return nodePortBands(example)
        case "ipam": return await NetPoolVectors.run(example)
        case "subnetRules": return subnetRules(example)
        case "eksServiceCidr": return compare(example, NetClusterVectors.serviceRange)
        case "endpointAccess": return compare(example, NetClusterVectors.endpoint)
        case "maxPods": return compare(example, NetNodeVectors.maxPods)
        case "snatRules": return compare(example, NetNodeVectors.snatRules)
        case "podEni": return compare(example, NetNodeVectors.podENI)
        case "service": return await NetServiceVectors.run(example)
        case let kind?: return .notRun("\(kind) is not simulated yet")
        case nil: return .failed("the case has no kind")
        }
    }

    private static func serviceBands(_ example: JSON) -> VectorOutcome {
        guard let text = example.at("given", "cidr")?.string, let block = CIDRBlock(text), let bands = ServiceAddressBands(block) else {
            return .failed("not a range: \(example.at("given", "cidr") ?? .null)")
        }
        func ends(_ range: IPRange?) -> JSON { range.map { JSON(strings: [$0.first.description, $0.last.description]) } ?? .null }
        let tenth = block.address(at: 10).flatMap { bands.usable.contains($0) ? $0 : nil }
        return compare(
            example,
            [
                "usable": bands.usable.count.map { .string(String($0)) } ?? .null, "offset": .integer(Int64(bands.offset)),
                "static": ends(bands.staticBand), "dynamic": ends(bands.dynamicBand),
                "kubernetesService": .string(bands.kubernetesService.description),
                "tenthAddress": tenth.map { .string($0.description) } ?? .null,
            ])
    }

    private static func nodePortBands(_ example: JSON) -> VectorOutcome {
        guard let bands = example.at("given", "range")?.string.flatMap(ports) else {
            return .failed("not a range: \(example.at("given", "range") ?? .null)")
        }
        func shown(_ range: ClosedRange<Int>?) -> JSON {
            range.map { [.integer(Int64($0.lowerBound)), .integer(Int64($0.upperBound))] } ?? .null
        }
        return compare(
            example,
            [
                "size": .integer(Int64(bands.range.count)), "offset": .integer(Int64(bands.offset)), "static": shown(bands.staticBand),
                "dynamic": shown(bands.dynamicBand),
            ])
    }

    private static func subnetRules(_ example: JSON) -> VectorOutcome {
        guard let block = example.at("given", "cidr")?.string.flatMap({ CIDRBlock($0) }) else {
            return .failed("not a block: \(example.at("given", "cidr") ?? .null)")
        }
        let pool = SubnetPool(block)
        return compare(
            example,
            [
                "availableIpAddressCount": .integer(Int64(clamping: pool.availableAddressCount)),
                "alignedFreePrefixes28": .integer(Int64(clamping: pool.availablePrefixCount)),
            ])
    }

    /// A range of ports, `first-last`.
    static func ports(_ text: String) -> NodePortBands? {
        let ends = text.split(separator: "-").compactMap { Int($0) }
        return ends.count == 2 && ends[0] <= ends[1] ? NodePortBands(ends[0]...ends[1]) : nil
    }

    private static func compare(_ example: JSON, _ answer: (JSON) -> JSON?) -> VectorOutcome {
        let given = example["given"] ?? [:]
        guard let actual = answer(given) else { return .failed("not understood: \(given)") }
        return compare(example, actual)
    }

    private static func compare(_ example: JSON, _ actual: JSON) -> VectorOutcome {
        var differences = Differences()
        differences.compare("expect", example["expect"], actual)
        return VectorOutcome(differences.texts)
    }
}
