import IPAddress
import JSON

/// What of a pod may change (`ValidatePodUpdate`, `ValidatePodStatusUpdate`).
extension FieldErrorList {
    private static let updatable = [
        "`spec.containers[*].image`", "`spec.initContainers[*].image`", "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    ].joined(separator: ",")

    /// `ValidatePodUpdate`.
    mutating func podUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        podMetadataAndSpec(new)
        podAnnotationsUpdate(new, old)
        let spec = new["spec"] ?? [:]
        let before = old["spec"] ?? [:]
        let at = FieldPath("spec")
        for list in ["containers", "initContainers"] {
            let containers = spec.items(list)
            guard containers.count == before.items(list).count else {
                return forbidden(at / list, "pod updates may not add or remove containers")
            }
            for (index, container) in containers.enumerated() {
                if container.text("image").isEmpty { required((at / list)[index] / "image") }
                imageIsTrimmed(container, (at / list)[index])
            }
        }
        guard deadlineUpdate(spec, before, at / "activeDeadlineSeconds") else { return }
        addedTolerations(spec.items("tolerations"), before.items("tolerations"), at / "tolerations")
        let gates = Set(before.items("schedulingGates").map { $0.text("name") })
        for (index, gate) in spec.items("schedulingGates").enumerated() where !gates.contains(gate.text("name")) {
            forbidden(
                (at / "schedulingGates")[index] / "name",
                "only deletion is allowed, but found new scheduling gate '\(gate.text("name"))'")
        }
        guard spec != before else { return }
        var munged = munged(spec, before)
        if !gates.isEmpty { gatedChanges(&munged, before, at) }
        guard munged != before else { return }
        forbidden(
            at,
            "pod updates may not change fields other than \(Self.updatable)\n\(GoForm.difference(before, munged, "core.v1.PodSpec"))")
    }

