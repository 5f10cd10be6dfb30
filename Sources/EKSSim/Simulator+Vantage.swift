import AWSServices
import Frontend
import HTTP
import IPAddress
import JSON
import Store
import World

extension Simulator {
    /// Why a vantage point could not be made, used or removed.
    public enum VantageFailure: Error, Sendable, CustomStringConvertible {
        /// There is no such cluster, or it is not ACTIVE.
        case noCluster(String)
        /// There is no such vantage point.
        case noVantage(String)
        /// There is one of the name.
        case exists(String)
        /// The name has other characters than letters, digits, `-`, `_` and `.`, or is too long.
        case name(String)
        /// The text is no address of the kind that is wanted.
        case address(String, wanted: String)
        /// The place is not one that can call.
        case place(EndpointCallerProblem)
        /// A port cannot be opened, or the state cannot be written.
        case failed(String)

        /// The text for messages.
        public var description: String {
            switch self {
            case .noCluster(let name): "no cluster \"\(name)\" serves; list them with: aws eks list-clusters"
            case .noVantage(let name): "no vantage point \"\(name)\"; list them with: eks-sim vantage list"
            case .exists(let name): "there is a vantage point \"\(name)\" already"
            case .name(let name): "vantage point name \(name): want 1 to 63 letters, digits, \"-\", \"_\" or \".\""
            case .address(let text, let wanted): "\(text): want \(wanted)"
            case .place(let problem): "\(problem)"
            case .failed(let text): text
            }
        }
    }

    /// Makes a vantage point, and a local port that leads from there to each cluster that serves.
    ///
    /// - Throws: `VantageFailure`.
    @discardableResult
    public func addVantage(_ name: String, _ origin: VantageOrigin) async throws(VantageFailure) -> VantagePoint {
        let allowed = name.utf8.allSatisfy { Self.isNameByte($0) }
        guard (1...63).contains(name.utf8.count), allowed else { throw .name(name) }
        guard vantages.named(name) == nil else { throw .exists(name) }
        let point = VantagePoint(name: name, caller: try await caller(name, origin), origin: Self.text(origin))
        let isAdded: Bool
        do { isAdded = try await vantages.add(point) } catch { throw .failed("the state cannot be written: \(error)") }
        guard isAdded else { throw .exists(name) }
        for plane in await planes.all { _ = try await openVantage(point, to: plane) }
        return vantages.named(name) ?? point
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
    }

    private static func text(_ origin: VantageOrigin) -> String {
        switch origin {
        case .internet(let address): "internet \(address)"
        case .peered(let address, let outside): "peered \(address)" + (outside.map { ", leaves as \($0)" } ?? "")
        case .subnet(let id, _): "subnet \(id)"
        case .bastion(let id): "bastion \(id)"
        }
    }

    private func caller(_ name: String, _ origin: VantageOrigin) async throws(VantageFailure) -> EndpointCaller {
        switch origin {
        case .internet(let text): return .internet(try Self.publicAddress(text))
        case .peered(let text, let outside):
            guard let address = IPAddress(text) else { throw .address(text, wanted: "an IP address") }
            guard let outside else { return .peered(address, leavesAs: nil) }
            return .peered(address, leavesAs: try Self.publicAddress(outside))
        case .subnet(let id, let groups):
            do { return .interface(try await aws.addCaller(named: name, in: id, groups: groups)) } catch { throw .place(error) }
        case .bastion(let id):
            do { return .interface(try aws.caller(instance: id)) } catch { throw .place(error) }
        }
    }

    /// An address that somebody on the internet can have; the documentation blocks stand for such.
    private static func publicAddress(_ text: String) throws(VantageFailure) -> IPAddress {
        guard let address = IPAddress(text), address.specialPurpose.map({ $0 == .documentation }) ?? true else {
            throw .address(text, wanted: "a public IP address such as 198.51.100.7")
        }
        return address
    }

    /// The vantage points, by name.
    public var vantagePoints: [VantagePoint] { vantages.all }

    /// Removes a vantage point with its ports; a network interface that was made for it goes.
    ///
    /// - Throws: `VantageFailure`.
    public func removeVantage(_ name: String) async throws(VantageFailure) {
        let removed: VantagePoint?
        do { removed = try await vantages.remove(name) } catch { throw .failed("the state cannot be written: \(error)") }
        guard let removed else { throw .noVantage(name) }
        for plane in await planes.all { await plane.vantages.remove(name) }
        if case .interface(let reference) = removed.caller { await aws.removeCaller(reference) }
    }

    /// The URL at which a cluster's endpoint is reached from a vantage point; the port is opened when it is not yet.
    ///
    /// - Throws: `VantageFailure`.
    func endpoint(of plane: ControlPlane, from name: String) async throws(VantageFailure) -> String {
        guard let point = vantages.named(name) else { throw .noVantage(name) }
        let port = try await openVantage(point, to: plane)
        let host = plane.listener?.address.host ?? "127.0.0.1"
        return "https://\(ControlPlane.authority(Listener.Address(host: host, port: port)))"
    }

    /// Opens the port through which a vantage point reaches a cluster: the remembered one, unless it is taken meanwhile.
    private func openVantage(_ point: VantagePoint, to plane: ControlPlane) async throws(VantageFailure) -> Int {
        if let known = plane.vantages.port(point.name) { return known }
        do {
            guard let port = try await planes.openVantage(point, to: plane, aws) else { return 0 }
            try await vantages.set(port: port, of: point.name, to: plane.record.clusterID)
            return port
        } catch {
            throw .failed("a port for vantage point \(point.name) cannot be opened: \(error)")
        }
    }

    /// The way from a vantage point to a cluster's endpoint, hop by hop; for a cluster without a public endpoint also how its nodes reach
    /// the AWS services that they call. Status 200 when the call arrives, 0 when it does not.
    ///
    /// - Throws: `VantageFailure`.
    public func path(from name: String, to cluster: String) async throws(VantageFailure) -> TraceReport {
        guard let point = vantages.named(name) else { throw .noVantage(name) }
        guard let plane = await planes.named(cluster) else { throw .noCluster(cluster) }
        let trace = RequestTrace(
            id: world.random.uuid(), received: world.now, summary: "path from \(name) (\(point.origin)) to \(plane.record.name)",
            target: plane.record.name)
        let (steps, source) = VantageAdmission.path(from: point, to: plane.record, aws)
        trace.add(steps)
        if let source { trace.add(TraceStep("nlb", "source address", actual: source, .pass)) }
        if !plane.record.hasPublicAccess { trace.add(nodeServices(of: plane)) }
        trace.finish(status: source == nil ? 0 : 200)
        return TraceReport(trace.snapshot)
    }

    private func nodeServices(of plane: ControlPlane) -> [TraceStep] {
        let services = aws.nodeServices(of: plane.record)
        let hop = "nodes"
        if services.allSatisfy({ $0.way == .internet }) {
            return [TraceStep(hop, "AWS services", actual: "every subnet has a route to the internet", .info)]
        }
        return services.map { service in
            switch service.way {
            case .internet: TraceStep(hop, service.name, actual: "through the internet", .info)
            case .endpoint(let id): TraceStep(hop, service.name, actual: "through \(id)", .pass)
            case .none(let subnets):
                TraceStep(
                    hop, service.name, expected: "\(service.type) endpoint or a route to the internet",
                    actual: "none from \(subnets.joined(separator: ", ")): \(service.consequence)", .info, fix: service.fix)
            }
        }
    }
}
