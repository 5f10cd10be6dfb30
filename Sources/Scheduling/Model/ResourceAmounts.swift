import JSON
import KubeAPI

/// What a pod asks for or a node has, in the units that the scheduler computes with (`framework.Resource`).
public struct ResourceAmounts: Sendable, Hashable {
    /// Thousandths of a CPU.
    public var milliCPU: Int64 = 0
    /// Bytes.
    public var memory: Int64 = 0
    /// Bytes.
    public var ephemeralStorage: Int64 = 0
    /// Huge pages, attachable volumes and extended resources, by name.
    public var scalars: [String: Int64] = [:]

    /// Nothing.
    public init() {}

    /// The amounts of a resource list; `pods` is not among them.
    init(_ list: PodResources.List) {
        for (name, amount) in list {
            switch name {
            case "cpu": milliCPU = amount.milliValue
            case "memory": memory = amount.value
            case "ephemeral-storage": ephemeralStorage = amount.value
            case "pods": break
            default: scalars[name] = amount.value
            }
        }
    }

    /// Whether nothing is asked for.
    var isZero: Bool { milliCPU == 0 && memory == 0 && ephemeralStorage == 0 && scalars.isEmpty }

    mutating func add(_ other: ResourceAmounts) {
        milliCPU = milliCPU.clampedAdding(other.milliCPU)
        memory = memory.clampedAdding(other.memory)
        ephemeralStorage = ephemeralStorage.clampedAdding(other.ephemeralStorage)
        for (name, amount) in other.scalars { scalars[name] = (scalars[name] ?? 0).clampedAdding(amount) }
    }

    mutating func subtract(_ other: ResourceAmounts) {
        milliCPU = milliCPU.clampedSubtracting(other.milliCPU)
        memory = memory.clampedSubtracting(other.memory)
        ephemeralStorage = ephemeralStorage.clampedSubtracting(other.ephemeralStorage)
        for (name, amount) in other.scalars { scalars[name] = (scalars[name] ?? 0).clampedSubtracting(amount) }
    }
}

extension Int64 {
    /// The sum, cut off at the ends of 64 bits: amounts come from clients.
    func clampedAdding(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, cut off at the ends of 64 bits.
    func clampedSubtracting(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
