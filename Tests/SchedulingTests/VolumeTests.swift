import JSON
import Scheduling
import Testing

/// Claims and volumes decide where a pod can go.
@Suite struct VolumeTests {
    static let pod = Objects.pod("p", spec: ["volumes": [["name": "data", "persistentVolumeClaim": ["claimName": "data"]]]])

    static func claim(_ spec: JSONObject = [:]) -> JSON {
        var all: JSONObject = [
            "accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "resources": ["requests": ["storage": "1Gi"]],
        ]
        for member in spec { all[member.key] = member.value }
        return ["metadata": ["namespace": "default", "name": "data"], "spec": .object(all)]
    }

    static func volume(zone: String? = nil, label: String? = nil, spec: JSONObject = [:]) -> JSON {
        var all: JSONObject = ["accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "capacity": ["storage": "2Gi"]]
        if let zone {
            let requirement: JSON = ["key": "topology.kubernetes.io/zone", "operator": "In", "values": [.string(zone)]]
            all["nodeAffinity"] = ["required": ["nodeSelectorTerms": [["matchExpressions": [requirement]]]]]
        }
        for member in spec { all[member.key] = member.value }
        var volume: JSON = ["metadata": ["name": "pv"], "spec": .object(all), "status": ["phase": "Available"]]
        if let label { volume.set(.string(label), at: ["metadata", "labels", "topology.kubernetes.io/zone"]) }
        return volume
    }

    static let waiting: JSON = ["provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer"]
    static let immediate: JSON = ["provisioner": "ebs.csi.aws.com", "volumeBindingMode": "Immediate"]
    static let manual: JSON = ["provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"]

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var claim: JSON?
        var volume: JSON?
        var storageClass: JSON = waiting
        var limit: Int64?
        var placed: [JSON] = []
        let outcome: String
        var testDescription: String { name }
    }

    private static func refusal(_ reason: String) -> String { FilterTests.Case.unresolvable(reason, nodes: 2) }

    static let cases: [Case] = [
        Case(name: "no claim", outcome: refusal("persistentvolumeclaim \"data\" not found")),
        Case(
            name: "unbound and immediate", claim: claim(), storageClass: immediate,
            outcome: refusal("pod has unbound immediate PersistentVolumeClaims")),
        Case(name: "to be made where the pod goes", claim: claim(), outcome: "a"),
        Case(
            name: "to be made in an allowed topology", claim: claim(),
            storageClass: [
                "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer",
                "allowedTopologies": [["matchLabelExpressions": [["key": "topology.kubernetes.io/zone", "values": ["b"]]]]],
            ], outcome: "b"),
        Case(
            name: "nobody makes volumes", claim: claim(), storageClass: manual,
            outcome: refusal("2 node(s) didn't find available persistent volumes to bind")),
        Case(name: "a volume made by hand", claim: claim(), volume: volume(zone: "b"), storageClass: manual, outcome: "b"),
        Case(
            name: "bound to a volume elsewhere", claim: claim(["volumeName": "pv"]), volume: volume(zone: "c"),
            outcome: refusal("2 node(s) had volume node affinity conflict")),
        Case(name: "bound to a volume in a zone", claim: claim(["volumeName": "pv"]), volume: volume(zone: "b"), outcome: "b"),
        Case(name: "a volume with a zone label", claim: claim(["volumeName": "pv"]), volume: volume(label: "b"), outcome: "b"),
        Case(
            name: "a volume with another zone's label", claim: claim(["volumeName": "pv"]), volume: volume(label: "c"),
            outcome: refusal("2 node(s) had no available volume zone")),
        Case(
            name: "bound to a volume that is gone", claim: claim(["volumeName": "gone"]),
            outcome: refusal("2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)")),
        Case(
            name: "no more volumes attach", claim: claim(["volumeName": "pv"]),
            volume: volume(spec: ["csi": ["driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"]]), limit: 0,
            outcome: "0/2 nodes are available: 2 node(s) exceed max volume count. no new claims to deallocate, preemption: 0/2 nodes are "
                + "available: 2 No preemption victims found for incoming pod."),
        Case(
            name: "a claim for one pod only", claim: claim(["volumeName": "pv", "accessModes": ["ReadWriteOncePod"]]), volume: volume(),
            placed: [
                Objects.pod("q", on: "a", spec: ["volumes": [["name": "d", "persistentVolumeClaim": ["claimName": "data"]]]])
            ],
            outcome: "0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access "
                + "mode. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."),
    ]

    @Test(arguments: cases) func outcome(_ case: Case) {
        var scheduler = Scheduler([Objects.node("a", zone: "a"), Objects.node("b", zone: "b")], `case`.placed)
        if let claim = `case`.claim { scheduler.cache.setStorage(kind: "PersistentVolumeClaim", key: "default/data", object: claim) }
        if let volume = `case`.volume { scheduler.cache.setStorage(kind: "PersistentVolume", key: "pv", object: volume) }
        scheduler.cache.setStorage(kind: "StorageClass", key: "gp3", object: `case`.storageClass)
        if let limit = `case`.limit {
            for node in ["a", "b"] {
                let driver: JSON = ["name": "ebs.csi.aws.com", "allocatable": ["count": .integer(limit)]]
                scheduler.cache.setStorage(kind: "CSINode", key: node, object: ["spec": ["drivers": [driver]]])
            }
        }
        #expect(scheduler.outcome(Self.pod) == `case`.outcome)
    }

    @Test func theDecisionSaysWhatTheClaimsGet() {
        var scheduler = Scheduler([Objects.node("b", zone: "b")])
        scheduler.cache.setStorage(kind: "PersistentVolumeClaim", key: "default/data", object: Self.claim())
        scheduler.cache.setStorage(kind: "StorageClass", key: "gp3", object: Self.waiting)
        guard case .bind(let made) = scheduler.schedule(SchedulablePod(Self.pod)) else { return #expect(Bool(false)) }
        #expect(made.volumes.map(\.claim) == ["default/data"] && made.volumes.first?.volume == nil)
        scheduler.cache.setStorage(kind: "PersistentVolume", key: "pv", object: Self.volume(zone: "b"))
        guard case .bind(let found) = scheduler.schedule(SchedulablePod(Self.pod)) else { return #expect(Bool(false)) }
        #expect(found.volumes.first?.volume == "pv")
    }
}
