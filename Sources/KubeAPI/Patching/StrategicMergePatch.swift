public import JSON

/// Strategic merge patch by the schema's merge keys and strategies (`k8s.io/apimachinery/pkg/util/strategicpatch`).
public struct StrategicMergePatch: Sendable {
    /// Why a patch is refused, in the server's words.
    public struct Failure: Error, Sendable, Hashable {
        /// The message.
        public let message: String
    }

    private static let directive = "$patch"
    private static let retainKeys = "$retainKeys"
    private static let deleteFromList = "$deleteFromPrimitiveList/"
    private static let elementOrder = "$setElementOrder/"

    private let schema: Schema

    /// The patched document; `type` is the place of its type in the schema, `nil` for one without strategies.
    ///
    /// - Throws: `Failure`.
    public static func apply(_ patch: JSON, to document: JSON, type: Int?, schema: Schema = .builtin) throws(Failure) -> JSON {
        guard case .object(let changes) = patch else { return document }
        return .object(try StrategicMergePatch(schema: schema).merge(document.object ?? JSONObject(), changes, type.map(ValueType.reference)))
    }

    private func field(_ name: String, of type: ValueType?) -> SchemaField? {
        if case .reference(let index) = type { return schema[index].field(name) }
        return nil
    }

    /// The type of a member of a map or of a field.
    private func memberType(_ name: String, of type: ValueType?) -> ValueType? {
        if case .map(let element) = type { return element }
        return field(name, of: type)?.type
    }

    // MARK: Maps

    private func merge(_ original: JSONObject, _ patch: JSONObject, _ type: ValueType?) throws(Failure) -> JSONObject {
        if let directive = patch[Self.directive] {
            switch directive.string {
            case "replace": return patch.without(Self.directive)
            case "delete": return JSONObject()
            default:
                throw Failure(
                    message: "unknown patch type: \(GoText.printed(directive)) in map: \(GoText.printed(.object(patch)))")
            }
        }
        var result = original
        var patch = patch
        try retain(&result, &patch)
        try order(&result, &patch, type)
        for change in patch.members {
            if change.key.hasPrefix(Self.deleteFromList) {
                let name = String(change.key.dropFirst(Self.deleteFromList.count))
                guard let doomed = change.value.array, let elements = result[name]?.array else { continue }
                result[name] = .array(elements.filter { !doomed.contains($0) })
                continue
            }
            if change.value.isNull {
                result[change.key] = nil
                continue
            }
            result[change.key] = try merged(result[change.key], change.value, change.key, type)
        }
        return result
    }

    private func merged(_ old: JSON?, _ new: JSON, _ name: String, _ type: ValueType?) throws(Failure) -> JSON {
        let strategies = field(name, of: type)?.patchStrategy ?? []
        let memberType = memberType(name, of: type)
        switch (old, new) {
        case (.object(let before), .object(let change)):
            return strategies.contains("replace") ? Self.clean(new) : .object(try merge(before, change, memberType))
        case (.array(let before), .array(let change)):
            guard strategies.contains("merge") else { return Self.clean(new) }
            return .array(try mergeList(before, change, name, type))
        case (nil, .object(let change)):
            return .object(try merge(JSONObject(), change, memberType))
        default: return Self.clean(new)
        }
    }

    /// `$retainKeys`: of a union only the named members stay.
    private func retain(_ result: inout JSONObject, _ patch: inout JSONObject) throws(Failure) {
        guard let keys = patch.removeValue(forKey: Self.retainKeys) else { return }
        guard let names = keys.strings else { throw Failure(message: "invalid patch format of retainKeys list") }
        for member in patch.members where !names.contains(member.key) && !member.key.hasPrefix("$") && !member.value.isNull {
            throw Failure(message: "\(GoText.printed(.string(member.key))) is not in the retainKeys list")
        }
        result.removeAll { !names.contains($0.key) }
    }

    /// `$setElementOrder/LIST`: merges the list now and puts it in order.
    private func order(_ result: inout JSONObject, _ patch: inout JSONObject, _ type: ValueType?) throws(Failure) {
        for member in patch.members where member.key.hasPrefix(Self.elementOrder) {
            patch.removeValue(forKey: member.key)
            let name = String(member.key.dropFirst(Self.elementOrder.count))
            guard let order = member.value.array else { throw Failure(message: "invalid setElementOrder list") }
            let key = field(name, of: type)?.patchMergeKey
            let change = patch.removeValue(forKey: name)?.array
            let original = result[name]?.array
            if let change { try check(change, isInOrder: order, key) }
            let merged: [JSON]
            switch (original, change) {
            case (nil, nil): continue
            case (let original?, nil): merged = original
            case (nil, let change?): merged = change.map(Self.clean)
            case (let original?, let change?): merged = try mergeList(original, change, name, type)
            }
            let wanted = merged.filter { item in order.contains { Self.isSame($0, item, key) } }
            let others = merged.filter { item in !order.contains { Self.isSame($0, item, key) } }
            result[name] = .array(Self.woven(others, Self.sorted(wanted, by: order, key), serverOrder: original ?? [], key))
        }
    }

