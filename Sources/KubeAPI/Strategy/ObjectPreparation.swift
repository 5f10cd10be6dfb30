public import JSON

/// What the strategies of the registries make of an object between admission and validation, beyond the facts of `ResourceStrategy`
/// (`PrepareForCreate`, `PrepareForUpdate` and `Canonicalize` of `pkg/registry/*/strategy.go`).
public enum ObjectPreparation {
    private typealias Create = @Sendable (inout JSON, String) -> Void
    private typealias Authored = @Sendable (inout JSON, JSON) -> Void
    private typealias Update = @Sendable (inout JSON, JSON, String) -> Void

    /// Prepares a new object in its storage version. `now` is the present time in RFC 3339, `author` who makes it: `username`, `uid`,
    /// `groups` and `extra`.
    public static func create(_ object: inout JSON, _ resource: ResourceType, now: String, author: JSON) {
        let name = "\(resource.storageKind.group)/\(resource.resource)"
        creations[name]?(&object, now)
        authored[name]?(&object, author)
    }

    /// Prepares a changed object, or with `subresource` the part of one that is written.
    public static func update(_ object: inout JSON, old: JSON, _ resource: ResourceType, subresource: String, now: String) {
        let name = "\(resource.storageKind.group)/\(resource.resource)" + (subresource.isEmpty ? "" : "/\(subresource)")
        updates[name]?(&object, old, now)
    }

    private static let creations: [String: Create] = [
        "/namespaces": { namespace, _ in
            // A generated name was not known when defaults were made.
            namespace.set(.string(namespace.objectName), at: ["metadata", "labels", "kubernetes.io/metadata.name"])
            let finalizers = namespace["spec"]?.texts("finalizers") ?? []
            if !finalizers.contains("kubernetes") { namespace.set(JSON(strings: finalizers + ["kubernetes"]), at: ["spec", "finalizers"]) }
        },
        "/pods": { pod, now in
            // Those who have less than no time get a second.
            if let grace = pod.at("spec", "terminationGracePeriodSeconds")?.integer, grace < 0 {
                pod.set(1, at: ["spec", "terminationGracePeriodSeconds"])
            }
            alignAppArmor(&pod)
            pod["status"] = podStatus(pod["spec"] ?? [:], now)
        },
        "/persistentvolumes": { volume, now in volume["status"] = ["phase": "Pending", "lastPhaseTransitionTime": .string(now)] },
        "/nodes": { node, _ in node.remove(at: ["spec", "configSource"]) },
        "apiextensions.k8s.io/customresourcedefinitions": { definition, _ in DefinitionDefaults.recordStorageVersion(&definition) },
        "/persistentvolumeclaims": { claim, _ in
            if var spec = claim["spec"] {
                dropUnknownSource(&spec)
                normalizeSources(&spec)
                claim["spec"] = spec
            }
        },
        "/serviceaccounts": { account, _ in trimSecrets(&account) },
        "apps/daemonsets": { set, _ in set.set("1", at: templateGeneration) },
        "batch/jobs": { job, _ in
            // The labels of job and template are one map in Go when only the template has some, so the generated ones are in both.
            let shares =
                job.at("metadata", "labels").isEmptyCollection
                && !job.at("spec", "template", "metadata", "labels").isEmptyCollection
            if job.at("spec", "manualSelector") != true { selectOwnPods(&job) }
            if shares { inheritLabels(&job) }
        },
    ]

    /// Completes a valid object as Kubernetes does when it reads one from its store.
    public static func finish(_ object: inout JSON, _ resource: ResourceType) {
        guard resource.group == "batch", resource.resource == "jobs", object.at("metadata", "labels").isEmptyCollection else { return }
        inheritLabels(&object)
    }

    private static let authored: [String: Authored] = [
        "certificates.k8s.io/certificatesigningrequests": { request, author in
            // Who asks is not for them to say.
            for field in ["username", "uid", "groups", "extra"] { request.set(author[field], at: ["spec", field]) }
        }
    ]

