import JSON

/// Merges a configuration into an object and takes fields out of one (`TypedValue.Merge`, `TypedValue.RemoveItems`).
struct TypedMerge {
    let schema: MergeSchema

    /// `object` with what `config` says, which wins.
    static func merge(_ config: JSON, into object: JSON, _ type: MergeType) -> JSON {
        TypedMerge(schema: type.schema).merge(object, config, type.root) ?? object
    }

    /// `object` without the fields and list elements of a set.
    static func remove(_ set: FieldSet, from object: JSON, _ type: MergeType) -> JSON {
        set.isEmpty ? object : TypedMerge(schema: type.schema).remove(set, object, type.root)
    }

    // MARK: Merging

    /// `nil` when nothing is left.
    private func merge(_ old: JSON?, _ new: JSON, _ type: Int) -> JSON? {
        guard let old else { return new }
        switch schema.shape(type, of: new) ?? schema.shape(type, of: old) {
        case .list(let element, let identity):
            let before = old.array ?? []
            let after = new.array ?? []
            if case .atomic = identity { return new }
            if before.isEmpty && after.isEmpty { return new }
            if after.isEmpty { return old }
            return list(before, after, element, identity)
        case .map(let map):
            let before = old.object ?? JSONObject()
            let after = new.object ?? JSONObject()
            if map.isAtomic || (before.isEmpty && after.isEmpty) { return new }
            if after.isEmpty { return old }
            return self.map(before, after, map)
        default: return new
        }
    }

    private func map(_ old: JSONObject, _ new: JSONObject, _ map: MergeSchema.Map) -> JSON? {
        var result = old
        var hint = 0
        var updates: [(String, JSON?)] = []
        for member in new.members {
            guard let type = map.field(member.key, &hint)?.type ?? map.element else { continue }
            updates.append((member.key, merge(old[member.key], member.value, type)))
        }
        result.update(updates)
        return result.isEmpty ? nil : .object(result)
    }

    /// The order of the new list holds; elements that only the old one has stay where they stood relative to shared ones.
    private func list(_ old: [JSON], _ new: [JSON], _ element: Int, _ identity: MergeSchema.Identity) -> JSON? {
        let before = ListItems(old, identity)
        let after = ListItems(new, identity)
        var result: [JSON] = []
        result.reserveCapacity(max(old.count, new.count))
        var merged: Set<FieldPathElement> = []
        var shared = after.unique.filter(before.contains)[...]
        var left = before.places[...]
        var right = after.unique[...]

        func take(_ step: FieldPathElement) {
            merged.insert(step)
            let own = before[step]
            // Old elements of one identity are not merged with, they are replaced.
            guard let item = after[step].first else { return }
            if let item = merge(own.count == 1 ? own[0] : nil, item, element) { result.append(item) }
        }
        while !left.isEmpty || !right.isEmpty {
            if let mine = left.first, let theirs = right.first {
                if mine.step == theirs {
                    take(theirs)
                    left.removeFirst()
                    right.removeFirst()
                    _ = shared.popFirst()
                    continue
                }
                if after.contains(mine.step), let next = shared.first, next != mine.step {
                    // A shared element, but not the one whose turn it is.
                    left.removeFirst()
                    continue
                }
            }
            if let mine = left.first {
                if !after.contains(mine.step) {
                    result.append(old[mine.index])
                    left.removeFirst()
                    continue
                }
                if merged.contains(mine.step) {
                    left.removeFirst()
                    continue
                }
            }
            if let theirs = right.popFirst() {
                take(theirs)
                if shared.first == theirs { shared.removeFirst() }
            }
        }
        return result.isEmpty ? nil : .array(result)
    }

    // MARK: Removal

    /// Null stands for a list or map of which nothing is left.
    private func remove(_ set: FieldSet, _ value: JSON, _ type: Int) -> JSON {
        switch schema.shape(type, of: value) {
        case .list(let element, let identity):
            guard case .array(let items) = value, !items.isEmpty else { return .null }
            if case .atomic = identity { return .null }
            var kept: [JSON] = []
            kept.reserveCapacity(items.count)
            for item in items {
                guard let step = try? MergeSchema.element(of: item, identity), let node = set.node(step) else {
                    kept.append(item)
                    continue
                }
                if !node.isMember { kept.append(node.set.isEmpty ? item : remove(node.set, item, element)) }
            }
            return kept.isEmpty ? .null : .array(kept)
        case .map(let map):
            guard case .object(let object) = value, !object.isEmpty, !map.isAtomic else { return .null }
            var hint = 0
            var kept: [JSONObject.Member] = []
            kept.reserveCapacity(object.count)
            for member in object.members {
                let field = map.field(member.key, &hint)
                guard let node = set.node(field?.element ?? .field(member.key)) else {
                    kept.append(member)
                    continue
                }
                guard !node.isMember, let type = field?.type ?? map.element else { continue }
                kept.append(.init(key: member.key, value: node.set.isEmpty ? member.value : remove(node.set, member.value, type)))
            }
            return kept.isEmpty ? .null : .object(JSONObject(unique: kept))
        default: return value
        }
    }
}

extension FieldSet {
    /// With the fields of structures that lead to a path of the set (`EnsureNamedFieldsAreMembers`).
    func withNamedFields(_ type: MergeType) -> FieldSet { withNamedFields(type.schema, type.root) }

    private func withNamedFields(_ schema: MergeSchema, _ type: Int) -> FieldSet {
        var result = FieldSet()
        result.reserveCapacity(nodes.count)
        for node in nodes {
            var isField = false
            var below: Int?
            switch schema.shape(type, of: nil) {
            case .map(let map):
                var hint = 0
                let field = map.field(String(node.element.text.dropFirst(2)), &hint)
                isField = field != nil
                below = field?.type ?? map.element
            case .list(let element, _): below = element
            case nil: below = type
            default: break
            }
            let set = below.map { node.set.withNamedFields(schema, $0) } ?? node.set
            result.append(node.element, isMember: node.isMember || (isField && !node.set.isEmpty), set)
        }
        return result
    }
}
