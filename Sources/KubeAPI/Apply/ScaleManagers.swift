public import JSON

/// Carries managers between an object and its scale, which names the replicas otherwise (`managedfields/scalehandler.go`).
public struct ScaleManagers: Sendable {
    private static let version = "autoscaling/v1"
    private static let replicas = FieldSet(fields: ["spec", "replicas"])
    private static let replicasPath: [FieldPathElement] = [.field("spec"), .field("replicas")]

    private let resource: ResourceType
    private let stored: ManagedFields

    /// Takes the object's `managedFields`.
    public init(_ resource: ResourceType, stored: JSON?) {
        self.resource = resource
        self.stored = ManagedFields(stored: stored)
    }

    /// Where a version has its replicas: `nil` for a version that is not served, an empty path where there is no scale.
    private func path(_ apiVersion: String) -> [String]? {
        guard let custom = resource.custom else {
            return apiVersion == resource.groupVersion ? ScalePaths.of(resource)?.replicasMembers : nil
        }
        return custom.servedVersion(apiVersion).map { $0.scale?.replicasMembers ?? [] }
    }

    private func ownsReplicas(_ entry: ManagedFields.Entry) -> Bool {
        guard let path = path(entry.apiVersion), !path.isEmpty else { return false }
        return entry.fields.contains(path.map(FieldPathElement.field)[...])
    }

    /// The managers of the scale.
    public var scale: JSON? {
        var managed = ManagedFields()
        for entry in stored.entries where ownsReplicas(entry) {
            let own = entry.identity
            let identity = ManagedFields.Identity(
                own.manager, own.operation, apiVersion: Self.version, subresource: own.subresource)
            managed.entries.append(.init(identity, apiVersion: Self.version, time: entry.time, Self.replicas))
        }
        return managed.json
    }

    /// The managers of the object after those of its scale changed. Who no longer has the replicas loses them here; who has them anew gets
    /// them without a time.
    public func parent(_ scale: ManagedFields) -> ManagedFields {
        var result = ManagedFields()
        var scales = scale.entries
        for entry in stored.entries {
            guard let path = path(entry.apiVersion) else { continue }
            guard ownsReplicas(entry) else {
                result.entries.append(entry)
                continue
            }
            // Updaters are told apart by their version too, which is another for the scale.
            if let place = scales.firstIndex(where: { $0.identity == entry.identity }) {
                scales.remove(at: place)
                result.entries.append(entry)
                continue
            }
            let left = entry.fields.subtracting(FieldSet(fields: path))
            if !left.isEmpty { result.entries.append(.init(entry.identity, apiVersion: entry.apiVersion, time: entry.time, left)) }
        }
        guard let path = path(resource.groupVersion), !path.isEmpty else { return result }
        for entry in scales where entry.fields.contains(Self.replicasPath[...]) {
            let own = entry.identity
            let identity = ManagedFields.Identity(
                own.manager, own.operation, apiVersion: resource.groupVersion, subresource: own.subresource)
            let time = stored.entries.first { $0.identity == own }?.time ?? ""
            result.entries.append(.init(identity, apiVersion: resource.groupVersion, time: time, FieldSet(fields: path)))
        }
        return result
    }
}
