import JSON
import KubeAPI
import World

/// Says in each PodDisruptionBudget how many pods may go (`pkg/controller/disruption`).
struct DisruptionController: WorkloadController {
    /// After so long a pod that was to be evicted and is still there counts again.
    private static let timeout = Duration.seconds(120)

    let context: ControllerContext

    func close() { context.client.close() }

    func sync(_ key: String, _ cache: WorkloadCache) async -> SyncOutcome {
        guard let budget = cache.budgets[key]?.json else { return .done }
        let pods = cache.selected(byBudget: budget)
        let now = context.world.now
        let reference = ObjectReference(budget, kind: "PodDisruptionBudget", apiVersion: "policy/v1")
        if pods.isEmpty { await context.note(reference, "NoPods", "No matching pods found") }
        let (disrupted, recheck) = disrupted(budget, pods, at: now)
        for name in disrupted.late {
            await context.note(
                ObjectReference(["metadata": ["name": .string(name), "namespace": .string(budget.objectNamespace)]], kind: "Pod"),
                "NotDeleted", "Pod was expected by PDB \(key) to be deleted but it wasn't", type: "Warning")
        }
        var status = budget["status"] ?? [:]
        do throws(ExpectedPods.Failure) {
            let expected = try ExpectedPods(budget, pods, cache)
            if !expected.unmanaged.isEmpty {
                let selector = LabelSelector(budget.at("spec", "selector"))?.description ?? ""
                await context.note(
                    reference, "UnmanagedPods",
                    "Pods selected by this PodDisruptionBudget (selector: \(selector)) were found to be unmanaged. As a result, the status "
                        + "of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods "
                        + "please set \".spec.minAvailable\" field of the PDB to an integer value.", type: "Warning")
            }
            let healthy = Int64(pods.count { !$0.isBeingDeleted && disrupted.waiting[$0.name] == nil && $0.isReady })
            let allowed = expected.count > 0 ? max(0, healthy - expected.healthy) : 0
            status["observedGeneration"] = budget.at("metadata", "generation")
            status["disruptedPods"] =
                disrupted.waiting.isEmpty ? nil : .object(JSONObject(disrupted.waiting.sorted { $0.key < $1.key }.map { ($0, $1) }))
            status["disruptionsAllowed"] = .integer(allowed)
            status["currentHealthy"] = .integer(healthy)
            status["desiredHealthy"] = .integer(expected.healthy)
            status["expectedPods"] = .integer(expected.count)
            set(allowed > 0, allowed > 0 ? "SufficientPods" : "InsufficientPods", "", in: &status, at: now)
        } catch {
            await context.note(
                reference, "CalculateExpectedPodCountFailed", "Failed to calculate the number of expected pods: \(error.message)",
                type: "Warning")
            // What cannot be counted may not go.
            status["disruptionsAllowed"] = 0
            set(false, "SyncFailed", error.message, in: &status, at: now)
        }
        guard await write(status, to: budget) else { return .failed }
        return SyncOutcome.done.sooner(recheck)
    }

    /// Pods whose eviction was let through and that are not on their way out yet.
    private func disrupted(
        _ budget: JSON, _ pods: [WorkloadPod], at now: Instant
    ) -> (pods: (waiting: [String: JSON], late: [String]), recheck: Instant?) {
        var waiting: [String: JSON] = [:]
        var late: [String] = []
        var recheck: Instant?
        for pod in pods where !pod.isBeingDeleted {
            guard let time = budget.at("status", "disruptedPods", pod.name), let since = time.string.flatMap(Instant.init(rfc3339:)) else {
                continue
            }
            let end = since + Self.timeout
            guard end > now else {
                late.append(pod.name)
                continue
            }
            waiting[pod.name] = time
            recheck = min(recheck ?? end, end)
        }
        return ((waiting, late), recheck)
    }

    private func set(_ isAllowed: Bool, _ reason: String, _ message: String, in status: inout JSON, at now: Instant) {
        let known = Conditions.find("DisruptionAllowed", in: status)
        var condition: JSON = ["type": "DisruptionAllowed", "status": isAllowed ? "True" : "False"]
        condition["observedGeneration"] = status["observedGeneration"]
        condition["lastTransitionTime"] =
            known?["status"] == condition["status"] ? known?["lastTransitionTime"] : .string(now.rfc3339)
        condition["reason"] = .string(reason)
        condition["message"] = .string(message)
        Conditions.remove("DisruptionAllowed", from: &status)
        status["conditions"] = .array((status["conditions"]?.array ?? []) + [condition])
    }

    private func write(_ status: JSON, to budget: JSON) async -> Bool {
        guard !status.isEquivalent(to: budget["status"] ?? [:]) else { return true }
        var changed = budget
        changed["status"] = status
        let path = "/apis/policy/v1/namespaces/\(budget.objectNamespace)/poddisruptionbudgets/\(budget.objectName)/status"
        let answer = await context.client.send("PUT", path, changed)
        return answer.isSuccess || answer.status == 404
    }
}