    /// The patch's elements must occur in the wished order.
    private func check(_ change: [JSON], isInOrder order: [JSON], _ key: String?) throws(Failure) {
        let listed = change.filter { $0[Self.directive] == nil }
        var place = order.startIndex
        for element in listed {
            guard let found = order[place...].firstIndex(where: { Self.isSame($0, element, key) }) else {
                throw Failure(
                    message: "The order in patch list:\n\(GoText.printed(.array(listed)))\n doesn't match $setElementOrder list:\n"
                        + "\(GoText.printed(.array(order)))\n")
            }
            place = found + 1
        }
    }

    // MARK: Lists

    private func mergeList(_ original: [JSON], _ patch: [JSON], _ name: String, _ type: ValueType?) throws(Failure) -> [JSON] {
        let isOfMaps = (original + patch).contains { $0.object != nil }
        guard isOfMaps else {
            var merged: [JSON] = []
            for element in original + patch where !merged.contains(element) { merged.append(element) }
            let wanted = merged.filter(patch.contains)
            return Self.woven(merged.filter { !patch.contains($0) }, Self.sorted(wanted, by: patch, nil), serverOrder: original, nil)
        }
        guard let field = field(name, of: type), let key = field.patchMergeKey, case .array(let elementType) = field.type else {
            throw Failure(message: "cannot merge lists without merge key for \(name)")
        }
        var result = original
        var changes: [JSON] = []
        var isReplaced = false
        for element in patch {
            guard let directive = element[Self.directive]?.string else {
                changes.append(element)
                continue
            }
            switch directive {
            case "delete":
                guard let value = element[key] else { throw missing(key, element) }
                result.removeAll { $0[key] == value }
            case "replace":
                isReplaced = true
                // An element that has more than the directive replaces its namesake by itself.
                if let object = element.object, object.count > 1, object[key] != nil { changes.append(.object(object.without(Self.directive))) }
            default: throw Failure(message: "unknown patch type: \(directive) in list: \(GoText.printed(.array(patch)))")
            }
        }
        if isReplaced { return changes.map(Self.clean) }
        let before = result
        for change in changes {
            guard let value = change[key] else { throw missing(key, change) }
            if let place = result.firstIndex(where: { $0[key] == value }), let old = result[place].object, let object = change.object {
                result[place] = .object(try merge(old, object, elementType))
            } else {
                result.append(.object(try merge(JSONObject(), change.object ?? JSONObject(), elementType)))
            }
        }
        let wanted = result.filter { item in changes.contains { Self.isSame($0, item, key) } }
        let others = result.filter { item in !changes.contains { Self.isSame($0, item, key) } }
        return Self.woven(others, Self.sorted(wanted, by: changes, key), serverOrder: before, key)
    }

    private func missing(_ key: String, _ element: JSON) -> Failure {
        Failure(message: "map: \(GoText.printed(element)) does not contain declared merge key: \(key)")
    }

    private static func isSame(_ left: JSON, _ right: JSON, _ key: String?) -> Bool {
        guard let key else { return left == right }
        guard let value = left[key] else { return false }
        return value == right[key]
    }

    private static func sorted(_ items: [JSON], by order: [JSON], _ key: String?) -> [JSON] {
        func place(_ item: JSON) -> Int { order.firstIndex { isSame($0, item, key) } ?? order.count }
        return items.enumerated().sorted { (place($0.element), $0.offset) < (place($1.element), $1.offset) }.map(\.element)
    }

    /// The server's own elements keep their place relative to the patch's where the server knows both; else the patch's come first.
    private static func woven(_ server: [JSON], _ patched: [JSON], serverOrder: [JSON], _ key: String?) -> [JSON] {
        func place(_ item: JSON) -> Int? { serverOrder.firstIndex { isSame($0, item, key) } }
        var result: [JSON] = []
        var left = server[...]
        var right = patched[...]
        while let first = left.first, let second = right.first {
            if let own = place(first), let other = place(second), own < other {
                result.append(left.removeFirst())
            } else {
                result.append(right.removeFirst())
            }
        }
        return result + left + right
    }

    /// A value without directives and nulls, where there is nothing to merge it with.
    private static func clean(_ value: JSON) -> JSON {
        switch value {
        case .object(let object):
            var members: [JSONObject.Member] = []
            for member in object.members where !member.key.hasPrefix("$") && !member.value.isNull {
                members.append(JSONObject.Member(key: member.key, value: clean(member.value)))
            }
            return .object(JSONObject(unique: members))
        case .array(let elements): return .array(elements.filter { $0[directive] == nil }.map(clean))
        default: return value
        }
    }
}

extension JSONObject {
    fileprivate func without(_ key: String) -> JSONObject {
        var copy = self
        copy.removeValue(forKey: key)
        return copy
    }
}
