public import JSON

/// The objects that a pod's spec names (`pkg/api/v1/pod VisitPodSecretNames`, `VisitPodConfigmapNames`).
public struct PodReferences: Sendable, Hashable {
    /// Names of Secrets: pull secrets, volumes, environment.
    public private(set) var secrets: Set<String> = []
    /// Names of ConfigMaps: volumes, environment.
    public private(set) var configMaps: Set<String> = []
    /// Names of PersistentVolumeClaims, those of ephemeral volumes included.
    public private(set) var claims: Set<String> = []

    /// Reads a pod.
    public init(_ pod: JSON) {
        let spec = pod["spec"] ?? [:]
        for secret in spec["imagePullSecrets"]?.array ?? [] { add(secret["name"], to: \.secrets) }
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            for container in spec[list]?.array ?? [] { read(container: container) }
        }
        for volume in spec["volumes"]?.array ?? [] {
            read(volume: volume)
            // The claim of an ephemeral volume is made under the pod's name.
            if volume["ephemeral"]?.object != nil {
                let names = (pod.at("metadata", "name")?.string ?? "", volume["name"]?.string ?? "")
                claims.insert("\(names.0)-\(names.1)")
            }
        }
    }

    private mutating func add(_ name: JSON?, to set: WritableKeyPath<PodReferences, Set<String>>) {
        if let name = name?.string, !name.isEmpty { self[keyPath: set].insert(name) }
    }

    private mutating func read(container: JSON) {
        for source in container["envFrom"]?.array ?? [] {
            add(source.at("secretRef", "name"), to: \.secrets)
            add(source.at("configMapRef", "name"), to: \.configMaps)
        }
        for variable in container["env"]?.array ?? [] {
            add(variable.at("valueFrom", "secretKeyRef", "name"), to: \.secrets)
            add(variable.at("valueFrom", "configMapKeyRef", "name"), to: \.configMaps)
        }
    }

    private mutating func read(volume: JSON) {
        // Every kind of volume names its secret in one of these ways.
        for source in volume.object?.members ?? [] {
            for member in ["secretRef", "nodePublishSecretRef"] { add(source.value.at(member, "name"), to: \.secrets) }
            add(source.value["secretName"], to: \.secrets)
        }
        add(volume.at("configMap", "name"), to: \.configMaps)
        add(volume.at("persistentVolumeClaim", "claimName"), to: \.claims)
        for source in volume.at("projected", "sources")?.array ?? [] {
            add(source.at("secret", "name"), to: \.secrets)
            add(source.at("configMap", "name"), to: \.configMaps)
        }
    }
}
