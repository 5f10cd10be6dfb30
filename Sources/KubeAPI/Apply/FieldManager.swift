public import JSON

/// Keeps `managedFields` as objects change, and applies configurations (`k8s.io/apimachinery/pkg/util/managedfields`,
/// `structured-merge-diff/merge`). A value without state: objects and managers in, objects and managers out.
public struct FieldManager: Sendable {
    /// Most managers that came to their fields by updates; the oldest are put together (`DefaultMaxUpdateManagers`).
    private static let maximumUpdaters = 10
    /// The manager of what older updates changed.
    private static let ancient = "ancient-changes"
    /// The manager of what was there before the first apply of an object without managers.
    private static let beforeFirstApply = "before-first-apply"
    /// Fields that have no manager (`stripmeta.go`).
    private static let unmanaged = FieldSet(
        fields: ["apiVersion"], ["kind"], ["metadata"], ["metadata", "name"], ["metadata", "namespace"], ["metadata", "creationTimestamp"],
        ["metadata", "selfLink"], ["metadata", "uid"], ["metadata", "clusterName"], ["metadata", "generation"],
        ["metadata", "managedFields"], ["metadata", "resourceVersion"])

    let types: any VersionedMergeTypes
    /// The version of the request.
    let kind: GroupVersionKind
    let subresource: String
    /// Fields that this path does not change (`GetResetFields`).
    let ignored: FieldSet

    /// Makes the manager of a path.
    public init(_ types: any VersionedMergeTypes, kind: GroupVersionKind, subresource: String = "", ignoring ignored: FieldSet) {
        self.types = types
        self.kind = kind
        self.subresource = subresource
        self.ignored = ignored
    }

    /// Makes the manager of a resource's path.
    public init(_ resource: ResourceType, subresource: String) {
        let types: any VersionedMergeTypes =
            resource.custom.map { CustomMergeTypes(resource: $0) } ?? BuiltinMergeTypes(resource.groupVersionKind)
        self.init(
            types, kind: resource.groupVersionKind, subresource: subresource, ignoring: ResetFields.of(resource, subresource: subresource))
    }

    // MARK: Update

    /// The managers after a manager created an object: `sent` is what the client said of managers itself.
    public func created(_ object: JSON, sent: JSON?, by manager: String, at time: String) -> ManagedFields {
        guard let type = types.type(kind.apiVersion) else { return ManagedFields() }
        return updated(type.empty, object, managed(sent: sent, live: nil), isTracked: true, by: manager, at: time)
    }

    /// The managers after a manager changed an object by anything but apply. Both objects are in the version of the request and without
    /// `managedFields`.
    public func updated(_ live: JSON, to object: JSON, stored: JSON?, sent: JSON?, by manager: String, at time: String) -> ManagedFields {
        updated(live, object, managed(sent: sent, live: stored), isTracked: false, by: manager, at: time)
    }

    /// What a request says of managers counts, unless it says nothing or nonsense.
    private func managed(sent: JSON?, live: JSON?) -> ManagedFields {
        if let sent, subresource.isEmpty {
            if ManagedFields.isReset(sent) { return ManagedFields() }
            if let managed = ManagedFields(sent: sent), !managed.isEmpty { return managed }
        }
        return ManagedFields(stored: live)
    }

    /// An object whose managers are not known stays so until the first apply.
    private func updated(
        _ live: JSON, _ object: JSON, _ managed: ManagedFields, isTracked: Bool, by manager: String, at time: String
    ) -> ManagedFields {
        guard isTracked || !managed.isEmpty else { return managed }
        let identity = ManagedFields.Identity(
            manager.isEmpty ? "unknown" : manager, .update, apiVersion: kind.apiVersion, subresource: subresource)
        var managed = managed
        take(&managed, live, object, for: identity, at: time)
        cap(&managed)
        return managed
    }

    /// Gives a manager what differs between two objects, and takes it from the others.
    private func take(
        _ managed: inout ManagedFields, _ live: JSON, _ object: JSON, for identity: ManagedFields.Identity, at time: String
    ) {
        var differences = VersionedComparison(self, live, object)
        guard let own = differences.of(kind.apiVersion) else { return }
        for place in managed.entries.indices.reversed() {
            guard let difference = differences.of(managed.entries[place].apiVersion) else {
                managed.entries.remove(at: place)
                continue
            }
            guard !difference.isEmpty else { continue }
            let left = managed.entries[place].fields.subtracting(difference.touched).subtracting(difference.removed)
            if left.isEmpty { managed.entries.remove(at: place) } else { managed.entries[place].fields = left }
        }
        let taken = own.touched.subtracting(Self.unmanaged)
        guard !taken.isEmpty else { return }
        if let place = managed.position(identity) {
            managed.entries[place].fields = managed.entries[place].fields.union(taken)
            managed.entries[place].time = time
        } else {
            managed.entries.append(.init(identity, apiVersion: kind.apiVersion, time: time, taken))
        }
    }

    /// Puts the oldest updaters of a version together until there are not too many (`capmanagers.go`).
    private func cap(_ managed: inout ManagedFields) {
        var count = managed.entries.count { !$0.isApplier }
        guard count > Self.maximumUpdaters else { return }
        let oldest = managed.entries.filter { !$0.isApplier }.sorted {
            $0.time == $1.time ? $0.identity.text.utf8.lexicographicallyPrecedes($1.identity.text.utf8) : $0.time < $1.time
        }
        var firsts: [String: ManagedFields.Identity] = [:]
        for entry in oldest where count > Self.maximumUpdaters {
            let bucket = ManagedFields.Identity(Self.ancient, .update, apiVersion: entry.apiVersion, subresource: "")
            guard let first = firsts[entry.apiVersion] else {
                firsts[entry.apiVersion] = entry.identity
                continue
            }
            var fields = entry.fields
            for identity in Set([bucket, first]) {
                guard let place = managed.position(identity) else { continue }
                fields = fields.union(managed.entries.remove(at: place).fields)
            }
            if let place = managed.position(entry.identity) { managed.entries.remove(at: place) }
            managed.entries.append(.init(bucket, apiVersion: entry.apiVersion, time: entry.time, fields))
            firsts[entry.apiVersion] = bucket
            count -= 1
        }
    }

