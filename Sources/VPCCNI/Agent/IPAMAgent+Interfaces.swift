import VPCModel
import World

/// Making interfaces and giving them back.
extension IPAMAgent {
    private static let tries = 12
    private static let detachPause = Duration.seconds(2)
    private static let tagTries = 5

    // MARK: Making

    /// Makes an interface with addresses and takes it up. Answers whether it serves.
    func addInterface(_ clock: inout PassClock) async -> Bool {
        do throws(EC2Failure) {
            let wanted = targets.wanted(statistics(at: clock.now), freePrefixes: store.freePrefixCount)
            let count = min(wanted, limits.slotsPerInterface)
            guard let id = try await makeInterface(count, &clock) else {
                // The agent waits for an interface whose id it has lost.
                var backoff = Backoff(.milliseconds(100))
                for _ in 1..<Self.tries { clock.sleep(backoff.wait()) }
                metrics.errors["increaseIPPoolwaitENIAttachedFailed", default: 0] += 1
                return false
            }
            guard let interface = await network.attachedInterfaces().first(where: { $0.id == id }) else { return false }
            do throws(EC2Failure) { try await setUp(interface, at: clock.now) } catch {
                metrics.errors["increaseIPPoolsetupENIFailed", default: 0] += 1
                throw error
            }
            return true
        } catch {
            write(.error, clock.now, "Failed to increase pool size due to not able to allocate ENI \(error.message)")
            return false
        }
    }

    /// Creates, attaches and marks an interface. Answers its id; `nil` when the mark was refused and the interface freed again, which the
    /// agent takes for success.
    private func makeInterface(_ count: Int, _ clock: inout PassClock) async throws(EC2Failure) -> String? {
        let id: String
        do throws(EC2Failure) { id = try await create(count, at: clock.now) } catch {
            metrics.errors["increaseIPPoolAllocENI", default: 0] += 1
            if error.isSubnetFull {
                metrics.errors["increaseIPPoolAllocIPAddressesFailed", default: 0] += 1
                noteSubnetFull(at: clock.now)
            }
            throw error
        }
        do throws(EC2Failure) {
            let devices = try await call("DescribeInstances", network.describeDevices)
            let device = (0...devices.count).first { !devices.contains($0) } ?? devices.count
            try await call("AttachNetworkInterface") { () async throws(EC2Failure) in
                try await network.attachInterface(id, device: device)
            }
        } catch {
            write(.error, clock.now, "Failed to attach ENI \(id): \(error.message)")
            try? await delete(id, &clock)
            throw error
        }
        do throws(EC2Failure) {
            try await call("ModifyNetworkInterfaceAttribute") { () async throws(EC2Failure) in try await network.deleteOnTermination(id) }
        } catch {
            try await free(id, &clock)
            return nil
        }
        write(.info, clock.now, "Successfully created and attached a new ENI \(id) to instance on network card 0")
        return id
    }

