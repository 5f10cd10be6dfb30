import AWSServices
import JSON
import KubeControllers
import VPCCNI
import VPCModel
import World

extension Simulator {
    /// Why nodes could not be added or taken out.
    public enum NodeFailure: Error, Sendable, CustomStringConvertible {
        /// There is no such cluster, or it is not ACTIVE.
        case noCluster(String)
        /// The profile has no nodes.
        case noNodes(String)
        /// The instance type is not known.
        case instanceType(String)
        /// The count is out of range.
        case count(Int)
        /// There is no such node.
        case noNode(String)
        /// The state cannot be written.
        case state(String)

        /// The text for messages.
        public var description: String {
            switch self {
            case .noCluster(let name): "no cluster \"\(name)\" serves; list them with: aws eks list-clusters"
            case .noNodes(let name): "cluster \"\(name)\" runs with --profile upstream, where nothing acts on nodes"
            case .instanceType(let type): "instance type \(type): EC2 has none of that name; want one such as t3.medium or m5.large"
            case .count(let count): "\(count) nodes: want 1 to \(Simulator.mostNodesAtOnce)"
            case .noNode(let name): "no node \"\(name)\" was added"
            case .state(let text): "the state cannot be written: \(text)"
            }
        }
    }

    static let mostNodesAtOnce = 5000
    /// Zones of the region in which nodes stand in turn.
    private static let zones = ["a", "c"]

    private func controllers(_ cluster: String) async throws(NodeFailure) -> (ControlPlane, ClusterControllers) {
        let plane: ControlPlane
        do { plane = try await self.plane(cluster) } catch { throw .noCluster(cluster) }
        guard let controllers = plane.controllers, controllers.hasNodes else { throw .noNodes(cluster) }
        return (plane, controllers)
    }

    /// Makes nodes out of nothing: machines without an instance in EC2, for those who want pods to run and nothing else. They stand in the
    /// zones in turn and have addresses of 172.31.0.0/16, in a cluster of IPv6 such that look alike. Answers their names.
    ///
    /// - Throws: `NodeFailure`.
    public func addNodes(cluster: String, count: Int, instanceType: String) async throws(NodeFailure) -> [String] {
        let (plane, controllers) = try await controllers(cluster)
        guard (1...Self.mostNodesAtOnce).contains(count) else { throw .count(count) }
        guard let limits = InstanceLimits.of(instanceType) else { throw .instanceType(instanceType) }
        let shape = InstanceShape(instanceType)
        var taken = Set(controllers.machines.map(\.name))
        var names: [String] = []
        var number = 0
        let region = plane.record.region
        let domain = region == "us-east-1" ? "ec2.internal" : "\(region).compute.internal"
        while names.count < count {
            let (zone, place) = (number % Self.zones.count, number / Self.zones.count)
            number += 1
            // Subnets of 4,096 addresses, one to a zone, as in a default VPC; the first four are reserved.
            let address = "172.31.\(zone * 16 + (place + 4) / 256).\((place + 4) % 256)"
            guard (place + 4) / 256 < 16 else { throw .count(count) }
            let name = "ip-\(address.replacing(".", with: "-")).\(domain)"
            guard taken.insert(name).inserted else { continue }
            let machine = NodeMachine(
                name: name, instanceID: "i-0\(world.random.hex(16))", instanceType: instanceType, region: region,
                zone: region + Self.zones[zone], address: plane.record.isIPv6 ? "fd00:\(address.replacing(".", with: ":"))::" : address,
                milliCPU: shape.vCPUs * 1000, memory: shape.memory << 20,
                maximumPods: Int64(MaxPods.nodeadm(limits)), kubeletVersion: "v\(plane.record.version).0-eks-sim",
                architecture: shape.architecture == "arm64" ? "arm64" : "amd64")
            do { try await controllers.join(machine) } catch { throw .state("\(error)") }
            names.append(name)
        }
        return names
    }

    /// Takes a node out that was added; what ran on it goes.
    ///
    /// - Throws: `NodeFailure`.
    public func removeNode(cluster: String, name: String) async throws(NodeFailure) {
        let (_, controllers) = try await controllers(cluster)
        guard controllers.machines.contains(where: { $0.name == name }) else { throw .noNode(name) }
        do { try await controllers.leave(name) } catch { throw .state("\(error)") }
    }

    /// The machines that joined a cluster.
    ///
    /// - Throws: `NodeFailure`.
    public func nodes(cluster: String) async throws(NodeFailure) -> [NodeMachine] { try await controllers(cluster).1.machines }
}
