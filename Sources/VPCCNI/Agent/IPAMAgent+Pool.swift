import IPAddress
import VPCModel
import World

/// One pass over the pool: it grows or shrinks by one step, then perhaps one interface goes.
extension IPAMAgent {
    /// How long after a decrease none follows.
    static let decreaseInterval = Duration.seconds(30)
    /// How long nothing is asked of a subnet that was full.
    static let subnetFullPause = Duration.seconds(120)

    /// One pass. Answers when it ends.
    public func poolCheck(at now: Instant) async -> Instant {
        var clock = PassClock(now)
        await settle(at: now)
        guard family == .ipv4 else { return clock.now }
        if settings.usesBranchInterfaces, store.trunk == nil { await announceBranchInterfaces(at: now) }
        let pool = statistics(at: now)
        write(
            .debug, now,
            "IP stats for Network Card 0 - total IPs: \(pool.total), assigned IPs: \(pool.assigned), cooldown IPs: \(pool.cooling)")
        var hasDecreased = false
        if isLow(at: now) {
            do throws(EC2Failure) { try await increase(&clock) } catch { write(.error, clock.now, error.message) }
        } else if surplus(pool) > 0, hasPassed(Self.decreaseInterval, since: lastDecrease, at: now) {
            hasDecreased = true
            await decrease(surplus(pool), at: clock.now)
        }
        if targets.mayRemoveInterface(pool, hasUnusedInterface: store.hasUnusedInterface) { await removeInterface(&clock) }
        if hasDecreased {
            lastDecrease = clock.now
            lastPoolAction = clock.now
        }
        return clock.now
    }

    func hasPassed(_ interval: Duration, since last: Instant?, at now: Instant) -> Bool { last.map { now - $0 > interval } ?? true }

    func surplus(_ pool: PoolStatistics) -> Int { targets.surplus(pool, freePrefixes: store.freePrefixCount) }

    func isLow(at now: Instant) -> Bool {
        let pool = statistics(at: now)
        guard targets.isLow(pool) else { return false }
        if !settings.hasAddressTarget {
            let (target, size) =
                limits.usesPrefixes
                ? (settings.warmPrefixes, NodeLimits.addressesPerPrefix) : (settings.warmInterfaces, limits.addressesPerInterface)
            write(
                .debug, now,
                "IP pool is too low for Network Card 0: available (\(pool.available)) < ENI target (\(target)) * addrsPerENI (\(size))")
        }
        return true
    }

    /// Whether the node takes and gives interfaces at all.
    func mayChangeInterfaces() async -> Bool {
        guard !isTerminating else { return false }
        return settings.managesCordonedNodes ? true : await !objects.isCordoned()
    }

    // MARK: Growing

    /// Adds to the first interface that has room, else makes a new one.
    ///
    /// - Throws: EC2's refusal to add a single address or prefix, unless the subnet is full; nothing is thrown for a new interface.
    func increase(_ clock: inout PassClock) async throws(EC2Failure) {
        guard await mayChangeInterfaces() else {
            return write(.debug, clock.now, "AWS CNI will not try to attach any new IPs or ENIs right now")
        }
        guard hasPassed(Self.subnetFullPause, since: lastSubnetFull, at: clock.now) else {
            return write(.debug, clock.now, "Recently we had InsufficientCidr error hence will wait for 2m0s before retrying")
        }
        let hasGrown: Bool
        do throws(EC2Failure) { hasGrown = try await assignBlocks(at: clock.now) } catch {
            guard error.isSubnetFull else { throw error }
            return noteSubnetFull(at: clock.now)
        }
        if hasGrown {
            lastPoolAction = clock.now
        } else if hasRoomForInterface {
            if await addInterface(&clock) { lastPoolAction = clock.now }
        } else {
            write(.debug, clock.now, "Skipping ENI allocation as the max ENI limit is already reached")
        }
    }

    func noteSubnetFull(at now: Instant) {
        write(
            .error, now,
            "Unable to attach IPs/Prefixes for the ENI, subnet doesn't seem to have enough IPs/Prefixes. Consider using new subnet or carve a reserved range using create-subnet-cidr-reservation"
        )
        lastSubnetFull = now
    }

