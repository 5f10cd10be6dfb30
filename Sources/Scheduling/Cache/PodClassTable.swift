import JSON

/// The classes of pods, by number. Numbers of classes without pods are given again.
struct PodClassTable: Sendable {
    private var table: [PodClass?] = []
    private var numbers: [PodRequirements: Int] = [:]
    private var free: [Int] = []
    private var byNamespace: [String: Set<Int>] = [:]

    /// The numbers of the classes in namespaces, `nil` for all, in order.
    func ids(in namespaces: Set<String>?) -> [Int] {
        guard let namespaces else { return table.indices.filter { table[$0] != nil } }
        return namespaces.reduce(into: Set()) { $0.formUnion(byNamespace[$1] ?? []) }.sorted()
    }

    subscript(id: Int) -> PodClass { table[id] ?? PodClass.none }

    mutating func intern(_ requirements: PodRequirements) -> (id: Int, isNew: Bool) {
        if let id = numbers[requirements] {
            table[id]?.references += 1
            return (id, false)
        }
        let id = free.popLast() ?? table.count
        if id == table.count { table.append(nil) }
        table[id] = PodClass(requirements: requirements, references: 1)
        numbers[requirements] = id
        byNamespace[requirements.namespace, default: []].insert(id)
        return (id, true)
    }

    /// Answers the class when that was the last reference.
    mutating func release(_ id: Int) -> PodClass? {
        guard let known = table[id] else { return nil }
        guard known.references <= 1 else {
            table[id]?.references -= 1
            return nil
        }
        table[id] = nil
        numbers[known.requirements] = nil
        byNamespace[known.requirements.namespace]?.remove(id)
        if byNamespace[known.requirements.namespace]?.isEmpty ?? false { byNamespace[known.requirements.namespace] = nil }
        free.append(id)
        return known
    }

    mutating func count(_ id: Int, on slot: Int, isTerminating: Bool, by step: Int) {
        guard table[id] != nil else { return }
        var placement = table[id]?.placements[slot] ?? PodClass.Placement()
        if isTerminating { placement.terminating += step } else { placement.live += step }
        table[id]?.placements[slot] = placement.live == 0 && placement.terminating == 0 ? nil : placement
    }

    mutating func addCounter(_ counter: Int, to id: Int) { table[id]?.counters.append(counter) }
    mutating func removeCounter(_ counter: Int, from id: Int) { table[id]?.counters.removeAll { $0 == counter } }
    mutating func setTerms(_ terms: [Int], of id: Int) { table[id]?.terms = terms }
}

extension PodClass {
    /// What an unused number stands for.
    fileprivate static let none = PodClass(requirements: PodRequirements([:]))
}
