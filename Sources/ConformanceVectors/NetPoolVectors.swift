import IPAddress
import JSON
import VPCCNI
import VPCModel
import World

/// Runs the steps of a case of the VPC CNI's agent on a VPC in memory.
struct NetPoolVectors {
    private static let instance = "i-1"
    private let vpc: LocalVPC
    private let node: VectorNode
    private let type: InstanceLimits
    private let maxPods: Int
    private let network: LocalInstance
    private var environment = ["ENABLE_IPv4": "true", "ENABLE_IPv6": "false"]
    private var agent: IPAMAgent?
    private let epoch = Instant(rfc3339: "2000-01-01T00:00:00Z") ?? Instant(nanoseconds: 0)
    private var now: Instant
    private var differences = Differences()

    static func run(_ example: JSON) async -> VectorOutcome {
        do {
            var run = try NetPoolVectors(example["given"] ?? [:])
            for (index, step) in (example["steps"]?.array ?? []).enumerated() { try await run.perform(step, index) }
            return VectorOutcome(run.differences.texts)
        } catch {
            return .failed("\(error)")
        }
    }

    /// A case that says what this runner does not understand.
    private struct Unclear: Error, CustomStringConvertible {
        let description: String
        init(_ what: JSON?) { description = "not understood: \(what ?? .null)" }
    }

    private init(_ given: JSON) throws {
        guard let type = given["instanceType"]?.string.flatMap({ InstanceLimits.of($0) }) else { throw Unclear(given["instanceType"]) }
        self.type = type
        maxPods = Int(given["maxPods"]?.integer ?? 110)
        now = epoch
        for variable in given["env"]?.object?.members ?? [] { environment[variable.key] = variable.value.string }
        vpc = LocalVPC(
            blocks: (given["vpcCidrs"]?.strings ?? []).compactMap { CIDRBlock($0) },
            subnets: try (given["subnets"]?.array ?? []).map(Self.subnet))
        network = vpc.addInstance(Self.instance, type)
        node = VectorNode(given)
        for interface in given["interfaces"]?.array ?? [] { try vpc.attach(try Self.interface(interface), to: Self.instance) }
    }

    private static func subnet(_ given: JSON) throws -> LocalVPC.Subnet {
        guard let id = given["id"]?.string, let block = given["cidr"]?.string.flatMap({ CIDRBlock($0) }) else { throw Unclear(given) }
        var subnet = LocalVPC.Subnet(
            id: id, zone: given["az"]?.string ?? "us-west-2a", vpc: given["vpc"]?.string ?? "vpc-1", tags: tags(given["tags"]),
            block: block,
            ipv6Block: given["cidr6"]?.string.flatMap { CIDRBlock($0) })
        try subnet.pool.allocate(addresses(given["used"], of: block))
        for reservation in given["reservations"]?.array ?? [] {
            guard let block = reservation["cidr"]?.string.flatMap({ CIDRBlock($0) }),
                let kind = reservation["type"]?.string.flatMap({ SubnetReservation.Kind(rawValue: $0) })
            else { throw Unclear(reservation) }
            try subnet.pool.reserve(SubnetReservation(block: block, kind: kind))
        }
        return subnet
    }

    private static func tags(_ given: JSON?) -> [String: String] {
        Dictionary((given?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }, uniquingKeysWith: { $1 })
    }

    /// Addresses and blocks, as single addresses; those that AWS keeps of a subnet's block are left out.
    private static func addresses(_ given: JSON?, of block: CIDRBlock? = nil) -> [IPAddress] {
        let named = (given?.strings ?? []).flatMap { text in
            IPAddress(text).map { [$0] } ?? CIDRBlock(text).map { Array($0.range) } ?? []
        }
        guard let empty = block.map({ SubnetPool($0) }) else { return named }
        return named.filter { !empty.isTaken($0) }
    }

    private static func interface(_ given: JSON) throws -> AttachedInterface {
        guard let device = given["device"]?.integer, let subnet = given["subnet"]?.string,
            let primary = given["primary"]?.string.flatMap({ IPAddress($0) })
        else { throw Unclear(given) }
        return AttachedInterface(
            id: "", device: Int(device), subnet: subnet,
            kind: given["type"]?.string.flatMap { AttachedInterface.Kind(rawValue: $0) } ?? .interface, primary: primary,
            secondary: addresses(given["secondary"]), prefixes: (given["prefixes"]?.strings ?? []).compactMap { CIDRBlock($0) },
            tags: tags(given["tags"]))
    }

    // MARK: Steps

