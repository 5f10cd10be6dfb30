import Facts
import JSON

/// What an EC2 instance type gives a node: by the rule of the general families (memory to a vCPU) and the published limits of interfaces.
public struct InstanceSize: Sendable, Hashable {
    /// Thousandths of a vCPU.
    public let milliCPU: Int64
    /// Bytes.
    public let memory: Int64
    /// `--max-pods` of EKS' images: `maxENIs · (ipv4PerENI − 1) + 2` (facts/net.md 2).
    public let maximumPods: Int64
    /// Whether the processor is AWS' own.
    public let isARM: Bool

    private static let burstable: [String: Double] = [
        "nano": 0.5, "micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32,
    ]
    /// GiB to a vCPU, by the family's first letter.
    private static let memoryPerCPU: [Character: Double] = ["c": 2, "m": 4, "r": 8]

    /// The size of a type such as `m5.large`; `nil` for a family that this rule does not cover, and for what is no type.
    public init?(_ type: String) {
        let parts = type.split(separator: ".").map(String.init)
        guard parts.count == 2, let pods = Self.maximumPods(type), let letter = parts[0].first else { return nil }
        let size = parts[1]
        let cpus: Int64
        switch size {
        case "nano", "micro", "small", "medium", "large": cpus = letter == "t" || size == "large" ? 2 : 1
        case "xlarge": cpus = 4
        default:
            guard size.hasSuffix("xlarge"), let count = Int64(size.dropLast("xlarge".count)), (2...112).contains(count) else { return nil }
            cpus = 4 * count
        }
        let gibibytes: Double
        if letter == "t" {
            guard let known = Self.burstable[size] else { return nil }
            gibibytes = known
        } else {
            guard parts[0].dropFirst().first?.isNumber ?? false, let share = Self.memoryPerCPU[letter] else { return nil }
            gibibytes = share * Double(cpus)
        }
        milliCPU = cpus * 1000
        memory = Int64(gibibytes * Double(1 << 30))
        maximumPods = pods
        isARM = parts[0].dropFirst(2).contains("g")
    }

    private static let limits: JSON = {
        let bytes = Array(Facts.instanceLimits)
        return (try? JSON(parsing: bytes))?["types"] ?? .null
    }()

    private static func maximumPods(_ type: String) -> Int64? {
        guard let entry = limits[type], let interfaces = entry["maxENIs"]?.integer, let addresses = entry["ipv4PerENI"]?.integer else {
            return nil
        }
        return interfaces * (addresses - 1) + 2
    }
}
