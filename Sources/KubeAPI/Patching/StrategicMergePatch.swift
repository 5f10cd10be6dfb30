public import JSON

/// Strategic merge patch by the schema's merge keys and strategies (`k8s.io/apimachinery/pkg/util/strategicpatch`).
public struct StrategicMergePatch: Sendable {
    static let directive = "$patch"
    private static let retainKeys = "$retainKeys"
    private static let deletion = "$deleteFromPrimitiveList"
    static let elementOrder = "$setElementOrder"

    let schema: Schema

    /// The patched document; `type` is the place of its type in the schema, `nil` for one without strategies.
    ///
    /// - Throws: `Failure`.
    public static func apply(_ patch: JSON, to document: JSON, type: Int?, schema: Schema = .builtin) throws(Failure) -> JSON {
        guard case .object(let changes) = patch else { return document }
        return .object(try StrategicMergePatch(schema: schema).merge(document.object ?? [:], changes, type.map(ValueType.reference)))
    }

    /// A map with a patch of it.
    func merge(_ original: JSONObject, _ patch: JSONObject, _ type: ValueType?) throws(Failure) -> JSONObject {
        var patch = patch
        if let directive = patch.removeValue(forKey: Self.directive) {
            switch directive.string {
            case "replace": return patch
            case "delete": return [:]
            default:
                patch[Self.directive] = directive
                throw .badDirective(directive, patch)
            }
        }
        var result = original
        try retain(&result, &patch)
        try order(&result, &patch, type)
        for change in patch where change.key.hasPrefix(Self.deletion) { try delete(change, from: &result, type) }
        var updates: [(String, JSON?)] = []
        for change in patch where !change.key.hasPrefix(Self.deletion) {
            if change.value.isNull {
                updates.append((change.key, nil))
            } else if let old = result[change.key] {
                updates.append((change.key, try merged(old, change.value, change.key, type)))
            } else {
                updates.append((change.key, Self.added(change.value)))
            }
        }
        result.update(updates)
        return result
    }

    /// `$deleteFromPrimitiveList/LIST`: what is not there needs no deletion.
    private func delete(_ change: JSONObject.Member, from result: inout JSONObject, _ type: ValueType?) throws(Failure) {
        guard let name = Self.listName(change.key, Self.deletion) else { throw .malformed("invalid patch format of primitive list") }
        if change.value.isNull {
            result[name] = nil
        } else if let old = result[name], GoType(old) == GoType(change.value) {
            result[name] = try merged(old, change.value, name, type, isDeletion: true)
        }
    }

    /// A member that is there with a change of it; `nil` when nothing is left.
    private func merged(_ old: JSON, _ new: JSON, _ name: String, _ type: ValueType?, isDeletion: Bool = false) throws(Failure) -> JSON? {
        guard GoType(old) == GoType(new) else { return Self.added(new) }
        switch (old, new) {
        case (.object(let before), .object(let change)):
            let field = try field(name, of: type)
            return field.strategy == "replace" ? new : .object(try merge(before, change, field.type))
        case (.array(let before), .array(let change)):
            let list = try list(name, of: type)
            guard list.isMerged || isDeletion else { return new }
            return .array(try merge(before, change, list, isDeletion: isDeletion))
        default: return new
        }
    }

    /// The list that `$setElementOrder/LIST` and `$deleteFromPrimitiveList/LIST` are about.
    static func listName(_ key: String, _ directive: String) -> String? {
        let rest = key.dropFirst(directive.count)
        return rest.first == "/" ? String(rest.dropFirst()) : nil
    }

    /// `$retainKeys`: of a union only the named members stay, and no other may be set.
    private func retain(_ result: inout JSONObject, _ patch: inout JSONObject) throws(Failure) {
        guard let keys = patch.removeValue(forKey: Self.retainKeys) else { return }
        let problem = Failure.malformed("invalid patch format of retainKeys")
        guard let names = keys.array.map({ Set($0.compactMap(\.string)) }) else { throw problem }
        for member in patch where !member.value.isNull && !names.contains(member.key) {
            guard member.key.hasPrefix(Self.deletion) || member.key.hasPrefix(Self.elementOrder) else { throw problem }
        }
        result.removeAll { !names.contains($0.key) }
    }

    /// A value that is new in the document: without directives and, unless they are kept, without null members; `nil` when the value is
    /// itself a directive.
    static func added(_ value: JSON, keepsNulls: Bool = false) -> JSON? {
        switch value {
        case .object(let object):
            if let directive = object[directive], keepsNulls || !directive.isNull { return nil }
            var members: [JSONObject.Member] = []
            for member in object where keepsNulls || !member.value.isNull {
                if let value = added(member.value, keepsNulls: keepsNulls) { members.append(.init(key: member.key, value: value)) }
            }
            return .object(JSONObject(unique: members))
        case .array(let elements): return .array(elements.compactMap { added($0, keepsNulls: keepsNulls) })
        default: return value
        }
    }
}
