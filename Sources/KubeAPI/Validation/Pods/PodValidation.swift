import JSON

/// What a pod spec is checked for beyond itself (`PodValidationOptions`).
struct PodScope {
    /// The spec is a pod's own, not a template's.
    var isPod = false
    /// The pod's name, for the names of claims made from it.
    var podName = ""
}

/// Checks of pods and pod templates (`pkg/apis/core/validation/validation.go`).
extension FieldErrorList {
    private static let mirror = "kubernetes.io/config.mirror"
    private static let appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/"
    private static let seccompPod = "seccomp.security.alpha.kubernetes.io/pod"
    private static let seccompContainer = "container.seccomp.security.alpha.kubernetes.io/"

    /// `ValidatePodCreate`.
    mutating func podCreate(_ pod: JSON) {
        podMetadataAndSpec(pod)
        let spec = pod["spec"] ?? [:]
        let at = FieldPath("spec")
        if !spec.items("ephemeralContainers").isEmpty { forbidden(at / "ephemeralContainers", "cannot be set on create") }
        if !spec.text("nodeName").isEmpty, !spec.items("schedulingGates").isEmpty {
            forbidden(at / "nodeName", "cannot be set until all schedulingGates have been cleared")
        }
        seccompConsistency(pod["metadata"] ?? [:], spec, at)
    }

    /// `validatePodMetadataAndSpec`.
    mutating func podMetadataAndSpec(_ pod: JSON) {
        metadata(pod, .subdomain, isNamespaced: true)
        let spec = pod["spec"] ?? [:]
        let at = FieldPath("spec")
        podAnnotations(pod.at("metadata", "annotations"), spec, FieldPath("metadata") / "annotations")
        podSpec(spec, at, PodScope(isPod: true, podName: pod.objectName))
        if spec.text("serviceAccountName").isEmpty {
            for (index, volume) in spec.items("volumes").enumerated() {
                for (position, source) in (volume["projected"]?.items("sources") ?? []).enumerated()
                where source.present("serviceAccountToken") != nil {
                    forbidden(
                        ((at / "volumes")[index] / "projected" / "sources")[position] / "serviceAccountToken",
                        "must not be specified when serviceAccountName is not set")
                }
            }
        }
        for list in ["containers", "initContainers"] {
            for (index, container) in spec.items(list).enumerated() { imageIsTrimmed(container, (at / list)[index]) }
        }
    }

    /// `validateContainerOnlyForPod`.
    mutating func imageIsTrimmed(_ container: JSON, _ at: FieldPath) {
        let image = container.text("image")
        if image.first?.isWhitespace ?? false || image.last?.isWhitespace ?? false {
            invalid(at / "image", .string(image), "must not have leading or trailing whitespace")
        }
    }

    /// `ValidatePodTemplateSpec`.
    mutating func podTemplate(_ template: JSON?, _ at: FieldPath) {
        let template = template ?? [:]
        let spec = template["spec"] ?? [:]
        let metadata = template["metadata"] ?? [:]
        labels(metadata["labels"], at / "labels")
        annotations(metadata["annotations"], at / "annotations")
        podAnnotations(metadata["annotations"], spec, at / "annotations")
        podSpec(spec, at / "spec", PodScope())
        seccompConsistency(metadata, spec, at / "spec")
        if !spec.items("ephemeralContainers").isEmpty {
            forbidden(at / "spec" / "ephemeralContainers", "ephemeral containers not allowed in pod template")
        }
    }

