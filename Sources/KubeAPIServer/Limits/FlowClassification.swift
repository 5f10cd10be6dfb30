import HTTP
import JSON
import KubeAPI
import RBAC
import World

/// The FlowSchema that a request is of, by the first that matches, and its priority level
/// (`k8s.io/apiserver/pkg/util/flowcontrol/rule.go`): what clients are told of it. Nothing is queued by it here.
struct FlowMatch: Sendable, Hashable {
    let schemaUID: String
    let levelUID: String

    /// Adds the header fields that API priority and fairness adds.
    func write(into headers: inout HTTPHeaders) {
        headers["X-Kubernetes-Pf-Flowschema-Uid"] = schemaUID
        headers["X-Kubernetes-Pf-Prioritylevel-Uid"] = levelUID
    }
}

/// The FlowSchemas of a cluster in the order in which they are tried.
final class FlowClassification: Sendable {
    private static let group = "flowcontrol.apiserver.k8s.io"
    private let schemas = CollectionCache<[FlowSchema]>()

    /// What a request is of; `nil` when nothing matches, not even `catch-all`.
    func match(_ attributes: Attributes, _ cluster: ClusterState) -> FlowMatch? {
        let collections = ["flowschemas", "prioritylevelconfigurations"].map { cluster.collection(group: Self.group, $0) }
        let known = schemas.value(of: collections, in: cluster.store) { objects in
            let levels = Dictionary(objects[1].map { ($0.objectName, $0.objectUID) }) { first, _ in first }
            return objects[0].map { FlowSchema($0, levels: levels) }.sorted { ($0.precedence, $0.name) < ($1.precedence, $1.name) }
        }
        return known.first { $0.matches(attributes) }?.result
    }
}

/// One FlowSchema, read.
private struct FlowSchema: Sendable {
    private enum Subject: Sendable {
        case user(String)
        case group(String)
        case account(namespace: String, name: String)

        init?(_ json: JSON) {
            switch json["kind"]?.string {
            case "User": self = .user(json.at("user", "name")?.string ?? "")
            case "Group": self = .group(json.at("group", "name")?.string ?? "")
            case "ServiceAccount":
                self = .account(
                    namespace: json.at("serviceAccount", "namespace")?.string ?? "", name: json.at("serviceAccount", "name")?.string ?? "")
            default: return nil
            }
        }

        func matches(_ user: UserInfo) -> Bool {
            switch self {
            case .user(let name): return name == "*" || name == user.username
            case .group(let name): return name == "*" || user.groups.contains(name)
            case .account(let namespace, let name):
                let prefix = "system:serviceaccount:\(namespace):"
                return name == "*" ? user.username.hasPrefix(prefix) : user.username == prefix + name
            }
        }
    }

    private struct Rule: Sendable {
        let subjects: [Subject]
        let resources: [ResourceRule]
        let paths: [PathRule]

        init(_ json: JSON) {
            subjects = (json["subjects"]?.array ?? []).compactMap(Subject.init)
            resources = (json["resourceRules"]?.array ?? []).map(ResourceRule.init)
            paths = (json["nonResourceRules"]?.array ?? []).map(PathRule.init)
        }

        func matches(_ attributes: Attributes) -> Bool {
            guard subjects.contains(where: { $0.matches(attributes.user) }) else { return false }
            return attributes.resource.isEmpty
                ? paths.contains { $0.matches(attributes) } : resources.contains { $0.matches(attributes) }
        }
    }

    private struct ResourceRule: Sendable {
        let verbs: [String]
        let groups: [String]
        let resources: [String]
        let isClusterScope: Bool
        let namespaces: [String]

        init(_ json: JSON) {
            verbs = json["verbs"]?.strings ?? []
            groups = json["apiGroups"]?.strings ?? []
            resources = json["resources"]?.strings ?? []
            isClusterScope = json["clusterScope"]?.bool == true
            namespaces = json["namespaces"]?.strings ?? []
        }

        func matches(_ attributes: Attributes) -> Bool {
            guard FlowSchema.names(verbs, attributes.verb), FlowSchema.names(groups, attributes.apiGroup) else { return false }
            let isPart = !attributes.subresource.isEmpty
            let resource = isPart ? "\(attributes.resource)/\(attributes.subresource)" : attributes.resource
            guard FlowSchema.names(resources, resource) else { return false }
            return attributes.namespace.isEmpty ? isClusterScope : FlowSchema.names(namespaces, attributes.namespace)
        }
    }

    private struct PathRule: Sendable {
        let verbs: [String]
        let paths: [String]

        init(_ json: JSON) {
            verbs = json["verbs"]?.strings ?? []
            paths = json["nonResourceURLs"]?.strings ?? []
        }

        func matches(_ attributes: Attributes) -> Bool {
            guard FlowSchema.names(verbs, attributes.verb) else { return false }
            return paths.contains { path in
                path == "*" || path == attributes.path || path.hasSuffix("*") && attributes.path.hasPrefix(path.dropLast())
            }
        }
    }

    let name: String
    let precedence: Int64
    let result: FlowMatch
    private let rules: [Rule]

    init(_ json: JSON, levels: [String: String]) {
        name = json.objectName
        precedence = json.at("spec", "matchingPrecedence")?.integer ?? 1000
        result = FlowMatch(
            schemaUID: json.objectUID, levelUID: levels[json.at("spec", "priorityLevelConfiguration", "name")?.string ?? ""] ?? "")
        rules = (json.at("spec", "rules")?.array ?? []).map(Rule.init)
    }

    func matches(_ attributes: Attributes) -> Bool { rules.contains { $0.matches(attributes) } }

    private static func names(_ list: [String], _ value: String) -> Bool { list.contains { $0 == "*" || $0 == value } }
}
