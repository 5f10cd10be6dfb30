/// Why a node will not do for a pod.
struct Rejection: Sendable, Hashable {
    /// Whether others giving way would not change it (`UnschedulableAndUnresolvable`).
    let isUnresolvable: Bool
    /// In kube-scheduler's words.
    let reasons: [String]

    static func unresolvable(_ reason: String) -> Rejection { Rejection(isUnresolvable: true, reasons: [reason]) }
    static func unschedulable(_ reason: String) -> Rejection { Rejection(isUnresolvable: false, reasons: [reason]) }

    static let cordoned = unresolvable("node(s) were unschedulable")
    static let affinity = unresolvable("node(s) didn't match Pod's node affinity/selector")
    static let ports = unschedulable("node(s) didn't have free ports for the requested pod ports")
    static let spread = unschedulable("node(s) didn't match pod topology spread constraints")
    static let spreadLabel = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)")
    static let podAffinity = unresolvable("node(s) didn't match pod affinity rules")
    static let podAntiAffinity = unschedulable("node(s) didn't match pod anti-affinity rules")
    static let existingAntiAffinity = unschedulable("node(s) didn't satisfy existing pods anti-affinity rules")
    static let disk = unschedulable("node(s) had no available disk")
    static let exclusiveClaim = unschedulable(
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode")
    static let volumeCount = unschedulable("node(s) exceed max volume count")
    static let volumeAffinity = unresolvable("node(s) had volume node affinity conflict")
    static let noVolume = unresolvable("node(s) didn't find available persistent volumes to bind")
    static let volumeZone = unresolvable("node(s) had no available volume zone")
    static let missingVolume = unresolvable("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)")
    static let unhelpful = unresolvable("Preemption is not helpful for scheduling")
    static let noVictims = unresolvable("No preemption victims found for incoming pod")
}
