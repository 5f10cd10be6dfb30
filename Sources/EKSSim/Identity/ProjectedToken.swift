import HTTP
import JSON

/// The token that a kubelet mounts into a container: what a pod's volume projects, for whom and how long.
struct ProjectedToken: Sendable {
    /// The audience.
    let audience: String
    /// Its life in seconds.
    let life: Int64
    /// The pod whose token it is.
    let namespace: String
    let account: String
    let pod: (name: String, uid: String)

    /// The token that lies at a path in a container of a pod; `nil` when no volume projects one there.
    init?(at path: String, in container: JSON, of pod: JSON) {
        // Windows paths name the same mount.
        let path = path.replacing("C:", with: "").replacing("\\", with: "/")
        let mount = container["volumeMounts"]?.array?.first { path.hasPrefix(($0["mountPath"]?.string ?? "?") + "/") }
        guard let volume = mount?["name"]?.string,
            let sources = pod.at("spec", "volumes")?.array?.first(where: { $0["name"]?.string == volume })?.at("projected", "sources"),
            let source = sources.array?.lazy.compactMap({ $0["serviceAccountToken"] }).first
        else { return nil }
        audience = source["audience"]?.string ?? ""
        life = source["expirationSeconds"]?.integer ?? 3600
        namespace = pod.at("metadata", "namespace")?.string ?? ""
        account = pod.at("spec", "serviceAccountName")?.string ?? "default"
        self.pod = (pod.at("metadata", "name")?.string ?? "", pod.at("metadata", "uid")?.string ?? "")
    }

    /// The path of the request for it.
    var path: String {
        "/api/v1/namespaces/\(PercentEncoding.encode(namespace))/serviceaccounts/\(PercentEncoding.encode(account))/token"
    }

    /// The TokenRequest of the kubelet (authentication.k8s.io/v1).
    var request: JSON {
        [
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "spec": [
                "audiences": [.string(audience)], "expirationSeconds": .integer(life),
                "boundObjectRef": ["kind": "Pod", "apiVersion": "v1", "name": .string(pod.name), "uid": .string(pod.uid)],
            ],
        ]
    }
}
