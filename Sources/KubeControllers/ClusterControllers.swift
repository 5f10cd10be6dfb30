import KubeAPIServer
import World

/// The controllers that run in a cluster of profile `eks` beside its API servers. They follow the world's timers: on a standing clock
/// nothing happens until it is advanced.
public final class ClusterControllers: Sendable {
    private struct Running: Sendable {
        let loop: WorkLoop
        let scheduler: SchedulerController
        let follower: UInt64
    }

    private let access: ComponentAccess
    private let running = Lock<Running?>(nil)

    /// The controllers of a cluster; `start` starts them.
    public init(_ access: ComponentAccess) { self.access = access }

    /// Starts the controllers of release 1.`minorVersion`, or starts them anew with another one.
    public func start(minorVersion: Int) async {
        await stop()
        let loopReference = LoopReference()
        let scheduler = SchedulerController(access, minorVersion: minorVersion) { loopReference.loop?.setAlarm($0) }
        let loop = WorkLoop(access.cluster.world, "scheduler of \(access.cluster.name)") { await scheduler.work() }
        loopReference.set(loop)
        let follower = access.cluster.signals.follow(SchedulerController.signals) { loop.wake() }
        running.withLock { $0 = Running(loop: loop, scheduler: scheduler, follower: follower) }
        loop.wake()
    }

    /// Ends the controllers.
    public func stop() async {
        let running = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let running else { return }
        access.cluster.signals.cancel(running.follower)
        running.loop.stop()
        await running.scheduler.close()
    }
}

/// The loop that a controller is run by, which is made after it.
private final class LoopReference: Sendable {
    private let held = Lock<WeakLoop>(WeakLoop())

    private struct WeakLoop: Sendable {
        weak var loop: WorkLoop?
    }

    var loop: WorkLoop? { held.withLock { $0.loop } }

    func set(_ loop: WorkLoop) { held.withLock { $0.loop = loop } }
}
