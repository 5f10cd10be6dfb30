import JSON
import KubeAPI

/// Every pod runs as a ServiceAccount that exists, whose token and pull secrets it gets (`plugin/pkg/admission/serviceaccount`).
struct ServiceAccountAdmission: AdmissionPlugin {
    static let name = "ServiceAccount"

    private static let mirror = "kubernetes.io/config.mirror"
    private static let volumePrefix = "kube-api-access-"
    private static let mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
    /// One hour and seven seconds tell the kubelet that the token may be prolonged.
    private static let tokenSeconds: JSON = 3607

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("", "pods") else { return }
        guard attributes.object.at("metadata", "annotations", Self.mirror) == nil else { return try check(attributes, view) }
        var spec = attributes.object["spec"] ?? [:]
        if (spec["serviceAccountName"]?.string ?? "").isEmpty { spec["serviceAccountName"] = "default" }
        spec["serviceAccount"] = spec["serviceAccountName"]
        let account = try account(spec["serviceAccountName"]?.string ?? "", attributes, view)
        let mounts = spec["automountServiceAccountToken"]?.bool ?? account["automountServiceAccountToken"]?.bool ?? true
        if mounts { mountToken(&spec, view) }
        if (spec["imagePullSecrets"]?.array ?? []).isEmpty, let secrets = account["imagePullSecrets"]?.array, !secrets.isEmpty {
            spec["imagePullSecrets"] = .array(secrets)
        }
        attributes.object["spec"] = spec
    }

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("", "pods") else { return }
        try check(attributes, view)
    }

    private func check(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        let spec = attributes.object["spec"] ?? [:]
        let name = spec["serviceAccountName"]?.string ?? ""
        if attributes.object.at("metadata", "annotations", Self.mirror) != nil {
            if !name.isEmpty { throw attributes.forbidden("a mirror pod may not reference service accounts") }
            if Self.referencesSecrets(spec) { throw attributes.forbidden("a mirror pod may not reference secrets") }
            let sources = (spec["volumes"]?.array ?? []).flatMap { $0.at("projected", "sources")?.array ?? [] }
            if sources.contains(where: { $0["serviceAccountToken"]?.object != nil }) {
                throw attributes.forbidden("a mirror pod may not use ServiceAccountToken volume projections")
            }
            return
        }
        if name.isEmpty {
            throw attributes.forbidden(
                "no service account specified for pod \(attributes.request.namespace)/\(attributes.object.objectName)")
        }
        _ = try account(name, attributes, view)
    }

    private func account(_ name: String, _ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) -> JSON {
        let namespace = attributes.request.namespace
        if let account = view.object("", "serviceaccounts", namespace: namespace, name) { return account }
        throw attributes.forbidden(
            "error looking up service account \(namespace)/\(name): serviceaccount \(GoText.quoted(name)) not found")
    }

    /// Mounts the account's token in every container that has nothing in its place.
    private func mountToken(_ spec: inout JSON, _ view: AdmissionView) {
        var volumes = spec["volumes"]?.array ?? []
        let present = volumes.last { ($0["name"]?.string ?? "").hasPrefix(Self.volumePrefix) }?["name"]?.string
        let name = JSON.string(present ?? ObjectMetadata.generatedName(Self.volumePrefix, view.cluster.world))
        var isNeeded = false
        for field in ["initContainers", "containers"] {
            guard var containers = spec[field]?.array else { continue }
            for index in containers.indices {
                var mounts = containers[index]["volumeMounts"]?.array ?? []
                guard !mounts.contains(where: { $0["mountPath"]?.string == Self.mountPath }) else { continue }
                mounts.append(["name": name, "readOnly": true, "mountPath": .string(Self.mountPath)])
                containers[index]["volumeMounts"] = .array(mounts)
                isNeeded = true
            }
            spec[field] = .array(containers)
        }
        guard isNeeded, present == nil else { return }
        volumes.append(["name": name, "projected": Self.tokenSource])
        spec["volumes"] = .array(volumes)
    }

    private static let tokenSource: JSON = [
        "sources": [
            ["serviceAccountToken": ["expirationSeconds": tokenSeconds, "path": "token"]],
            ["configMap": ["name": "kube-root-ca.crt", "items": [["key": "ca.crt", "path": "ca.crt"]]]],
            [
                "downwardAPI": [
                    "items": [["path": "namespace", "fieldRef": ["apiVersion": "v1", "fieldPath": "metadata.namespace"]]]
                ]
            ],
        ], "defaultMode": 420,
    ]

    /// Whether a pod takes anything from a secret (`podutil.VisitPodSecretNames`).
    private static func referencesSecrets(_ spec: JSON) -> Bool {
        if !(spec["imagePullSecrets"]?.array ?? []).isEmpty { return true }
        for field in ["initContainers", "containers", "ephemeralContainers"] {
            for container in spec[field]?.array ?? [] {
                let environment = (container["env"]?.array ?? []).map { $0.at("valueFrom", "secretKeyRef") }
                let whole = (container["envFrom"]?.array ?? []).map { $0["secretRef"] }
                if (environment + whole).contains(where: { $0?.object != nil }) { return true }
            }
        }
        return (spec["volumes"]?.array ?? []).contains { volume in
            if volume["secret"]?.object != nil || volume["azureFile"]?.object != nil { return true }
            if (volume.at("projected", "sources")?.array ?? []).contains(where: { $0["secret"]?.object != nil }) { return true }
            return (volume.object?.members ?? []).contains { member in
                ["secretRef", "nodePublishSecretRef"].contains { member.value[$0]?.object != nil }
            }
        }
    }
}