    /// Whether there is a slot for one more interface. Excluded interfaces keep theirs, and one is kept free for a trunk that is to come.
    private var hasRoomForInterface: Bool {
        let trunkSlot = settings.usesBranchInterfaces && type.canTrunk != false && store.trunk == nil ? 1 : 0
        return store.interfaces.count < limits.interfaces - unmanagedCount - trunkSlot
    }

    private func assignBlocks(at now: Instant) async throws(EC2Failure) -> Bool {
        let wanted = targets.wanted(statistics(at: now), freePrefixes: store.freePrefixCount)
        for interface in store.candidates(below: limits.slotsPerInterface) {
            let count = min(limits.slotsPerInterface - interface.blocks.count, wanted)
            do throws(EC2Failure) {
                do throws(EC2Failure) {
                    try await assign(count, to: interface.id, at: now)
                } catch  where !error.isLimitExceeded {
                    write(.warn, now, "failed to allocate all available IP addresses on ENI \(interface.id), err: \(error.message)")
                    try await assign(1, to: interface.id, at: now)
                }
            } catch  where error.isLimitExceeded {
                try await readBack(interface.id)
            } catch {
                metrics.errors["increaseIPPoolAllocIPAddressesFailed", default: 0] += 1
                if settings.discoversSubnets, error.isSubnetFull { continue }
                throw error
            }
            return true
        }
        return false
    }

    private func assign(_ count: Int, to interface: String, at now: Instant) async throws(EC2Failure) {
        write(.info, now, "Trying to allocate \(count) IP addresses on ENI \(interface)")
        if limits.usesPrefixes {
            let prefixes = try await call("AssignPrivateIpAddresses") { () async throws(EC2Failure) in
                try await network.assignPrefixes(count, to: interface)
            }
            for prefix in prefixes { store.add(prefix, isPrefix: true, to: interface) }
        } else {
            let addresses = try await call("AssignPrivateIpAddresses") { () async throws(EC2Failure) in
                try await network.assignAddresses(count, to: interface)
            }
            for address in addresses { store.add(CIDRBlock(address), isPrefix: false, to: interface) }
        }
    }

    /// EC2 knows more addresses of the interface than the store: takes them up.
    private func readBack(_ id: String) async throws(EC2Failure) {
        let known: AttachedInterface?
        do throws(EC2Failure) {
            known = try await call("DescribeNetworkInterfaces") { () async throws(EC2Failure) in
                try await network.describeInterfaces([id])
            }.first
        } catch {
            metrics.errors["increaseIPPoolGetENIaddressesFailed", default: 0] += 1
            throw error
        }
        if limits.usesPrefixes {
            for prefix in known?.prefixes ?? [] { store.add(prefix, isPrefix: true, to: id) }
        } else {
            for address in known?.secondary ?? [] { store.add(CIDRBlock(address), isPrefix: false, to: id) }
        }
    }

    // MARK: Shrinking

    /// Gives so many unused blocks back, from the highest interface and address down, cooling ones too.
    private func decrease(_ surplus: Int, at now: Instant) async {
        write(.debug, now, "Starting to decrease pool size for network card 0")
        released = released.filter { now - $0.value < Self.reconcileInterval }
        var rest = surplus
        for interface in store.interfaces.reversed() where rest > 0 {
            let blocks = Array(store.freeable(interface).prefix(rest))
            guard !blocks.isEmpty else { continue }
            for block in blocks {
                store.remove(block.block, of: interface.id)
                released[block.block] = now
            }
            await unassign(blocks, from: interface.id, at: now)
            rest -= blocks.count
        }
    }

    /// Gives one interface back that the node does not need.
    private func removeInterface(_ clock: inout PassClock) async {
        guard await mayChangeInterfaces(), let interface = store.removable(targets, at: clock.now) else { return }
        store.removeInterface(interface.id)
        write(.debug, clock.now, "Start freeing ENI \(interface.id) from network card 0")
        do throws(EC2Failure) { try await free(interface.id, &clock) } catch {
            metrics.errors["decreaseIPPoolFreeENIFailed", default: 0] += 1
            write(.error, clock.now, "Failed to free ENI \(interface.id), err: \(error.message)")
        }
    }
}
