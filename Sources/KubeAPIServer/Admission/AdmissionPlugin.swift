import HTTP
import JSON
import KubeAPI
import Store
import World

/// What a request is about to do to an object, as admission plugins see it (`k8s.io/apiserver/pkg/admission.Attributes`).
struct AdmissionAttributes: Sendable {
    /// What is done.
    enum Operation: String, Sendable, Hashable {
        case create = "CREATE"
        case update = "UPDATE"
        case delete = "DELETE"
        case connect = "CONNECT"
    }

    let operation: Operation
    let request: APIRequest
    /// The object in its storage version; of a deletion the one that goes.
    var object: JSON
    /// The object before an update.
    let old: JSON?
    let isDryRun: Bool
    /// The options of the request (`meta.k8s.io/v1`).
    let options: JSON
    /// The name in the object of the request; empty when the server makes one.
    let givenName: String
    /// What plugins warn of.
    let noted = RequestWarnings()

    init(operation: Operation, request: APIRequest, object: JSON, old: JSON?, isDryRun: Bool, options: JSON? = nil) {
        self.operation = operation
        self.request = request
        self.object = object
        self.old = old
        self.isDryRun = isDryRun
        self.options = options ?? WriteOptions.json(request.query, operation == .create ? .create : .update)
        givenName = object.objectName
    }

    var resource: ResourceType { request.resource }
    var subresource: String { request.info.subresource }

    /// Whether the object itself is written, not a part of it, and is of this resource.
    func concerns(_ group: String, _ plural: String) -> Bool {
        subresource.isEmpty && resource.resource == plural && resource.group == group
    }

    /// Lets the object pass with a warning.
    func warn(_ text: String) { noted.note([text]) }

    /// Notes a fact for the audit log.
    func annotate(_ key: String, _ value: String) { request.http.trace.annotate(key, value) }

    /// `pods "a" is forbidden: …` (`admission.NewForbidden`); an object whose name is still to be made is called by its prefix.
    func forbidden(_ reason: String) -> KubeStatus {
        var name = request.name.isEmpty ? object.objectName : request.name
        if name.isEmpty { name = object.at("metadata", "generateName")?.string ?? "" }
        if name.isEmpty { name = "Unknown" }
        return .forbidden(
            group: resource.group, resource: resource.resource, name: name,
            message: "\(resource.qualifiedName) \(GoText.quoted(name)) is forbidden: \(reason)")
    }
}

/// What plugins may look at besides the object: the cluster's other objects.
struct AdmissionView: Sendable {
    let cluster: ClusterState

    /// An object; `nil` when there is none.
    func object(_ group: String, _ plural: String, namespace: String = "", _ name: String) -> JSON? {
        let key = Key(cluster.collection(group: group, plural), namespace.isEmpty ? name : "\(namespace)/\(name)")
        return cluster.store.get(key).flatMap { try? JSON(parsing: $0.value) }
    }

    /// The objects of a resource, in a namespace or all, in order of their names, with the revisions of their last change.
    func entries(_ group: String, _ plural: String, namespace: String = "") -> [(object: JSON, modified: Revision)] {
        let prefix = namespace.isEmpty ? "" : "\(namespace)/"
        let range = try? cluster.store.range(
            cluster.collection(group: group, plural), prefix: prefix, at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { entry in (try? JSON(parsing: entry.value)).map { ($0, entry.modified) } }
    }

    /// The objects of a resource, in a namespace or all, in order of their names.
    func objects(_ group: String, _ plural: String, namespace: String = "") -> [JSON] {
        entries(group, plural, namespace: namespace).map(\.object)
    }

    /// Of the objects whose annotation says that they are the default, the newest, then the first by name.
    func marked(_ group: String, _ plural: String, by annotations: [String]) -> JSON? {
        objects(group, plural)
            .filter { object in annotations.contains { object.at("metadata", "annotations", $0) == "true" } }
            .max { left, right in
                let (first, second) = (left.at("metadata", "creationTimestamp")?.string, right.at("metadata", "creationTimestamp")?.string)
                return (first ?? "", right.objectName) < (second ?? "", left.objectName)
            }
    }
}

/// A plugin that every write passes after authorization.
protocol AdmissionPlugin: Sendable {
    /// Its name in `--enable-admission-plugins`.
    static var name: String { get }

    /// Completes an object, or refuses it, before it is validated.
    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus)

    /// Refuses an object that is valid.
    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) async throws(KubeStatus)
}

extension AdmissionPlugin {
    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {}

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) async throws(KubeStatus) {}
}