    private mutating func perform(_ step: JSON, _ index: Int) async throws {
        let action = step["do"] ?? [:]
        var actual = JSONObject()
        _ = vpc.takeCalls()
        switch action["op"]?.string {
        case "init": actual["start"] = await start(StateFile())
        case "restart":
            for variable in action["env"]?.object?.members ?? [] { environment[variable.key] = variable.value.string }
            node.forget(action["diedWhileDown"]?.strings ?? [])
            actual["start"] = await start(await agent?.stateFile ?? StateFile())
        case "add": actual["adds"] = await add(action)
        case "del": actual["dels"] = await delete(action)
        case "advance":
            now = now + .seconds(action["s"]?.double ?? 0)
            await agent?.settle(at: now)
        case "tick": for _ in 0..<(action["n"]?.integer ?? 1) { now = await agent?.poolCheck(at: now) ?? now }
        case "reconcile": now = await agent?.reconcile(at: now) ?? now
        case "run":
            await agent?.startLoop(at: now)
            let limit = now + .seconds(action["s"]?.double ?? 0)
            now = await agent?.run(until: limit) ?? limit
        case "fault":
            vpc.arm(
                LocalVPC.Fault(
                    api: action["api"]?.string ?? "", skip: Int(action["skip"]?.integer ?? 0), times: Int(action["times"]?.integer ?? 1),
                    failure: EC2Failure(action["code"]?.string ?? "", action["message"]?.string ?? "")))
        case "cordon": node.cordon(action["on"]?.bool ?? true)
        case "terminate": await agent?.terminate()
        case "subnetUsed": try use(action)
        case "subnetTags": vpc.changeSubnet(action["subnet"]?.string ?? "") { $0.tags = Self.tags(action["tags"]) }
        case "external": try external(action)
        case "introspect":
            actual["httpStatus"] = .integer(200)
            actual["body"] = await agent?.introspect(action["path"]?.string ?? "") ?? .null
        case "checkpoint": actual["checkpointFile"] = Self.sorted(await agent?.stateFile.json ?? .null)
        default: throw Unclear(action)
        }
        await observe(into: &actual)
        requireNoDrift(step, actual, "step \(index)")
        compare(step, .object(actual), "step \(index)")
    }

    private mutating func start(_ file: StateFile) async -> JSON {
        let agent = IPAMAgent(
            AgentSettings(environment: environment), on: type, instanceID: Self.instance, maxPods: maxPods, network: network, objects: node)
        self.agent = agent
        let (end, error) = await agent.start(at: now, restoring: file)
        now = end
        return error.map { ["error": .string($0.description)] } ?? ["ok": true]
    }

    private static func key(_ pod: String) -> SandboxKey {
        SandboxKey(networkName: "aws-cni", containerID: "sandbox-\(pod)", ifName: "eth0")
    }

    private func add(_ action: JSON) async -> JSON {
        var answers: [JSON] = []
        for pod in action["pods"]?.strings ?? [] {
            node.create(pod, branch: action["podENI"]?.string)
            let request = AddRequest(key: Self.key(pod), pod: PodMetadata(namespace: "default", name: pod))
            let reply = try? await agent?.add(request, at: now)
            var answer: JSON = ["pod": .string(pod), "ok": .bool(reply?.pod != nil)]
            if let given = reply?.pod {
                answer["ip"] = .string(given.address.description)
                answer["device"] = .integer(Int64(given.device))
                answer["routeTable"] = .integer(Int64(given.routeTable))
                if let vlan = given.vlan { answer["vlan"] = .integer(Int64(vlan)) }
            }
            answers.append(answer)
        }
        return .array(answers)
    }

    private func delete(_ action: JSON) async -> JSON {
        var answers: [JSON] = []
        for pod in action["pods"]?.strings ?? [] {
            do throws(RequestRefusal) {
                try await agent?.delete(Self.key(pod), pod: PodMetadata(namespace: "default", name: pod), at: now)
                answers.append(["pod": .string(pod), "ok": true])
            } catch {
                answers.append(["pod": .string(pod), "ok": false, "grpcError": .string(error.message)])
            }
        }
        return .array(answers)
    }

    /// Replaces what others use of a subnet: all that no interface of the instance has.
    private func use(_ action: JSON) throws {
        let id = action["subnet"]?.string ?? ""
        guard var pool = vpc.subnets.first(where: { $0.id == id })?.pool else { throw Unclear(action) }
        let own = vpc.interfaces(of: Self.instance).filter { $0.subnet == id }
        let ownAddresses = Set(own.flatMap { [$0.primary] + $0.secondary })
        for range in pool.spans where range.use == .addresses {
            for address in range.range where !ownAddresses.contains(address) { pool.release(address) }
        }
        try pool.allocate(Self.addresses(action["used"], of: pool.block))
        vpc.changeSubnet(id) { $0.pool = pool }
    }

    private func external(_ action: JSON) throws {
        let device = Int(action["device"]?.integer ?? 0)
        let addresses = Self.addresses(action["addresses"])
        switch action["action"]?.string {
        case "attach": try vpc.attach(try Self.interface(action), to: Self.instance)
        case "detach": vpc.remove(device: device, of: Self.instance)
        case "assign": vpc.change(device: device, of: Self.instance) { $0.secondary += addresses }
        case "unassign": vpc.change(device: device, of: Self.instance) { $0.secondary.removeAll { addresses.contains($0) } }
        default: throw Unclear(action)
        }
    }

    // MARK: What is seen

