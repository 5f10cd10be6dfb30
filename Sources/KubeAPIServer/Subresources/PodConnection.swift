import JSON
import KubeAPI
import Store

/// What is refused before anybody connects to a pod (`pkg/registry/core/pod/strategy.go`).
struct PodConnection: Sendable {
    let registry: Registry

    /// The options of a connection as an object: `PodExecOptions` and its kin.
    static func options(_ subresource: ResourceType.Subresource, _ request: APIRequest) -> JSON {
        let query = request.query
        var options: JSON = ["kind": .string(subresource.kind), "apiVersion": .string(request.resource.groupVersion)]
        switch subresource.name {
        case "exec", "attach":
            for name in ["stdin", "stdout", "stderr", "tty"] where query.bool(name) { options[name] = true }
            if let container = query["container"], !container.isEmpty { options["container"] = .string(container) }
            if subresource.name == "exec" { options["command"] = JSON(strings: query.all("command")) }
        case "portforward":
            let ports = query.all("ports").compactMap { Int64($0) }
            if !ports.isEmpty { options["ports"] = .array(ports.map(JSON.integer)) }
        default:
            let path = request.info.parts.dropFirst(3).joined(separator: "/")
            if !path.isEmpty { options["path"] = .string(path) }
        }
        return options
    }

    /// Checks a request for logs; answers what is asked of the kubelet, `nil` when no container could have written any.
    ///
    /// - Throws: 400 for a container that is not the pod's, 404, 422 for its options.
    func confirmLog(_ request: APIRequest) throws(KubeStatus) -> KubeletRequest? {
        var errors: [FieldError] = []
        if let lines = try request.query.integer("tailLines"), lines < 0 {
            errors.append(.invalid("tailLines", .integer(lines), "must be greater than or equal to 0"))
        }
        if let bytes = try request.query.integer("limitBytes"), bytes < 1 {
            errors.append(.invalid("limitBytes", .integer(bytes), "must be greater than 0"))
        }
        if let seconds = try request.query.integer("sinceSeconds"), seconds < 1 {
            errors.append(.invalid("sinceSeconds", .integer(seconds), "must be greater than 0"))
        }
        guard errors.isEmpty else { throw .invalid(group: "", kind: "PodLogOptions", name: request.name, errors) }
        let pod = try pod(request)
        let container = try container(request.query["container"] ?? "", pod)
        guard isPlaced(pod) else { return nil }
        return KubeletRequest(kind: .log, pod: pod, container: container, http: request.http, query: request.query)
    }

    /// Checks a request for `exec`, `attach` or `portforward`; answers what is asked of the kubelet.
    ///
    /// - Throws: 400 for a container that is not the pod's or a pod without a node, 404.
    func confirm(_ kind: KubeletRequest.Kind, _ request: APIRequest) throws(KubeStatus) -> KubeletRequest {
        let pod = try pod(request)
        let container = kind == .portforward ? "" : try container(request.query["container"] ?? "", pod)
        guard isPlaced(pod) else { throw .badRequest("pod \(pod.objectName) does not have a host assigned") }
        return KubeletRequest(kind: kind, pod: pod, container: container, http: request.http, query: request.query)
    }

    private func pod(_ request: APIRequest) throws(KubeStatus) -> JSON {
        try StoredObject.parse(registry.entry(request.resource, request.namespace, request.name).value)
    }

    private func isPlaced(_ pod: JSON) -> Bool { !(pod.at("spec", "nodeName")?.string ?? "").isEmpty }

    /// The container that is meant: the one that is named, or the only one.
    private func container(_ name: String, _ pod: JSON) throws(KubeStatus) -> String {
        func names(_ list: String) -> [String] { (pod.at("spec", list)?.array ?? []).compactMap { $0["name"]?.string } }
        let (own, initial, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"))
        guard name.isEmpty else {
            guard (own + initial + ephemeral).contains(name) else {
                throw .badRequest("container \(name) is not valid for pod \(pod.objectName)")
            }
            return name
        }
        guard own.count > 1 else { return own.first ?? "" }
        var text = "a container name must be specified for pod \(pod.objectName), choose one of: [\(own.joined(separator: " "))]"
        if !initial.isEmpty { text += " or one of the init containers: [\(initial.joined(separator: " "))]" }
        throw .badRequest(text)
    }
}
