public import JSON
public import World

extension JSON {
    /// `metadata.name`; empty when absent.
    public var objectName: String { at("metadata", "name")?.string ?? "" }
    /// `metadata.namespace`; empty at cluster scope.
    public var objectNamespace: String { at("metadata", "namespace")?.string ?? "" }
    /// `metadata.uid`; empty when absent.
    public var objectUID: String { at("metadata", "uid")?.string ?? "" }
    /// `metadata.resourceVersion`; empty when absent.
    public var objectResourceVersion: String { at("metadata", "resourceVersion")?.string ?? "" }
    /// `metadata.finalizers`.
    public var objectFinalizers: [String] { at("metadata", "finalizers")?.array?.compactMap(\.string) ?? [] }
    /// Whether the object is being deleted.
    public var isBeingDeleted: Bool { at("metadata", "deletionTimestamp") != nil }
}

/// The parts of `metadata` that the server owns.
public enum ObjectMetadata {
    /// Longest generated name without its suffix (`names.SimpleNameGenerator`).
    private static let generatedBase = 58

    /// Puts `metadata` into the order of ObjectMeta, which the server writes.
    public static func ordered(_ metadata: JSON) -> JSON {
        guard case .object(let object) = metadata else { return [:] }
        var members: [JSONObject.Member] = []
        members.reserveCapacity(object.count)
        for name in order {
            if let value = object[name] { members.append(JSONObject.Member(key: name, value: value)) }
        }
        return .object(JSONObject(unique: members))
    }

    private static let order = Schema.builtin.type(named: "meta.v1.ObjectMeta")?.fields.map(\.name) ?? []

    /// Fills in what a new object gets: name of `generateName`, uid, `time` as that of its creation; what clients may not set is removed
    /// (`rest.BeforeCreate`, `rest.FillObjectMetaSystemFields`).
    public static func prepareForCreate(_ object: inout JSON, namespace: String?, generation: Bool, world: World, at time: Instant) {
        var metadata = object["metadata"] ?? [:]
        for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "managedFields", "generation"] {
            metadata[field] = nil
        }
        metadata["namespace"] = namespace.map(JSON.string)
        if let prefix = metadata["generateName"]?.string, !prefix.isEmpty, (metadata["name"]?.string ?? "").isEmpty {
            metadata["name"] = .string(generatedName(prefix, world))
        }
        metadata["uid"] = .string(world.random.uuid())
        metadata["creationTimestamp"] = .string(time.rfc3339)
        if generation { metadata["generation"] = 1 }
        object["metadata"] = ordered(metadata)
    }

    /// Leaves each owner once; the warning of that, where there were repetitions (`dedupOwnerReferencesAndAddWarning`).
    public static func withoutRepeatedOwners(_ object: inout JSON) -> [String] {
        guard let owners = object.at("metadata", "ownerReferences")?.array, owners.count > 1 else { return [] }
        var seen: Set<JSON> = []
        var repeated: [String] = []
        let distinct = owners.filter { owner in
            if seen.insert(owner).inserted { return true }
            let uid = owner["uid"]?.string ?? ""
            if !repeated.contains(uid) { repeated.append(uid) }
            return false
        }
        guard distinct.count < owners.count else { return [] }
        object.set(.array(distinct), at: ["metadata", "ownerReferences"])
        return [
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such "
                + "requests as early as 1.24; please fix your requests; duplicate UID(s) observed: \(repeated.joined(separator: ", "))"
        ]
    }

    /// A name with a random suffix of five characters.
    public static func generatedName(_ prefix: String, _ world: World) -> String {
        prefix.prefix(generatedBase) + world.random.nameSuffix()
    }

    /// Carries over what an update may not change without saying so (`rest.BeforeUpdate`).
    public static func prepareForUpdate(_ object: inout JSON, old: JSON) {
        var metadata = object["metadata"] ?? [:]
        let before = old["metadata"] ?? [:]
        metadata["generation"] = before["generation"]
        metadata["selfLink"] = nil
        metadata["managedFields"] = nil
        metadata["creationTimestamp"] = before["creationTimestamp"]
        if (metadata["uid"]?.string ?? "").isEmpty { metadata["uid"] = before["uid"] }
        // A client cannot undo a deletion.
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] where before[field] != nil && metadata[field] == nil {
            metadata[field] = before[field]
        }
        object["metadata"] = ordered(metadata)
    }
}