    private static let updates: [String: Update] = [
        "certificates.k8s.io/certificatesigningrequests": { request, old, _ in request["spec"] = old["spec"] },
        "certificates.k8s.io/certificatesigningrequests/status": stampConditions,
        "certificates.k8s.io/certificatesigningrequests/approval": stampConditions,
        "/pods/status": { pod, old, _ in
            // Kubelets that do not know these would lose them.
            pod.set(old.at("metadata", "ownerReferences"), at: ["metadata", "ownerReferences"])
            if pod["status"]?.text("qosClass") ?? "" == "" { pod.set(old.at("status", "qosClass"), at: ["status", "qosClass"]) }
            if pod["status"]?.number("observedGeneration") ?? 0 == 0 {
                pod.set(old.at("status", "observedGeneration"), at: ["status", "observedGeneration"])
            }
        },
        "/persistentvolumes/status": { volume, old, now in
            guard volume.at("status", "phase") != old.at("status", "phase") else { return }
            volume.set(.string(now), at: ["status", "lastPhaseTransitionTime"])
        },
        "/persistentvolumeclaims": { claim, _, _ in
            if var spec = claim["spec"] {
                normalizeSources(&spec)
                claim["spec"] = spec
            }
        },
        "apiextensions.k8s.io/customresourcedefinitions": { definition, _, _ in DefinitionDefaults.recordStorageVersion(&definition) },
        "/nodes": { node, _, _ in node.remove(at: ["spec", "configSource"]) },
        "/serviceaccounts": { account, _, _ in trimSecrets(&account) },
        "/services": { service, old, _ in
            // What a load balancer said goes with it.
            let needsBalancer = service.at("spec", "type") == "LoadBalancer"
            if old.at("spec", "type") == "LoadBalancer", !needsBalancer { service["status"] = ["loadBalancer": [:]] }
        },
        "apps/daemonsets": { set, old, _ in
            let before = Int64(old.value(at: templateGeneration)?.string ?? "") ?? 0
            let hasChanged = set.at("spec", "template") != old.at("spec", "template")
            set.set(.string(String(hasChanged ? before &+ 1 : before)), at: templateGeneration)
        },
        "batch/jobs": { job, _, _ in
            if job.at("metadata", "labels").isEmptyCollection { inheritLabels(&job) }
        },
    ]

    /// Conditions of certificate requests get the times that nobody said (`populateConditionTimestamps`).
    private static let stampConditions: Update = { request, old, now in
        guard var conditions = request.at("status", "conditions")?.array else { return }
        let before = old["status"]?.items("conditions") ?? []
        for index in conditions.indices {
            let condition = conditions[index]
            if condition.present("lastUpdateTime") == nil { conditions[index]["lastUpdateTime"] = .string(now) }
            guard condition.present("lastTransitionTime") == nil else { continue }
            let same = before.first { $0["type"] == condition["type"] && $0["status"] == condition["status"] }
            conditions[index]["lastTransitionTime"] = same?.present("lastTransitionTime") ?? .string(now)
        }
        request.set(.array(conditions), at: ["status", "conditions"])
    }

    private static let templateGeneration = ["metadata", "annotations", "deprecated.daemonset.template.generation"]

    /// AppArmor's annotation and field say the same when the user gave one of them (`applyAppArmorVersionSkew`).
    private static func alignAppArmor(_ pod: inout JSON) {
        guard pod.at("spec", "os", "name") != "windows" else { return }
        let whole = pod.at("spec", "securityContext", "appArmorProfile")
        for field in ["initContainers", "containers"] {
            guard var containers = pod.at("spec", field)?.array else { continue }
            for index in containers.indices {
                let path = ["metadata", "annotations", "container.apparmor.security.beta.kubernetes.io/\(containers[index].text("name"))"]
                let own = containers[index].at("securityContext", "appArmorProfile")
                if let text = pod.value(at: path)?.string {
                    guard own == nil, let profile = appArmorProfile(text) else { continue }
                    containers[index].set(profile, at: ["securityContext", "appArmorProfile"])
                } else if let text = (own ?? whole).flatMap(appArmorAnnotation) {
                    pod.set(.string(text), at: path)
                }
            }
            pod.set(.array(containers), at: ["spec", field])
        }
    }

    private static func appArmorProfile(_ annotation: String) -> JSON? {
        switch annotation {
        case "unconfined": return ["type": "Unconfined"]
        case "runtime/default": return ["type": "RuntimeDefault"]
        default:
            guard annotation.hasPrefix("localhost/") else { return nil }
            let name = annotation.dropFirst("localhost/".count)
            return name.isEmpty ? nil : ["type": "Localhost", "localhostProfile": .string(String(name))]
        }
    }

    private static func appArmorAnnotation(_ profile: JSON) -> String? {
        switch profile["type"]?.string {
        case "Unconfined": "unconfined"
        case "RuntimeDefault": "runtime/default"
        case "Localhost": profile["localhostProfile"]?.string.map { "localhost/\($0)" }
        default: nil
        }
    }

