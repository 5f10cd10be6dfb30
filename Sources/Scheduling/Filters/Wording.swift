/// Where kube-scheduler's texts differ between releases.
public struct Wording: Sendable, Hashable {
    private let minorVersion: Int

    /// The texts of release 1.`minorVersion`.
    public init(minorVersion: Int) { self.minorVersion = minorVersion }

    /// Since 1.34 events do not show what taints are called (kubernetes/kubernetes#134740).
    func untolerated(_ taint: Taint) -> String {
        minorVersion >= 34 ? "node(s) had untolerated taint(s)" : "node(s) had untolerated taint {\(taint.key): \(taint.value)}"
    }

    /// What comes before preemption's own words: since 1.34 dynamic resource allocation is on, and tries first.
    func postFilter(_ preemption: String) -> String {
        (minorVersion >= 34 ? "no new claims to deallocate, " : "") + "preemption: " + preemption
    }
}
