/// What an instance type's name tells of it: sizes and families follow rules, with the exceptions listed here (EC2's "Instance types").
public struct InstanceShape: Sendable, Hashable {
    /// Virtual CPUs.
    public let vCPUs: Int64
    /// Memory in MiB.
    public let memory: Int64
    /// `arm64` for families with a `g` behind their generation and for the first Graviton, else `x86_64`.
    public let architecture: String
    /// Whether the family's CPUs are lent by credits.
    public let isBurstable: Bool

    /// Reads a name such as `m5.large`: `large` is 2 vCPUs, `xlarge` 4, `Nxlarge` 4 N; memory follows the family. What is no such name gets
    /// 2 vCPUs and 4 GiB.
    public init(_ type: String) {
        (vCPUs, memory) = Self.size(type)
        let family = type.prefix { $0 != "." }
        let letters = family.drop { !$0.isNumber }.drop { $0.isNumber }
        isBurstable = Self.burstable.contains(String(family))
        architecture = family == "a1" || family.hasPrefix("g5g") || letters.hasPrefix("g") ? "arm64" : "x86_64"
    }

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

    private static func size(_ type: String) -> (cpus: Int64, memory: Int64) {
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
        case let text where text.hasSuffix("xlarge"): cpus = quadruple(text.dropLast("xlarge".count), 1)
        case let text where text.hasPrefix("metal-"): cpus = quadruple(text.dropFirst("metal-".count).dropLast(2), 24)
        default: cpus = 96
        }
        let ratio = memoryRatios.first { family.hasPrefix($0.prefix) }?.ratio ?? 4
        return (cpus, cpus * ratio * 1024)
    }

    /// Four vCPUs for each of a number that stands in a name; no machine has more than 1,024 times four.
    private static func quadruple(_ number: Substring, _ fallback: Int64) -> Int64 { min(max(Int64(number) ?? fallback, 1), 1024) * 4 }
}
