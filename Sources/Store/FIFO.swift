/// A queue in one array: appends and removals at the front cost constant time on average.
struct FIFO<Element: Sendable>: Sendable {
    private var storage: [Element?] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { count == 0 }
    var first: Element? { head < storage.count ? storage[head] : nil }

    mutating func append(_ element: Element) { storage.append(element) }

    mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head]
        storage[head] = nil
        head += 1
        if head > 64, head * 2 > storage.count {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    /// The elements behind those for which `belongs` is false; it must be false for a first part and true for the rest.
    func suffix(where belongs: (Element) -> Bool) -> [Element] {
        var low = head
        var high = storage.count
        while low < high {
            let middle = (low + high) / 2
            if let element = storage[middle], belongs(element) { high = middle } else { low = middle + 1 }
        }
        return storage[low...].compactMap(\.self)
    }
}
