import IPAddress
import World

/// The loop over the pool: a pause, a pass, a pause, reconciliation. Where passes would do nothing, they are not made but counted.
extension IPAMAgent {
    /// Where the loop stands.
    struct Loop {
        /// When the next half begins.
        var next: Instant
        var half = Half.poolCheck
        /// `changes` at the end of the last pass, if that pass changed nothing.
        var quiet: UInt64?
        /// The network's revision that was last reconciled.
        var revision: UInt64?
        /// When interfaces left behind are next looked for.
        var nextCleanUp: Instant

        enum Half {
            case poolCheck
            case reconcile
        }
    }

    private static let pause = Duration.milliseconds(2500)
    private static let cycle = Duration.seconds(5)
    private static let cleanUpInterval = Duration.seconds(3600)
    /// The agent waits a random time below five minutes before each search; this is the mean.
    private static let cleanUpDelay = Duration.seconds(150)
    private static let leakAge = Duration.seconds(300)

    /// Begins the loop.
    public func startLoop(at now: Instant) {
        let half: Loop.Half = settings.isProvisioningDisabled || family == .ipv6 ? .reconcile : .poolCheck
        loop = Loop(next: now + pauseBeforeFirst, half: half, nextCleanUp: now + Self.cleanUpDelay)
    }

    private var pauseBeforeFirst: Duration { family == .ipv6 ? Self.cycle : Self.pause }

    /// Runs the loop up to a time. Answers when it ends, which is later where a pass takes longer.
    public func run(until limit: Instant) async -> Instant {
        guard var loop else { return limit }
        while true {
            await skipQuietCycles(&loop, until: limit)
            let drop = drops.map(\.due).min() ?? loop.next
            if drop < loop.next, drop <= limit { await settle(at: drop) }
            if loop.nextCleanUp <= min(loop.next, limit) { await cleanUp(&loop) }
            guard loop.next <= limit else { break }
            let before = changes
            switch loop.half {
            case .poolCheck:
                loop.next = await poolCheck(at: loop.next) + Self.pause
                loop.half = .reconcile
                loop.quiet = changes == before ? before : nil
            case .reconcile where family == .ipv6:
                if isAwaitingTrunk { await lookForTrunk(at: loop.next) }
                loop.next = loop.next + Self.cycle
            case .reconcile:
                let revision = await network.revision()
                let last = lastPoolAction
                let end = await reconcile(at: loop.next)
                if lastPoolAction != last { loop.revision = revision }
                if changes != before { loop.quiet = nil }
                loop.next = end + Self.pause
                loop.half = settings.isProvisioningDisabled ? .reconcile : .poolCheck
            }
        }
        self.loop = loop
        return max(limit, loop.next - Self.pause)
    }

    /// The earliest time at which the loop does anything, if nobody else does; `nil` when never.
    public func nextDeadline() async -> Instant? {
        guard let loop else { return nil }
        let isStale = await network.revision() != loop.revision
        return nextDeadline(of: loop, isStale: isStale)
    }

    private func nextDeadline(of loop: Loop, isStale: Bool) -> Instant? {
        if family == .ipv6 { return isAwaitingTrunk ? loop.next : drops.map(\.due).min() }
        guard loop.quiet == changes || settings.isProvisioningDisabled else { return loop.next }
        let now = loop.next
        var times = drops.map(\.due)
        // A trunk that is awaited is looked for in every pass.
        if isStale { times.append(isAwaitingTrunk ? now : lastPoolAction.map { $0 + Self.reconcileInterval } ?? now) }
        if !settings.isProvisioningDisabled {
            let pool = statistics(at: now)
            if targets.isLow(pool), let lastSubnetFull { times.append(lastSubnetFull + Self.subnetFullPause) }
            if surplus(pool) > 0, let lastDecrease { times.append(lastDecrease + Self.decreaseInterval) }
            if targets.mayRemoveInterface(pool, hasUnusedInterface: store.hasUnusedInterface),
                let change = store.removableChange(after: loop.next - Self.cycle)
            {
                times.append(change)
            }
        }
        return times.min().map { max($0, now) }
    }

    /// Moves the loop over whole cycles in which nothing would happen but the reconciliation of what is the same.
    private func skipQuietCycles(_ loop: inout Loop, until limit: Instant) async {
        guard family == .ipv4 else {
            guard !isAwaitingTrunk, loop.next <= limit else { return }
            let count = (limit - loop.next) / Self.cycle
            return loop.next = loop.next + Self.cycle * (count.rounded(.down) + 1)
        }
        guard loop.half == .poolCheck, loop.quiet == changes, !isAwaitingTrunk, !settings.isProvisioningDisabled else { return }
        let isStale = await network.revision() != loop.revision
        let deadline = min(nextDeadline(of: loop, isStale: isStale) ?? limit, limit, loop.nextCleanUp)
        let count = Int(((deadline - loop.next) / Self.cycle).rounded(.down))
        guard count > 0 else { return }
        // Reconciliation of what is the same still puts off the next one.
        let first = loop.next + Self.pause
        if let last = lastPoolAction {
            let gap = Int(((last + Self.reconcileInterval - first) / Self.cycle).rounded(.down)) + 1
            let period = Int(Self.reconcileInterval / Self.cycle) + 1
            let place = max(gap, 0)
            if place < count { lastPoolAction = first + Self.cycle * (place + (count - 1 - place) / period * period) }
        }
        loop.next = loop.next + Self.cycle * count
    }

    private func lookForTrunk(at now: Instant) async {
        var clock = PassClock(now)
        guard let described = try? await describeAttached(&clock), let trunk = described.first(where: { $0.kind == .trunk }) else { return }
        try? await setUp(trunk, at: clock.now)
    }

    /// Deletes interfaces that agents of the cluster made and nothing has had attached for five minutes.
    private func cleanUp(_ loop: inout Loop) async {
        let now = loop.nextCleanUp
        loop.nextCleanUp = now + Self.cleanUpInterval + Self.cleanUpDelay
        guard !settings.keepsLeakedInterfaces, !settings.isProvisioningDisabled, family == .ipv4 else { return }
        // Looking changes nothing, so that it does not wake a quiet loop.
        metrics.requests["DescribeNetworkInterfaces", default: 0] += 1
        guard let detached = try? await network.describeDetachedInterfaces(cluster: settings.clusterName) else { return }
        var clock = PassClock(now)
        for interface in detached {
            guard let created = interface.tags[InterfaceTags.createdAt].flatMap({ Instant(rfc3339: $0) }) else {
                try? await call("CreateTags") { () async throws(EC2Failure) in
                    try await network.createTags([InterfaceTags.createdAt: now.rfc3339], on: interface.id)
                }
                continue
            }
            if now - created >= Self.leakAge { try? await delete(interface.id, &clock) }
        }
    }
}
