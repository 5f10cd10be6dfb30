import Frontend
import HTTP
import IPAddress
import Testing
import World

@Suite("The NLB in front of a cluster")
struct NetworkLoadBalancerTests {
    typealias Access = NetworkLoadBalancer.EndpointAccess

    static let open = Access(isPublic: true, isPrivate: false, publicCIDRs: blocks("0.0.0.0/0"))

    static func blocks(_ texts: String...) -> [CIDRBlock] { texts.compactMap { CIDRBlock($0) } }

    static func balancer(
        _ access: Access = open, onRefusal: (@Sendable (String, [TraceStep]) -> Void)? = nil
    ) -> NetworkLoadBalancer {
        NetworkLoadBalancer(
            name: "demo",
            targets: [0, 1].map { .init(name: "demo/apiserver-\($0)", zone: $0 == 0 ? "z-a" : "z-c", handler: Answering.report) },
            access: access, onRefusal: onRefusal)
    }

    static func target(_ balancer: NetworkLoadBalancer, _ port: Int, from address: String = "198.51.100.7") -> String? {
        guard case .serve(_, let target, _, _) = balancer.admit(remoteAddress: address, remotePort: port) else { return nil }
        return target
    }

    // MARK: Choice

    @Test("flows spread over both replicas, and a flow always takes the same one")
    func spread() {
        let balancer = Self.balancer()
        var counts: [String: Int] = [:]
        for port in 40_000..<42_000 {
            let target = Self.target(balancer, port) ?? ""
            #expect(target == Self.target(balancer, port))
            counts[target, default: 0] += 1
        }
        #expect(counts.keys.sorted() == ["demo/apiserver-0", "demo/apiserver-1"])
        #expect(counts.values.allSatisfy { 800...1200 ~= $0 }, "\(counts)")
    }

    @Test("an unhealthy replica gets no new flow, a revived one does, and without any the flow is reset")
    func health() {
        let balancer = Self.balancer()
        #expect(balancer.setHealth(target: 0, isAlive: false) == "demo/apiserver-0")
        #expect(balancer.targets.map(\.isHealthy) == [false, true])
        #expect((1000..<1100).allSatisfy { Self.target(balancer, $0) == "demo/apiserver-1" })
        balancer.setHealth(target: 1, isAlive: false)
        guard case .reset = balancer.admit(remoteAddress: "198.51.100.7", remotePort: 1) else {
            Issue.record("a flow without a healthy target is reset")
            return
        }
        balancer.setHealth(target: 0, isAlive: true)
        #expect(Self.target(balancer, 1) == "demo/apiserver-0")
        #expect(balancer.setHealth(target: 2, isAlive: true) == nil)
        #expect(balancer.setHealth(target: -1, isAlive: true) == nil)
    }

    // MARK: Endpoint access

    /// Who may come in.
    struct Entry: Sendable, CustomTestStringConvertible {
        var name: String
        var access: Access
        var admitted: [String] = []
        var dropped: [String] = []
        var testDescription: String { name }
    }

    static let vpc = blocks("10.0.0.0/16", "100.64.0.0/16")
    static let entries = [
        Entry(
            name: "public with CIDRs",
            access: Access(isPublic: true, isPrivate: false, publicCIDRs: blocks("203.0.113.0/24", "198.51.100.7/32")),
            admitted: ["203.0.113.0", "203.0.113.255", "198.51.100.7", "::ffff:203.0.113.9"],
            dropped: ["203.0.114.0", "198.51.100.8", "127.0.0.1", "10.0.0.5", "2001:db8::1", "::ffff:198.51.100.8"]),
        Entry(
            name: "public for everybody", access: open, admitted: ["203.0.113.1", "10.0.0.5", "127.0.0.1", "::1"],
            dropped: ["unknown", ""]),
        Entry(
            name: "private only", access: Access(isPublic: false, isPrivate: true, publicCIDRs: blocks("0.0.0.0/0"), vpcCIDRs: vpc),
            admitted: ["10.0.3.4", "100.64.1.1"], dropped: ["203.0.113.1", "10.1.0.1", "127.0.0.1"]),
        Entry(
            name: "both: the VPC comes in whatever the CIDRs say",
            access: Access(isPublic: true, isPrivate: true, publicCIDRs: blocks("203.0.113.0/24"), vpcCIDRs: vpc),
            admitted: ["10.0.3.4", "203.0.113.1"], dropped: ["198.51.100.7"]),
        Entry(
            name: "public only: the VPC's private addresses are sources like any other",
            access: Access(isPublic: true, isPrivate: false, publicCIDRs: blocks("203.0.113.0/24"), vpcCIDRs: vpc),
            admitted: ["203.0.113.1"], dropped: ["10.0.3.4"]),
        Entry(
            name: "IPv6 CIDRs", access: Access(isPublic: true, isPrivate: false, publicCIDRs: blocks("2001:db8::/32")),
            admitted: ["2001:db8::1"], dropped: ["2001:db9::1", "203.0.113.1"]),
    ]

