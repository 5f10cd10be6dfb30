import World

/// Tells who follows a resource in this process that it changed: after the commit, before the write is answered, so that no request can
/// come between a write and those who have to know of it.
public final class ChangeSignals: Sendable {
    /// A resource by group and plural name.
    public struct Resource: Sendable, Hashable {
        let group: String
        let name: String

        /// Names a resource, such as `pods` of the group without a name.
        public init(_ group: String, _ name: String) {
            self.group = group
            self.name = name
        }
    }

    private struct State: Sendable {
        var followers: [Resource: [(id: UInt64, wake: @Sendable () -> Void)]] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Lock(State())

    /// Calls `wake` on every change of the resources; it must not wait for anything. Answers what `cancel` takes.
    public func follow(_ resources: [Resource], _ wake: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLock { state in
            state.lastID += 1
            for resource in resources { state.followers[resource, default: []].append((state.lastID, wake)) }
            return state.lastID
        }
    }

    /// Ends what `follow` began.
    public func cancel(_ id: UInt64) {
        state.withLock { state in
            for resource in state.followers.keys { state.followers[resource]?.removeAll { $0.id == id } }
        }
    }

    func signal(_ group: String, _ name: String) {
        let followers = state.withLock { $0.followers[Resource(group, name)] ?? [] }
        for follower in followers { follower.wake() }
    }
}
