import World

/// Times at which something is due, each key having at most one.
struct DeadlineQueue: Sendable {
    private var heap: [(time: Instant, order: UInt64, key: String)] = []
    private var current: [String: UInt64] = [:]
    private var lastOrder: UInt64 = 0

    /// The earliest time.
    var next: Instant? {
        mutating get {
            while let first = heap.first, current[first.key] != first.order { popFirst() }
            return heap.first?.time
        }
    }

    /// Sets the time of a key; `nil` for none.
    mutating func set(_ key: String, _ time: Instant?) {
        lastOrder += 1
        current[key] = time == nil ? nil : lastOrder
        guard let time else { return }
        heap.append((time, lastOrder, key))
        var child = heap.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes out the earliest key that is due.
    mutating func take(by now: Instant) -> String? {
        guard let time = next, time <= now, let first = heap.first else { return nil }
        popFirst()
        current[first.key] = nil
        return first.key
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        heap[left].time == heap[right].time ? heap[left].order < heap[right].order : heap[left].time < heap[right].time
    }

    private mutating func popFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var first = parent
            for child in [parent * 2 + 1, parent * 2 + 2] where child < heap.count && precedes(child, first) { first = child }
            guard first != parent else { return }
            heap.swapAt(parent, first)
            parent = first
        }
    }
}
