import NIOCore
import Synchronization
import World

/// The open connections of a listener by target, and the answers under way that have to learn of a drain.
final class ConnectionRegistry: Sendable {
    private struct State: Sendable {
        var channels: [UInt64: (channel: any Channel, target: String)] = [:]
        var nextID: UInt64 = 0
        var onDrain: [UInt64: @Sendable () -> Void] = [:]
        var isDraining = false
    }

    private let state = Lock(State())
    /// Read by every answer, so apart from the lock.
    private let draining = Atomic<Bool>(false)
    private let underWay = Atomic<Int>(0)

    /// How many connections are open.
    var count: Int { state.withLock { $0.channels.count } }
    /// How many answers are under way.
    var answering: Int { underWay.load(ordering: .acquiring) }
    /// Whether the listener is going away.
    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// Adds a connection; `nil` when there are `limit` already.
    func add(_ channel: any Channel, target: String, limit: Int) -> UInt64? {
        state.withLock { state in
            guard state.channels.count < limit, !state.isDraining else { return nil }
            state.nextID += 1
            state.channels[state.nextID] = (channel, target)
            return state.nextID
        }
    }

    func remove(_ id: UInt64) { state.withLock { state in _ = state.channels.removeValue(forKey: id) } }

    func beginAnswer() { underWay.wrappingAdd(1, ordering: .acquiringAndReleasing) }
    func endAnswer() { underWay.wrappingSubtract(1, ordering: .acquiringAndReleasing) }

    /// Calls `action` when a drain begins, at once when it has begun.
    func onDrain(_ action: @escaping @Sendable () -> Void) -> UInt64 {
        let (id, now) = state.withLock { state -> (UInt64, Bool) in
            state.nextID += 1
            if !state.isDraining { state.onDrain[state.nextID] = action }
            return (state.nextID, state.isDraining)
        }
        if now { action() }
        return id
    }

    func forget(_ id: UInt64) { state.withLock { state in _ = state.onDrain.removeValue(forKey: id) } }

    /// Tells every connection and every streaming answer that the listener goes away.
    func drain() {
        let (channels, actions) = state.withLock { state in
            state.isDraining = true
            draining.store(true, ordering: .releasing)
            defer { state.onDrain.removeAll() }
            return (state.channels.values.map(\.channel), Array(state.onDrain.values))
        }
        for action in actions { action() }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ListenerDrains()) }
    }

    /// Closes the connections of a target, or all.
    func close(target: String? = nil) {
        let channels = state.withLock { state in state.channels.values.filter { target == nil || $0.target == target }.map(\.channel) }
        for channel in channels { channel.close(promise: nil) }
    }
}
