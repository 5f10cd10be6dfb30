import HTTP
import JSON
import KubeAPI
import World

/// Where the managers of a written object come from.
enum ManagerSource: Sendable {
    /// From what changed; a client may have sent managers itself.
    case sent(JSON?)
    /// An apply decided them.
    case decided(ManagedFields)
}

extension Registry {
    /// What keeps `managedFields` on the path of a request.
    func fieldManager(_ request: APIRequest) -> FieldManager {
        FieldManager(request.resource, subresource: request.info.subresource)
    }

    /// Who writes.
    func manager(_ request: APIRequest, _ options: WriteOptions) -> String {
        FieldManagerName.of(options.fieldManager, userAgent: request.http.headers["User-Agent"])
    }

    /// `managedFields` of a new object in the version of the request. `object` is complete but for what the server itself adds.
    func managedFields(creating object: JSON, _ source: ManagerSource, _ request: APIRequest, _ options: WriteOptions) -> JSON? {
        switch source {
        case .decided(let managed): return managed.json
        case .sent(let sent):
            return fieldManager(request).created(
                object, sent: sent, by: manager(request, options), at: request.http.trace.received.rfc3339
            ).json
        }
    }

    /// `managedFields` of a changed object; both states in the version of the request, `stored` is the one that is stored.
    func managedFields(
        changing old: JSON, to object: JSON, old stored: JSON, _ source: ManagerSource, _ request: APIRequest, _ options: WriteOptions
    ) -> JSON? {
        switch source {
        case .decided(let managed): return managed.json
        case .sent(let sent):
            return fieldManager(request).updated(
                old, to: object, stored: stored.at("metadata", "managedFields"), sent: sent, by: manager(request, options),
                at: request.http.trace.received.rfc3339
            ).json
        }
    }

    /// Managers name fields in the version of the request: as the defaulted object is served, or, where a webhook converts, as it was sent.
    func asServed(_ object: JSON, _ sent: JSON, _ resource: ResourceType) -> JSON {
        ObjectConversion.isNeeded(resource) ? sent : resource.served(object)
    }
}
