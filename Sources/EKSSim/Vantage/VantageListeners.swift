import Frontend
import World

/// The listeners through which vantage points reach one cluster, by the vantage point's name.
final class VantageListeners: Sendable {
    private let open = Lock<[String: Listener]>([:])

    /// The port of a vantage point's listener.
    func port(_ name: String) -> Int? { open.withLock { $0[name]?.address.port } }

    /// Keeps a listener; answers the one that was there first, which stays.
    func add(_ listener: Listener, _ name: String) -> Listener? {
        open.withLock { open in
            if let known = open[name] { return known }
            open[name] = listener
            return nil
        }
    }

    /// Ends a vantage point's listener.
    func remove(_ name: String) async { await open.withLock { $0.removeValue(forKey: name) }?.drain() }

    /// Closes what leads to a target at once, as its death would.
    func closeConnections(of target: String) {
        for listener in open.withLock({ Array($0.values) }) { listener.closeConnections(of: target) }
    }

    /// Ends all listeners, letting answers under way finish.
    func drain() async {
        let all = open.withLock { open in
            defer { open = [:] }
            return Array(open.values)
        }
        await withTaskGroup(of: Void.self) { group in
            for listener in all { group.addTask { await listener.drain() } }
        }
    }
}
