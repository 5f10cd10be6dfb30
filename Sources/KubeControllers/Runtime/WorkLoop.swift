import World

/// Runs a controller's work when something calls for it: once at a time, on the world's timers, so that on a standing clock everything
/// happens while it is advanced, in an order that depends on nothing else.
final class WorkLoop: Sendable {
    private struct State: Sendable {
        var isArmed = false
        var isRunning = false
        /// Something called while it was running.
        var isCalled = false
        var alarm: (time: Instant, handle: Timers.Handle)?
        var isStopped = false
    }

    private let world: World
    private let label: String
    private let state = Lock(State())
    private let work: @Sendable () async -> Void

    init(_ world: World, _ label: String, work: @escaping @Sendable () async -> Void) {
        self.world = world
        self.label = label
        self.work = work
    }

    /// Calls for the work now.
    func wake() {
        let arms = state.withLock { state -> Bool in
            guard !state.isStopped else { return false }
            if state.isRunning {
                state.isCalled = true
                return false
            }
            defer { state.isArmed = true }
            return !state.isArmed
        }
        if arms { world.timers.schedule(after: .zero, label) { [weak self] in await self?.run() } }
    }

    /// Calls for the work at a time; only the last such call counts. `nil` for none.
    func setAlarm(_ time: Instant?) {
        let old = state.withLock { state -> Timers.Handle?? in
            if state.alarm?.time == time { return .none }
            defer { state.alarm = nil }
            return .some(state.alarm?.handle)
        }
        guard let old else { return }
        if let old { world.timers.cancel(old) }
        guard let time else { return }
        let handle = world.timers.schedule(at: time, label) { [weak self] in
            self?.state.withLock { $0.alarm = nil }
            await self?.run()
        }
        state.withLock { $0.alarm = (time, handle) }
    }

    /// Ends the loop after the work under way.
    func stop() {
        setAlarm(nil)
        state.withLock { $0.isStopped = true }
    }

    private func run() async {
        let runs = state.withLock { state -> Bool in
            state.isArmed = false
            guard !state.isStopped else { return false }
            if state.isRunning {
                state.isCalled = true
                return false
            }
            state.isRunning = true
            return true
        }
        guard runs else { return }
        repeat {
            await work()
        } while state.withLock { state in
            if state.isCalled {
                state.isCalled = false
                return true
            }
            state.isRunning = false
            return false
        }
    }
}

/// How much a controller does in one go. Then the others follow it, while what it wrote is still at hand; it goes on at the same time.
struct Turn {
    private var left = 128

    /// Counts a step; whether it was the last one.
    mutating func isOver() -> Bool {
        left -= 1
        return left <= 0
    }
}
