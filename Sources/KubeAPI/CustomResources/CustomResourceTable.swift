public import JSON

/// The resources that CustomResourceDefinitions add to an API.
public struct CustomResourceTable: Sendable {
    /// One definition with everything that is served of it.
    struct Definition: Sendable {
        let spec: JSON
        let status: JSON
        let revision: Int64
        let schemaRevision: Int64
        let versions: [CustomResourceVersion]
        let resources: [ResourceType]
    }

    private let definitions: [String: Definition]

    /// A table without definitions.
    public init() { definitions = [:] }

    private init(_ definitions: [String: Definition]) { self.definitions = definitions }

    /// Whether there are none.
    public var isEmpty: Bool { definitions.values.allSatisfy(\.resources.isEmpty) }

    /// Whether another table leads to the same API, whatever else changed.
    public func servesTheSame(as other: CustomResourceTable) -> Bool {
        guard definitions.count == other.definitions.count else { return false }
        return definitions.allSatisfy { name, definition in
            guard let known = other.definitions[name] else { return false }
            return known.spec == definition.spec && known.status == definition.status
        }
    }

    /// The table of stored definitions. What did not change is taken over; `objects` are asked for their trees only where they did.
    public func updated(_ objects: [(name: String, revision: Int64, object: () -> JSON?)]) -> CustomResourceTable {
        var result: [String: Definition] = [:]
        for (name, revision, object) in objects {
            let known = definitions[name]
            if let known, known.revision == revision {
                result[name] = known
            } else if let object = object() {
                result[name] = Self.definition(object, revision: revision, known: known)
            }
        }
        return CustomResourceTable(result)
    }

    private static func definition(_ object: JSON, revision: Int64, known: Definition?) -> Definition {
        let spec = object["spec"] ?? [:]
        let rows = spec["versions"]?.array ?? []
        let before = known?.spec["versions"]?.array ?? []
        // Schemas are compiled once; of a change of status nothing is compiled.
        let versions = rows.enumerated().map { index, row in
            if let known, before.indices.contains(index), before[index] == row { known.versions[index] } else { CustomResourceVersion(row) }
        }
        let isSameSpec = known?.spec == spec
        let schemaRevision = isSameSpec ? known?.schemaRevision ?? revision : revision
        return Definition(
            spec: spec, status: object["status"] ?? [:], revision: revision, schemaRevision: schemaRevision, versions: versions,
            resources: resources(object, versions, schemaRevision))
    }

    private static let verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    private static let subresourceVerbs = ["get", "patch", "update"]

    /// What a definition serves, once its names are accepted.
    private static func resources(_ object: JSON, _ versions: [CustomResourceVersion], _ schemaRevision: Int64) -> [ResourceType] {
        guard DefinitionStatus.isTrue("NamesAccepted", in: object) || DefinitionStatus.isTrue("Established", in: object),
            let storage = versions.first(where: \.isStorage)
        else { return [] }
        let names = object.at("status", "acceptedNames") ?? [:]
        func name(_ key: String) -> String { names[key]?.string ?? "" }
        let group = object.at("spec", "group")?.string ?? ""
        let isWebhook = object.at("spec", "conversion", "strategy") == "Webhook"
        let webhook = isWebhook ? object.at("spec", "conversion", "webhook", "clientConfig") : JSON?.none
        return versions.filter(\.isServed).map { version in
            let kind = GroupVersionKind(group: group, version: version.name, kind: name("kind"))
            var subresources: [ResourceType.Subresource] = []
            if version.hasStatus {
                subresources.append(
                    .init(name: "status", group: group, version: version.name, kind: kind.kind, verbs: Self.subresourceVerbs))
            }
            if version.scale != nil {
                subresources.append(
                    .init(name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs: Self.subresourceVerbs))
            }
            let custom = CustomResource(
                definition: object.objectName, kind: kind, listKind: name("listKind"), version: version, all: versions, storage: storage,
                isTerminating: DefinitionStatus.isTrue("Terminating", in: object), conversionWebhook: webhook,
                schemaRevision: schemaRevision)
            return ResourceType(
                group: group, version: version.name, resource: name("plural"), kind: kind.kind, singular: name("singular"),
                isNamespaced: object.at("spec", "scope") == "Namespaced", verbs: Self.verbs, shortNames: names["shortNames"]?.strings ?? [],
                categories: names["categories"]?.strings ?? [], storage: custom.storageKind.apiVersion,
                storageVersionHash: StorageVersionHash.text(custom.storageKind), subresources: subresources, custom: custom)
        }
    }

    /// Everything that is served, by group, and in each group by version as discovery prefers them and by name.
    var resources: [ResourceType] {
        definitions.sorted { $0.key < $1.key }.flatMap(\.value.resources).sorted { left, right in
            if left.group != right.group { return left.group < right.group }
            if left.version != right.version { return CustomResourceVersion.precedes(left.version, right.version) }
            return left.resource < right.resource
        }
    }
}