    @Test("endpoint access by the connection's address", arguments: entries)
    func access(entry: Entry) {
        let balancer = Self.balancer(entry.access)
        for address in entry.admitted { #expect(Self.target(balancer, 1, from: address) != nil, "\(address)") }
        for address in entry.dropped {
            guard case .drop = balancer.admit(remoteAddress: address, remotePort: 1) else {
                Issue.record("\(address) is dropped without an answer")
                continue
            }
        }
    }

    @Test(
        "every refusal is told with what was compared and a fix that would work",
        arguments: [
            ("198.51.100.8", "203.0.113.0/24,198.51.100.8/32"), ("::ffff:198.51.100.8", "203.0.113.0/24,198.51.100.8/32"),
            // EKS takes no IPv6 and no private block.
            ("2001:db8::8", "0.0.0.0/0"), ("10.1.2.3", "0.0.0.0/0"),
        ])
    func refusals(address: String, blocks: String) throws {
        let seen = Lock<[(String, [TraceStep])]>([])
        let balancer = Self.balancer(Access(isPublic: true, isPrivate: false, publicCIDRs: Self.blocks("203.0.113.0/24"))) {
            address, steps in
            seen.withLock { $0.append((address, steps)) }
        }
        _ = balancer.admit(remoteAddress: address, remotePort: 1)
        let (told, steps) = try #require(seen.withLock { $0.first })
        #expect(told == address)
        let step = try #require(steps.first)
        #expect(step.verdict == .fail)
        #expect(step.expected == "203.0.113.0/24")
        #expect(step.actual == address)
        #expect(step.fix?.hasSuffix("publicAccessCidrs=\(blocks)") == true)
        balancer.setAccess(
            Access(isPublic: true, isPrivate: false, publicCIDRs: blocks.split(separator: ",").flatMap { Self.blocks(String($0)) }))
        #expect(Self.target(balancer, 1, from: address) != nil)
    }

    // MARK: Over sockets

    @Test("the client's address and port are preserved, and the trace tells of the way")
    func address() async throws {
        let steps = Lock<[TraceStep]>([])
        let handler = Answering { request in
            steps.withLock { $0 = request.trace.snapshot.steps }
            return await Answering.report.handle(request)
        }
        let balancer = NetworkLoadBalancer(
            name: "demo", targets: [.init(name: "demo/apiserver-0", zone: "z-a", handler: handler)], access: Self.open)
        try await Fixture.run(tls: true, admission: balancer) { fixture in
            let wire = try await fixture.connect(protocols: ["http/1.1"])
            wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try await wire.receive(containing: "from=127.0.0.1:\(wire.localPort) tls=true")
            #expect(wire.text.contains("target=demo/apiserver-0"))
            #expect(steps.withLock { $0.map(\.check) } == ["publicAccessCidrs", "target"])
        }
    }

    @Test("a killed replica drops its connections, the listener goes on with the other; without both, connections are reset")
    func killed() async throws {
        let balancer = Self.balancer()
        try await Fixture.run(admission: balancer) { fixture in
            var wires: [(wire: Wire, target: String)] = []
            while Set(wires.map(\.target)).count < 2 || wires.count < 4 {
                let wire = try await fixture.connect()
                wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                let answer = try await wire.receive(containing: "listener=demo")
                wires.append((wire, answer.contains("target=demo/apiserver-0 ") ? "demo/apiserver-0" : "demo/apiserver-1"))
            }
            balancer.setHealth(target: 0, isAlive: false)
            fixture.listener.closeConnections(of: "demo/apiserver-0")
            for (wire, target) in wires {
                if target == "demo/apiserver-0" {
                    try await wire.receiveAll()
                } else {
                    wire.send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n")
                    try await wire.receive(containing: "GET /again")
                }
            }
            for _ in 0..<8 { #expect(try await fixture.get().contains("target=demo/apiserver-1")) }
            balancer.setHealth(target: 1, isAlive: false)
            fixture.listener.closeConnections(of: "demo/apiserver-1")
            let reset = try await fixture.connect()
            #expect(try await reset.receiveAll() == "")
            balancer.setHealth(target: 1, isAlive: true)
            #expect(try await fixture.get().contains("target=demo/apiserver-1"))
        }
    }

    @Test("a draining replica keeps its flows and gets no new ones; a change of access leaves open flows alone")
    func draining() async throws {
        let balancer = Self.balancer()
        try await Fixture.run(admission: balancer) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let first = try await wire.receive(containing: "listener=demo")
            let own = first.contains("target=demo/apiserver-0 ") ? 0 : 1
            balancer.setHealth(target: own, isAlive: false)
            for _ in 0..<4 { #expect(try await fixture.get().contains("target=demo/apiserver-\(1 - own)")) }
            balancer.setAccess(Access(isPublic: false, isPrivate: true, publicCIDRs: []))
            wire.send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await wire.receive(containing: "GET /again").contains("target=demo/apiserver-\(own)"))
        }
    }

    @Test("a source that is not let in hears nothing")
    func dropped() async throws {
        let balancer = Self.balancer(Access(isPublic: false, isPrivate: true, publicCIDRs: []))
        try await Fixture.run(admission: balancer) { fixture in
            let wire = try await fixture.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await Eventually.holds("the connection is there") { fixture.listener.connectionCount == 1 }
            balancer.setAccess(Self.open)
            #expect(try await fixture.get().hasPrefix("HTTP/1.1 200"))
            #expect(wire.text == "" && !wire.isClosed)
            wire.close()
        }
    }
}
