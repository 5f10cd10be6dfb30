import JSON
import Scheduling
import Testing
import World

/// Who is tried when.
@Suite struct SchedulingQueueTests {
    private let start = Instant(seconds: 1_000_000)

    private func pod(_ name: String, priority: Int64 = 0, spec: JSONObject = [:]) -> SchedulablePod {
        SchedulablePod(Objects.pod(name, priority: priority, spec: spec))
    }

    private func order(_ queue: inout SchedulingQueue) -> [String] {
        var keys: [String] = []
        while let pod = queue.next() { keys.append(String(pod.key.dropFirst("default/".count))) }
        return keys
    }

    @Test func byPriorityThenByTime() {
        var queue = SchedulingQueue()
        queue.set(pod("first"), isHelpful: false, now: start)
        queue.set(pod("high", priority: 9), isHelpful: false, now: start + .seconds(2))
        queue.set(pod("second"), isHelpful: false, now: start + .seconds(1))
        queue.set(pod("same"), isHelpful: false, now: start + .seconds(1))
        #expect(order(&queue) == ["high", "first", "second", "same"])
    }

    @Test func gatedPodsWaitForTheirGates() {
        var queue = SchedulingQueue()
        queue.set(pod("p", spec: ["schedulingGates": [["name": "g"]]]), isHelpful: false, now: start)
        #expect(!queue.hasActive)
        queue.set(pod("p"), isHelpful: true, now: start)
        #expect(order(&queue) == ["p"])
    }

    @Test func refusedPodsWaitForAnEventThatMayHelp() {
        var queue = SchedulingQueue()
        queue.refuse(pod("plain"), now: start)
        let affine = pod("affine", spec: SpreadTests.affinity("podAffinity", SpreadTests.term()))
        queue.refuse(affine, now: start)
        queue.move(on: .storage, now: start)
        #expect(order(&queue) == [])
        queue.move(on: .podPlaced, now: start)
        #expect(order(&queue) == ["affine"])
        queue.refuse(affine, now: start)
        queue.move(on: .node, now: start)
        #expect(order(&queue) == ["plain", "affine"])
    }

    @Test func refusedPodsAreTriedAgainAfterFiveMinutes() {
        var queue = SchedulingQueue()
        queue.refuse(pod("p"), now: start)
        #expect(queue.nextFlush == start + .seconds(300))
        queue.flush(now: start + .seconds(299))
        #expect(!queue.hasActive)
        queue.flush(now: start + .seconds(300))
        #expect(order(&queue) == ["p"])
    }

    @Test func removedPodsAreNotTried() {
        var queue = SchedulingQueue()
        queue.set(pod("p"), isHelpful: false, now: start)
        queue.remove("default/p")
        queue.set(pod("q"), isHelpful: false, now: start)
        #expect(order(&queue) == ["q"])
    }
}
