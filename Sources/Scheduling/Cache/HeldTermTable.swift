/// The pod affinity terms of placed pods, by number.
struct HeldTermTable: Sendable {
    private var table: [HeldTerm?] = []
    private var numbers: [HeldTerm.Key: Int] = [:]
    private var free: [Int] = []
    /// Terms by the namespaces that they name.
    private var byNamespace: [String: Set<Int>] = [:]
    /// Terms that look at the labels of namespaces.
    private var selecting: Set<Int> = []
    /// Changes when a term comes or goes.
    private(set) var revision: UInt64 = 1

    subscript(id: Int) -> HeldTerm? { table[id] }

    /// The terms that may concern pods of a namespace, in order.
    func ids(concerning namespace: String) -> [Int] { selecting.union(byNamespace[namespace] ?? []).sorted() }

    /// The terms of these requirements, each referred to once more.
    mutating func retain(_ pod: PodRequirements) -> [Int] {
        guard pod.hasPodAffinity else { return [] }
        var keys = pod.affinity.required.map { HeldTerm.Key(kind: .affinity, term: $0, weight: nil) }
        keys += pod.antiAffinity.required.map { HeldTerm.Key(kind: .antiAffinity, term: $0, weight: nil) }
        keys += pod.affinity.preferred.map { HeldTerm.Key(kind: .affinity, term: $0.term, weight: $0.weight) }
        keys += pod.antiAffinity.preferred.map { HeldTerm.Key(kind: .antiAffinity, term: $0.term, weight: $0.weight) }
        return keys.map { key in
            if let id = numbers[key] {
                table[id]?.references += 1
                return id
            }
            let id = free.popLast() ?? table.count
            if id == table.count { table.append(nil) }
            table[id] = HeldTerm(key: key, references: 1)
            numbers[key] = id
            index(id, key)
            return id
        }
    }

    mutating func release(_ ids: [Int]) {
        for id in ids {
            guard let known = table[id] else { continue }
            if known.references > 1 {
                table[id]?.references -= 1
            } else {
                table[id] = nil
                numbers[known.key] = nil
                free.append(id)
                unindex(id, known.key)
            }
        }
    }

    private mutating func index(_ id: Int, _ key: HeldTerm.Key) {
        let namespaces = key.term.pods.namespaces
        if namespaces.selector != nil { selecting.insert(id) }
        for name in namespaces.names { byNamespace[name, default: []].insert(id) }
        revision += 1
    }

    private mutating func unindex(_ id: Int, _ key: HeldTerm.Key) {
        selecting.remove(id)
        for name in key.term.pods.namespaces.names {
            byNamespace[name]?.remove(id)
            if byNamespace[name]?.isEmpty ?? false { byNamespace[name] = nil }
        }
        revision += 1
    }

    mutating func count(_ id: Int, on slot: Int, by step: Int) {
        guard let held = table[id]?.holders[slot, default: 0] else { return }
        table[id]?.holders[slot] = held + step == 0 ? nil : held + step
    }
}
