import AWSServices
import HTTP
import JSON

extension AdminAPI {
    /// `vantages` and `vantages/NAME`: the places that clients connect from.
    func vantages(_ method: String, _ name: String?, _ body: [UInt8]) async -> HTTPResponse {
        do throws(Simulator.VantageFailure) {
            switch (method, name) {
            case ("GET", nil):
                var points: [JSON] = []
                for point in simulator.vantagePoints { points.append(await describe(point)) }
                return answer(["vantages": .array(points)])
            case ("DELETE", let name?):
                try await simulator.removeVantage(name)
                return answer(["removed": .string(name)])
            case ("POST", nil):
                let wish = (try? JSON(parsing: body)) ?? .null
                guard let name = wish["name"]?.string, let origin = Self.origin(wish) else {
                    return refuse(
                        400, "want {\"name\": \"office\"} with one of internet, peered (and leavesAs), subnet (and securityGroups), bastion"
                    )
                }
                return answer(await describe(try await simulator.addVantage(name, origin)))
            default: return refuse(404, "no such call: \(method) vantages")
            }
        } catch {
            switch error {
            case .noVantage, .noCluster: return refuse(404, "\(error)")
            case .exists: return refuse(409, "\(error)")
            default: return refuse(400, "\(error)")
            }
        }
    }

    private static func origin(_ wish: JSON) -> VantageOrigin? {
        switch (wish["internet"]?.string, wish["peered"]?.string, wish["subnet"]?.string, wish["bastion"]?.string) {
        case (let address?, nil, nil, nil): .internet(address)
        case (nil, let address?, nil, nil): .peered(address, leavesAs: wish["leavesAs"]?.string)
        case (nil, nil, let subnet?, nil): .subnet(subnet, groups: wish["securityGroups"]?.strings ?? [])
        case (nil, nil, nil, let instance?): .bastion(instance)
        default: nil
        }
    }

    /// A vantage point with the URL that leads from there to each cluster.
    private func describe(_ point: VantagePoint) async -> JSON {
        var json = point.json
        json["ports"] = nil
        var endpoints: [(String, JSON)] = []
        for plane in await simulator.planes.all {
            guard let url = try? await simulator.endpoint(of: plane, from: point.name) else { continue }
            endpoints.append((plane.record.name, .string(url)))
        }
        json["endpoints"] = .object(JSONObject(endpoints))
        return json
    }

    /// `clusters/NAME/path?vantage=V`: the way to a cluster's endpoint, hop by hop.
    func path(_ vantage: String, _ cluster: String) async -> HTTPResponse {
        do throws(Simulator.VantageFailure) { return answer(try await simulator.path(from: vantage, to: cluster).json) } catch {
            return refuse(404, "\(error)")
        }
    }
}
