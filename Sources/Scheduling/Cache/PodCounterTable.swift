import JSON

/// The counters of pods, by number.
struct PodCounterTable: Sendable {
    private var table: [PodCounter?] = []
    private var numbers: [PodCounter.Question: Int] = [:]
    private var free: [Int] = []

    subscript(id: Int) -> PodCounter { table[id] ?? PodCounter(question: .init(matchers: [], countsTerminating: false), counts: []) }

    mutating func retain(_ question: PodCounter.Question, slots: Int) -> (id: Int, isNew: Bool) {
        if let id = numbers[question] {
            table[id]?.references += 1
            return (id, false)
        }
        let id = free.popLast() ?? table.count
        if id == table.count { table.append(nil) }
        table[id] = PodCounter(question: question, counts: Array(repeating: 0, count: slots), references: 1)
        numbers[question] = id
        return (id, true)
    }

    /// Answers whether that was the last reference.
    mutating func release(_ id: Int) -> Bool {
        guard let known = table[id] else { return false }
        guard known.references <= 1 else {
            table[id]?.references -= 1
            return false
        }
        table[id] = nil
        numbers[known.question] = nil
        free.append(id)
        return true
    }

    mutating func grow(to slots: Int) {
        for id in table.indices {
            while let count = table[id]?.counts.count, count < slots { table[id]?.counts.append(0) }
        }
    }

    mutating func count(_ id: Int, on slot: Int, isTerminating: Bool, by step: Int64) {
        guard let counter = table[id], !isTerminating || counter.question.countsTerminating else { return }
        add(step, to: id, on: slot)
    }

    mutating func add(_ step: Int64, to id: Int, on slot: Int) { table[id]?.counts[slot] += step }

    mutating func reset(_ id: Int) {
        guard let count = table[id]?.counts.count else { return }
        table[id]?.counts = Array(repeating: 0, count: count)
    }

    /// Whether a counter counts pods of these requirements.
    func counts(_ id: Int, _ pod: PodRequirements, _ namespaces: [String: JSONObject]) -> Bool {
        self[id].question.matchers.allSatisfy { $0.matches(pod, namespaceLabels: namespaces[pod.namespace]) }
    }

    /// The counters that count pods of these requirements.
    func matching(_ pod: PodRequirements, labels: JSONObject?) -> [Int] {
        table.indices.filter { id in
            table[id]?.question.matchers.allSatisfy { $0.matches(pod, namespaceLabels: labels) } ?? false
        }
    }

    /// The counters that look at the labels of namespaces.
    func ids(selectingNamespaces: Bool) -> [Int] {
        table.indices.filter { id in table[id]?.question.matchers.contains { $0.namespaces.selector != nil } == selectingNamespaces }
    }
}
