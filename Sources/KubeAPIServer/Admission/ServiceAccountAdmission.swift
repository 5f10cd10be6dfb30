import HTTP
import JSON
import KubeAPI
import Store
import World

/// ServiceAccount: every pod has an account, and its token mounted unless somebody declined (`plugin/pkg/admission/serviceaccount`).
struct ServiceAccountAdmission: Sendable {
    private static let mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
    private static let volumePrefix = "kube-api-access-"
    private static let mirror = "kubernetes.io/config.mirror"

    let cluster: ClusterState

    /// Completes a new pod.
    ///
    /// - Throws: 403 when its account is not there, or when a mirror pod names what it may not.
    func admit(_ pod: inout JSON, _ request: APIRequest) throws(KubeStatus) {
        guard pod.at("metadata", "annotations", Self.mirror) == nil else { return try checkMirror(pod, request) }
        let given = pod.at("spec", "serviceAccountName")?.string ?? ""
        let name = given.isEmpty ? "default" : given
        var spec = pod["spec"] ?? [:]
        spec["serviceAccountName"] = .string(name)
        spec["serviceAccount"] = .string(name)
        guard let resource = cluster.resources.lookup(group: "", version: "v1", resource: "serviceaccounts"),
            let entry = cluster.store.get(cluster.key(resource, namespace: request.namespace, name: name)),
            let account = try? JSON(parsing: entry.value)
        else {
            let place = "\(request.namespace)/\(name)"
            throw refusal(
                pod, "error looking up service account \(place): serviceaccount \(GoText.quoted(name)) not found", request)
        }
        let wantsToken =
            spec["automountServiceAccountToken"]?.bool ?? account["automountServiceAccountToken"]?.bool ?? true
        if wantsToken { mountToken(&spec) }
        if spec["imagePullSecrets"]?.array?.isEmpty ?? true, let secrets = account["imagePullSecrets"]?.array, !secrets.isEmpty {
            spec["imagePullSecrets"] = .array(secrets.map { ["name": $0["name"] ?? ""] })
        }
        pod["spec"] = spec
    }

    private func mountToken(_ spec: inout JSON) {
        var volumes = spec["volumes"]?.array ?? []
        let present = volumes.compactMap { $0["name"]?.string }.first { $0.hasPrefix(Self.volumePrefix) }
        let volume = present ?? Self.volumePrefix + cluster.world.random.nameSuffix()
        let mount: JSON = ["name": .string(volume), "readOnly": true, "mountPath": .string(Self.mountPath)]
        var isNeeded = false
        for list in ["initContainers", "containers"] {
            guard var containers = spec[list]?.array else { continue }
            for index in containers.indices {
                var mounts = containers[index]["volumeMounts"]?.array ?? []
                if mounts.contains(where: { $0["mountPath"]?.string == Self.mountPath }) { continue }
                mounts.append(mount)
                containers[index]["volumeMounts"] = .array(mounts)
                isNeeded = true
            }
            spec[list] = .array(containers)
        }
        guard present == nil, isNeeded else { return }
        volumes.append([
            "name": .string(volume),
            "projected": [
                "sources": [
                    ["serviceAccountToken": ["expirationSeconds": 3607, "path": "token"]],
                    ["configMap": ["name": "kube-root-ca.crt", "items": [["key": "ca.crt", "path": "ca.crt"]]]],
                    [
                        "downwardAPI": [
                            "items": [["path": "namespace", "fieldRef": ["apiVersion": "v1", "fieldPath": "metadata.namespace"]]]
                        ]
                    ],
                ],
                "defaultMode": 420,
            ],
        ])
        spec["volumes"] = .array(volumes)
    }

    /// The kubelet's picture of a static pod stays as it is, but may not reach for anything.
    private func checkMirror(_ pod: JSON, _ request: APIRequest) throws(KubeStatus) {
        guard (pod.at("spec", "serviceAccountName")?.string ?? "").isEmpty else {
            throw refusal(pod, "a mirror pod may not reference service accounts", request)
        }
        guard PodReferences(pod).secrets.isEmpty else { throw refusal(pod, "a mirror pod may not reference secrets", request) }
        let sources = (pod.at("spec", "volumes")?.array ?? []).flatMap { $0.at("projected", "sources")?.array ?? [] }
        guard sources.allSatisfy({ $0["serviceAccountToken"] == nil }) else {
            throw refusal(pod, "a mirror pod may not use ServiceAccountToken volume projections", request)
        }
    }

    private func refusal(_ pod: JSON, _ text: String, _ request: APIRequest) -> KubeStatus {
        request.http.trace.add(TraceStep("admission", "ServiceAccount", actual: text, .fail))
        let name = pod.objectName
        return .forbidden(
            group: "", resource: "pods", name: name, message: "pods \(GoText.quoted(name)) is forbidden: \(text)")
    }
}
