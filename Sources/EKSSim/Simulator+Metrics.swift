import AWSServices
import Frontend
import JSON
import KubeAPIServer
import KubeControllers
import VPCCNI
import World

extension Simulator {
    /// What runs, in Prometheus' text form: load balancers, API servers, pools of nodes, subnets.
    public var metricsPage: String {
        get async {
            var targets: [String] = []
            var connections: [String] = []
            var pools: [String] = []
            var subnets: [String] = []
            var servers: [APIServer.Metric] = []
            for plane in await planes.all {
                let cluster = "cluster=\"\(plane.record.name)\","
                for target in plane.loadBalancer.targets {
                    targets.append(
                        "eks_sim_nlb_target_healthy{\(cluster)target=\"\(target.name)\",zone=\"\(target.zone)\"} \(target.isHealthy ? 1 : 0)"
                    )
                }
                connections.append("eks_sim_nlb_connections{cluster=\"\(plane.record.name)\"} \(plane.listener?.connectionCount ?? 0)")
                for replica in plane.replicas { Self.add(replica.metrics(cluster + "replica=\"\(replica.name)\","), to: &servers) }
                for node in plane.network.hosts {
                    guard let agent = node.agent else { continue }
                    let statistics = await agent.statistics(at: world.now)
                    for (state, count) in [("held", statistics.total), ("used", statistics.assigned), ("cooling", statistics.cooling)] {
                        pools.append("eks_sim_pool_addresses{\(cluster)node=\"\(node.machine.name)\",state=\"\(state)\"} \(count)")
                    }
                }
                let vpc = plane.record.json.at("resourcesVpcConfig", "vpcId")?.string ?? ""
                for subnet in aws.describedSubnets(vpc: vpc, account: plane.record.accountID, region: plane.record.region) {
                    let id = subnet["subnetId"]?.string ?? ""
                    let zone = subnet["availabilityZone"]?.string ?? ""
                    subnets.append(
                        "eks_sim_subnet_available_addresses{\(cluster)subnet=\"\(id)\",zone=\"\(zone)\"} \(subnet["availableIpAddressCount"]?.integer ?? 0)"
                    )
                }
            }
            func gauge(_ name: String, _ help: String, _ samples: [String]) -> APIServer.Metric {
                APIServer.Metric(name: name, type: "gauge", help: help, samples: samples)
            }
            let families =
                servers + [
                    gauge("eks_sim_nlb_connections", "Open connections to a cluster's endpoint.", connections),
                    gauge("eks_sim_nlb_target_healthy", "Whether new connections go to a kube-apiserver replica.", targets),
                    gauge("eks_sim_pool_addresses", "Addresses that a node's agent holds for pods.", pools),
                    gauge("eks_sim_subnet_available_addresses", "AvailableIpAddressCount of the subnets of clusters' VPCs.", subnets),
                ]
            return families.filter { !$0.samples.isEmpty }.map(\.text).joined()
        }
    }

    private static func add(_ more: [APIServer.Metric], to families: inout [APIServer.Metric]) {
        for family in more {
            guard let place = families.firstIndex(where: { $0.name == family.name }) else {
                families.append(family)
                continue
            }
            families[place] = APIServer.Metric(
                name: family.name, type: family.type, help: family.help, samples: families[place].samples + family.samples)
        }
    }
}
