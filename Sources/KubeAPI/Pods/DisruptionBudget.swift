public import JSON

/// What a PodDisruptionBudget says to an eviction (`pkg/registry/core/pod/storage/eviction.go`).
public enum DisruptionBudget {
    /// More pods than this may not be on their way out unconfirmed.
    private static let maximumDisruptedPods = 2000
    /// Seconds after which an eviction may be tried again when the budget is not up to date.
    private static let retrySeconds: Int64 = 10

    /// Whether no budget protects a pod: it does not run yet, has ended, or is going anyhow.
    public static func ignores(_ pod: JSON) -> Bool {
        pod.isBeingDeleted || ["Pending", "Succeeded", "Failed"].contains(pod.at("status", "phase")?.string ?? "")
    }

    /// Whether a budget protects a pod.
    public static func covers(_ budget: JSON, _ pod: JSON) -> Bool {
        LabelSelector(budget.at("spec", "selector"))?.matches(pod.at("metadata", "labels")?.object) ?? false
    }

    /// Whether a budget lets an unready pod go without counting it.
    public static func spares(_ budget: JSON, unready pod: JSON) -> Bool {
        guard !PodConditions.isTrue("Ready", in: pod) else { return false }
        if budget.at("spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow" { return true }
        let desired = number(budget, "desiredHealthy")
        return desired > 0 && number(budget, "currentHealthy") >= desired
    }

    /// Takes one disruption for a pod from a budget. `now` is the present time in RFC 3339.
    ///
    /// - Throws: 429 when the budget allows none or is not up to date, 403 when too many are unconfirmed.
    public static func take(from budget: inout JSON, for pod: String, now: String) throws(KubeStatus) {
        let observed = number(budget, "observedGeneration")
        if observed < budget.at("metadata", "generation")?.integer ?? 0 { throw outdated(budget.objectName) }
        let allowed = number(budget, "disruptionsAllowed")
        if allowed < 0 { throw forbidden(budget, "pdb disruptions allowed is negative") }
        if budget.at("status", "disruptedPods")?.object?.members.count ?? 0 > maximumDisruptedPods {
            throw forbidden(budget, "DisruptedPods map too big - too many evictions not confirmed by PDB controller")
        }
        guard allowed > 0 else { throw tooMany(reason(budget), after: nil) }
        budget.set(.integer(allowed - 1), at: ["status", "disruptionsAllowed"])
        if allowed == 1 { noteExhaustion(&budget, observed, now) }
        budget.set(.string(now), at: ["status", "disruptedPods", pod])
    }

    /// 429 while the controller has not seen the budget's last change.
    public static func outdated(_ name: String) -> KubeStatus {
        tooMany("The disruption budget \(name) is still being processed by the server.", after: retrySeconds)
    }

    /// 500 for a pod of several budgets.
    public static let severalBudgets = KubeStatus.unexpected(
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")

    private static func number(_ budget: JSON, _ field: String) -> Int64 { budget.at("status", field)?.integer ?? 0 }

    private static func tooMany(_ cause: String, after seconds: Int64?) -> KubeStatus {
        var details: JSON = ["causes": [["reason": "DisruptionBudget", "message": .string(cause)]]]
        details["retryAfterSeconds"] = seconds.map(JSON.integer)
        return KubeStatus(
            code: 429, reason: "TooManyRequests", message: "Cannot evict pod as it would violate the pod's disruption budget.",
            details: details, retryAfter: seconds.map(Int.init))
    }

    private static func forbidden(_ budget: JSON, _ text: String) -> KubeStatus {
        .forbidden(
            group: "policy", resource: "poddisruptionbudget", name: budget.objectName,
            message: "poddisruptionbudget.policy \(GoText.quoted(budget.objectName)) is forbidden: \(text)")
    }

    private static func reason(_ budget: JSON) -> String {
        let name = budget.objectName
        let condition = budget.at("status", "conditions")?.array?.first { $0["type"] == "DisruptionAllowed" && $0["status"] == "False" }
        let (cause, message) = (condition?["reason"]?.string ?? "", condition?["message"]?.string ?? "")
        // The counts mean nothing when the controller could not count.
        if cause == "SyncFailed", !message.isEmpty {
            return "The disruption budget \(name) does not allow evicting pods currently because it failed sync: \(message)"
        }
        let (current, desired) = (number(budget, "currentHealthy"), number(budget, "desiredHealthy"))
        if current <= desired { return "The disruption budget \(name) needs \(desired) healthy pods and has \(current) currently" }
        let why = message.isEmpty ? "" : " (\(cause)): \(message)"
        return "The disruption budget \(name) does not allow evicting pods currently\(why)"
    }

    private static func noteExhaustion(_ budget: inout JSON, _ observed: Int64, _ now: String) {
        var conditions = budget.at("status", "conditions")?.array ?? []
        let place = conditions.firstIndex { $0["type"] == "DisruptionAllowed" }
        let before = place.map { conditions[$0] }
        let time = before?["status"] == "False" ? before?["lastTransitionTime"] : nil
        var condition: JSON = ["type": "DisruptionAllowed", "status": "False"]
        if observed != 0 { condition["observedGeneration"] = .integer(observed) }
        condition["lastTransitionTime"] = time ?? .string(now)
        condition["reason"] = "InsufficientPods"
        condition["message"] = ""
        if let place { conditions[place] = condition } else { conditions.append(condition) }
        budget.set(.array(conditions), at: ["status", "conditions"])
    }
}
