import JSON
import Scheduling
import Testing

/// Which of several nodes a pod gets.
@Suite struct ScoreTests {
    @Test func theEmptierNodeIsBetter() {
        var scheduler = Scheduler([Objects.node("a"), Objects.node("b")], [Objects.pod("q", on: "a", cpu: "1", memory: "1Gi")])
        #expect(scheduler.outcome(Objects.pod("p", cpu: "1", memory: "1Gi")) == "b")
    }

    @Test func podsWithoutRequestsAreSpreadToo() {
        var scheduler = Scheduler([Objects.node("a"), Objects.node("b"), Objects.node("c")])
        let nodes = scheduler.place((1...9).map { Objects.pod("p\($0)") })
        #expect(nodes.filter { $0 == "a" }.count == 3 && nodes.filter { $0 == "b" }.count == 3)
    }

    @Test func balanceCountsWhereRoomIsEqual() {
        // Both nodes are used by half on average; the pod evens out the one and tilts the other.
        let placed = [
            Objects.pod("q", on: "a", cpu: "2", memory: "4Gi"), Objects.pod("r", on: "b", cpu: "1", memory: "8Gi"),
        ]
        var scheduler = Scheduler([Objects.node("a"), Objects.node("b")], placed)
        #expect(scheduler.outcome(Objects.pod("p", cpu: "1", memory: "1Mi")) == "b")
    }

    @Test func preferencesOutweighRoom() {
        let preferred: JSON = [
            "weight": 1, "preference": ["matchExpressions": [["key": "disk", "operator": "In", "values": ["ssd"]]]],
        ]
        let spec: JSONObject = ["affinity": ["nodeAffinity": ["preferredDuringSchedulingIgnoredDuringExecution": [preferred]]]]
        let nodes = [Objects.node("a"), Objects.node("b", labels: ["disk": "ssd"])]
        var scheduler = Scheduler(nodes, [Objects.pod("q", on: "b", cpu: "2")])
        #expect(scheduler.outcome(Objects.pod("p", cpu: "1")) == "a")
        #expect(scheduler.outcome(Objects.pod("p", cpu: "1", spec: spec)) == "b")
    }

    @Test func softTaintsAreAvoided() {
        let taints: JSON = [["key": "old", "effect": "PreferNoSchedule"]]
        var scheduler = Scheduler([Objects.node("a", cpu: "64", taints: taints), Objects.node("b")])
        #expect(scheduler.outcome(Objects.pod("p", cpu: "1")) == "b")
        #expect(scheduler.outcome(Objects.pod("p", cpu: "1", spec: ["tolerations": [["operator": "Exists"]]])) == "a")
    }

    @Test func aNodeThatHasTheImageIsBetter() {
        var node = Objects.node("b")
        node.set([["names": ["app:1"], "sizeBytes": 800_000_000]], at: ["status", "images"])
        var scheduler = Scheduler([Objects.node("a"), node])
        #expect(scheduler.outcome(Objects.pod("p")) == "b")
    }

    @Test func zonesTakeTurns() {
        let nodes = (1...3).map { Objects.node("a\($0)", zone: "a") } + [Objects.node("b1", zone: "b")]
        var scheduler = Scheduler(nodes)
        #expect(scheduler.place((1...2).map { Objects.pod("p\($0)", cpu: "1", memory: "1Gi") }) == ["a1", "b1"])
    }

    @Test func theSameClusterGivesTheSameDecisions() {
        let nodes = (1...20).map { Objects.node("n\($0)", zone: "z\($0 % 3)") }
        let pods = (1...200).map { Objects.pod("p\($0)", cpu: "\(($0 * 37) % 300)m", spec: $0 % 5 == 0 ? SpreadTests.spread() : [:]) }
        var first = Scheduler(nodes)
        var second = Scheduler(nodes)
        #expect(first.place(pods) == second.place(pods))
    }

    @Test func manyPodsAreIndexedNotSearched() {
        let nodes = (1...1000).map { Objects.node("n\($0)", zone: "z\($0 % 3)", labels: [:]) }
        var scheduler = Scheduler(nodes)
        let pods = (1...2000).map { Objects.pod("p\($0)", labels: ["app": "web"], cpu: "100m", memory: "256Mi") }
        // Two each, as nobody is better for a third before all have two.
        #expect(Set(scheduler.place(pods)).count == 1000)
    }
}