    /// `ValidatePodSpecificAnnotations`.
    mutating func podAnnotations(_ annotations: JSON?, _ spec: JSON, _ at: FieldPath) {
        guard let annotations, let members = annotations.object?.members, !members.isEmpty else { return }
        if let value = annotations[Self.mirror]?.string, spec.text("nodeName").isEmpty {
            invalid(at.key(Self.mirror), .string(value), "must set spec.nodeName if mirror pod annotation is set")
        }
        let cost = "controller.kubernetes.io/pod-deletion-cost"
        if let value = annotations[cost]?.string, Int32(value) == nil || value.hasPrefix("+") || (value.hasPrefix("0") && value != "0") {
            invalid(at.key(cost), .string(value), "must be a 32bit integer")
        }
        if let value = annotations[Self.seccompPod]?.string { seccompText(value, at / Self.seccompPod) }
        for member in members where member.key.hasPrefix(Self.seccompContainer) {
            seccompText(member.value.string ?? "", at / member.key)
        }
        for member in members where member.key.hasPrefix(Self.appArmorPrefix) {
            let name = String(member.key.dropFirst(Self.appArmorPrefix.count))
            if !Self.containers(spec, FieldPath.root).contains(where: { $0.container.text("name") == name }) {
                invalid(at.key(member.key), .string(name), "container not found")
            }
            let profile = member.value.string ?? ""
            if !["", "runtime/default", "unconfined"].contains(profile), !profile.hasPrefix("localhost/") {
                invalid(at.key(member.key), .string(profile), "invalid AppArmor profile name: \(GoText.quoted(profile))")
            }
        }
    }

    private mutating func seccompText(_ profile: String, _ at: FieldPath) {
        if ["runtime/default", "docker/default", "unconfined"].contains(profile) { return }
        if profile.hasPrefix("localhost/") {
            localDescendingPath(String(profile.dropFirst("localhost/".count)), at)
        } else {
            invalid(at, .string(profile), "must be a valid seccomp profile")
        }
    }

    /// All containers of a spec with their paths: init containers, containers, ephemeral ones.
    static func containers(_ spec: JSON, _ at: FieldPath) -> [(container: JSON, path: FieldPath)] {
        ["initContainers", "containers", "ephemeralContainers"].flatMap { list in
            spec.items(list).enumerated().map { ($1, (at / list)[$0]) }
        }
    }

    /// Seccomp and AppArmor annotations, where they still are, say what the fields say.
    private mutating func seccompConsistency(_ metadata: JSON, _ spec: JSON, _ at: FieldPath) {
        guard let annotations = metadata["annotations"]?.object, !annotations.isEmpty else { return }
        if let text = annotations[Self.seccompPod]?.string, let profile = spec.at("securityContext", "seccompProfile") {
            profileMatches(text, profile, at / "securityContext" / "seccompProfile", "seccomp", ["runtime/default", "docker/default"])
        }
        let podProfile = spec["securityContext"]?.present("appArmorProfile")
        for (container, path) in Self.containers(spec, at) {
            let name = container.text("name")
            if let text = annotations[Self.seccompContainer + name]?.string, let profile = container.at("securityContext", "seccompProfile")
            {
                profileMatches(
                    text, profile, path / "securityContext" / "seccompProfile", "seccomp", ["runtime/default", "docker/default"])
            }
        }
        if spec.at("os", "name") == "windows" { return }
        for (container, path) in Self.containers(spec, at) {
            guard let profile = container["securityContext"]?.present("appArmorProfile") ?? podProfile,
                let text = annotations[Self.appArmorPrefix + container.text("name")]?.string
            else { continue }
            profileMatches(text, profile, path / "securityContext" / "appArmorProfile", "apparmor", ["runtime/default"])
        }
    }

    private mutating func profileMatches(_ text: String, _ profile: JSON, _ at: FieldPath, _ what: String, _ defaults: [String]) {
        let mismatch = "\(what) type in annotation and field must match"
        switch profile.text("type") {
        case "Unconfined": if text != "unconfined" { forbidden(at / "type", mismatch) }
        case "RuntimeDefault": if !defaults.contains(text) { forbidden(at / "type", mismatch) }
        case "Localhost":
            if !text.hasPrefix("localhost/") {
                forbidden(at / "type", mismatch)
            } else if text.dropFirst("localhost/".count) != profile.text("localhostProfile") {
                forbidden(at / "localhostProfile", "\(what) profile in annotation and field must match")
            }
        default: break
        }
    }
}