    /// A new pod waits, and says so when its scheduling is gated.
    private static func podStatus(_ spec: JSON, _ now: String) -> JSON {
        var status: JSON = ["phase": "Pending"]
        if !spec.items("schedulingGates").isEmpty {
            status["conditions"] = [
                [
                    "type": "PodScheduled", "status": "False", "lastProbeTime": .null, "lastTransitionTime": .string(now),
                    "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates",
                ]
            ]
        }
        status["qosClass"] = .string(PodQuality.of(spec).rawValue)
        return status
    }

    /// The older way of naming a claim's source takes claims and snapshots only (`EnforceDataSourceBackwardsCompatibility`).
    private static func dropUnknownSource(_ spec: inout JSON) {
        guard let source = spec.present("dataSource") else { return }
        let isClaim = source.present("apiGroup") == nil && source["kind"] == "PersistentVolumeClaim"
        let isSnapshot = source["apiGroup"] == "snapshot.storage.k8s.io" && source["kind"] == "VolumeSnapshot"
        if !isClaim, !isSnapshot { spec["dataSource"] = nil }
    }

    /// Either way of naming a claim's source fills the other (`NormalizeDataSources`).
    private static func normalizeSources(_ spec: inout JSON) {
        if let source = spec.present("dataSource"), spec.present("dataSourceRef") == nil {
            spec["dataSourceRef"] = source
        } else if let source = spec.present("dataSourceRef"), spec.present("dataSource") == nil, source.text("namespace").isEmpty {
            var plain = source
            plain["namespace"] = nil
            spec["dataSource"] = plain
        }
    }

    /// Secrets of accounts are only named (`cleanSecretReferences`).
    private static func trimSecrets(_ account: inout JSON) {
        guard let secrets = account["secrets"]?.array else { return }
        account["secrets"] = .array(secrets.map { secret in secret["name"].map { ["name": $0] } ?? [:] })
    }

    /// Jobs choose their pods by the job's own uid (`generateSelector`).
    private static func selectOwnPods(_ job: inout JSON) {
        let name = job.at("metadata", "name") ?? ""
        let uid = job.at("metadata", "uid") ?? ""
        var labels = job.at("spec", "template", "metadata", "labels") ?? [:]
        for (label, value) in [
            ("job-name", name), ("batch.kubernetes.io/job-name", name), ("controller-uid", uid),
            ("batch.kubernetes.io/controller-uid", uid),
        ] where labels[label] == nil {
            labels[label] = value
        }
        job.set(labels, at: ["spec", "template", "metadata", "labels"])
        let selected = ["spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"]
        if job.value(at: selected) == nil { job.set(uid, at: selected) }
    }

    private static func inheritLabels(_ job: inout JSON) {
        guard let labels = job.at("spec", "template", "metadata", "labels"), !Optional(labels).isEmptyCollection else { return }
        job.set(labels, at: ["metadata", "labels"])
    }
}

/// How well a pod is provided for, which decides who has to go first (`pkg/apis/core/v1/helper/qos`).
public enum PodQuality: String, Sendable, Hashable {
    case guaranteed = "Guaranteed"
    case burstable = "Burstable"
    case bestEffort = "BestEffort"

    /// The class of a pod's spec: guaranteed when every container's limits of CPU and memory are its requests, best effort when nobody
    /// asked for anything.
    public static func of(_ spec: JSON) -> PodQuality {
        let podLevel = spec["resources"].map { [$0] } ?? []
        let isPodLevel = podLevel.contains { !asked($0, "requests").isEmpty || !asked($0, "limits").isEmpty }
        let owners = isPodLevel ? podLevel : (spec.items("containers") + spec.items("initContainers")).map { $0["resources"] ?? [:] }
        var asks = false
        var isGuaranteed = true
        for resources in owners {
            let requests = asked(resources, "requests")
            let limits = asked(resources, "limits")
            if !requests.isEmpty || !limits.isEmpty { asks = true }
            isGuaranteed = isGuaranteed && limits.count == 2 && requests == limits
        }
        return !asks ? .bestEffort : isGuaranteed ? .guaranteed : .burstable
    }

    private static func asked(_ resources: JSON, _ field: String) -> [String: QuantityValue] {
        var result: [String: QuantityValue] = [:]
        for name in ["cpu", "memory"] {
            guard let text = resources.at(field, name)?.string, let amount = QuantityValue(text), amount > .zero else { continue }
            result[name] = amount
        }
        return result
    }
}
