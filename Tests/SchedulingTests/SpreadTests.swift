import JSON
import Scheduling
import Testing

/// Spreading over topologies, and pods that want or shun each other.
@Suite struct SpreadTests {
    static let zone = "topology.kubernetes.io/zone"
    static let web: JSON = ["matchLabels": ["app": "web"]]

    static func spread(_ settings: JSONObject = [:]) -> JSONObject {
        var constraint: JSONObject = [
            "maxSkew": 1, "topologyKey": .string(zone), "whenUnsatisfiable": "DoNotSchedule", "labelSelector": web,
        ]
        for member in settings { constraint[member.key] = member.value }
        return ["topologySpreadConstraints": [.object(constraint)]]
    }

    static func web(_ name: String, on node: String? = nil, namespace: String = "default", spec: JSONObject = [:]) -> JSON {
        Objects.pod(name, namespace: namespace, labels: ["app": "web"], on: node, spec: spec)
    }

    static let zones = [
        Objects.node("a1", zone: "a"), Objects.node("a2", zone: "a"), Objects.node("b1", zone: "b"), Objects.node("c1", zone: "c"),
    ]

    @Test func podsOfARequiredConstraintStayWithinTheSkew() {
        var scheduler = Scheduler(Self.zones)
        let nodes = scheduler.place((1...6).map { Self.web("w\($0)", spec: Self.spread()) })
        let counts = Dictionary(grouping: nodes.map { $0.prefix(1) }) { $0 }.mapValues(\.count)
        #expect(counts == ["a": 2, "b": 2, "c": 2])
    }

