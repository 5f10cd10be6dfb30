import World

/// Pods that a controller has made or deleted and not seen yet: until it has, it does not count again (`controller.ControllerExpectations`).
final class Expectations: Sendable {
    private struct Expected: Sendable {
        var creations: Int
        var deletions: Set<String>
        let since: Instant
    }

    /// After so long nobody waits any more: something was lost.
    private static let timeout = Duration.seconds(300)

    private let expected = Lock<[String: Expected]>([:])

    /// Whether everything came about that the controller with this UID did.
    func areMet(_ uid: String, at now: Instant) -> Bool {
        expected.withLock { expected in
            guard let known = expected[uid] else { return true }
            guard known.creations > 0 || !known.deletions.isEmpty, now - known.since <= Self.timeout else {
                expected[uid] = nil
                return true
            }
            return false
        }
    }

    /// Notes what the controller is about to do: how many it makes, and the UIDs of those that it deletes.
    func expect(_ uid: String, creations: Int = 0, deletions: [String] = [], at now: Instant) {
        expected.withLock { $0[uid] = Expected(creations: creations, deletions: Set(deletions), since: now) }
    }

    /// So many were made, or will not be.
    func noteCreations(_ uid: String, _ count: Int = 1) {
        expected.withLock { $0[uid]?.creations -= count }
    }

    /// A pod went, or will not.
    func noteDeletion(_ uid: String, of pod: String) {
        expected.withLock { expected in _ = expected[uid]?.deletions.remove(pod) }
    }

    /// Forgets a controller that is gone.
    func forget(_ uid: String) { expected.withLock { $0[uid] = nil } }
}
