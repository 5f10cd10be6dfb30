public import JSON

extension ResourceType {
    /// A stored object in the version of this resource.
    public func served(_ object: JSON) -> JSON {
        custom?.served(object) ?? VersionConversion.convert(object, to: groupVersionKind)
    }

    /// An object of this resource in the version of the store.
    public func stored(_ object: JSON) -> JSON { custom?.stored(object) ?? VersionConversion.convert(object, to: storageKind) }

    /// A stored object as it would be stored now, whatever the definition of its kind said when it was.
    public func current(_ object: JSON) -> JSON { custom?.current(object) ?? object }

    /// Whether what is stored at a revision is served as it stands.
    public func servesStoredBytes(of revision: Int64) -> Bool {
        storageKind == groupVersionKind && revision >= custom?.schemaRevision ?? 0
    }
}

/// Conversions between the served versions of a kind that differ in their fields. All others differ only in `apiVersion`.
public enum VersionConversion {
    /// An object in another version of its kind.
    public static func convert(_ object: JSON, to target: GroupVersionKind) -> JSON {
        guard let source = GroupVersionKind(apiVersion: object["apiVersion"]?.string ?? "", kind: target.kind), source != target else {
            return object
        }
        var result = object
        switch (source.group, source.version, target.group, target.version, target.kind) {
        case ("", "v1", "events.k8s.io", "v1", "Event"): rename(&result, eventNames)
        case ("events.k8s.io", "v1", "", "v1", "Event"): rename(&result, eventNames.map { ($0.1, $0.0) })
        case ("autoscaling", "v2", "autoscaling", "v1", "HorizontalPodAutoscaler"): AutoscalerConversion.toV1(&result)
        case ("autoscaling", "v1", "autoscaling", "v2", "HorizontalPodAutoscaler"): AutoscalerConversion.toV2(&result)
        default: break
        }
        return ordered(ObjectDecoder.typed(result, target), target)
    }

    /// The members in the order of the target type.
    private static func ordered(_ object: JSON, _ kind: GroupVersionKind) -> JSON {
        guard let type = Schema.builtin.type(kind), let members = object.object else { return object }
        var result = members.members.filter { $0.key == "kind" || $0.key == "apiVersion" }
        for field in type.fields where field.name != "kind" && field.name != "apiVersion" {
            if let value = members[field.name] { result.append(.init(key: field.name, value: value)) }
        }
        return .object(JSONObject(unique: result))
    }

    /// Core name and `events.k8s.io` name of the fields that differ (`pkg/apis/core/v1/conversion.go`).
    private static let eventNames = [
        ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"), ("reportingComponent", "reportingController"),
    ]

    private static func rename(_ object: inout JSON, _ names: [(String, String)]) {
        for (old, new) in names {
            let value = object[old]
            object[old] = nil
            object[new] = value
        }
        // The core version writes these always, the other only when they say something.
        for name in ["reportingController", "reportingInstance"]
        where object[name] == "" && names.contains(where: { $0.1 == name || name == "reportingInstance" }) {
            object[name] = nil
        }
    }
}
