import JSON

extension FieldManager {
    /// A merged object without what the manager applied last time, does not apply now, and no other applier owns (`Updater.prune`).
    func pruned(_ merged: JSON, _ last: ManagedFields.Entry, _ managed: ManagedFields) -> JSON {
        let lastFields = last.fields
        guard !lastFields.isEmpty, let type = types.type(last.apiVersion) else { return merged }
        let owned = ownedFields(managed)
        // All of it is still owned: nothing can go.
        if let now = owned[last.apiVersion], owned.count == 1, lastFields.subtracting(now).isEmpty { return merged }
        let object = converted(merged, to: last.apiVersion)
        let lastNamed = lastFields.withNamedFields(type)
        var result = TypedMerge.remove(lastNamed, from: object, type)
        // The version of the last apply first: what conversion needs is back before the others are looked at.
        let versions = [last.apiVersion] + owned.keys.filter { $0 != last.apiVersion }.sorted()
        var current = object
        var version = last.apiVersion
        for next in versions {
            guard let fields = owned[next], let nextType = types.type(next) else { continue }
            if next != version {
                current = types.convert(current, to: next)
                result = types.convert(result, to: next)
                version = next
            }
            let present = TypedFieldSet.of(current, nextType).withNamedFields(nextType)
            let kept = TypedFieldSet.of(result, nextType).withNamedFields(nextType).union(fields.withNamedFields(nextType))
            result = TypedMerge.remove(present.subtracting(kept), from: current, nextType)
        }
        if version != last.apiVersion { result = types.convert(result, to: last.apiVersion) }
        // What nobody applied stays, unless it was this manager's.
        let left = TypedFieldSet.of(result, type).withNamedFields(type)
        let present = TypedFieldSet.of(object, type).withNamedFields(type)
        let gone = present.subtracting(left).intersection(lastNamed)
        return converted(TypedMerge.remove(gone, from: object, type), from: last.apiVersion)
    }

    private func converted(_ object: JSON, to version: String) -> JSON {
        version == kind.apiVersion ? object : types.convert(object, to: version)
    }

    private func converted(_ object: JSON, from version: String) -> JSON {
        version == kind.apiVersion ? object : types.convert(object, to: kind.apiVersion)
    }

    /// What appliers own, by version.
    private func ownedFields(_ managed: ManagedFields) -> [String: FieldSet] {
        var owned: [String: FieldSet] = [:]
        for entry in managed.entries where entry.isApplier {
            owned[entry.apiVersion] = (owned[entry.apiVersion] ?? FieldSet()).union(entry.fields)
        }
        return owned
    }
}
