public import JSON

/// What clients are warned of in objects that are taken nevertheless (`WarningsOnCreate`, `WarningsOnUpdate` of each registry's strategy).
public enum ObjectWarnings {
    private typealias Rule = @Sendable (inout WarningList, JSON) -> Void

    /// The texts for a new object in its storage version.
    public static func create(_ object: JSON, _ resource: ResourceType) -> [String] {
        var list = WarningList()
        let name = "\(resource.storageKind.group)/\(resource.resource)"
        if let owner = namedAfter[name] {
            let problems = NameForm.label.problems(object.objectName)
            if !problems.isEmpty {
                list.add(
                    FieldPath("metadata") / "name",
                    "this is used in \(owner), which can result in surprising behavior; a DNS label is recommended: "
                        + "[\(problems.joined(separator: " "))]")
            }
        }
        rules[name]?(&list, object)
        return list.texts
    }

    /// The texts for a new object before the server completes it: what it will make of old annotations.
    public static func preparing(_ object: JSON, _ resource: ResourceType) -> [String] {
        guard resource.group.isEmpty, resource.resource == "pods" else { return [] }
        var list = WarningList()
        list.appArmorAnnotations(object, .root)
        return list.texts
    }

    /// The texts for a changed object; workloads are only looked at when what they want changed.
    public static func update(_ object: JSON, old: JSON, _ resource: ResourceType) -> [String] {
        guard object.at("metadata", "generation") != old.at("metadata", "generation") || object.at("metadata", "generation") == nil else {
            return []
        }
        var list = WarningList()
        rules["\(resource.storageKind.group)/\(resource.resource)"]?(&list, object)
        return list.texts
    }

    private static let namedAfter: [String: String] = [
        "/pods": "the Pod's hostname", "/replicationcontrollers": "Pod names and hostnames",
        "apps/deployments": "Pod names and hostnames", "apps/replicasets": "Pod names and hostnames",
        "batch/jobs": "Pod names and hostnames", "batch/cronjobs": "Pod names and hostnames",
    ]

    private static let template: Rule = { list, object in
        list.podTemplate(object.at("spec", "template") ?? [:], FieldPath("spec") / "template")
    }

    private static let rules: [String: Rule] = [
        "/pods": { list, pod in list.pod(pod) },
        "/podtemplates": { list, object in list.podTemplate(object["template"] ?? [:], FieldPath("template")) },
        "/replicationcontrollers": template, "apps/deployments": template, "apps/replicasets": template, "apps/daemonsets": template,
        "apps/statefulsets": template, "batch/jobs": template,
        "batch/cronjobs": { list, object in
            list.podTemplate(
                object.at("spec", "jobTemplate", "spec", "template") ?? [:], FieldPath("spec") / "jobTemplate" / "spec" / "template")
        },
        "/services": { list, service in list.service(service) },
        "/persistentvolumes": { list, volume in list.volume(volume) },
        "/persistentvolumeclaims": { list, claim in list.claim(claim) },
        "/serviceaccounts": { list, account in
            let key = "kubernetes.io/enforce-mountable-secrets"
            if account.at("metadata", "annotations", key) != nil {
                list.annotation(key, "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets")
            }
        },
        "/secrets": { list, secret in
            guard secret["type"] == "kubernetes.io/tls" else { return }
            func bytes(_ key: String) -> [UInt8] { secret.at("data", key)?.string.map(PEMText.decoded) ?? [] }
            if let problem = PEMText.problem(certificate: bytes("tls.crt"), key: bytes("tls.key")) { list.add(problem) }
        },
        "networking.k8s.io/ingresses": { list, ingress in
            if ingress.at("metadata", "annotations", "kubernetes.io/ingress.class") != nil {
                list.add("annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead")
            }
        },
        "storage.k8s.io/csidrivers": { list, driver in
            guard driver.at("spec", "tokenRequests")?.array?.isEmpty == false, driver.at("spec", "serviceAccountTokenInSecrets") == nil
            else {
                return
            }
            list.add(
                FieldPath("spec") / "serviceAccountTokenInSecrets",
                " is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes",
                separator: "")
        },
        "node.k8s.io/runtimeclasses": { list, runtime in
            list.nodeLabels(runtime.at("scheduling", "nodeSelector"), FieldPath("scheduling") / "nodeSelector")
        },
    ]
}

/// Texts of warnings in the order in which they were found.
struct WarningList: Sendable {
    private(set) var texts: [String] = []

    mutating func add(_ text: String) { texts.append(text) }

    mutating func add(_ path: FieldPath, _ text: String, separator: String = ": ") { texts.append("\(path)\(separator)\(text)") }

    mutating func annotation(_ key: String, _ text: String, _ parent: FieldPath = .root) {
        add((parent / "metadata" / "annotations").key(key), text)
    }

