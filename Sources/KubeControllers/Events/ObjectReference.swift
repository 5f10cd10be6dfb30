import JSON
import KubeAPI

/// Names an object in an event. Events wait in great numbers, and those of one object may have one in common.
final class ObjectReference: Sendable {
    let kind: String
    let apiVersion: String
    let namespace: String
    let name: String
    let uid: String
    let resourceVersion: String
    let fieldPath: String

    /// A reference to an object as it is now.
    init(_ object: JSON, kind: String, apiVersion: String = "v1", fieldPath: String = "") {
        self.kind = kind
        self.apiVersion = apiVersion
        namespace = object.objectNamespace
        name = object.objectName
        uid = object.objectUID
        resourceVersion = object.objectResourceVersion
        self.fieldPath = fieldPath
    }

    /// Where events about it are; of objects without a namespace they are in `default`.
    var eventNamespace: String { namespace.isEmpty ? "default" : namespace }

    var json: JSON {
        var json: JSON = ["kind": .string(kind)]
        if !namespace.isEmpty { json["namespace"] = .string(namespace) }
        json["name"] = .string(name)
        json["uid"] = .string(uid)
        json["apiVersion"] = .string(apiVersion)
        if !resourceVersion.isEmpty { json["resourceVersion"] = .string(resourceVersion) }
        if !fieldPath.isEmpty { json["fieldPath"] = .string(fieldPath) }
        return json
    }
}
