import HTTP
import JSON

extension AdminAPI {
    /// `clusters/NAME/pools[/NODE/PAGE…]`, `clusters/NAME/subnets`, `clusters/NAME/services`; `-` stands for the first cluster.
    func addresses(_ words: [String], node: String?) async -> HTTPResponse {
        let cluster = words[1] == "-" ? "" : words[1]
        do throws(Simulator.NodeFailure) {
            switch (words[2], words.count) {
            case ("pools", 3): return answer(try await simulator.pools(cluster: cluster, node: node))
            case ("pools", 5...):
                let text = try await simulator.agentPage(
                    cluster: cluster, node: words[3], words[4...].joined(separator: "/"))
                return HTTPResponse(status: 200, contentType: "text/plain; charset=utf-8", Array(text.utf8))
            case ("subnets", 3):
                return answer(["maps": .array(try await simulator.subnetMaps(cluster: cluster).map(\.json))])
            case ("services", 3):
                let (maps, owners) = try await simulator.serviceMaps(cluster: cluster)
                return answer([
                    "maps": .array(maps.map(\.json)),
                    "services": .array(owners.map { ["address": .string($0.address), "service": .string($0.service)] }),
                ])
            default: return refuse(404, "no such call")
            }
        } catch {
            return refuse(404, "\(error)")
        }
    }
}
