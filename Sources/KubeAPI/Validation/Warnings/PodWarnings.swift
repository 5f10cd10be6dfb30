import JSON

/// Warnings of pods and of templates of pods (`pkg/api/pod/warnings.go`).
extension WarningList {
    private static let oldAnnotations: [(key: String, text: String)] = [
        ("scheduler.alpha.kubernetes.io/critical-pod", "non-functional in v1.16+; use the \"priorityClassName\" field instead"),
        ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
        ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ]

    /// `GetWarningsForPod`.
    mutating func pod(_ pod: JSON) {
        podParts(pod, .root)
    }

    /// `GetWarningsForPodTemplate`.
    mutating func podTemplate(_ template: JSON, _ path: FieldPath) {
        appArmorAnnotations(template, path)
        podParts(template, path)
    }

    private mutating func podParts(_ pod: JSON, _ parent: FieldPath) {
        let spec = pod["spec"] ?? [:]
        let annotations = pod.at("metadata", "annotations")
        let at = parent / "spec"
        let containers = Self.containers(spec, at)
        scheduling(spec, at)
        for (key, text) in Self.oldAnnotations where annotations?[key] != nil { annotation(key, text, parent) }
        volumes(spec, at)
        lists(spec, at)
        for name in ["memory", "ephemeral-storage"] { fraction(spec.at("overhead", name), (at / "overhead").key(name)) }
        let seccomp = "non-functional in v1.27+; use the \"seccompProfile\" field instead"
        if annotations?["seccomp.security.alpha.kubernetes.io/pod"] != nil {
            annotation("seccomp.security.alpha.kubernetes.io/pod", seccomp, parent)
        }
        for (container, path) in containers {
            let key = "container.seccomp.security.alpha.kubernetes.io/\(container.text("name"))"
            if annotations?[key] != nil { annotation(key, seccomp, parent) }
            for (field, name) in [
                ("limits", "memory"), ("requests", "memory"), ("limits", "ephemeral-storage"), ("requests", "ephemeral-storage"),
            ] {
                fraction(container.at("resources", field, name), (path / "resources" / field).key(name))
            }
            environment(container, path)
        }
        ports(containers)
        affinityTerms(spec, at)
    }

    /// AppArmor by annotation, where no field says it. A pod's are looked at before the server makes fields of them.
    mutating func appArmorAnnotations(_ pod: JSON, _ parent: FieldPath) {
        let annotations = pod.at("metadata", "annotations")
        for (container, _) in Self.containers(pod["spec"] ?? [:], parent / "spec")
        where container.at("securityContext", "appArmorProfile")?.object == nil {
            let key = "container.apparmor.security.beta.kubernetes.io/\(container.text("name"))"
            if annotations?[key] != nil {
                annotation(key, "deprecated since v1.30; use the \"appArmorProfile\" field instead", parent)
            }
        }
    }

    private static func containers(_ spec: JSON, _ at: FieldPath) -> [(container: JSON, path: FieldPath)] {
        ["initContainers", "containers", "ephemeralContainers"].flatMap { field in
            spec.items(field).enumerated().map { ($0.element, (at / field)[$0.offset]) }
        }
    }

    private mutating func scheduling(_ spec: JSON, _ at: FieldPath) {
        nodeLabels(spec["nodeSelector"], at / "nodeSelector")
        let affinity = spec.at("affinity", "nodeAffinity") ?? [:]
        let path = at / "affinity" / "nodeAffinity"
        let required = "requiredDuringSchedulingIgnoredDuringExecution"
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution"
        nodeSelector(affinity[required], path / required)
        for (index, term) in affinity.items(preferred).enumerated() {
            nodeSelectorTerm(term["preference"] ?? [:], (path / preferred)[index] / "preference")
        }
        for (index, constraint) in spec.items("topologySpreadConstraints").enumerated() {
            let own = (at / "topologySpreadConstraints")[index]
            nodeLabel(constraint.text("topologyKey"), own / "topologyKey")
            if constraint.present("labelSelector") == nil {
                add(own / "labelSelector", "a null labelSelector results in matching no pod")
            }
        }
    }

