public import JSON

/// JSON merge patch (RFC 7386) as evanphx/json-patch applies it.
public enum MergePatch {
    /// The patched document.
    public static func apply(_ patch: JSON, to target: JSON) -> JSON {
        guard case .object(let changes) = patch else { return target.object == nil ? pruned(patch) : patch }
        guard case .object(var result) = target else { return pruned(patch) }
        var updates: [(String, JSON?)] = []
        for change in changes {
            let isRemoved = change.value.isNull
            updates.append((change.key, isRemoved ? JSON?.none : apply(change.value, to: result[change.key] ?? .null)))
        }
        result.update(updates)
        return .object(result)
    }

    /// A value that is new in the document, without the null members of its objects.
    private static func pruned(_ value: JSON) -> JSON {
        switch value {
        case .object(let object):
            return .object(
                JSONObject(
                    unique: object.members.compactMap { $0.value.isNull ? nil : JSONObject.Member(key: $0.key, value: pruned($0.value)) }))
        case .array(let elements): return .array(elements.map(pruned))
        default: return value
        }
    }
}
