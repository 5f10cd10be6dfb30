import JSON
import Scheduling
import Testing

/// Who gives way to whom.
@Suite struct PreemptionTests {
    private func preemption(_ scheduler: inout Scheduler, _ pod: JSON) -> SchedulingDecision.Preemption? {
        guard case .wait(let refusal) = scheduler.schedule(SchedulablePod(pod)) else { return nil }
        return refusal.preemption
    }

    private func message(_ scheduler: inout Scheduler, _ pod: JSON) -> String { scheduler.outcome(pod) }

    private func refusal(_ preemption: String) -> String {
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: \(preemption)"
    }

    @Test func asFewPodsAsWillDoGiveWayTheLeastImportantFirst() {
        let placed = [
            Objects.pod("low", on: "a", cpu: "1", priority: 1),
            Objects.pod("young", on: "a", cpu: "1", priority: 5, started: "2026-01-02T00:00:00Z"),
            Objects.pod("old", on: "a", cpu: "1", priority: 5), Objects.pod("high", on: "a", cpu: "1", priority: 100),
        ]
        var scheduler = Scheduler([Objects.node("a")], placed)
        let found = preemption(&scheduler, Objects.pod("p", cpu: "2", priority: 50))
        #expect(found?.node == "a")
        #expect(found?.victims == ["default/young", "default/low"])
        #expect(scheduler.cache.podCount(on: "a") == 4)
    }

    @Test func theEventThenSaysOnlyWhyNoNodeWouldDo() {
        var scheduler = Scheduler([Objects.node("a")], [Objects.pod("q", on: "a", cpu: "4")])
        #expect(message(&scheduler, Objects.pod("p", cpu: "1", priority: 1)) == "0/1 nodes are available: 1 Insufficient cpu.")
    }

    @Test func nobodyOfTheSamePriorityGivesWay() {
        var scheduler = Scheduler([Objects.node("a")], [Objects.pod("q", on: "a", cpu: "4", priority: 7)])
        #expect(
            message(&scheduler, Objects.pod("p", cpu: "1", priority: 7))
                == refusal("0/1 nodes are available: 1 No preemption victims found for incoming pod."))
    }

    @Test func victimsThatWouldNotMakeRoomStay() {
        let placed = [Objects.pod("q", on: "a", cpu: "1"), Objects.pod("r", on: "a", cpu: "3", priority: 100)]
        var scheduler = Scheduler([Objects.node("a")], placed)
        #expect(
            message(&scheduler, Objects.pod("p", cpu: "2", priority: 7))
                == refusal("0/1 nodes are available: 1 Insufficient cpu."))
    }

    @Test func aPodMayBeToldNotToPreempt() {
        var scheduler = Scheduler([Objects.node("a")], [Objects.pod("q", on: "a", cpu: "4")])
        #expect(
            message(&scheduler, Objects.pod("p", cpu: "1", priority: 7, spec: ["preemptionPolicy": "Never"]))
                == refusal("not eligible due to preemptionPolicy=Never."))
    }

    struct Choice: Sendable, CustomTestStringConvertible {
        let name: String
        let placed: [JSON]
        var budget: JSON?
        let node: String
        var testDescription: String { name }
    }

    static let choices: [Choice] = [
        Choice(
            name: "the lowest of the highest priorities",
            placed: [
                Objects.pod("a1", on: "a", cpu: "4", priority: 3), Objects.pod("b1", on: "b", cpu: "2", priority: 2),
                Objects.pod("b2", on: "b", cpu: "2", priority: 2),
            ], node: "b"),
        Choice(
            name: "fewer pods",
            placed: [
                Objects.pod("a1", on: "a", cpu: "2", priority: 3), Objects.pod("a2", on: "a", cpu: "2", priority: 3),
                Objects.pod("b1", on: "b", cpu: "4", priority: 3),
            ], node: "b"),
        Choice(
            name: "the latest start",
            placed: [
                Objects.pod("a1", on: "a", cpu: "4", priority: 3),
                Objects.pod("b1", on: "b", cpu: "4", priority: 3, started: "2026-02-01T00:00:00Z"),
            ], node: "b"),
        Choice(
            name: "no violated budget",
            placed: [
                Objects.pod("a1", labels: ["app": "db"], on: "a", cpu: "4"), Objects.pod("b1", on: "b", cpu: "4", priority: 3),
            ],
            budget: [
                "metadata": ["namespace": "default", "name": "db"], "spec": ["selector": ["matchLabels": ["app": "db"]]],
                "status": ["disruptionsAllowed": 0],
            ], node: "b"),
        Choice(
            name: "the first of equals",
            placed: [Objects.pod("a1", on: "a", cpu: "4", priority: 3), Objects.pod("b1", on: "b", cpu: "4", priority: 3)], node: "a"),
    ]

    @Test(arguments: choices) func theNodeWhoseVictimsMatterLeast(_ choice: Choice) {
        var scheduler = Scheduler([Objects.node("a"), Objects.node("b")], choice.placed)
        if let budget = choice.budget { scheduler.cache.setBudget("default/db", budget) }
        #expect(preemption(&scheduler, Objects.pod("p", cpu: "4", priority: 50))?.node == choice.node)
    }

    @Test func roomThatIsBeingMadeIsNotGivenToLowerPods() {
        var scheduler = Scheduler([Objects.node("a")])
        scheduler.nominate(SchedulablePod(Objects.pod("p", cpu: "4", priority: 50)), to: "a")
        #expect(
            message(&scheduler, Objects.pod("q", cpu: "1", priority: 1))
                == refusal("0/1 nodes are available: 1 No preemption victims found for incoming pod."))
        #expect(message(&scheduler, Objects.pod("r", cpu: "1", priority: 60)) == "a")
    }

    @Test func aNominatedPodTakesItsNode() {
        let nodes = [Objects.node("a", cpu: "64"), Objects.node("b")]
        var scheduler = Scheduler(nodes)
        #expect(message(&scheduler, Objects.pod("p", cpu: "1", status: ["nominatedNodeName": "b"])) == "b")
    }

    @Test func aPodWhoseVictimsAreStillLeavingTakesNoMore() {
        var leaving = Objects.pod(
            "q", on: "a", cpu: "4",
            status: ["conditions": [["type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"]]])
        leaving.set("2026-01-01T00:00:00Z", at: ["metadata", "deletionTimestamp"])
        var scheduler = Scheduler([Objects.node("a")], [leaving])
        #expect(
            message(&scheduler, Objects.pod("p", cpu: "1", priority: 9, status: ["nominatedNodeName": "a"]))
                == refusal("not eligible due to a terminating pod on the nominated node."))
    }

    @Test func antiAffinityOfVictimsEndsWithThem() {
        let holder = Objects.pod(
            "q", on: "a", spec: SpreadTests.affinity("podAntiAffinity", SpreadTests.term(key: "kubernetes.io/hostname")))
        var scheduler = Scheduler([Objects.node("a")], [holder, Objects.pod("r", on: "a")])
        let found = preemption(&scheduler, Objects.pod("p", labels: ["app": "web"], priority: 9))
        #expect(found?.victims == ["default/q"])
    }
}
