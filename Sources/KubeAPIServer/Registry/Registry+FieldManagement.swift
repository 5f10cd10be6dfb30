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

    /// `managedFields` of a new object. `object` is complete but for what the server itself adds.
    func managedFields(creating object: JSON, _ source: ManagerSource, _ request: APIRequest, _ options: WriteOptions) -> JSON? {
        switch source {
        case .decided(let managed): return managed.json
        case .sent(let sent):
            return fieldManager(request).created(
                asServed(object, request), sent: sent, by: manager(request, options), at: cluster.world.now.rfc3339
            ).json
        }
    }

    /// `managedFields` of a changed object.
    func managedFields(
        changing old: JSON, to object: JSON, _ source: ManagerSource, _ request: APIRequest, _ options: WriteOptions
    ) -> JSON? {
        switch source {
        case .decided(let managed): return managed.json
        case .sent(let sent):
            return fieldManager(request).updated(
                asServed(old, request), to: asServed(object, request), stored: old.at("metadata", "managedFields"), sent: sent,
                by: manager(request, options), at: cluster.world.now.rfc3339
            ).json
        }
    }

    /// Managers name fields in the version of the request.
    private func asServed(_ object: JSON, _ request: APIRequest) -> JSON {
        request.resource.served(object)
    }
}
