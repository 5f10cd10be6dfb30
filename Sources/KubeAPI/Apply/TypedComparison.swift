import JSON

/// How two values of one type differ (`TypedValue.Compare`).
struct TypedComparison {
    /// What the new value has and the old one not, or has otherwise.
    var touched = FieldSet()
    /// What only the old value has.
    var removed = FieldSet()

    /// Compares two objects.
    init(_ old: JSON, _ new: JSON, _ type: MergeType) {
        let difference = Walk(schema: type.schema).compare(old, new, type.root)
        touched = difference.touched
        removed = difference.removed
    }

    var isEmpty: Bool { touched.isEmpty && removed.isEmpty }

    /// Without the paths that begin with one of `ignored`.
    mutating func exclude(_ ignored: FieldSet) {
        touched = touched.excluding(ignored)
        removed = removed.excluding(ignored)
    }

    /// The differences at and below one path.
    private struct Difference {
        var isTouched = false
        var isRemoved = false
        var touched = FieldSet()
        var removed = FieldSet()
        /// Whether the value is compared as a whole.
        var isLeaf = false

        mutating func append(_ step: FieldPathElement, _ below: Difference) {
            touched.append(step, isMember: below.isTouched, below.touched)
            removed.append(step, isMember: below.isRemoved, below.removed)
        }

        mutating func sort() {
            touched.sort()
            removed.sort()
        }
    }

    private struct Walk {
        let schema: MergeSchema

        /// At least one of the values is there.
        func compare(_ old: JSON?, _ new: JSON?, _ type: Int) -> Difference {
            if let new, new.sharesStorage(with: old) { return Difference(isLeaf: true) }
            var difference: Difference
            if schema.isDeduced(type) {
                difference = compareDeduced(old, new, type)
            } else {
                difference = compare(old, new, schema.shape(type, of: nil))
            }
            if !difference.isLeaf {
                if old == nil { difference.isTouched = true } else if new == nil { difference.isRemoved = true }
            }
            return difference
        }

        private func compareDeduced(_ old: JSON?, _ new: JSON?, _ type: Int) -> Difference {
            let before = schema.shape(type, of: old)
            let after = schema.shape(type, of: new)
            guard let before, let after, Self.kind(before) != Self.kind(after) else { return compare(old, new, after ?? before) }
            // A value that became one of another form is compared in both.
            let first = compare(old, new, before)
            var second = compare(old, new, after)
            second.isTouched = second.isTouched || first.isTouched
            second.isRemoved = second.isRemoved || first.isRemoved
            second.touched = second.touched.union(first.touched)
            second.removed = second.removed.union(first.removed)
            return second
        }

        private static func kind(_ shape: MergeSchema.Shape) -> Int {
            switch shape {
            case .scalar: 0
            case .list: 1
            case .map: 2
            case .deduced: 3
            }
        }

        private func compare(_ old: JSON?, _ new: JSON?, _ shape: MergeSchema.Shape?) -> Difference {
            switch shape {
            case .list(let element, let identity):
                let before = old?.array ?? []
                let after = new?.array ?? []
                if case .atomic = identity { return leaf(old, new) }
                if before.isEmpty, after.isEmpty { return leaf(old, new) }
                return list(before, after, element, identity)
            case .map(let map):
                let before = old?.object
                let after = new?.object
                if map.isAtomic || ((before?.isEmpty ?? true) && (after?.isEmpty ?? true)) { return leaf(old, new) }
                return self.map(before, after, map)
            default: return leaf(old, new)
            }
        }

        private func leaf(_ old: JSON?, _ new: JSON?) -> Difference {
            var difference = Difference(isLeaf: true)
            guard let old else {
                difference.isTouched = true
                return difference
            }
            guard let new else {
                difference.isRemoved = true
                return difference
            }
            difference.isTouched = old != new && !old.isEquivalent(to: new)
            return difference
        }

        private func map(_ old: JSONObject?, _ new: JSONObject?, _ map: MergeSchema.Map) -> Difference {
            var difference = Difference()
            let before = old?.members ?? []
            let after = new?.members ?? []
            if before.isEmpty { difference.touched.reserveCapacity(after.count) }
            var hint = 0
            var met = 0
            // Both are in the order of the type most times: the next old member is likely to be the same.
            var next = 0
            for member in after {
                var counterpart: JSON?
                if next < before.count, before[next].key == member.key {
                    counterpart = before[next].value
                    next += 1
                } else if let place = old?.position(of: member.key) {
                    counterpart = before[place].value
                    next = place + 1
                }
                if counterpart != nil { met += 1 }
                let field = map.field(member.key, &hint)
                guard let type = field?.type ?? map.element else { continue }
                let below = compare(counterpart, member.value, type)
                if below.isTouched || below.isRemoved || !below.touched.isEmpty || !below.removed.isEmpty {
                    difference.append(field?.element ?? .field(member.key), below)
                }
            }
            if met < before.count {
                hint = 0
                for member in before where new?.contains(member.key) != true {
                    let field = map.field(member.key, &hint)
                    guard let type = field?.type ?? map.element else { continue }
                    difference.append(field?.element ?? .field(member.key), compare(member.value, nil, type))
                }
            }
            difference.sort()
            return difference
        }

        private func list(_ old: [JSON], _ new: [JSON], _ element: Int, _ identity: MergeSchema.Identity) -> Difference {
            var difference = Difference()
            let before = ListItems(old, identity)
            let after = ListItems(new, identity)
            for step in after.unique { difference.append(step, item(step, before[step], after[step], element)) }
            for step in before.unique where after[step].isEmpty { difference.append(step, item(step, before[step], [], element)) }
            difference.sort()
            return difference
        }

        /// Elements of one identity; more than one count as a whole.
        private func item(_ step: FieldPathElement, _ old: [JSON], _ new: [JSON], _ element: Int) -> Difference {
            var difference = Difference()
            switch (old.count, new.count) {
            case (...1, ...1): return compare(old.first, new.first, element)
            case (2..., 2...): difference.isTouched = old != new
            case (2..., _):
                if let item = new.first { difference = compare(nil, item, element) }
                difference.isRemoved = true
            default:
                if let item = old.first { difference = compare(item, nil, element) }
                difference.isTouched = true
            }
            return difference
        }
    }
}

/// The elements of a list by their identity. Elements without one are left out.
struct ListItems {
    /// Identities in the order of the list, each once.
    private(set) var unique: [FieldPathElement] = []
    /// The identity of each element that has one, with its place in the list.
    private(set) var places: [(step: FieldPathElement, index: Int)] = []
    private let items: [JSON]
    private var byStep: [FieldPathElement: [Int]] = [:]

    /// Up to so many elements are searched one by one.
    private static let searchLimit = 8

    init(_ items: [JSON], _ identity: MergeSchema.Identity) {
        self.items = items
        places.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            guard let step = try? MergeSchema.element(of: item, identity) else { continue }
            if items.count > Self.searchLimit {
                if byStep[step, default: []].isEmpty { unique.append(step) }
                byStep[step, default: []].append(index)
            } else if !unique.contains(step) {
                unique.append(step)
            }
            places.append((step, index))
        }
    }

    /// The elements of an identity.
    subscript(_ step: FieldPathElement) -> [JSON] {
        if items.count > Self.searchLimit { return (byStep[step] ?? []).map { items[$0] } }
        return places.filter { $0.step == step }.map { items[$0.index] }
    }

    /// Whether there is an element of an identity.
    func contains(_ step: FieldPathElement) -> Bool {
        items.count > Self.searchLimit ? byStep[step] != nil : unique.contains(step)
    }
}
