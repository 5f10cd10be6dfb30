import HTTP
import JSON
import KubeControllers

extension AdminAPI {
    /// `clusters/NAME/nodes`: the machines that joined, and conveniences to add and take out.
    func nodes(_ method: String, _ cluster: String, _ body: [UInt8]) async -> HTTPResponse {
        let wish = (try? JSON(parsing: body)) ?? .null
        do throws(Simulator.NodeFailure) {
            switch method {
            case "POST":
                guard let count = wish["count"]?.integer, let type = wish["instanceType"]?.string else {
                    return refuse(400, "want {\"count\": 3, \"instanceType\": \"m5.large\"}")
                }
                let names = try await simulator.addNodes(cluster: cluster, count: Int(clamping: count), instanceType: type)
                return answer(["nodes": JSON(strings: names)])
            case "DELETE":
                guard let name = wish["name"]?.string else { return refuse(400, "want {\"name\": \"ip-…\"}") }
                try await simulator.removeNode(cluster: cluster, name: name)
                return answer(["nodes": [.string(name)]])
            default:
                let machines = try await simulator.nodes(cluster: cluster)
                return answer([
                    "nodes": .array(
                        machines.map {
                            [
                                "name": .string($0.name), "instanceType": .string($0.instanceType), "zone": .string($0.zone),
                                "address": .string($0.address), "instanceId": .string($0.instanceID),
                            ]
                        })
                ])
            }
        } catch {
            switch error {
            case .noCluster, .noNode: return refuse(404, "\(error)")
            default: return refuse(400, "\(error)")
            }
        }
    }
}
