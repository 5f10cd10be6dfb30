import HeapModule
public import World

/// Times at which something is due, each key having at most one.
public struct DeadlineQueue: Sendable {
    private struct Deadline: Sendable, Comparable {
        let time: Instant
        let order: UInt64
        let key: String

        static func < (left: Deadline, right: Deadline) -> Bool {
            left.time == right.time ? left.order < right.order : left.time < right.time
        }
    }

    private var heap = Heap<Deadline>()
    private var current: [String: UInt64] = [:]
    private var lastOrder: UInt64 = 0

    /// Makes a queue in which nothing is due.
    public init() {}

    /// The earliest time.
    public var next: Instant? {
        mutating get {
            // The heap keeps deadlines that were set anew.
            while let first = heap.min, current[first.key] != first.order { heap.removeMin() }
            return heap.min?.time
        }
    }

    /// Whether a key has a time.
    public func contains(_ key: String) -> Bool { current[key] != nil }

    /// Sets the time of a key; `nil` for none.
    public mutating func set(_ key: String, _ time: Instant?) {
        lastOrder += 1
        current[key] = time == nil ? nil : lastOrder
        if let time { heap.insert(Deadline(time: time, order: lastOrder, key: key)) }
    }

    /// Takes out the earliest key that is due.
    public mutating func take(by now: Instant) -> String? {
        guard let time = next, time <= now, let first = heap.popMin() else { return nil }
        current[first.key] = nil
        return first.key
    }
}
