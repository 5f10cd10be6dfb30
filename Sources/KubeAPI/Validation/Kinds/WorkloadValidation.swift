import JSON

/// Checks of the `apps` group and of replication controllers (`pkg/apis/apps/validation/validation.go`).
extension FieldErrorList {
    private static let mismatch = "`selector` does not match template `labels`"

    /// A selector as the server uses it; `nil` when it cannot be one (`LabelSelectorAsSelector`). Without a selector nothing is selected.
    static func selectorMatches(_ selector: JSON?, _ labels: JSON?) -> Bool? {
        guard let selector, !selector.isNull else { return false }
        guard isConvertible(selector) else { return nil }
        return LabelSelector(selector)?.matches(labels?.object)
    }

    /// Whether a selector's requirements can be made.
    static func isConvertible(_ selector: JSON) -> Bool {
        for member in selector.entries("matchLabels") {
            guard QualifiedName.problems(member.key).isEmpty, QualifiedName.valueProblems(member.value.string ?? "").isEmpty else {
                return false
            }
        }
        return selector.items("matchExpressions").allSatisfy { requirement in
            let values = requirement.texts("values")
            let fits =
                switch requirement.text("operator") {
                case "In", "NotIn": !values.isEmpty
                case "Exists", "DoesNotExist": values.isEmpty
                default: false
                }
            return fits && QualifiedName.problems(requirement.text("key")).isEmpty
                && values.allSatisfy { QualifiedName.valueProblems($0).isEmpty }
        }
    }

    private static func isEmptySelector(_ selector: JSON) -> Bool {
        selector["matchLabels"].isEmptyCollection && selector["matchExpressions"].isEmptyCollection
    }

    /// A selector that has to be there and select something.
    private mutating func workloadSelector(_ selector: JSON?, _ at: FieldPath, _ kind: String) {
        guard let selector, !selector.isNull else { return required(at) }
        labelSelector(selector, at)
        if Self.isEmptySelector(selector) { invalid(at, selector, "empty selector is invalid for \(kind)") }
    }

    private static func templateLabels(_ spec: JSON) -> JSON {
        let labels = spec.at("template", "metadata", "labels") ?? .null
        return Optional(labels).isEmptyCollection ? .null : labels
    }

    /// The template of pods that are always restarted.
    private mutating func restartedTemplate(_ template: JSON?, _ at: FieldPath, _ kind: String) {
        let spec = template?["spec"] ?? [:]
        if spec.text("restartPolicy") != "Always" { notSupported(at / "spec" / "restartPolicy", spec["restartPolicy"] ?? "", ["Always"]) }
        if spec.present("activeDeadlineSeconds") != nil {
            forbidden(at / "spec" / "activeDeadlineSeconds", "activeDeadlineSeconds in \(kind) is not Supported")
        }
    }

    /// `ValidatePodTemplateSpecForReplicaSet`.
    private mutating func replicatedTemplate(_ spec: JSON, _ at: FieldPath) {
        let labels = Self.templateLabels(spec)
        switch Self.selectorMatches(spec["selector"], labels) {
        case nil: return invalid(at / "selector", spec["selector"] ?? .null, "invalid label selector")
        case false?: invalid(at / "template" / "metadata" / "labels", labels, Self.mismatch)
        case true?: break
        }
        podTemplate(spec["template"], at / "template")
        restartedTemplate(spec["template"], at / "template", "ReplicaSet")
    }

    /// `ValidateDeploymentSpec`.
    mutating func deploymentSpec(_ spec: JSON) {
        let at = FieldPath("spec")
        nonnegative(spec.number("replicas"), at / "replicas")
        workloadSelector(spec["selector"], at / "selector", "deployment")
        replicatedTemplate(spec, at)
        let strategy = spec["strategy"] ?? [:]
        let rolling = strategy.present("rollingUpdate")
        let path = at / "strategy"
        switch strategy.text("type") {
        case "Recreate":
            if rolling != nil { forbidden(path / "rollingUpdate", "may not be specified when strategy `type` is 'Recreate'") }
        case "RollingUpdate":
            if let rolling {
                rollingUpdate(rolling, path / "rollingUpdate")
            } else {
                required(path / "rollingUpdate", "this should be defaulted and never be nil")
            }
        default: notSupported(path, GoForm.json(strategy, "apps.v1.DeploymentStrategy"), ["Recreate", "RollingUpdate"])
        }
        nonnegative(spec.number("minReadySeconds"), at / "minReadySeconds")
        nonnegative(spec.number("revisionHistoryLimit"), at / "revisionHistoryLimit")
        if let deadline = spec.number("progressDeadlineSeconds") {
            nonnegative(deadline, at / "progressDeadlineSeconds")
            if deadline <= spec.number("minReadySeconds") ?? 0 {
                invalid(at / "progressDeadlineSeconds", .integer(deadline), "must be greater than minReadySeconds")
            }
        }
    }

