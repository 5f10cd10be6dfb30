/// The state of a collection at an older revision: the current entries with the changes since then taken back.
struct PastState {
    private struct Difference {
        let name: String
        /// What stood under the name; `nil` when nothing did.
        let then: Entry?
    }

    private let current: OrderedEntries
    /// In byte order of the names.
    private let differences: [Difference]

    /// Takes back `changes`, which are all those after the wanted revision, in order.
    init(current: OrderedEntries, changes: [Change]) {
        self.current = current
        var oldest: [ExactKey: Entry?] = [:]
        for change in changes {
            let key = ExactKey(Key("", change.name))
            if oldest[key] == nil { oldest[key] = .some(change.previous) }
        }
        differences = oldest.map { Difference(name: $0.key.name, then: $0.value) }.sorted { $0.name.compareBytes(to: $1.name) < 0 }
    }

    /// Entries with `prefix` that follow `after`, at most `limit` (0 for all), and how many follow those.
    func range(prefix: String, after: String?, limit: Int) -> (entries: [Entry], remaining: Int) {
        let bounds = current.bounds(prefix: prefix, after: after)
        let relevant = differences.filter { difference in
            difference.name.hasBytePrefix(prefix) && (after.map { difference.name.compareBytes(to: $0) > 0 } ?? true)
        }
        var total = current.distance(from: bounds.from, to: bounds.to)
        for difference in relevant {
            total += (difference.then == nil ? 0 : 1) - (current.find(difference.name) == nil ? 0 : 1)
        }
        let wanted = limit > 0 ? min(limit, total) : total
        var result: [Entry] = []
        result.reserveCapacity(wanted)
        var position = bounds.from
        var next = 0
        while result.count < wanted {
            let entry = position < bounds.to ? current.entry(at: position) : nil
            let difference = next < relevant.count ? relevant[next] : nil
            guard entry != nil || difference != nil else { break }
            if let difference, entry.map({ difference.name.compareBytes(to: $0.name) <= 0 }) ?? true {
                next += 1
                if let entry, entry.name.compareBytes(to: difference.name) == 0 { position = current.position(after: position) }
                if let then = difference.then { result.append(then) }
            } else if let entry {
                result.append(entry)
                position = current.position(after: position)
            }
        }
        return (result, total - result.count)
    }
}
