import JSON
import Scheduling
import Testing

/// What keeps pods off nodes, and how it is put.
@Suite struct FilterTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var nodes: [JSON] = [Objects.node("a")]
        var placed: [JSON] = []
        let pod: JSON
        let outcome: String
        var testDescription: String { name }

        /// The refusal of one node, for a reason that nobody can help by giving way.
        static func unresolvable(_ reason: String, nodes: Int = 1) -> String {
            "0/\(nodes) nodes are available: \(reason). no new claims to deallocate, preemption: 0/\(nodes) nodes are available: "
                + "\(nodes) Preemption is not helpful for scheduling."
        }

        /// The refusal of one node on which nobody may be made to give way.
        static func noVictims(_ reason: String) -> String {
            "0/1 nodes are available: \(reason). no new claims to deallocate, preemption: 0/1 nodes are available: "
                + "1 No preemption victims found for incoming pod."
        }
    }

    static func selector(_ requirements: JSON...) -> JSONObject {
        [
            "affinity": [
                "nodeAffinity": [
                    "requiredDuringSchedulingIgnoredDuringExecution": ["nodeSelectorTerms": [["matchExpressions": .array(requirements)]]]
                ]
            ]
        ]
    }

    static func named(_ names: JSON) -> JSONObject {
        let field: JSON = ["key": "metadata.name", "operator": "In", "values": names]
        return [
            "affinity": [
                "nodeAffinity": [
                    "requiredDuringSchedulingIgnoredDuringExecution": ["nodeSelectorTerms": [["matchFields": [field]]]]
                ]
            ]
        ]
    }

    static func port(_ number: Int64, ip: String? = nil, transport: String = "TCP") -> JSONObject {
        var port: JSON = ["hostPort": .integer(number), "containerPort": 80, "protocol": .string(transport)]
        port["hostIP"] = ip.map(JSON.string)
        return ["containers": [["name": "app", "image": "app:1", "ports": [port]]]]
    }

    static let gpu: JSON = ["key": "gpu", "value": "yes", "effect": "NoSchedule"]

    static let cases: [Case] = [
        Case(name: "no nodes", nodes: [], pod: Objects.pod("p"), outcome: "no nodes available to schedule pods"),
        Case(name: "a free node", pod: Objects.pod("p"), outcome: "a"),
        Case(
            name: "cordoned", nodes: [Objects.node("a", isUnschedulable: true)], pod: Objects.pod("p"),
            outcome: Case.unresolvable("1 node(s) were unschedulable")),
        Case(
            name: "cordoned, tolerated", nodes: [Objects.node("a", isUnschedulable: true)],
            pod: Objects.pod("p", spec: ["tolerations": [["key": "node.kubernetes.io/unschedulable", "operator": "Exists"]]]), outcome: "a"),
        Case(
            name: "taint", nodes: [Objects.node("a", taints: [gpu])], pod: Objects.pod("p"),
            outcome: Case.unresolvable("1 node(s) had untolerated taint(s)")),
        Case(
            name: "taint tolerated by value", nodes: [Objects.node("a", taints: [gpu])],
            pod: Objects.pod("p", spec: ["tolerations": [["key": "gpu", "operator": "Equal", "value": "yes"]]]), outcome: "a"),
        Case(
            name: "toleration of another effect", nodes: [Objects.node("a", taints: [gpu])],
            pod: Objects.pod("p", spec: ["tolerations": [["key": "gpu", "operator": "Exists", "effect": "NoExecute"]]]),
            outcome: Case.unresolvable("1 node(s) had untolerated taint(s)")),
        Case(
            name: "PreferNoSchedule keeps nobody off",
            nodes: [Objects.node("a", taints: [["key": "old", "effect": "PreferNoSchedule"]])], pod: Objects.pod("p"), outcome: "a"),
        Case(
            name: "node selector", pod: Objects.pod("p", spec: ["nodeSelector": ["disk": "ssd"]]),
            outcome: Case.unresolvable("1 node(s) didn't match Pod's node affinity/selector")),
        Case(
            name: "affinity Gt", nodes: [Objects.node("a", labels: ["size": "8"])],
            pod: Objects.pod("p", spec: selector(["key": "size", "operator": "Gt", "values": ["4"]])), outcome: "a"),
        Case(
            name: "affinity NotIn with an absent label",
            pod: Objects.pod("p", spec: selector(["key": "size", "operator": "NotIn", "values": ["4"]])), outcome: "a"),
        Case(
            name: "by name", nodes: [Objects.node("a"), Objects.node("b"), Objects.node("c")],
            pod: Objects.pod("p", spec: named(["b"])), outcome: "b"),
        Case(
            name: "by the name of a full node", nodes: [Objects.node("a"), Objects.node("b", cpu: "1"), Objects.node("c")],
            pod: Objects.pod("p", cpu: "2", spec: named(["b"])),
            outcome: "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to "
                + "deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."),
        Case(
            name: "by the name of no node", pod: Objects.pod("p", spec: named(["x"])),
            outcome: Case.unresolvable("1 node(s) didn't satisfy plugin(s) [NodeAffinity]")),
        Case(
            name: "host port taken", placed: [Objects.pod("q", on: "a", spec: port(80))], pod: Objects.pod("p", spec: port(80)),
            outcome: Case.noVictims("1 node(s) didn't have free ports for the requested pod ports")),
        Case(
            name: "host port taken on one address", placed: [Objects.pod("q", on: "a", spec: port(80, ip: "10.0.0.1"))],
            pod: Objects.pod("p", spec: port(80)),
            outcome: Case.noVictims("1 node(s) didn't have free ports for the requested pod ports")),
        Case(
            name: "host port on another address", placed: [Objects.pod("q", on: "a", spec: port(80, ip: "10.0.0.1"))],
            pod: Objects.pod("p", spec: port(80, ip: "10.0.0.2")), outcome: "a"),
        Case(
            name: "host port of another protocol", placed: [Objects.pod("q", on: "a", spec: port(80, transport: "UDP"))],
            pod: Objects.pod("p", spec: port(80)), outcome: "a"),
        Case(
            name: "more than a node has", pod: Objects.pod("p", cpu: "5", memory: "17Gi"),
            outcome: Case.unresolvable("1 Insufficient cpu, 1 Insufficient memory")),
        Case(
            name: "more than is left", placed: [Objects.pod("q", on: "a", cpu: "3")], pod: Objects.pod("p", cpu: "1001m"),
            outcome: Case.noVictims("1 Insufficient cpu")),
        Case(name: "just what is left", placed: [Objects.pod("q", on: "a", cpu: "3")], pod: Objects.pod("p", cpu: "1"), outcome: "a"),
        Case(
            name: "finished pods take nothing", placed: [Objects.pod("q", on: "a", cpu: "4", status: ["phase": "Succeeded"])],
            pod: Objects.pod("p", cpu: "4"), outcome: "a"),
        Case(
            name: "too many pods", nodes: [Objects.node("a", pods: "1")], placed: [Objects.pod("q", on: "a")], pod: Objects.pod("p"),
            outcome: Case.noVictims("1 Too many pods")),
        Case(
            name: "extended resource", nodes: [Objects.node("a", more: ["vpc.amazonaws.com/pod-eni": "1"])],
            placed: [Objects.pod("q", on: "a", requests: ["vpc.amazonaws.com/pod-eni": "1"])],
            pod: Objects.pod("p", requests: ["vpc.amazonaws.com/pod-eni": "1"]),
            outcome: Case.noVictims("1 Insufficient vpc.amazonaws.com/pod-eni")),
        Case(
            name: "extended resource that no node has", pod: Objects.pod("p", requests: ["vpc.amazonaws.com/pod-eni": "1"]),
            outcome: Case.unresolvable("1 Insufficient vpc.amazonaws.com/pod-eni")),
        Case(
            name: "init containers count by the largest",
            pod: Objects.pod(
                "p", spec: ["initContainers": [["name": "i", "image": "i", "resources": ["requests": ["cpu": "5"]]]]]),
            outcome: Case.unresolvable("1 Insufficient cpu")),
        Case(
            name: "sidecars count with the containers",
            pod: Objects.pod(
                "p", cpu: "3",
                spec: [
                    "initContainers": [
                        ["name": "i", "image": "i", "restartPolicy": "Always", "resources": ["requests": ["cpu": "2"]]]
                    ]
                ]), outcome: Case.unresolvable("1 Insufficient cpu")),
        Case(
            name: "overhead counts", pod: Objects.pod("p", cpu: "4", spec: ["overhead": ["cpu": "1m"]]),
            outcome: Case.unresolvable("1 Insufficient cpu")),
        Case(
            name: "the pod's own request counts instead of its containers'",
            pod: Objects.pod("p", cpu: "1", spec: ["resources": ["requests": ["cpu": "5"]]]),
            outcome: Case.unresolvable("1 Insufficient cpu")),
        Case(
            name: "reasons are counted and sorted",
            nodes: [
                Objects.node("a", taints: [gpu]), Objects.node("b", taints: [gpu]), Objects.node("c", cpu: "1"),
            ], placed: [Objects.pod("q", on: "c", cpu: "1")], pod: Objects.pod("p", cpu: "1"),
            outcome: "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). no new claims to deallocate, "
                + "preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for "
                + "scheduling."),
    ]

    @Test(arguments: cases) func outcome(_ case: Case) {
        var scheduler = Scheduler(`case`.nodes, `case`.placed)
        #expect(scheduler.outcome(`case`.pod) == `case`.outcome)
    }

    @Test func textsOfOlderReleases() {
        var scheduler = Scheduler([Objects.node("a", taints: [Self.gpu])], minorVersion: 33)
        #expect(
            scheduler.outcome(Objects.pod("p"))
                == "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}. preemption: 0/1 nodes are available: "
                + "1 Preemption is not helpful for scheduling.")
    }

    @Test func changesOfNodesAndPodsAreSeenAtOnce() {
        var scheduler = Scheduler([Objects.node("a", taints: [Self.gpu]), Objects.node("b", isUnschedulable: true)])
        let pod = Objects.pod("p", cpu: "4")
        #expect(scheduler.outcome(pod).hasPrefix("0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unsched"))
        scheduler.cache.set(SchedulingNode(Objects.node("b")))
        #expect(scheduler.outcome(pod) == "b")
        scheduler.cache.place(SchedulablePod(Objects.pod("q", on: "b", cpu: "1")))
        #expect(scheduler.outcome(pod).contains("1 Insufficient cpu"))
        scheduler.cache.removePod("default/q")
        #expect(scheduler.outcome(pod) == "b")
        scheduler.cache.removeNode("b")
        #expect(scheduler.outcome(pod).hasPrefix("0/1 nodes are available: 1 node(s) had untolerated taint(s)."))
    }

    @Test func podsOfAnUnknownNodeCountOnceItComes() {
        var scheduler = Scheduler([], [Objects.pod("q", on: "a", cpu: "3")])
        scheduler.cache.set(SchedulingNode(Objects.node("a")))
        #expect(scheduler.outcome(Objects.pod("p", cpu: "2")) == FilterTests.Case.noVictims("1 Insufficient cpu"))
        scheduler.cache.removeNode("a")
        scheduler.cache.set(SchedulingNode(Objects.node("a")))
        #expect(scheduler.cache.podCount(on: "a") == 1)
    }
}