    private mutating func rollingUpdate(_ rolling: JSON, _ at: FieldPath) {
        let unavailable = rolling["maxUnavailable"]
        let surge = rolling["maxSurge"]
        countOrPercent(unavailable, at / "maxUnavailable")
        countOrPercent(surge, at / "maxSurge")
        if Self.isZero(unavailable), Self.isZero(surge) {
            invalid(at / "maxUnavailable", unavailable ?? 0, "may not be 0 when `maxSurge` is 0")
        }
        notMoreThanAll(unavailable, at / "maxUnavailable")
    }

    private static func isZero(_ value: JSON?) -> Bool { countOrPercentValue(value) == 0 }

    /// `ValidateReplicaSetSpec`.
    mutating func replicaSetSpec(_ spec: JSON) {
        let at = FieldPath("spec")
        nonnegative(spec.number("replicas"), at / "replicas")
        nonnegative(spec.number("minReadySeconds"), at / "minReadySeconds")
        workloadSelector(spec["selector"], at / "selector", "deployment")
        replicatedTemplate(spec, at)
    }

    /// `ValidateStatefulSetSpec`.
    mutating func statefulSetSpec(_ spec: JSON) {
        let at = FieldPath("spec")
        let policy = spec.text("podManagementPolicy")
        if policy.isEmpty {
            required(at / "podManagementPolicy")
        } else if policy != "OrderedReady", policy != "Parallel" {
            invalid(at / "podManagementPolicy", .string(policy), "must be 'OrderedReady' or 'Parallel'")
        }
        statefulSetStrategy(spec["updateStrategy"] ?? [:], at / "updateStrategy")
        if let retention = spec.present("persistentVolumeClaimRetentionPolicy") {
            for field in ["whenDeleted", "whenScaled"] {
                oneOf(retention.text(field), ["Retain", "Delete"], at / "persistentVolumeClaimRetentionPolicy" / field)
            }
        }
        nonnegative(spec.number("replicas"), at / "replicas")
        nonnegative(spec.number("minReadySeconds"), at / "minReadySeconds")
        if let ordinals = spec.present("ordinals") { nonnegative(ordinals.number("start"), at / "ordinals" / "start") }
        workloadSelector(spec["selector"], at / "selector", "statefulset")
        let labels = Self.templateLabels(spec)
        let path = at / "template"
        switch Self.selectorMatches(spec["selector"], labels) {
        case nil: invalid(at / "selector", spec["selector"] ?? .null, "")
        case let matches?:
            if !matches { invalid(path / "metadata" / "labels", labels, Self.mismatch) }
            let metadata = spec.at("template", "metadata") ?? [:]
            self.labels(metadata["labels"], path / "labels")
            annotations(metadata["annotations"], path / "annotations")
            podAnnotations(metadata["annotations"], spec.at("template", "spec") ?? [:], path / "annotations")
        }
        for (index, claim) in spec.items("volumeClaimTemplates").enumerated() {
            claimSpec(claim["spec"] ?? [:], (at / "volumeClaimTemplates")[index] / "spec")
        }
        restartedTemplate(spec["template"], path, "StatefulSet")
    }

    private mutating func statefulSetStrategy(_ strategy: JSON, _ at: FieldPath) {
        let rolling = strategy.present("rollingUpdate")
        switch strategy.text("type") {
        case "": required(at)
        case "OnDelete":
            if let rolling {
                invalid(
                    at / "rollingUpdate", GoForm.json(rolling, "apps.v1.RollingUpdateStatefulSetStrategy"),
                    "only allowed for updateStrategy 'RollingUpdate'")
            }
        case "RollingUpdate":
            guard let rolling else { return }
            nonnegative(rolling.number("partition"), at / "rollingUpdate" / "partition")
            guard let unavailable = rolling.present("maxUnavailable") else { return }
            let path = at / "rollingUpdate" / "maxUnavailable"
            countOrPercent(unavailable, path)
            if Self.isZero(unavailable) { invalid(path, unavailable, "cannot be 0") }
            notMoreThanAll(unavailable, path)
        default:
            invalid(at, GoForm.json(strategy, "apps.v1.StatefulSetUpdateStrategy"), "must be 'RollingUpdate' or 'OnDelete'")
        }
    }

