import IPAddress
import World

/// Comparing the pool with what the instance really has.
extension IPAMAgent {
    /// How long after a change of the pool none is looked for.
    static let reconcileInterval = Duration.seconds(60)

    /// One pass of reconciliation, which does nothing soon after a change of the pool unless a trunk is awaited. Answers when it ends.
    public func reconcile(at now: Instant) async -> Instant {
        var clock = PassClock(now)
        await settle(at: now)
        guard family == .ipv4, isAwaitingTrunk || hasPassed(Self.reconcileInterval, since: lastPoolAction, at: now) else { return now }
        var attached = managed(await network.attachedInterfaces())
        if attached.contains(where: { store.interface($0.id) == nil }) {
            write(.debug, now, "A new ENI added but not by ipamd, updating tags by calling EC2")
            do throws(EC2Failure) { attached = manage(try await describeAttached(&clock)) } catch {
                write(.warn, clock.now, "Failed to call EC2 to describe ENIs, aborting reconcile: \(error.message)")
                return clock.now
            }
        }
        let known = store.interfaces.map(\.id)
        for interface in attached {
            if store.interface(interface.id) != nil {
                await reconcileBlocks(of: interface, at: clock.now)
            } else {
                await adopt(interface, &clock)
            }
        }
        for id in known where !attached.contains(where: { $0.id == id }) { forget(id, at: clock.now) }
        lastPoolAction = clock.now
        return clock.now
    }

    var isAwaitingTrunk: Bool { settings.usesBranchInterfaces && store.trunk == nil }

    private func adopt(_ interface: AttachedInterface, _ clock: inout PassClock) async {
        do throws(EC2Failure) {
            if interface.kind != .trunk, !settings.isProvisioningDisabled { try await tag(interface, &clock) }
            try await setUp(interface, at: clock.now)
            metrics.reconciled["eniReconcileAdd", default: 0] += 1
        } catch {
            metrics.errors["eniReconcileAdd", default: 0] += 1
            write(.error, clock.now, "IP pool reconcile: Failed to set up ENI \(interface.id) network: \(error.message)")
        }
    }

    /// The interface is gone, and the addresses of its pods with it.
    private func forget(_ id: String, at now: Instant) {
        changes &+= 1
        write(.info, now, "Reconcile and delete detached ENI \(id)")
        let pods = store.removeInterface(id, force: true) ?? 0
        if pods > 0 {
            metrics.forceRemovedInterfaces += 1
            metrics.forceRemovedAddresses += pods
        }
        metrics.reconciled["eniReconcileDel", default: 0] += 1
    }

    private func reconcileBlocks(of interface: AttachedInterface, at now: Instant) async {
        await reconcile(interface, interface.secondary.map { CIDRBlock($0) }, prefixes: false, at: now)
        // As when it starts, custom networking does not read the primary interface's prefixes.
        let prefixes = settings.usesCustomNetworking && interface.id == primaryInterface ? [] : interface.prefixes
        await reconcile(interface, prefixes, prefixes: true, at: now)
    }

    private func reconcile(_ interface: AttachedInterface, _ shown: [CIDRBlock], prefixes: Bool, at now: Instant) async {
        let held = Set((store.interface(interface.id)?.blocks ?? []).filter { $0.isPrefix == prefixes }.map(\.block))
        var present = shown
        if held != Set(shown) {
            write(.warn, now, "Instance metadata does not match data store!")
            let described: AttachedInterface?
            do throws(EC2Failure) {
                described = try await call("DescribeNetworkInterfaces") { () async throws(EC2Failure) in
                    try await network.describeInterfaces([interface.id])
                }.first
            } catch {
                return write(.error, now, "Failed to fetch ENI IP addresses! Aborting reconcile of ENI \(interface.id)")
            }
            present = prefixes ? described?.prefixes ?? [] : (described?.secondary ?? []).map { CIDRBlock($0) }
        }
        var seen: Set<CIDRBlock> = []
        for block in present {
            if let time = released[block] {
                guard now - time >= Self.reconcileInterval else { continue }
                released[block] = nil
            }
            if store.add(block, isPrefix: prefixes, to: interface.id) { changes &+= 1 }
            metrics.reconciled["eniDataStorePoolReconcileAdd", default: 0] += 1
            seen.insert(block)
        }
        for block in held.subtracting(seen).sorted() {
            changes &+= 1
            let pods = store.remove(block, of: interface.id, force: true) ?? 0
            metrics.forceRemovedAddresses += pods
            metrics.reconciled["eniIPPoolReconcileDel", default: 0] += 1
        }
    }
}
