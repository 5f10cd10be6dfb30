import JSON
import KubeAPI

/// Pods keep to the Pod Security Standard that their namespace asks for (`k8s.io/pod-security-admission`).
struct PodSecurityAdmission: AdmissionPlugin {
    static let name = "PodSecurity"
    /// What its audit annotations begin with.
    private static let prefix = "pod-security.kubernetes.io/"

    private static let parts: Set<String> = ["ephemeralcontainers", "resize"]

    /// Where the resources that make pods have the spec of one.
    private static let templates: [String: [String]] = [
        "/podtemplates": ["template", "spec"], "/replicationcontrollers": ["spec", "template", "spec"],
        "apps/deployments": ["spec", "template", "spec"], "apps/replicasets": ["spec", "template", "spec"],
        "apps/statefulsets": ["spec", "template", "spec"], "apps/daemonsets": ["spec", "template", "spec"],
        "batch/jobs": ["spec", "template", "spec"], "batch/cronjobs": ["spec", "jobTemplate", "spec", "template", "spec"],
    ]

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation != .delete else { return }
        // Of the parts of a pod, those that change its spec; what else has parts is looked at as a whole only.
        let isPods = attributes.resource.resource == "pods" && attributes.resource.group.isEmpty
        guard attributes.subresource.isEmpty || isPods && Self.parts.contains(attributes.subresource) else { return }
        if attributes.concerns("", "namespaces") { return try namespace(attributes, view) }
        let name = "\(attributes.resource.group)/\(attributes.resource.resource)"
        let isPod = name == "/pods"
        guard isPod || Self.templates[name] != nil,
            let namespace = view.object("", "namespaces", attributes.request.namespace)
        else { return }
        let policy = PodSecurityPolicy(labels: namespace.at("metadata", "labels"))
        guard !policy.isPrivileged else {
            if isPod { attributes.annotate(Self.prefix + "enforce-policy", "privileged:latest") }
            return
        }
        guard let spec = attributes.object.value(at: Self.templates[name] ?? ["spec"]) else { return }
        // What was there was looked at when the pod came.
        if isPod, let old = attributes.old, !Self.isRelevant(spec, old["spec"] ?? [:]) { return }
        if isPod { attributes.annotate(Self.prefix + "enforce-policy", policy.enforce.text) }
        let audited = PodSecurityStandard.violations(spec, policy.audit.level)
        if !audited.isEmpty {
            attributes.annotate(
                Self.prefix + "audit-violations", "would violate PodSecurity \"\(policy.audit.text)\": \(Self.text(audited))")
        }
        if isPod {
            let violations = PodSecurityStandard.violations(spec, policy.enforce.level)
            if !violations.isEmpty {
                throw attributes.forbidden("violates PodSecurity \"\(policy.enforce.text)\": \(Self.text(violations))")
            }
        }
        let warned = PodSecurityStandard.violations(spec, policy.warn.level)
        if !warned.isEmpty { attributes.warn("would violate PodSecurity \"\(policy.warn.text)\": \(Self.text(warned))") }
    }

    private static func text(_ violations: [PodSecurityStandard.Violation]) -> String {
        violations.map(\.text).joined(separator: ", ")
    }

    /// Whether an update of a pod brings a container or another image (`isSignificantPodUpdate`): nothing else that matters can change.
    private static func isRelevant(_ new: JSON, _ old: JSON) -> Bool {
        func images(_ spec: JSON, _ field: String) -> [JSON?] { (spec[field]?.array ?? []).map { $0["image"] } }
        if ["containers", "initContainers"].contains(where: { images(new, $0) != images(old, $0) }) { return true }
        let known = old["ephemeralContainers"]?.array ?? []
        return (new["ephemeralContainers"]?.array ?? []).contains { container in
            guard let before = known.first(where: { $0["name"] == container["name"] }) else { return true }
            return before["image"] != container["image"]
        }
    }

    /// A namespace's labels can be read; a stricter level warns of the pods that are there already.
    private func namespace(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        let labels = attributes.object.at("metadata", "labels")
        let problems = PodSecurityPolicy.problems(labels: labels)
        let before = attributes.old?.at("metadata", "labels")
        if !problems.isEmpty, problems != PodSecurityPolicy.problems(labels: before) || attributes.operation == .create {
            throw .invalid(group: "", kind: "Namespace", name: attributes.object.objectName, problems)
        }
        guard attributes.operation == .update else { return }
        let mode = PodSecurityPolicy(labels: labels).enforce
        let past = PodSecurityPolicy(labels: before).enforce
        guard mode != past, mode.level > past.level || mode.version != past.version, mode.level != .privileged else { return }
        var pods: [String: [String]] = [:]
        for pod in view.objects("", "pods", namespace: attributes.object.objectName) {
            let reasons = PodSecurityStandard.violations(pod["spec"] ?? [:], mode.level).map(\.reason).joined(separator: ", ")
            if !reasons.isEmpty { pods[reasons, default: []].append(pod.objectName) }
        }
        guard !pods.isEmpty else { return }
        attributes.warn(
            "existing pods in namespace \(GoText.quoted(attributes.object.objectName)) violate the new PodSecurity enforce level "
                + "\"\(mode.text)\"")
        for (reasons, names) in pods.sorted(by: { ($0.value.first ?? "") < ($1.value.first ?? "") }) {
            let others = names.count - 1
            let more = others == 0 ? "" : others == 1 ? " (and 1 other pod)" : " (and \(others) other pods)"
            attributes.warn("\(names.first ?? "")\(more): \(reasons)")
        }
    }
}