    /// `ValidateStatefulSetUpdate`.
    mutating func statefulSetUpdate(_ new: JSON, _ old: JSON) {
        statefulSetSpec(new["spec"] ?? [:])
        metadataUpdate(new, old)
        var munged = new["spec"] ?? [:]
        let before = old["spec"] ?? [:]
        for field in [
            "replicas", "template", "updateStrategy", "minReadySeconds", "ordinals", "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
        ] { munged[field] = before[field] }
        if munged != before {
            forbidden(
                FieldPath("spec"),
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                    + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")
        }
    }

    /// `ValidateDaemonSetSpec`.
    mutating func daemonSetSpec(_ spec: JSON) {
        let at = FieldPath("spec")
        labelSelector(spec["selector"], at / "selector")
        let labels = Self.templateLabels(spec)
        if Self.selectorMatches(spec["selector"], labels) == false {
            invalid(at / "template" / "metadata" / "labels", labels, Self.mismatch)
        }
        if let selector = spec.present("selector"), Self.isEmptySelector(selector) {
            invalid(at / "selector", selector, "empty selector is invalid for daemonset")
        }
        podTemplate(spec["template"], at / "template")
        restartedTemplate(spec["template"], at / "template", "DaemonSet")
        nonnegative(spec.number("minReadySeconds"), at / "minReadySeconds")
        daemonSetStrategy(spec["updateStrategy"] ?? [:], at / "updateStrategy")
        nonnegative(spec.number("revisionHistoryLimit"), at / "revisionHistoryLimit")
    }

    private mutating func daemonSetStrategy(_ strategy: JSON, _ at: FieldPath) {
        switch strategy.text("type") {
        case "OnDelete": break
        case "RollingUpdate":
            let path = at / "rollingUpdate"
            guard let rolling = strategy.present("rollingUpdate") else { return required(path) }
            let unavailable = rolling["maxUnavailable"]
            let surge = rolling["maxSurge"]
            countOrPercent(unavailable, path / "maxUnavailable")
            countOrPercent(surge, path / "maxSurge")
            notMoreThanAll(unavailable, path / "maxUnavailable")
            notMoreThanAll(surge, path / "maxSurge")
            switch (Self.isZero(unavailable), Self.isZero(surge)) {
            case (false, false): invalid(path / "maxSurge", surge ?? 0, "may not be set when maxUnavailable is non-zero")
            case (true, true): required(path / "maxUnavailable", "cannot be 0 when maxSurge is 0")
            default: break
            }
        default: notSupported(at, GoForm.json(strategy, "apps.v1.DaemonSetUpdateStrategy"), ["RollingUpdate", "OnDelete"])
        }
    }

    /// `ValidateControllerRevision`.
    mutating func controllerRevision(_ revision: JSON) {
        metadata(revision, .subdomain, isNamespaced: true)
        if revision.present("data") == nil { required(FieldPath("data"), "data is mandatory") }
        nonnegative(revision.number("revision"), FieldPath("revision"))
    }

    /// `ValidateReplicationControllerSpec`.
    mutating func replicationControllerSpec(_ spec: JSON) {
        let at = FieldPath("spec")
        nonnegative(spec.number("minReadySeconds"), at / "minReadySeconds")
        let selector = spec["selector"]?.object ?? [:]
        if selector.isEmpty { required(at / "selector") }
        nonnegative(spec.number("replicas"), at / "replicas")
        guard let template = spec.present("template") else { return required(at / "template") }
        let labels = Self.templateLabels(spec)
        if !selector.isEmpty, !selector.members.allSatisfy({ labels[$0.key] == $0.value }) {
            invalid(at / "template" / "metadata" / "labels", labels, Self.mismatch)
        }
        podTemplate(template, at / "template")
        restartedTemplate(template, at / "template", "ReplicationController")
    }

    /// Counters of a status that may not exceed the replicas there are.
    mutating func replicaStatus(_ status: JSON, _ counters: [String], capped: [String], _ old: JSON) {
        let at = FieldPath("status")
        for counter in ["replicas"] + counters { nonnegative(status.number(counter), at / counter) }
        nonnegative(status.number("observedGeneration"), at / "observedGeneration")
        nonnegative(status.number("collisionCount"), at / "collisionCount")
        let replicas = status.number("replicas") ?? 0
        for counter in capped {
            let count = status.number(counter) ?? 0
            if count > replicas { invalid(at / counter, .integer(count), "cannot be greater than status.replicas") }
        }
        let available = status.number("availableReplicas") ?? 0
        if capped.contains("availableReplicas"), available > status.number("readyReplicas") ?? 0 {
            invalid(at / "availableReplicas", .integer(available), "cannot be greater than readyReplicas")
        }
        let before = old["status"]?.number("collisionCount")
        if let before, status.number("collisionCount") ?? -1 < before {
            invalid(at / "collisionCount", .integer(status.number("collisionCount") ?? 0), "cannot be decremented")
        }
    }
}