    // MARK: Nodes' labels

    private static let nodeLabels: [String: String] = [
        "beta.kubernetes.io/arch": "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os": "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region": "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
        "failure-domain.beta.kubernetes.io/zone": "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
        "beta.kubernetes.io/instance-type": "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ]

    /// Old labels as keys of a map.
    mutating func nodeLabels(_ labels: JSON?, _ path: FieldPath) {
        for member in labels?.object?.members ?? [] {
            if let text = Self.nodeLabels[member.key] { add(path.key(member.key), text) }
        }
    }

    /// An old label as the value of a field.
    mutating func nodeLabel(_ label: String, _ path: FieldPath) {
        if let text = Self.nodeLabels[label] { add(path, "\(label) is \(text)") }
    }

    /// `GetWarningsForNodeSelector`.
    mutating func nodeSelector(_ selector: JSON?, _ path: FieldPath) {
        for (index, term) in (selector?.items("nodeSelectorTerms") ?? []).enumerated() {
            nodeSelectorTerm(term, (path / "nodeSelectorTerms")[index])
        }
    }

    /// `GetWarningsForNodeSelectorTerm`.
    mutating func nodeSelectorTerm(_ term: JSON, _ path: FieldPath) {
        for (index, expression) in term.items("matchExpressions").enumerated() {
            nodeLabel(expression.text("key"), (path / "matchExpressions")[index] / "key")
        }
    }

    // MARK: Services and storage

    /// `GetWarningsForService`.
    mutating func service(_ service: JSON) {
        let spec = service["spec"] ?? [:]
        let hints = "service.kubernetes.io/topology-aware-hints"
        if service.at("metadata", "annotations", hints) != nil {
            add("annotation \(hints) is deprecated, please use service.kubernetes.io/topology-mode instead")
        }
        if spec.text("clusterIP") == "None" {
            if !spec.text("loadBalancerIP").isEmpty { add("spec.loadBalancerIP is ignored for headless services") }
            if !spec.items("externalIPs").isEmpty { add("spec.externalIPs is ignored for headless services") }
            if spec["sessionAffinity"] != "None" { add("spec.SessionAffinity is ignored for headless services") }
        }
        if !spec.items("externalIPs").isEmpty {
            add("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
        }
        if spec["type"] != "ExternalName", !spec.text("externalName").isEmpty {
            add("spec.externalName is ignored when spec.type is not \"ExternalName\"")
        }
        if spec["trafficDistribution"] == "PreferClose" {
            add("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"")
        }
    }

    private mutating func storageClassAnnotation(_ object: JSON) {
        let key = "volume.beta.kubernetes.io/storage-class"
        if object.at("metadata", "annotations", key) != nil {
            annotation(key, "deprecated since v1.8; use \"storageClassName\" attribute instead")
        }
    }

    /// `GetWarningsForPersistentVolume`.
    mutating func volume(_ volume: JSON) {
        storageClassAnnotation(volume)
        let mounts = "volume.beta.kubernetes.io/mount-options"
        if volume.at("metadata", "annotations", mounts) != nil {
            annotation(mounts, "deprecated since v1.31; use \"mountOptions\" attribute instead")
        }
        let spec = volume["spec"] ?? [:]
        if spec["persistentVolumeReclaimPolicy"] == "Recycle" {
            add(
                FieldPath("spec") / "persistentVolumeReclaimPolicy",
                "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.")
        }
        nodeSelector(spec.at("nodeAffinity", "required"), FieldPath("spec") / "nodeAffinity" / "required")
        for (field, text) in Self.oldVolumes where spec.present(field) != nil && field != "gitRepo" {
            add(FieldPath("spec") / field, text)
        }
    }

    /// `GetWarningsForPersistentVolumeClaim`.
    mutating func claim(_ claim: JSON) {
        storageClassAnnotation(claim)
        claimSpec(claim["spec"] ?? [:], FieldPath("spec"))
    }

    mutating func claimSpec(_ spec: JSON, _ path: FieldPath) {
        for field in ["requests", "limits"] {
            fraction(spec.at("resources", field, "storage"), (path / "resources" / field).key("storage"))
        }
    }

    /// Bytes do not come in parts.
    mutating func fraction(_ amount: JSON?, _ path: FieldPath) {
        guard let text = amount?.string, let value = QuantityValue(text), !value.isWhole else { return }
        add(path, "fractional byte value \(GoText.quoted(value.text)) is invalid, must be an integer")
    }

    /// Volume plugins that are old or gone.
    static let oldVolumes: [(field: String, text: String)] = [
        ("photonPersistentDisk", "non-functional in v1.16+"),
        ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
        ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
        ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
        ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
        ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
        ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
        ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
        ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
    ]
}
