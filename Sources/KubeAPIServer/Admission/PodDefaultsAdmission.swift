import JSON
import KubeAPI

/// A new node takes no pods until it is ready (`plugin/pkg/admission/nodetaint`).
struct TaintNodesByCondition: AdmissionPlugin {
    static let name = "TaintNodesByCondition"

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("", "nodes") else { return }
        var taints = attributes.object.at("spec", "taints")?.array ?? []
        let isTainted = taints.contains { $0["key"] == "node.kubernetes.io/not-ready" && $0["effect"] == "NoSchedule" }
        guard !isTainted else { return }
        taints.append(["key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"])
        attributes.object.set(.array(taints), at: ["spec", "taints"])
    }
}

/// Pods stay five minutes on a node that is in trouble unless they say otherwise (`plugin/pkg/admission/defaulttolerationseconds`).
struct DefaultTolerationSeconds: AdmissionPlugin {
    static let name = "DefaultTolerationSeconds"

    private static let seconds: JSON = 300

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation != .delete, attributes.concerns("", "pods") else { return }
        var tolerations = attributes.object.at("spec", "tolerations")?.array ?? []
        let given = tolerations
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let isTolerated = given.contains { toleration in
                ["", key].contains(toleration["key"]?.string ?? "") && ["", "NoExecute"].contains(toleration["effect"]?.string ?? "")
            }
            guard !isTolerated else { continue }
            tolerations.append(["key": .string(key), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": Self.seconds])
        }
        if tolerations.count != given.count { attributes.object.set(.array(tolerations), at: ["spec", "tolerations"]) }
    }
}

/// PriorityClasses become numbers (`plugin/pkg/admission/priority`).
struct PriorityAdmission: AdmissionPlugin {
    static let name = "Priority"

    private static let group = "scheduling.k8s.io"
    private static let defaultPolicy: JSON = "PreemptLowerPriority"

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.concerns("", "pods") else { return }
        var spec = attributes.object["spec"] ?? [:]
        switch attributes.operation {
        case .delete, .connect: return
        case .update:
            // What was set at creation stays, where the client does not repeat it.
            for field in ["priority", "preemptionPolicy"] where spec[field] ?? .null == .null {
                if let before = attributes.old?.at("spec", field) { spec[field] = before }
            }
        case .create: try prioritize(&spec, attributes, view)
        }
        attributes.object["spec"] = spec
    }

    private func prioritize(_ spec: inout JSON, _ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        var wanted = spec["priorityClassName"]?.string ?? ""
        let found: JSON?
        if wanted.isEmpty {
            found = Self.globalDefault(view)
            wanted = found?.objectName ?? ""
            if !wanted.isEmpty { spec["priorityClassName"] = .string(wanted) }
        } else {
            found = view.object(Self.group, "priorityclasses", wanted)
            if found == nil { throw attributes.forbidden("no PriorityClass with name \(wanted) was found") }
        }
        let priority = found?["value"]?.integer ?? 0
        let policy = found?["preemptionPolicy"] ?? Self.defaultPolicy
        if let given = spec["priority"]?.integer, given != priority {
            throw attributes.forbidden(
                "the integer value of priority (\(given)) must not be provided in pod spec; priority admission controller computed "
                    + "\(priority) from the given PriorityClass name")
        }
        if let given = spec["preemptionPolicy"]?.string, given != policy.string {
            throw attributes.forbidden(
                "the string value of PreemptionPolicy (\(given)) must not be provided in pod spec; priority admission controller computed "
                    + "\(policy.string ?? "") from the given PriorityClass name")
        }
        spec["priority"] = .integer(priority)
        spec["preemptionPolicy"] = policy
    }

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation != .delete, attributes.concerns(Self.group, "priorityclasses"),
            attributes.object["globalDefault"] == true, let present = Self.globalDefault(view)
        else { return }
        guard attributes.operation == .create || present.objectName != attributes.object.objectName else { return }
        throw attributes.forbidden(
            "PriorityClass \(present.objectName) is already marked as default. Only one default can exist")
    }

    /// Of the classes that call themselves the default the one of the least value.
    private static func globalDefault(_ view: AdmissionView) -> JSON? {
        view.objects(group, "priorityclasses").filter { $0["globalDefault"] == true }
            .min { ($0["value"]?.integer ?? 0) < ($1["value"]?.integer ?? 0) }
    }
}

/// RuntimeClasses bring overhead and scheduling (`plugin/pkg/admission/runtimeclass`).
struct RuntimeClassAdmission: AdmissionPlugin {
    static let name = "RuntimeClass"

    private static let mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"

    private func runtimeClass(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) -> JSON? {
        guard let name = attributes.object.at("spec", "runtimeClassName")?.string else { return nil }
        if let found = view.object("node.k8s.io", "runtimeclasses", name) { return found }
        throw attributes.forbidden("pod rejected: RuntimeClass \(GoText.quoted(name)) not found")
    }

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("", "pods"), let runtime = try runtimeClass(attributes, view) else {
            return
        }
        var spec = attributes.object["spec"] ?? [:]
        if let overhead = runtime.at("overhead", "podFixed") {
            let given = PodResources.list(spec["overhead"])
            if !given.isEmpty, given != PodResources.list(overhead) { throw attributes.forbidden(Self.mismatch) }
            spec["overhead"] = overhead
        }
        if let scheduling = runtime["scheduling"] {
            var selector = spec["nodeSelector"] ?? [:]
            for member in scheduling["nodeSelector"]?.object?.members ?? [] {
                if let given = selector[member.key]?.string, given != member.value.string {
                    throw attributes.forbidden(
                        "conflict: runtimeClass.scheduling.nodeSelector[\(member.key)] = \(member.value.string ?? ""); "
                            + "pod.spec.nodeSelector[\(member.key)] = \(given)")
                }
                selector[member.key] = member.value
            }
            if selector.object?.isEmpty == false { spec["nodeSelector"] = selector }
            var tolerations = spec["tolerations"]?.array ?? []
            for toleration in scheduling["tolerations"]?.array ?? [] where !tolerations.contains(toleration) {
                tolerations.append(toleration)
            }
            if !tolerations.isEmpty { spec["tolerations"] = .array(tolerations) }
        }
        attributes.object["spec"] = spec
    }

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("", "pods") else { return }
        let overhead = try runtimeClass(attributes, view)?.at("overhead", "podFixed")
        let given = PodResources.list(attributes.object.at("spec", "overhead"))
        if let overhead {
            if given != PodResources.list(overhead) { throw attributes.forbidden(Self.mismatch) }
        } else if !given.isEmpty {
            throw attributes.forbidden("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        }
    }
}