    private mutating func volumes(_ spec: JSON, _ at: FieldPath) {
        for (index, volume) in spec.items("volumes").enumerated() {
            let path = (at / "volumes")[index]
            for (field, text) in Self.oldVolumes where volume.present(field) != nil {
                add(path / (field == "storageos" ? "storageOS" : field), text)
            }
            if let claim = volume.at("ephemeral", "volumeClaimTemplate", "spec") {
                claimSpec(claim, path / "ephemeral" / "volumeClaimTemplate" / "spec")
            }
        }
    }

    private mutating func lists(_ spec: JSON, _ at: FieldPath) {
        for (field, key) in [("hostAliases", "ip"), ("imagePullSecrets", "name")] {
            var seen: Set<String> = []
            for (index, item) in spec.items(field).enumerated() where !seen.insert(item.text(key)).inserted {
                add((at / field)[index] / key, "duplicate \(key) \(GoText.quoted(item.text(key)))")
            }
        }
        for (index, item) in spec.items("imagePullSecrets").enumerated() where item.text("name").isEmpty {
            add((at / "imagePullSecrets")[index] / "name", "invalid empty name \"\"")
        }
    }

    private mutating func environment(_ container: JSON, _ path: FieldPath) {
        var seen: Set<String> = []
        for (index, variable) in container.items("env").enumerated() {
            let name = variable.text("name")
            guard !seen.insert(name).inserted else { continue }
            // A value that builds upon the one before is fine.
            let reference = "$(\(name))"
            let value = variable.text("value")
            guard variable.present("valueFrom") != nil || value == reference || !value.contains(reference) else { continue }
            add(
                (path / "env")[index], "hides previous definition of \(GoText.quoted(name)), which may be dropped when using apply")
        }
    }

    private mutating func ports(_ containers: [(container: JSON, path: FieldPath)]) {
        var known: [String: [(path: FieldPath, port: JSON)]] = [:]
        for (container, path) in containers {
            for (index, port) in container.items("ports").enumerated() {
                let own = (path / "ports")[index]
                let key = "\(port.number("containerPort") ?? 0)/\(port.text("protocol"))"
                for other in known[key] ?? [] {
                    if let kind = Self.overlap(port, other.port) { add(own, "\(kind) port definition with \(other.path)") }
                }
                known[key, default: []].append((own, port))
            }
        }
        var names: [String: FieldPath] = [:]
        for (container, path) in containers {
            for (index, port) in container.items("ports").enumerated() where !port.text("name").isEmpty {
                let name = port.text("name")
                let own = (path / "ports")[index] / "name"
                if let other = names[name] {
                    add(
                        own,
                        "duplicate port name \(GoText.quoted(name)) with \(other), services and probes that select ports by name will use "
                            + "\(other)")
                } else {
                    names[name] = own
                }
            }
        }
    }

    private static func overlap(_ port: JSON, _ other: JSON) -> String? {
        let (host, otherHost) = (port.number("hostPort") ?? 0, other.number("hostPort") ?? 0)
        let (address, otherAddress) = (port.text("hostIP"), other.text("hostIP"))
        if address == otherAddress, host == otherHost { return "duplicate" }
        if host == 0 || otherHost == 0 { return "overlapping" }
        return host == otherHost && address.isEmpty != otherAddress.isEmpty ? "dangerously ambiguous" : nil
    }

    private mutating func affinityTerms(_ spec: JSON, _ at: FieldPath) {
        for kind in ["podAffinity", "podAntiAffinity"] {
            guard let affinity = spec.at("affinity", kind) else { continue }
            let path = at / "affinity" / kind
            for (field, inner) in [
                ("requiredDuringSchedulingIgnoredDuringExecution", nil),
                ("preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"),
            ] as [(String, String?)] {
                for (index, element) in affinity.items(field).enumerated() {
                    let term = inner.map { element[$0] ?? [:] } ?? element
                    guard term.present("labelSelector") == nil else { continue }
                    let own = inner.map { (path / field)[index] / $0 } ?? (path / field)[index]
                    add(own / "labelSelector", "a null labelSelector results in matching no pod")
                }
            }
        }
    }
}