    private func observe(into actual: inout JSONObject) async {
        actual["clock"] = JSON((now - epoch).inSeconds)
        actual["ec2Calls"] = JSON(strings: vpc.takeCalls().map(\.text))
        var free = JSONObject()
        for subnet in vpc.subnets { free[subnet.id] = .integer(Int64(clamping: subnet.pool.availableAddressCount)) }
        actual["subnetFree"] = .object(free)
        actual["cniNodeFeatures"] = JSON(strings: node.features)
        guard let agent else { return }
        let limits = agent.limits
        actual["limits"] = [
            "maxENI": .integer(Int64(limits.interfaces)), "maxIPsPerENI": .integer(Int64(limits.addressesPerInterface)),
            "maxPrefixesPerENI": .integer(Int64(limits.prefixesPerInterface)),
        ]
        let pool = await agent.statistics(at: now)
        actual["pool"] = [
            "total": .integer(Int64(pool.total)), "assigned": .integer(Int64(pool.assigned)), "cooling": .integer(Int64(pool.cooling)),
            "available": .integer(Int64(pool.available)), "prefixes": .integer(Int64(pool.prefixes)),
        ]
        let store = await agent.store
        actual["interfaces"] = .array(store.interfaces.map { $0.document(at: now, store.cooldown) })
        actual["introspectionTotals"] = [
            "TotalIPs": .integer(Int64(store.counters.total)), "AssignedIPs": .integer(Int64(store.counters.assigned)),
            "allocatedPrefix": .integer(Int64(store.counters.prefixes)),
        ]
    }

    /// Allocations by sandbox: their order in the file is not significant.
    private static func sorted(_ file: JSON) -> JSON {
        var file = file
        let allocations = file["allocations"]?.array ?? []
        file["allocations"] = .array(
            allocations.sorted { ($0["containerID"]?.string ?? "") < ($1["containerID"]?.string ?? "") })
        return file
    }

    private mutating func compare(_ step: JSON, _ actual: JSON, _ what: String) {
        for member in step["expect"]?.object?.members ?? [] {
            let found = actual[member.key] ?? .null
            let expected = member.key == "checkpointFile" ? Self.sorted(member.value) : member.value
            guard !expected.isEquivalent(to: found), !isAlternative(step, member.key, found) else { continue }
            differences.require(false, "\(what) \(member.key): expected \(expected), got \(found)")
        }
    }

    /// The running counters are only stated where they are not what a recount gives.
    private mutating func requireNoDrift(_ step: JSON, _ actual: JSONObject, _ what: String) {
        guard step.at("expect", "pool") != nil, step.at("expect", "introspectionTotals") == nil,
            let counters = actual["introspectionTotals"],
            let pool = actual["pool"]
        else { return }
        let isSame =
            counters["TotalIPs"]?.integer == pool["total"]?.integer && counters["AssignedIPs"]?.integer == pool["assigned"]?.integer
        differences.require(isSame, "\(what): the running counters \(counters) differ from \(pool)")
    }

    /// Whether a field has one of the other values that the real agent showed, which walks its maps in random order.
    private func isAlternative(_ step: JSON, _ field: String, _ found: JSON) -> Bool {
        guard let others = step.at("orderDependent", field) else {
            // Times are fractions of seconds that two computations may round otherwise.
            guard field == "clock", let wanted = step.at("expect", "clock")?.double, let clock = found.double else { return false }
            return abs(wanted - clock) < 1e-6
        }
        if let least = others["min"]?.double, let most = others["max"]?.double, let clock = found.double {
            return (least...most).contains(clock)
        }
        if field == "ec2Calls" { return others.array?.contains { $0.strings?.sorted() == found.strings?.sorted() } == true }
        return others.array?.contains { $0.isEquivalent(to: found) } == true
    }
}

extension LocalVPC.Call {
    /// As the vectors write it: `AssignPrivateIpAddresses(dev0,secondary=9)`.
    fileprivate var text: String {
        let parts = [
            subnet, api == "DeleteNetworkInterface" ? nil : device.map { "dev\($0)" }, secondary.map { "secondary=\($0)" },
            prefixes.map { "prefixes=\($0)" },
        ]
        return "\(api)(\(parts.compactMap { $0 }.joined(separator: ",")))"
    }
}

extension PoolInterface {
    fileprivate func document(at now: Instant, _ cooldown: Duration) -> JSON {
        let records = blocks.flatMap(\.records)
        let cooling = records.count { record in record.key == nil && record.unassignedAt.map { now - $0 <= cooldown } == true }
        let assigned = assignedCount + ipv6Blocks.reduce(0) { $0 + $1.assignedCount }
        var document: JSON = [
            "device": .integer(Int64(device)), "subnet": .string(subnet), "secondary": .integer(Int64(blocks.count { !$0.isPrefix })),
            "prefixes": .integer(Int64(blocks.count { $0.isPrefix })), "assigned": .integer(Int64(assigned)),
            "cooling": .integer(Int64(cooling)),
        ]
        if isPrimary { document["primary"] = true }
        if isTrunk { document["trunk"] = true }
        if isExcluded { document["excluded"] = true }
        if !ipv6Blocks.isEmpty { document["v6Prefixes"] = .integer(Int64(ipv6Blocks.count)) }
        return document
    }
}
