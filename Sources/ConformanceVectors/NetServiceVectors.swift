import HTTP
import IPAddress
import JSON
import KubeAPIServer
import ServiceNetwork
import World

/// Runs the steps of a Service case against a fresh API server in this process.
struct NetServiceVectors {
    private let server: InProcessAPIServer
    private let bands: [ServiceAddressBands]
    private let nodePorts: NodePortBands
    private let tokenBands: JSON
    /// What the allocator chose, by the name that the case gives it.
    private var tokens: [String: JSON] = [:]
    private var differences = Differences()

    static func run(_ example: JSON) async -> VectorOutcome {
        let given = example["given"] ?? [:]
        guard let ranges = given["serviceCIDRs"]?.strings, let ports = given["nodePortRange"]?.string.flatMap(NetVectors.ports) else {
            return .failed("no ranges are given")
        }
        do {
            // On EKS a controller manager is always there.
            let profile: ClusterProfile = given["controllerManager"]?.bool == true ? .eks : .upstream
            var run = try await NetServiceVectors(ranges, ports, example["tokenBands"] ?? [:], profile)
            for (index, step) in (example["steps"]?.array ?? []).enumerated() { await run.perform(step, index) }
            return VectorOutcome(run.differences.texts)
        } catch {
            return .failed("no API server: \(error)")
        }
    }

    private init(_ ranges: [String], _ nodePorts: NodePortBands, _ tokenBands: JSON, _ profile: ClusterProfile) async throws {
        self.nodePorts = nodePorts
        self.tokenBands = tokenBands
        bands = ranges.compactMap { CIDRBlock($0).flatMap(ServiceAddressBands.init) }
        server = try await InProcessAPIServer(
            world: World(clock: .frozen(at: Instant(rfc3339: "2031-03-07T09:41:53Z") ?? Instant(nanoseconds: 0)), seed: 7),
            serviceRange: ranges.joined(separator: ","), nodePorts: nodePorts, profile: profile)
    }

    private mutating func perform(_ step: JSON, _ index: Int) async {
        let action = step["do"] ?? [:]
        if let seconds = action["sleep"]?.double { return await server.world.advance(by: .seconds(seconds)) }
        let path = action["path"]?.string ?? ""
        let root = path.hasPrefix("services") ? "/api/v1/namespaces/default/" : "/apis/networking.k8s.io/v1/"
        let answer = await server.send(
            action["method"]?.string ?? "", root + path,
            headers: ["Content-Type": action["contentType"]?.string ?? "application/json"], body: action["body"]?.serialized() ?? [])
        let expect = step["expect"] ?? [:]
        let body = (try? JSON(parsing: answer.collected ?? [])) ?? .null
        let what = "step \(index)"
        compare("\(what) status", expect["status"], .integer(Int64(answer.status)))
        for field in ["status", "reason", "message"] { compare("\(what) \(field)", expect["Status.\(field)"], body[field] ?? .null) }
        compare("\(what) causes", expect["causes"], body.at("details", "causes") ?? .null)
        compare("\(what) spec", expect["spec"], body["spec"] ?? .null)
        if let object = expect["object"] {
            compare("\(what) spec", object["spec"], body["spec"] ?? .null)
            compare("\(what) labels", object["labels"], body.at("metadata", "labels") ?? .null)
            compare("\(what) conditions", object["conditions"], body.at("status", "conditions") ?? [])
            compare("\(what) finalizers", object["finalizers"], body.at("metadata", "finalizers") ?? [])
            compare("\(what) deleting", object["deleting"], .bool(body.at("metadata", "deletionTimestamp") != nil))
        }
        if let wanted = expect["ipAddresses"]?.strings {
            let list = await server.send("GET", "/apis/networking.k8s.io/v1/ipaddresses")
            let items = (try? JSON(parsing: list.collected ?? []))?["items"]?.array ?? []
            let found = items.compactMap { $0.at("metadata", "name")?.string }.sorted()
            let named = wanted.map { tokens[$0]?.string ?? $0 }.sorted()
            differences.require(found == named, "\(what) addresses: expected \(named), got \(found)")
        }
    }

    /// Compares what is stated; a token takes the value that it meets first, and must have that ever after.
    private mutating func compare(_ what: String, _ expected: JSON?, _ actual: JSON) {
        switch (expected, actual) {
        case (nil, _): break
        case (.object(let members)?, _):
            for member in members { compare("\(what).\(member.key)", member.value, actual[member.key] ?? .null) }
        case (.array(let elements)?, .array(let found)) where elements.count == found.count:
            for (index, element) in elements.enumerated() { compare("\(what)[\(index)]", element, found[index]) }
        case (.string(let token)?, _) where token.hasPrefix("$"):
            if let known = tokens[token] {
                differences.require(known == actual, "\(what): \(token) was \(known), got \(actual)")
            } else {
                tokens[token] = actual
                judge(what, token, actual)
            }
        case (let value?, _): differences.require(value.isEquivalent(to: actual), "\(what): expected \(value), got \(actual)")
        }
    }

    /// Whether a chosen value is from the band that the case names.
    private mutating func judge(_ what: String, _ token: String, _ value: JSON) {
        guard let band = tokenBands[token]?.string else { return }
        let holds: Bool
        switch (band, value) {
        case ("network", .string(let text)): holds = bands.contains { $0.block.network.description == text }
        case (_, .string(let text)):
            let address = IPAddress(text)
            holds = bands.contains { bands in
                let range = band == "static" ? bands.staticBand : bands.dynamicBand
                return address.flatMap { range?.contains($0) } ?? false
            }
        case (_, .integer(let port)):
            let range = band == "static" ? nodePorts.staticBand : nodePorts.dynamicBand
            holds = range?.contains(Int(port)) ?? false
        default: holds = false
        }
        differences.require(holds, "\(what): \(token) is \(value), not of the \(band) band")
    }
}
