import JSON
import Scheduling

/// The pods of a DaemonSet as its controller makes them (`pkg/controller/daemon/util`).
enum DaemonPods {
    static let revisionLabel = "controller-revision-hash"
    static let generationLabel = "pod-template-generation"
    static let generation = "deprecated.daemonset.template.generation"

    /// What every pod of a DaemonSet bears (`AddOrUpdateDaemonPodTolerations`).
    private static let tolerations: [(key: String, effect: String)] = [
        ("node.kubernetes.io/not-ready", "NoExecute"), ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"), ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"), ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ]
    private static let network = (key: "node.kubernetes.io/network-unavailable", effect: "NoSchedule")

    /// The template of a DaemonSet with what its controller adds: tolerations, and labels when the revision is known.
    static func template(of set: JSON, revision: String?) -> JSON {
        var template = set.at("spec", "template") ?? [:]
        var all = template.at("spec", "tolerations")?.array ?? []
        let isHost = template.at("spec", "hostNetwork")?.bool ?? false
        for (key, effect) in tolerations + (isHost ? [network] : []) {
            let toleration: JSON = ["key": .string(key), "operator": "Exists", "effect": .string(effect)]
            if !all.contains(where: { $0.isEquivalent(to: toleration) }) { all.append(toleration) }
        }
        template.set(.array(all), at: ["spec", "tolerations"])
        guard let revision else { return template }
        if let generation = set.at("metadata", "annotations", Self.generation) {
            template.set(generation, at: ["metadata", "labels", generationLabel])
        }
        if !revision.isEmpty { template.set(.string(revision), at: ["metadata", "labels", revisionLabel]) }
        return template
    }

    /// Ties a template to one node (`ReplaceDaemonSetPodNodeNameNodeAffinity`).
    static func tied(_ template: JSON, to node: String) -> JSON {
        var template = template
        let field: JSON = ["key": "metadata.name", "operator": "In", "values": [.string(node)]]
        template.set(
            [["matchFields": [field]]],
            at: ["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"])
        return template
    }

    /// Whether a pod is of the present template (`IsPodUpdated`).
    static func isCurrent(_ pod: WorkloadPod, of set: JSON, revision: String) -> Bool {
        if !revision.isEmpty, pod.labels[revisionLabel]?.string == revision { return true }
        guard let generation = set.at("metadata", "annotations", Self.generation)?.string else { return false }
        return pod.labels[generationLabel]?.string == generation
    }

    /// Placed ones first, then the oldest.
    static func isEarlier(_ left: WorkloadPod, _ right: WorkloadPod) -> Bool {
        if left.node.isEmpty != right.node.isEmpty { return right.node.isEmpty }
        return left.created == right.created ? left.name < right.name : left.created < right.created
    }
}
