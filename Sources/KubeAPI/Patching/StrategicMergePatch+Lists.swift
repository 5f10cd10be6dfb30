import JSON

extension StrategicMergePatch {
    /// `$setElementOrder/LIST`: merges the list now and puts it in order.
    func order(_ result: inout JSONObject, _ patch: inout JSONObject, _ type: ValueType?) throws(Failure) {
        for member in patch where member.key.hasPrefix(Self.elementOrder) {
            patch.removeValue(forKey: member.key)
            guard let order = member.value.array else { throw .wrongType(member.value, expected: .list) }
            guard let name = Self.listName(member.key, Self.elementOrder) else {
                throw .malformed("invalid patch format of setElementOrder list")
            }
            let original = try Self.elements(result[name])
            let change = try Self.elements(patch[name])
            let list = try list(name, of: type)
            try check(change ?? [], isIn: order, list.mergeKey)
            var merged: [JSON]
            switch (original, change) {
            case (nil, nil): continue
            case (let original?, nil): merged = original
            case (nil, let change?): merged = change.compactMap { Self.added($0, keepsNulls: true) }
            case (let original?, let change?): merged = list.isMerged ? try merge(original, change, list) : change
            }
            _ = try Self.areMaps(original ?? [], change ?? [])
            merged = try Self.ordered(merged, by: order, serverOrder: original ?? [], list.mergeKey)
            result[name] = .array(merged)
            patch.removeValue(forKey: name)
        }
    }

    private static func elements(_ value: JSON?) throws(Failure) -> [JSON]? {
        guard let value else { return nil }
        guard let elements = value.array else { throw .wrongType(value, expected: .list) }
        return elements
    }

    /// The patch's elements must occur in the wished order, deletions apart.
    private func check(_ change: [JSON], isIn order: [JSON], _ key: String?) throws(Failure) {
        guard !order.isEmpty, !change.isEmpty else { return }
        var places = order[...]
        for element in change where element[Self.directive] == nil {
            let identity = try Self.identity(element, key)
            while true {
                guard let wished = places.popFirst() else {
                    throw .unexpected(
                        "The order in patch list:\n\(GoText.printed(.array(change)))\n doesn't match \(Self.elementOrder) list:\n"
                            + "\(GoText.printed(.array(order)))\n")
                }
                if try Self.identity(wished, key) == identity { break }
            }
        }
    }

    /// By what an element is recognised: the value of its merge key, or itself.
    private static func identity(_ element: JSON, _ key: String?) throws(Failure) -> JSON {
        guard let key else { return element }
        guard case .object(let object) = element else { throw .wrongType(element, expected: .map) }
        guard let identity = object[key] else { throw .noMergeKey(element, key) }
        return identity
    }

    /// Whether the elements of both lists are maps, rather than scalars.
    private static func areMaps(_ left: [JSON], _ right: [JSON]) throws(Failure) -> Bool {
        guard let first = (left.first ?? right.first).map(GoType.init) else {
            throw .unexpected("no elements in any of the given slices")
        }
        guard first != .list else { throw .listOfLists }
        guard first != .null, left.allSatisfy({ GoType($0) == first }), right.allSatisfy({ GoType($0) == first }) else {
            throw .unexpected("list element types are not identical: [\(GoText.printed(.array(left))) \(GoText.printed(.array(right)))]")
        }
        return first == .map
    }

    /// A list with a patch of it, or without the elements that the patch names.
    func merge(_ original: [JSON], _ patch: [JSON], _ list: List, isDeletion: Bool = false) throws(Failure) -> [JSON] {
        guard !original.isEmpty || !patch.isEmpty else { return original }
        guard try Self.areMaps(original, patch) else {
            var seen: Set<JSON> = isDeletion ? Set(patch) : []
            if isDeletion { return original.filter { !seen.contains($0) } }
            let merged = (original + patch).filter { seen.insert($0).inserted }
            return try Self.ordered(merged, by: patch, serverOrder: original, list.mergeKey)
        }
        guard let key = list.mergeKey else {
            throw .unexpected("cannot merge lists without merge key for \(list.element.map(kind) ?? "struct")")
        }
        let (server, changes) = try applyDirectives(original, patch, key)
        var merged = server
        var places: [JSON: Int] = [:]
        for (place, element) in server.enumerated() {
            if let identity = element[key], places[identity] == nil { places[identity] = place }
        }
        for change in changes {
            let identity = try Self.identity(change, key)
            if let place = places[identity], let old = merged[place].object, let object = change.object {
                merged[place] = .object(try merge(old, object, list.element))
            } else {
                places[identity] = merged.count
                merged.append(change)
            }
        }
        return try Self.ordered(merged, by: changes, serverOrder: server, key)
    }

    /// Carries out `$patch` of elements. After a `replace` the patch's own elements are the whole list.
    private func applyDirectives(_ original: [JSON], _ patch: [JSON], _ key: String) throws(Failure) -> (server: [JSON], changes: [JSON]) {
        var changes: [JSON] = []
        var deleted: Set<JSON> = []
        var isReplaced = false
        for element in patch {
            guard let object = element.object, let directive = object[Self.directive] else {
                changes.append(element)
                continue
            }
            switch directive.string {
            case "delete": deleted.insert(try Self.identity(element, key))
            case "replace": isReplaced = true
            case "merge": throw .unexpected("merging lists cannot yet be specified in the patch")
            default: throw .badDirective(directive, object)
            }
        }
        if isReplaced { return (changes, []) }
        guard !deleted.isEmpty else { return (original, changes) }
        return (original.filter { element in !(element[key].map(deleted.contains) ?? false) }, changes)
    }

    // MARK: Order

    /// The elements that `order` names in its order; the server's others keep their place relative to them where the server knows both,
    /// else they come after.
    private static func ordered(
        _ elements: [JSON], by order: [JSON], serverOrder: [JSON], _ key: String?
    ) throws(Failure) -> [JSON] {
        let wished = try places(order, key)
        let server = try places(serverOrder, key)
        var others: [(element: JSON, place: Int?)] = []
        var named: [(element: JSON, wish: Int, place: Int?)] = []
        for element in elements {
            let identity = try identity(element, key)
            if let wish = wished[identity] {
                named.append((element, wish, server[identity]))
            } else {
                others.append((element, server[identity]))
            }
        }
        // Sorting is stable.
        named.sort { $0.wish < $1.wish }
        others.sort { ($0.place ?? .max) < ($1.place ?? .max) }
        var result: [JSON] = []
        result.reserveCapacity(elements.count)
        var left = others[...]
        for item in named {
            while let own = left.first?.place, let other = item.place, own < other {
                result.append(left.removeFirst().element)
            }
            result.append(item.element)
        }
        return result + left.map(\.element)
    }

    /// Where each element first stands.
    private static func places(_ elements: [JSON], _ key: String?) throws(Failure) -> [JSON: Int] {
        var places: [JSON: Int] = [:]
        for (place, element) in elements.enumerated() {
            let identity = try identity(element, key)
            if places[identity] == nil { places[identity] = place }
        }
        return places
    }
}