    /// `ValidatePodEphemeralContainersUpdate`: they are only added.
    mutating func podEphemeralContainersUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        podMetadataAndSpec(new)
        podAnnotationsUpdate(new, old)
        let at = FieldPath("spec") / "ephemeralContainers"
        let containers = new["spec"]?.items("ephemeralContainers") ?? []
        for before in old["spec"]?.items("ephemeralContainers") ?? [] {
            let name = GoText.quoted(before.text("name"))
            guard let after = containers.last(where: { $0["name"] == before["name"] }) else {
                forbidden(at, "existing ephemeral containers \(name) may not be removed\n")
                continue
            }
            guard after != before else { continue }
            let difference = GoForm.difference(before, after, "core.v1.EphemeralContainer")
            forbidden(at, "existing ephemeral containers \(name) may not be changed\n\(difference)")
        }
    }

    /// The new spec with what may change as it was.
    private func munged(_ spec: JSON, _ before: JSON) -> JSON {
        var munged = spec
        for list in ["containers", "initContainers"] {
            guard var containers = munged[list]?.array else { continue }
            for (index, old) in before.items(list).enumerated() where index < containers.count { containers[index]["image"] = old["image"] }
            munged[list] = .array(containers)
        }
        for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] { munged[field] = before[field] }
        if let seconds = before.number("terminationGracePeriodSeconds"), seconds < 0, munged["terminationGracePeriodSeconds"] == 1 {
            munged["terminationGracePeriodSeconds"] = .integer(seconds)
        }
        return munged
    }

    private mutating func deadlineUpdate(_ spec: JSON, _ before: JSON, _ at: FieldPath) -> Bool {
        let old = before.number("activeDeadlineSeconds")
        guard let new = spec.number("activeDeadlineSeconds") else {
            if old != nil { invalid(at, .null, "must not update from a positive integer to nil value") }
            return true
        }
        guard 0...Int64(Int32.max) ~= new else {
            invalid(at, .integer(new), FormatChecks.range(0, Int64(Int32.max)))
            return false
        }
        if let old, old < new {
            invalid(at, .integer(new), "must be less than or equal to previous value")
            return false
        }
        return true
    }

    private mutating func addedTolerations(_ new: [JSON], _ old: [JSON], _ at: FieldPath) {
        func withoutSeconds(_ toleration: JSON) -> JSON {
            var result = toleration
            result["tolerationSeconds"] = nil
            return result
        }
        let kept = Set(new.map(withoutSeconds))
        guard old.allSatisfy({ kept.contains(withoutSeconds($0)) }) else {
            return forbidden(at, "existing toleration can not be modified except its tolerationSeconds")
        }
        tolerations(new, at)
    }

    /// A pod that is not yet to be scheduled may be narrowed.
    private mutating func gatedChanges(_ munged: inout JSON, _ before: JSON, _ at: FieldPath) {
        let selector = munged["nodeSelector"]
        if !Self.isSemanticallyEqual(selector, before["nodeSelector"]) {
            let isNarrowed = before.entries("nodeSelector").allSatisfy { selector?[$0.key] == $0.value }
            if !isNarrowed {
                invalid(
                    at / "nodeSelector", selector ?? .null,
                    "only additions to spec.nodeSelector are allowed (no mutations or deletions)")
            }
            munged["nodeSelector"] = before["nodeSelector"]
        }
        let old = before.at("affinity", "nodeAffinity")
        let new = munged.at("affinity", "nodeAffinity")
        guard !Self.isSemanticallyEqual(old, new) else { return }
        nodeAffinityNarrowed(new, old, at / "affinity" / "nodeAffinity")
        munged.set(old, at: ["affinity", "nodeAffinity"])
        if before.present("affinity") == nil, munged["affinity"].isEmptyCollection { munged["affinity"] = nil }
    }

    private mutating func nodeAffinityNarrowed(_ new: JSON?, _ old: JSON?, _ at: FieldPath) {
        let field = "requiredDuringSchedulingIgnoredDuringExecution"
        guard let before = old?[field]?.items("nodeSelectorTerms"), !before.isEmpty else { return }
        let after = new?[field]?.items("nodeSelectorTerms") ?? []
        let path = at / field / "nodeSelectorTerms"
        func printed(_ terms: [JSON]) -> JSON { GoForm.list(.array(terms), "core.v1.NodeSelectorTerm") }
        guard before.count == after.count else {
            return invalid(path, printed(after), "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
        }
        for (index, term) in before.enumerated() {
            let isEmpty = term.items("matchExpressions").isEmpty && term.items("matchFields").isEmpty
            let isNarrowed =
                isEmpty
                ? after[index].items("matchExpressions").isEmpty && after[index].items("matchFields").isEmpty
                : ["matchExpressions", "matchFields"].allSatisfy { after[index].items($0).starts(with: term.items($0)) }
            if !isNarrowed {
                invalid(
                    path[index], GoForm.json(after[index], "core.v1.NodeSelectorTerm"),
                    "only additions are allowed (no mutations or deletions)")
            }
        }
    }

    private mutating func podAnnotationsUpdate(_ new: JSON, _ old: JSON) {
        let at = FieldPath("metadata") / "annotations"
        let after = new.at("metadata", "annotations")
        let before = old.at("metadata", "annotations")
        func word(_ key: String) -> String? {
            if key.hasPrefix("container.apparmor.security.beta.kubernetes.io/") { return "AppArmor annotations" }
            return key == "kubernetes.io/config.mirror" ? "mirror pod annotation" : nil
        }
        for member in before?.object?.members ?? [] where after?[member.key] != member.value {
            if let word = word(member.key) { forbidden(at.key(member.key), "may not remove or update \(word)") }
        }
        for member in after?.object?.members ?? [] where before?[member.key] == nil {
            if let word = word(member.key) { forbidden(at.key(member.key), "may not add \(word)") }
        }
        podAnnotations(after, new["spec"] ?? [:], at)
    }

    /// `ValidatePodStatusUpdate`.
    mutating func podStatusUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        podAnnotationsUpdate(new, old)
        let status = new["status"] ?? [:]
        let before = old["status"] ?? [:]
        for (index, condition) in status.items("conditions").enumerated() {
            if ["PodScheduled", "Ready", "Initialized"].contains(condition.text("type")) { continue }
            qualifiedName(condition.text("type"), (FieldPath("metadata") / "conditions")[index] / "Type")
        }
        let at = FieldPath("status")
        let nominated = status.text("nominatedNodeName")
        if nominated != before.text("nominatedNodeName"), !nominated.isEmpty { dns1123Subdomain(nominated, at / "nominatedNodeName") }
        immutable(status["qosClass"], before["qosClass"], at / "qosClass")
        let policy = old["spec"]?.text("restartPolicy") ?? ""
        for (list, restart) in [
            ("containerStatuses", policy), ("initContainerStatuses", policy), ("ephemeralContainerStatuses", "Never"),
        ] {
            stateTransition(status.items(list), before.items(list), at / list, restart)
        }
        for list in ["podIPs", "hostIPs"] { statusAddresses(status, list, at / list) }
    }

    private mutating func stateTransition(_ new: [JSON], _ old: [JSON], _ at: FieldPath, _ policy: String) {
        if policy == "Always" { return }
        for (index, status) in old.enumerated() {
            guard let terminated = status["state"]?.present("terminated") else { continue }
            if terminated.number("exitCode") ?? 0 != 0, policy == "OnFailure" { continue }
            for other in new where other["name"] == status["name"] && other["state"]?.present("terminated") == nil {
                forbidden(at[index] / "state", "may not be transitioned to non-terminated state")
            }
        }
    }

    private mutating func statusAddresses(_ status: JSON, _ list: String, _ at: FieldPath) {
        let addresses = status.items(list).map { $0.text("ip") }
        guard !addresses.isEmpty else { return }
        if list == "hostIPs", status.text("hostIP") != addresses[0] {
            invalid(at[0] / "ip", .string(addresses[0]), "must be equal to `hostIP`")
        }
        for (index, text) in addresses.enumerated() { address(text, at[index]) }
        guard addresses.count > 1 else { return }
        let families = Set(addresses.compactMap { AddressText.address($0)?.family })
        if addresses.count > 2 || families.count != 2 {
            invalid(
                at, GoForm.list(status[list], list == "podIPs" ? "core.v1.PodIP" : "core.v1.HostIP"),
                "may specify no more than one IP for each IP family")
        }
        var seen: Set<String> = []
        for (index, text) in addresses.enumerated() where !seen.insert(text).inserted { duplicate(at[index], ["IP": .string(text)]) }
    }
}