    @Test func aNodeWithoutTheLabelIsRefusedForGood() {
        var scheduler = Scheduler([Objects.node("a")])
        #expect(
            scheduler.outcome(Self.web("w", spec: Self.spread()))
                == FilterTests.Case.unresolvable("1 node(s) didn't match pod topology spread constraints (missing required label)"))
    }

    @Test func tooFewDomainsCountAsEmptyOnes() {
        let two = Array(Self.zones.prefix(3))
        let placed = [Self.web("x", on: "a1"), Self.web("y", on: "b1")]
        var scheduler = Scheduler(two, placed)
        #expect(scheduler.outcome(Self.web("w", spec: Self.spread())).count == 2)
        #expect(
            scheduler.outcome(Self.web("w", spec: Self.spread(["minDomains": 3])))
                == "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints. no new claims to deallocate, "
                + "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.")
    }

    @Test func nodesThatThePodCannotUseDoNotCountUnlessTheyAreToldTo() {
        let nodes = [Objects.node("a", zone: "a", labels: ["disk": "ssd"]), Objects.node("b", zone: "b")]
        let placed = [Self.web("x", on: "a")]
        let selector: JSONObject = ["nodeSelector": ["disk": "ssd"]]
        func pod(_ settings: JSONObject) -> JSON {
            Self.web("w", spec: JSONObject((selector.members + Self.spread(settings).members).map { ($0.key, $0.value) }))
        }
        var scheduler = Scheduler(nodes, placed)
        #expect(scheduler.outcome(pod([:])) == "a")
        #expect(
            scheduler.outcome(pod(["nodeAffinityPolicy": "Ignore"])).hasPrefix(
                "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) didn't match pod topology spread"))
    }

    @Test func taintedNodesCountUnlessTheTaintIsHonored() {
        let nodes = [Objects.node("a", zone: "a"), Objects.node("b", zone: "b", taints: [FilterTests.gpu])]
        var scheduler = Scheduler(nodes, [Self.web("x", on: "a")])
        #expect(scheduler.outcome(Self.web("w", spec: Self.spread())).contains("1 node(s) didn't match pod topology spread constraints"))
        #expect(scheduler.outcome(Self.web("w", spec: Self.spread(["nodeTaintsPolicy": "Honor"]))) == "a")
    }

    @Test func otherNamespacesAndPodsBeingDeletedDoNotCount() {
        var leaving = Self.web("y", on: "a1")
        leaving.set("2026-01-01T00:00:00Z", at: ["metadata", "deletionTimestamp"])
        var scheduler = Scheduler(
            Array(Self.zones.prefix(3)), [Self.web("x", on: "a1", namespace: "other"), leaving, Self.web("z", on: "b1")])
        #expect(scheduler.outcome(Self.web("w", spec: Self.spread())).hasPrefix("a"))
    }

    @Test func matchLabelKeysSplitTheCount() {
        func pod(_ name: String, hash: String, on node: String? = nil) -> JSON {
            Objects.pod(
                name, labels: ["app": "web", "pod-template-hash": .string(hash)], on: node,
                spec: Self.spread(["matchLabelKeys": ["pod-template-hash"]]))
        }
        var scheduler = Scheduler(Self.zones, [pod("x", hash: "1", on: "b1"), pod("y", hash: "1", on: "c1")])
        #expect(scheduler.outcome(pod("old", hash: "1")).hasPrefix("a"))
        #expect(
            scheduler.place([pod("n1", hash: "2"), pod("n2", hash: "2"), pod("n3", hash: "2")]).map { $0.prefix(1) }.sorted() == [
                "a", "b", "c",
            ])
    }

    @Test func podsOfAServiceAreSpreadWithoutBeingAsked() {
        // The other node is emptier, but for the pods of the Service.
        let nodes = [Objects.node("a", cpu: "8"), Objects.node("b")]
        let placed = [Self.web("x", on: "a")]
        var scheduler = Scheduler(nodes, placed)
        #expect(scheduler.outcome(Self.web("w")) == "a")
        scheduler.cache.setSelector(
            kind: "Service", namespace: "default", name: "web", object: ["spec": ["selector": ["app": "web"]]])
        #expect(scheduler.outcome(Self.web("w")) == "b")
    }

    // MARK: Pod affinity

    static func term(_ settings: JSONObject = [:], key: String = zone) -> JSON {
        var term: JSONObject = ["labelSelector": web, "topologyKey": .string(key)]
        for member in settings { term[member.key] = member.value }
        return .object(term)
    }

    static func affinity(_ kind: String, _ term: JSON) -> JSONObject {
        ["affinity": [kind: ["requiredDuringSchedulingIgnoredDuringExecution": [term]]]]
    }

    static func preference(_ kind: String, _ term: JSON) -> JSONObject {
        let weighted: JSON = ["weight": 100, "podAffinityTerm": term]
        return ["affinity": [kind: ["preferredDuringSchedulingIgnoredDuringExecution": [weighted]]]]
    }

    struct AffinityCase: Sendable, CustomTestStringConvertible {
        let name: String
        let placed: [JSON]
        let pod: JSON
        let outcome: String
        var testDescription: String { name }
    }

    private static func refusal(_ reasons: String, _ preemption: String) -> String {
        "0/4 nodes are available: \(reasons). no new claims to deallocate, preemption: 0/4 nodes are available: \(preemption)."
    }

    static let affinityCases: [AffinityCase] = [
        AffinityCase(
            name: "near pods of the zone", placed: [web("x", on: "c1")],
            pod: Objects.pod("p", spec: affinity("podAffinity", term())), outcome: "c1"),
        AffinityCase(
            name: "near nobody", placed: [], pod: Objects.pod("p", spec: affinity("podAffinity", term())),
            outcome: refusal("4 node(s) didn't match pod affinity rules", "4 Preemption is not helpful for scheduling")),
        AffinityCase(
            name: "the first of a group goes anywhere", placed: [], pod: web("p", spec: affinity("podAffinity", term())), outcome: "a1"),
        AffinityCase(
            name: "pods of other namespaces do not draw", placed: [web("x", on: "c1", namespace: "other")],
            pod: Objects.pod("p", spec: affinity("podAffinity", term())),
            outcome: refusal("4 node(s) didn't match pod affinity rules", "4 Preemption is not helpful for scheduling")),
        AffinityCase(
            name: "pods of named namespaces draw", placed: [web("x", on: "c1", namespace: "other")],
            pod: Objects.pod("p", spec: affinity("podAffinity", term(["namespaces": ["other"]]))), outcome: "c1"),
        AffinityCase(
            name: "pods of namespaces chosen by label draw", placed: [web("x", on: "b1", namespace: "team")],
            pod: Objects.pod("p", spec: affinity("podAffinity", term(["namespaceSelector": ["matchLabels": ["team": "red"]]]))),
            outcome: "b1"),
        AffinityCase(
            name: "away from pods of the zone", placed: [web("x", on: "a1"), web("y", on: "b1")],
            pod: Objects.pod("p", spec: affinity("podAntiAffinity", term())), outcome: "c1"),
        AffinityCase(
            name: "away from everybody", placed: [web("x", on: "a1"), web("y", on: "b1"), web("z", on: "c1")],
            pod: Objects.pod("p", spec: affinity("podAntiAffinity", term())),
            outcome: refusal("4 node(s) didn't match pod anti-affinity rules", "4 No preemption victims found for incoming pod")),
        AffinityCase(
            name: "pods that are there keep others away",
            placed: ["a1", "b1", "c1"].map { (node: String) in
                Objects.pod("x" + node, on: node, spec: affinity("podAntiAffinity", term()))
            }, pod: web("p"),
            outcome: refusal("4 node(s) didn't satisfy existing pods anti-affinity rules", "4 No preemption victims found for incoming pod")
        ),
        AffinityCase(
            name: "would rather be near", placed: [web("x", on: "b1")],
            pod: Objects.pod("p", spec: preference("podAffinity", term())), outcome: "b1"),
        AffinityCase(
            name: "would rather be elsewhere", placed: [web("x", on: "a1"), web("y", on: "b1")],
            pod: Objects.pod("p", spec: preference("podAntiAffinity", term())), outcome: "c1"),
        AffinityCase(
            name: "is wanted elsewhere", placed: [Objects.pod("x", on: "b1", spec: preference("podAffinity", term()))],
            pod: web("p"), outcome: "b1"),
    ]

    @Test(arguments: affinityCases) func affinity(_ case: AffinityCase) {
        var scheduler = Scheduler(Self.zones)
        scheduler.cache.setNamespace("team", labels: ["team": "red"])
        for pod in `case`.placed { scheduler.cache.place(SchedulablePod(pod)) }
        #expect(scheduler.outcome(`case`.pod) == `case`.outcome)
    }

    @Test func antiAffinityEndsWithThePodThatHoldsIt() {
        var scheduler = Scheduler(
            [Objects.node("a")],
            [Objects.pod("x", on: "a", spec: Self.affinity("podAntiAffinity", Self.term(key: "kubernetes.io/hostname")))])
        #expect(scheduler.outcome(Self.web("p")).contains("existing pods anti-affinity"))
        scheduler.cache.removePod("default/x")
        #expect(scheduler.outcome(Self.web("p")) == "a")
    }

    @Test func labelsOfANamespaceAreSeenAtOnce() {
        let pod = Objects.pod(
            "p", spec: Self.affinity("podAffinity", Self.term(["namespaceSelector": ["matchLabels": ["team": "red"]]])))
        var scheduler = Scheduler(Self.zones, [Self.web("x", on: "b1", namespace: "team")])
        #expect(scheduler.outcome(pod).contains("didn't match pod affinity rules"))
        scheduler.cache.setNamespace("team", labels: ["team": "red"])
        #expect(scheduler.outcome(pod) == "b1")
        scheduler.cache.setNamespace("team", labels: ["team": "blue"])
        #expect(scheduler.outcome(pod).contains("didn't match pod affinity rules"))
    }
}
