import World

/// Plugin DefaultPreemption: whether lower pods can give way (`pkg/scheduler/framework/preemption`).
extension Scheduler {
    /// A node on which victims would make room.
    private struct Candidate {
        let slot: Int
        let victims: [SchedulablePod]
        let violations: Int
    }

    private enum Trial {
        case candidate(Candidate)
        case failed(Rejection)
    }

    /// What is told of a pod that fits nowhere, and whether somebody gives way to it.
    mutating func refuse(_ pod: SchedulablePod, _ plan: inout ClassPlan, _ diagnosis: Diagnosis) -> SchedulingDecision.Refusal {
        let reasons = diagnosis.statuses.compactMap { status in
            cache.slots[status.slot].node.map { (node: $0.name, reasons: status.rejection.reasons) }
        }
        func refusal(_ text: String, _ preemption: SchedulingDecision.Preemption?, clears: Bool) -> SchedulingDecision.Refusal {
            let postFilter = preemption == nil ? wording.postFilter(text) : ""
            return SchedulingDecision.Refusal(
                message: diagnosis.message(postFilter: postFilter), preemption: preemption, clearsNomination: clears, nodes: reasons)
        }
        if let reason = ineligibility(pod, diagnosis) { return refusal(reason, nil, clears: false) }
        var outcome = Diagnosis(nodeCount: diagnosis.nodeCount, absent: .unhelpful)
        let promising = diagnosis.statuses.filter { !$0.rejection.isUnresolvable }.map(\.slot)
        let candidates = candidates(for: pod, among: promising, &plan, &outcome)
        guard let chosen = Self.choose(candidates), let node = cache.slots[chosen.slot].node?.name else {
            return refusal(outcome.message(postFilter: ""), nil, clears: true)
        }
        let outranked = nominations.filter { $0.value.node == node && $0.value.pod.priority < pod.priority }.keys.sorted()
        let preemption = SchedulingDecision.Preemption(node: node, victims: chosen.victims.map(\.key), outranked: outranked)
        return refusal("", preemption, clears: false)
    }

    /// Why a pod may not make others give way.
    private func ineligibility(_ pod: SchedulablePod, _ diagnosis: Diagnosis) -> String? {
        guard pod.mayPreempt else { return "not eligible due to preemptionPolicy=Never." }
        guard let nominated = pod.nominatedNode.flatMap({ cache.slot(of: $0) }) else { return nil }
        let status = diagnosis.statuses.first { $0.slot == nominated }?.rejection ?? diagnosis.absent
        if status?.isUnresolvable ?? (diagnosis.overall != nil) { return nil }
        let isWaiting = cache.slots[nominated].pods.contains { key in
            guard let other = cache.placed[key]?.pod else { return false }
            return other.isPreempted && other.priority < pod.priority
        }
        return isWaiting ? "not eligible due to a terminating pod on the nominated node." : nil
    }

    private mutating func candidates(
        for pod: SchedulablePod, among slots: [Int], _ plan: inout ClassPlan, _ outcome: inout Diagnosis
    ) -> [Candidate] {
        let wanted = min(max(slots.count / 10, 100), slots.count)
        var candidates: [Candidate] = []
        for slot in slots {
            switch victims(for: pod, on: slot, &plan) {
            case .candidate(let candidate): candidates.append(candidate)
            case .failed(let rejection): outcome.statuses.append((slot, rejection))
            }
            if candidates.count >= wanted, candidates.contains(where: { $0.violations == 0 }) { break }
        }
        return candidates
    }

    /// The fewest pods on a node that have to go; tried out on the cluster, which is as before afterwards.
    private mutating func victims(for pod: SchedulablePod, on slot: Int, _ plan: inout ClassPlan) -> Trial {
        let lower = cache.slots[slot].pods.compactMap { cache.placed[$0]?.pod }.filter { $0.priority < pod.priority }
            .sorted(by: Self.isMoreImportant)
        guard !lower.isEmpty else { return .failed(.noVictims) }
        for victim in lower { cache.removePod(victim.key) }
        if let rejection = rejectNow(pod, slot, &plan) {
            for victim in lower { cache.place(victim) }
            return .failed(rejection)
        }
        let (violating, others) = divide(lower)
        var victims: [SchedulablePod] = []
        var violations = 0
        for (candidates, isViolation) in [(violating, true), (others, false)] {
            for candidate in candidates {
                cache.place(candidate)
                guard rejectNow(pod, slot, &plan) != nil else { continue }
                cache.removePod(candidate.key)
                victims.append(candidate)
                if isViolation { violations += 1 }
            }
        }
        for victim in victims { cache.place(victim) }
        return .candidate(Candidate(slot: slot, victims: victims.sorted(by: Self.isMoreImportant), violations: violations))
    }

    /// By priority, then by how long they run (`util.MoreImportantPod`).
    private static func isMoreImportant(_ left: SchedulablePod, _ right: SchedulablePod) -> Bool {
        if left.priority != right.priority { return left.priority > right.priority }
        if left.started != right.started { return left.started < right.started }
        return left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
    }

    /// Those whose disruption budget would be violated, and the others.
    private func divide(_ pods: [SchedulablePod]) -> (violating: [SchedulablePod], others: [SchedulablePod]) {
        var budgets = cache.budgets.sorted { $0.key < $1.key }.map { (budget: $0.value, left: $0.value.allowed) }
        var violating: [SchedulablePod] = []
        var others: [SchedulablePod] = []
        for pod in pods {
            let name = String(pod.key.drop { $0 != "/" }.dropFirst())
            var isViolation = false
            for place in budgets.indices where budgets[place].budget.covers(pod) && !budgets[place].budget.disrupted.contains(name) {
                budgets[place].left -= 1
                if budgets[place].left < 0 { isViolation = true }
            }
            if isViolation { violating.append(pod) } else { others.append(pod) }
        }
        return (violating, others)
    }

    /// The node whose victims matter least (`pickOneNodeForPreemption`); the first of equals.
    private static func choose(_ candidates: [Candidate]) -> Candidate? {
        // Priorities are 32 bits wide; each counts at least 1, so that fewer victims are better.
        func weight(_ pod: SchedulablePod) -> Int64 { pod.priority.clampedAdding(Int64(Int32.max) + 1) }
        func rank(_ candidate: Candidate) -> [Int64] {
            let highest = candidate.victims.first?.priority ?? .min
            let sum = candidate.victims.reduce(Int64(0)) { $0.clampedAdding(weight($1)) }
            let starts = candidate.victims.filter { $0.priority == highest }.map { $0.started.nanoseconds }
            // A later start is better.
            let latest = starts.min() ?? 0
            return [Int64(candidate.violations), highest, sum, Int64(candidate.victims.count), latest == .min ? .max : -latest]
        }
        return candidates.min { rank($0).lexicographicallyPrecedes(rank($1)) }
    }
}
