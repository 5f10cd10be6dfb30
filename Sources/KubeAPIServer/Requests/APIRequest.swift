import HTTP
import JSON
import KubeAPI
import RBAC
import World

/// An authenticated and authorized request about a resource, on its way through the registry.
struct APIRequest: Sendable {
    let http: HTTPRequest
    let info: RequestInfo
    let query: QueryParameters
    let user: UserInfo
    let resource: ResourceType
    var representation: Representation
    /// What is logged of the request; `nil` for nothing.
    let audit: RequestAudit?
    /// What was noticed on the way, for refusals that come later.
    let warnings = RequestWarnings()
    /// The namespace of the path; empty for all namespaces or cluster scope.
    var namespace: String { info.namespace }
    /// The name of the path.
    var name: String { info.parts.count > 1 ? info.parts[1] : "" }

    /// Shows the audit log the object that was sent: the decoded one with its defaults, in the version of the path.
    func audit(_ decoded: JSON) {
        audit?.note(request: decoded) { object in
            var object = resource.stored(object)
            ObjectDefaults.apply(to: &object, resource)
            return StoredObject.ordered(resource.served(ObjectDefaults.ordered(object, resource.storageKind)))
        }
    }
}

/// What the registry answers.
struct RegistryAnswer: Sendable {
    var status: Int
    /// The object or list as stored bytes.
    var bytes: [UInt8]
    /// Texts of `Warning` headers.
    var warnings: [String] = []
}

/// Texts that clients are warned with, whatever becomes of the request.
final class RequestWarnings: Sendable {
    private let noted = Lock<[String]>([])

    /// The texts in order.
    var texts: [String] { noted.withLock { $0 } }

    func note(_ texts: [String]) {
        guard !texts.isEmpty else { return }
        noted.withLock { $0 += texts }
    }
}
