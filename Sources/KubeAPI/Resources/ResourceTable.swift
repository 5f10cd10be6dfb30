import Facts
import JSON

/// One served resource (`resources.json`): what discovery says of it and how it is stored.
public struct ResourceType: Sendable {
    /// A part of a resource with its own path.
    public struct Subresource: Sendable {
        /// `status`, `scale`, `log` …
        public let name: String
        /// Group, version and kind of its object.
        public let group: String
        /// The version.
        public let version: String
        /// The kind.
        public let kind: String
        /// Verbs in discovery order.
        public let verbs: [String]
    }

    /// The API group; empty for the core group.
    public let group: String
    /// The API version.
    public let version: String
    /// The plural name in paths.
    public let resource: String
    /// The kind of one object.
    public let kind: String
    /// The singular name.
    public let singular: String
    /// Whether objects are in namespaces.
    public let isNamespaced: Bool
    /// Verbs in discovery order.
    public let verbs: [String]
    /// `po`, `deploy` …
    public let shortNames: [String]
    /// `all`, `api-extensions` …
    public let categories: [String]
    /// `group/version` of the stored form; `nil` for resources that are never stored, such as reviews.
    public let storage: String?
    /// The discovery hash of the storage version.
    public let storageVersionHash: String?
    /// Subresources in discovery order.
    public let subresources: [Subresource]
    /// What a CustomResourceDefinition says of the objects; `nil` for built-in resources.
    public internal(set) var custom: CustomResource?

    /// `v1`, `apps/v1`.
    public var groupVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    /// Group, version and kind of one object.
    public var groupVersionKind: GroupVersionKind { GroupVersionKind(group: group, version: version, kind: kind) }
    /// Group, version and kind of the stored form; the served one for resources that are never stored.
    public var storageKind: GroupVersionKind {
        storage.flatMap { GroupVersionKind(apiVersion: $0, kind: kind) } ?? groupVersionKind
    }
    /// `PodList`
    public var listKind: String { custom?.listKind ?? kind + "List" }
    /// `pods`, `deployments.apps`: how errors name the resource.
    public var qualifiedName: String { group.isEmpty ? resource : "\(resource).\(group)" }
    /// What every request to a deprecated API is warned of (`APILifecycleDeprecated`), or a custom resource's definition warns of.
    public var deprecationWarning: String? { custom?.deprecationWarning ?? Self.deprecations["\(groupVersion)/\(resource)"] }

    private static let deprecations = [
        "v1/endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        "v1/componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
    ]

    /// Whether objects are kept; reviews and bindings are not.
    public var isStored: Bool { storage != nil }
    /// The subresource of a name.
    public func subresource(_ name: String) -> Subresource? { subresources.first { $0.name == name } }
}

/// Everything that is served by default in Kubernetes 1.36.
public struct ResourceTable: Sendable {
    /// An API group.
    public struct Group: Sendable {
        /// The group's name; empty for the core group.
        public let name: String
        /// The version that discovery prefers.
        public let preferred: String
        /// Versions in served order.
        public let versions: [String]
    }

    /// Groups in the order of `/apis`, the core group first.
    public let groups: [Group]
    /// Resources in discovery order.
    public let resources: [ResourceType]
    private let byPath: [String: Int]
    /// The places of a group and version's resources, by `group/version`.
    private let byGroupVersion: [String: [Int]]

    /// The built-in resources.
    public static let builtin = ResourceTable((try? JSON(parsing: Facts.kubernetesResources)) ?? .null)

    /// Reads a table.
    init(_ table: JSON) {
        self.init(
            groups: (table["groups"]?.array ?? []).map { group in
                Group(
                    name: group["name"]?.string ?? "", preferred: group["preferred"]?.string ?? "",
                    versions: group["versions"]?.array?.compactMap(\.string) ?? [])
            }, resources: (table["resources"]?.array ?? []).map(Self.resource))
    }

    private init(groups: [Group], resources: [ResourceType]) {
        self.groups = groups
        self.resources = resources
        byPath = Dictionary(resources.enumerated().map { ("\($1.group)/\($1.version)/\($1.resource)", $0) }) { first, _ in first }
        byGroupVersion = Dictionary(grouping: resources.indices) { [resources] in "\(resources[$0].group)/\(resources[$0].version)" }
    }

    /// The resource of a group, version and plural name.
    public func lookup(group: String, version: String, resource: String) -> ResourceType? {
        byPath["\(group)/\(version)/\(resource)"].map { resources[$0] }
    }

    /// Whether a group has custom resources only.
    public func isCustom(group name: String) -> Bool {
        guard let group = group(name) else { return false }
        return group.versions.allSatisfy { version in
            (byGroupVersion["\(name)/\(version)"] ?? []).allSatisfy { resources[$0].custom != nil }
        }
    }

    /// This table with custom resources: new groups after all others, new versions after those that their group has.
    public func adding(_ custom: CustomResourceTable) -> ResourceTable {
        let added = custom.resources
        guard !added.isEmpty else { return self }
        var groups = groups
        for resource in added {
            if let place = groups.firstIndex(where: { $0.name == resource.group }) {
                guard !groups[place].versions.contains(resource.version) else { continue }
                let known = groups[place]
                groups[place] = Group(name: known.name, preferred: known.preferred, versions: known.versions + [resource.version])
            } else {
                groups.append(Group(name: resource.group, preferred: resource.version, versions: [resource.version]))
            }
        }
        return ResourceTable(groups: groups, resources: resources + added)
    }

    /// A group by name.
    public func group(_ name: String) -> Group? { groups.first { $0.name == name } }

    /// The resource that serves a kind; `nil` for kinds that are no resource by themselves.
    public func lookup(kind: GroupVersionKind) -> ResourceType? {
        byGroupVersion["\(kind.group)/\(kind.version)"]?.lazy.map { resources[$0] }.first { $0.kind == kind.kind }
    }

    /// The resources of a group and version, in discovery order.
    public func resources(group: String, version: String) -> [ResourceType] {
        (byGroupVersion["\(group)/\(version)"] ?? []).map { resources[$0] }
    }

    private static func resource(_ row: JSON) -> ResourceType {
        func strings(_ key: String) -> [String] { row[key]?.array?.compactMap(\.string) ?? [] }
        let group = row["g"]?.string ?? ""
        let version = row["v"]?.string ?? ""
        let kind = row["kind"]?.string ?? ""
        // A version that is stored but not served has no types here: what is served is stored then, which nobody can tell.
        var storage = row["storage"]?.string
        if let known = storage.flatMap({ GroupVersionKind(apiVersion: $0, kind: kind) }), Schema.builtin.index(known) == nil {
            storage = group.isEmpty ? version : "\(group)/\(version)"
        }
        return ResourceType(
            group: group, version: version, resource: row["r"]?.string ?? "", kind: kind,
            singular: row["sing"]?.string ?? "", isNamespaced: row["ns"]?.bool ?? false, verbs: strings("verbs"),
            shortNames: strings("short"), categories: strings("cat"), storage: storage,
            storageVersionHash: row["hash"]?.string,
            subresources: (row["sub"]?.array ?? []).map { sub in
                ResourceType.Subresource(
                    name: sub["name"]?.string ?? "", group: sub["g"]?.string ?? group, version: sub["v"]?.string ?? version,
                    kind: sub["kind"]?.string ?? "", verbs: sub["verbs"]?.array?.compactMap(\.string) ?? [])
            })
    }
}