    private func create(_ count: Int, at now: Instant) async throws(EC2Failure) -> String {
        write(.info, now, "Trying to allocate \(count) IP addresses on new ENI")
        var tags = InterfaceTags.wanted(settings, instanceID: instanceID)
        tags[InterfaceTags.createdAt] = now.rfc3339
        var request = InterfaceRequest(
            subnet: nodeSubnet, securityGroups: nil, secondaryCount: limits.usesPrefixes ? 0 : count,
            prefixCount: limits.usesPrefixes ? count : 0, description: "aws-K8S-\(instanceID)", tags: tags)
        if settings.usesCustomNetworking {
            let name = await objects.node().eniConfigName(settings)
            guard let config = await objects.eniConfig(name) else { throw EC2Failure("", "eniconfig: eniconfig is not available") }
            request.subnet = config.subnet
            request.securityGroups = config.securityGroups.isEmpty ? nil : config.securityGroups
            return try await create(request, at: now)
        }
        guard settings.discoversSubnets else {
            // Not knowing the node's subnet does not matter here.
            if let isExcluded = try? await isSubnetExcluded(nodeSubnet), isExcluded {
                throw EC2Failure(
                    "",
                    "primary subnet is tagged with kubernetes.io/role/cni=0 and subnet discovery is disabled - no valid subnets available for ENI creation"
                )
            }
            return try await create(request, at: now)
        }
        guard let subnets = try? await call("DescribeSubnets", network.describeSubnets) else {
            guard try await !isSubnetExcluded(nodeSubnet) else {
                throw EC2Failure("", "primary subnet is tagged with kubernetes.io/role/cni=0 - no valid subnets available for ENI creation")
            }
            return try await create(request, at: now)
        }
        var refusal = EC2Failure(
            "", "no valid subnets available for ENI creation - all subnets are either not tagged or tagged with kubernetes.io/role/cni=0")
        for subnet in subnetChoice.candidates(subnets) {
            request.subnet = subnet.id
            do throws(EC2Failure) { return try await create(request, at: now) } catch { refusal = error }
        }
        throw refusal
    }

    private func create(_ request: InterfaceRequest, at now: Instant) async throws(EC2Failure) -> String {
        do throws(EC2Failure) {
            return try await call("CreateNetworkInterface") { () async throws(EC2Failure) in try await network.createInterface(request) }
        } catch {
            write(.error, now, "Failed to CreateNetworkInterface \(error.message) for subnet \(request.subnet)")
            throw error
        }
    }

    /// Adds the tags that an interface lacks.
    func tag(_ interface: AttachedInterface, _ clock: inout PassClock) async throws(EC2Failure) {
        let missing = InterfaceTags.wanted(settings, instanceID: instanceID).filter { interface.tags[$0.key] != $0.value }
        guard !missing.isEmpty else { return }
        try await retry(&clock, Self.tagTries, Backoff(.milliseconds(500), jitter: 0.3)) { () async throws(EC2Failure) in
            try await call("CreateTags") { () async throws(EC2Failure) in try await network.createTags(missing, on: interface.id) }
        }
    }

    // MARK: Giving back

    /// Detaches and deletes an interface.
    func free(_ id: String, _ clock: inout PassClock) async throws(EC2Failure) {
        write(.info, clock.now, "Trying to free ENI: \(id)")
        do throws(EC2Failure) {
            let known = try await call("DescribeNetworkInterfaces") { () async throws(EC2Failure) in
                try await network.describeInterfaces([id])
            }
            guard !known.isEmpty else { throw EC2Failure("", "no network interfaces found for ENI") }
        } catch  where error.code == "InvalidNetworkInterfaceID.NotFound" {
            return
        }
        try await retry(&clock, Self.tries, Backoff(.milliseconds(200))) { () async throws(EC2Failure) in
            try await call("DetachNetworkInterface") { () async throws(EC2Failure) in try await network.detachInterface(id) }
        }
        clock.sleep(Self.detachPause)
        try await delete(id, &clock)
        write(.info, clock.now, "Successfully freed ENI: \(id)")
    }

    func delete(_ id: String, _ clock: inout PassClock) async throws(EC2Failure) {
        try await retry(&clock, Self.tries, Backoff(.milliseconds(500))) { () async throws(EC2Failure) in
            do throws(EC2Failure) {
                try await call("DeleteNetworkInterface") { () async throws(EC2Failure) in try await network.deleteInterface(id) }
            } catch  where error.code == "InvalidNetworkInterfaceID.NotFound" {
                // Somebody else did it.
            }
        }
    }

    private func retry(
        _ clock: inout PassClock, _ tries: Int, _ backoff: Backoff, _ body: () async throws(EC2Failure) -> Void
    ) async throws(EC2Failure) {
        var backoff = backoff
        for _ in 1..<tries {
            do throws(EC2Failure) { return try await body() } catch { clock.sleep(backoff.wait()) }
        }
        try await body()
    }
}
