import IPAddress
import JSON
import KubeAPI
import ServiceNetwork
import Testing

/// Ranges without a server: what is taken is a set.
private struct Network: ServiceNetworkState {
    var blocks = ["10.100.0.0/16"]
    var nodePorts = NodePortBands.standard
    var addresses: Set<String> = []
    var ports: Set<Int> = []
    var random = 0

    var ranges: [(family: IPAddress.Family, bands: [ServiceAddressBands])] {
        blocks.compactMap { CIDRBlock($0).flatMap(ServiceAddressBands.init) }.map { ($0.block.family, [$0]) }
    }
    func isTaken(_ address: IPAddress) -> Bool { addresses.contains(address.description) }
    func reserveFirst(in range: IPRange) -> IPAddress? { range.first { !isTaken($0) } }
    func isTaken(nodePort: Int) -> Bool { ports.contains(nodePort) }
    func random(below bound: Int) -> Int { bound == 0 ? 0 : random % bound }

    /// Takes and gives back as a commit would.
    mutating func commit(_ allocation: ServiceAllocation) {
        addresses.subtract(allocation.releasedAddresses.map(\.description))
        addresses.formUnion(allocation.addresses.map(\.description))
        ports.subtract(allocation.releasedNodePorts)
        ports.formUnion(allocation.nodePorts)
    }

    mutating func create(_ spec: JSON) throws -> JSON {
        var service = Network.service(spec)
        commit(try ServiceAllocator.create(&service, in: self, isDryRun: false))
        return service["spec"] ?? .null
    }

    mutating func update(_ spec: JSON, old: JSON) throws -> JSON {
        var service = Network.service(spec)
        commit(try ServiceAllocator.update(&service, old: Network.service(old), in: self, isDryRun: false))
        return service["spec"] ?? .null
    }

    static func service(_ spec: JSON) -> JSON {
        ["kind": "Service", "apiVersion": "v1", "metadata": ["name": "x", "namespace": "default"], "spec": spec]
    }
}

@Suite("Service addresses and node ports")
struct ServiceAllocatorTests {
    private let clusterIP: JSON = ["type": "ClusterIP", "selector": ["app": "a"], "ports": [["port": 80, "protocol": "TCP"]]]
    private let nodePort: JSON = ["type": "NodePort", "selector": ["app": "a"], "ports": [["port": 80, "protocol": "TCP"]]]

    @Test("a full range is refused, and a freed address is given again")
    func exhaustion() throws {
        var network = Network(blocks: ["192.168.77.8/29"], addresses: ["192.168.77.9"])
        var given: [String] = []
        for _ in 0..<5 { given.append(try network.create(clusterIP)["clusterIP"]?.string ?? "") }
        #expect(given.sorted() == (10...14).map { "192.168.77.\($0)" })
        let error = #expect(throws: KubeStatus.self) { try network.create(clusterIP) }
        #expect(error?.code == 500)
        #expect(error?.message == "Internal error occurred: failed to allocate a serviceIP for Service \"x\": range is full")
        network.commit(ServiceAllocator<Network>.delete(Network.service(["type": "ClusterIP", "clusterIPs": ["192.168.77.12"]])))
        #expect(try network.create(clusterIP)["clusterIP"] == "192.168.77.12")
    }

    @Test("automatic choice begins in the dynamic band and wraps around within it", arguments: [0, 65278, 1000])
    func dynamic(random: Int) throws {
        var network = Network(random: random)
        let first = try network.create(clusterIP)["clusterIP"]?.string.flatMap { IPAddress($0) }
        let second = try network.create(clusterIP)["clusterIP"]?.string.flatMap { IPAddress($0) }
        let band = try #require(ServiceAddressBands(CIDRBlock("10.100.0.0/16") ?? CIDRBlock(IPAddress(0, 0, 0, 0)))?.dynamicBand)
        #expect(try band.contains(#require(first)) && band.contains(#require(second)) && first != second)
    }

    @Test("what is not committed is not taken, and a dry run takes nothing")
    func dryRun() throws {
        let network = Network(ports: [30086])
        var service = Network.service(nodePort)
        let allocation = try ServiceAllocator.create(&service, in: network, isDryRun: true)
        #expect(allocation.addresses.isEmpty)
        #expect(service.at("spec", "clusterIP") == "10.100.0.0")
        #expect(service["spec"]?["ports"]?[0]?["nodePort"] == 32769)
    }

    @Test("a change of type gives back what the new type does not have, and keeps the rest")
    func types() throws {
        var network = Network()
        let first = try network.create(nodePort)
        let port = try #require(first["ports"]?[0]?["nodePort"]?.integer)
        #expect(network.ports == [Int(port)])
        let plain = try network.update(clusterIP, old: first)
        #expect(plain["clusterIP"] == first["clusterIP"] && plain["ports"]?[0]?["nodePort"] == nil && network.ports.isEmpty)
        let external = try network.update(["type": "ExternalName", "externalName": "x.example"], old: plain)
        #expect(external["clusterIPs"] == nil && external["ipFamilies"] == nil && network.addresses.isEmpty)
    }

    @Test("a Service of both families needs a cluster of both, unless it is headless and selects nothing")
    func families() throws {
        var single = Network()
        let bare = try single.create(["type": "ClusterIP", "clusterIP": "None"])
        #expect(bare["ipFamilies"] == ["IPv4", "IPv6"] && bare["ipFamilyPolicy"] == "RequireDualStack")
        var wanted = clusterIP
        wanted["ipFamilyPolicy"] = "RequireDualStack"
        let error = #expect(throws: KubeStatus.self) { try single.create(wanted) }
        #expect(
            error?.message
                == "Service \"x\" is invalid: spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for "
                + "dual-stack services")
        var dual = Network(blocks: ["10.100.0.0/16", "fd12:3456:789a::/108"])
        let both = try dual.create(wanted)
        #expect(both["clusterIPs"]?.array?.count == 2 && dual.addresses.count == 2)
        var narrowed = both
        narrowed["ipFamilyPolicy"] = "SingleStack"
        #expect(try dual.update(narrowed, old: both)["clusterIPs"] == .array([both["clusterIP"] ?? .null]))
        #expect(dual.addresses.count == 1)
    }
}
