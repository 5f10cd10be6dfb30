/// What becomes of a pod that the scheduler took up.
public enum SchedulingDecision: Sendable {
    /// It goes to a node.
    case bind(Placement)
    /// It waits.
    case wait(Refusal)

    /// Where a pod goes.
    public struct Placement: Sendable {
        /// The node's name.
        public let node: String
        /// What its claims get there: the name of a volume, or `nil` for one that has to be made.
        public let volumes: [(claim: String, volume: String?)]
    }

    /// Why a pod waits.
    public struct Refusal: Sendable {
        /// Text of the `FailedScheduling` event and of the condition, in kube-scheduler's words.
        public let message: String
        /// What to do so that it fits later; `nil` when preemption does not help.
        public let preemption: Preemption?
        /// Whether the pod gives up the node that was nominated for it.
        public let clearsNomination: Bool
        /// Why each node would not do, in the order of the nodes.
        public let nodes: [(node: String, reasons: [String])]
    }

    /// Pods that give way.
    public struct Preemption: Sendable {
        /// The node that is nominated for the pod.
        public let node: String
        /// Who goes, the most important first, as `namespace/name`.
        public let victims: [String]
        /// Pods that lose their nomination for the node to this one.
        public let outranked: [String]
    }
}

/// What stood in the way of a pod, node by node, and how it is put (`framework.FitError`).
struct Diagnosis: Sendable {
    let nodeCount: Int
    /// A refusal that concerns all nodes.
    var overall: String?
    /// By slot, in the order of the nodes.
    var statuses: [(slot: Int, rejection: Rejection)] = []
    /// What stands for the nodes that `statuses` does not name.
    var absent: Rejection?

    /// The text, with what preemption says about it.
    func message(postFilter: String) -> String {
        var text = "0/\(nodeCount) nodes are available:"
        if let overall {
            text += " \(overall)."
        } else {
            var counts: [String: Int] = [:]
            for status in statuses { for reason in status.rejection.reasons { counts[reason, default: 0] += 1 } }
            let others = nodeCount - statuses.count
            if others > 0 { for reason in absent?.reasons ?? [] { counts[reason, default: 0] += others } }
            let list = counts.map { "\($1) \($0)" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            if !list.isEmpty { text += " \(list.joined(separator: ", "))." }
        }
        return postFilter.isEmpty ? text : text + " \(postFilter)"
    }
}