    // MARK: Apply

    /// What an apply makes of an object.
    public struct Applied: Sendable {
        /// The merged object, not yet in canonical form and without defaults; `nil` when the configuration changes nothing.
        public var object: JSON?
        /// The managers afterwards.
        public var managed: ManagedFields
    }

    /// Merges a configuration into an object. `live` is in the version of the request, without `managedFields`.
    ///
    /// - Throws: 400, 409 with the conflicting fields, 500 for a configuration that does not fit its type, as kube-apiserver answers.
    public func apply(
        _ config: JSON, to live: JSON?, stored: JSON?, by manager: String, isForced: Bool, at time: String
    ) throws(KubeStatus) -> Applied {
        try checkKind(config)
        guard let type = types.type(kind.apiVersion) else { throw .unexpected("no corresponding type for \(kind)") }
        if let given = config.at("metadata", "managedFields"), !given.isNull { throw .badRequest("metadata.managedFields must be nil") }
        let fields: FieldSet
        do { fields = try TypedFieldSet.checked(config, type) } catch {
            throw .unexpected(
                "failed to create typed patch object (\(config.objectNamespace)/\(config.objectName); \(kind)): \(error.message)")
        }
        var managed = ManagedFields(stored: stored)
        let object = live ?? type.empty
        if managed.isEmpty, live != nil {
            let identity = ManagedFields.Identity(Self.beforeFirstApply, .update, apiVersion: kind.apiVersion, subresource: subresource)
            take(&managed, type.empty, object, for: identity, at: time)
        }
        let request = ApplyRequest(manager: manager, config: config, fields: fields, time: time, type: type)
        var applied: Applied
        do throws(ApplyConflicts) { applied = try apply(request, to: object, managed, isForced: isForced) } catch {
            guard let conflicts = conflictsBesidesLastApplied(error, object, manager, type) else { throw error.status }
            guard conflicts.isEmpty else { throw conflicts.status }
            do throws(ApplyConflicts) { applied = try apply(request, to: object, managed, isForced: true) } catch { throw error.status }
        }
        noteLastApplied(&applied, object, request)
        return applied
    }

    /// A configuration on its way.
    struct ApplyRequest: Sendable {
        let manager: String
        let config: JSON
        let fields: FieldSet
        let time: String
        let type: MergeType
    }

    private func checkKind(_ config: JSON) throws(KubeStatus) {
        let apiVersion = config["apiVersion"]?.string ?? ""
        let name = config["kind"]?.string ?? ""
        let given =
            GroupVersionKind(apiVersion: apiVersion, kind: name) ?? GroupVersionKind(group: "", version: "", kind: name)
        guard given != kind else { return }
        throw .badRequest("invalid object type: \(given)")
    }

    private func apply(
        _ request: ApplyRequest, to live: JSON, _ managed: ManagedFields, isForced: Bool
    ) throws(ApplyConflicts) -> Applied {
        var managed = managed
        let identity = ManagedFields.Identity(request.manager, .apply, apiVersion: kind.apiVersion, subresource: subresource)
        let own = request.fields.excluding(ignored)
        var last: ManagedFields.Entry?
        if let place = managed.position(identity) { last = managed.entries.remove(at: place) }
        managed.entries.append(.init(identity, apiVersion: kind.apiVersion, time: last?.time ?? "", own))
        var merged = TypedMerge.merge(request.config, into: live, request.type)
        if let last { merged = pruned(merged, last, managed) }
        let isChanged = !(merged == live || merged.isEquivalent(to: live))
        try settle(&managed, live, merged, besides: identity, isForced: isForced)
        if let place = managed.position(identity) {
            let left = own.subtracting(Self.unmanaged)
            if left.isEmpty { managed.entries.remove(at: place) } else { managed.entries[place].fields = left }
            if isChanged, !left.isEmpty { managed.entries[place].time = request.time }
        }
        return Applied(object: isChanged ? merged : JSON?.none, managed: managed)
    }

    /// Takes changed fields from their other managers, if that is allowed, and removed ones anyway.
    private func settle(
        _ managed: inout ManagedFields, _ live: JSON, _ merged: JSON, besides own: ManagedFields.Identity, isForced: Bool
    ) throws(ApplyConflicts) {
        var differences = VersionedComparison(self, live, merged)
        var conflicts = ApplyConflicts()
        for place in managed.entries.indices.reversed() where managed.entries[place].identity != own {
            guard let difference = differences.of(managed.entries[place].apiVersion) else {
                managed.entries.remove(at: place)
                continue
            }
            guard !difference.isEmpty else { continue }
            let fields = managed.entries[place].fields
            let conflict = fields.intersection(difference.touched)
            if !conflict.isEmpty { conflicts.add(managed.entries[place].identity, conflict) }
            let left = fields.subtracting(conflict).subtracting(difference.removed)
            if left.isEmpty { managed.entries.remove(at: place) } else { managed.entries[place].fields = left }
        }
        guard isForced || conflicts.isEmpty else { throw conflicts }
    }
}
