import Foundation
import HTTP
import JSON
import Testing
import World

/// Requests recorded from Terraform and the AWS CLI, one of each operation and set of members, sent in the order of a cluster's life.
@Suite("Recorded requests of real clients")
struct RecordedRequestTests {
    private static let recordedAccount = "123456789012"

    private static let recordings: JSON = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/aws-requests.json")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return (try? JSON(parsing: text.replacing(recordedAccount, with: Simulation.account))) ?? .null
    }()

    @Test("every request is understood and answered as recorded", arguments: ["terraform", "aws-cli"])
    func understood(_ client: String) async throws {
        let simulation = try await Simulation(delay: .seconds(1))
        let rows = Self.recordings[client]?.array ?? []
        #expect(rows.count > 25)
        await makeRoles(simulation, rows)
        var updates: [String] = []
        for row in rows {
            let operation = row["operation"]?.string ?? ""
            var path = row["path"]?.string ?? ""
            // An update's id is the server's: the ones made here stand in for the recorded ones.
            if operation == "DescribeUpdate", row["answer"] == nil, let id = updates.first {
                path = "/clusters/foo-eks-cluster/updates/\(id)"
            }
            let answer = await send(row, operation, path, simulation)
            #expect(answer.verdict == row["answer"]?.string ?? "200", "\(operation) \(path): \(answer.text)")
            if let id = answer.json.at("update", "id")?.string { updates.append(id) }
            await simulation.world.advance(by: .seconds(2))
        }
    }

    private func send(_ row: JSON, _ operation: String, _ path: String, _ simulation: Simulation) async -> Answer {
        let service = row["service"]?.string ?? ""
        let parameters = row["params"]?.object?.members ?? []
        guard service == "eks" else {
            let form = parameters.filter { $0.key != "Action" && $0.key != "Version" }.map { ($0.key, $0.value.string ?? "") }
            return await simulation.call(service, operation, form)
        }
        let parts = path.split(separator: "?", maxSplits: 1)
        let query = parts.count == 2 ? PercentEncoding.pairs(String(parts[1])) ?? [] : []
        var body = JSON.object(JSONObject(parameters.filter { !$0.key.hasPrefix("?") }.map { ($0.key, $0.value) }))
        if operation == "CreateCluster" {
            // The recorded network and key are another account's; KMS is not simulated.
            body["resourcesVpcConfig"]?["subnetIds"] = JSON(strings: await simulation.subnets())
            body["resourcesVpcConfig"]?["securityGroupIds"] = nil
            body["encryptionConfig"] = nil
        }
        let hasBody = row["method"]?.string == "POST"
        return await simulation.eks(
            row["method"]?.string ?? "", String(parts.first ?? ""), hasBody ? .some(body) : .none, query: query.map { ($0.name, $0.value) })
    }

    /// The roles that the recordings speak of but do not make.
    private func makeRoles(_ simulation: Simulation, _ rows: [JSON]) async {
        let text = JSON.array(rows).text.replacing("%3A", with: ":").replacing("%2F", with: "/")
        let made = Set(rows.filter { $0["operation"]?.string == "CreateRole" }.compactMap { $0.at("params", "RoleName")?.string })
        var names = Set(rows.compactMap { $0.at("params", "RoleName")?.string })
        let prefix = ":role/"
        var paths: [String: String] = [:]
        for piece in text.split(separator: "arn:aws:iam::\(Simulation.account)") where piece.hasPrefix(prefix) {
            let words = piece.dropFirst(prefix.count).prefix { $0.isLetter || $0.isNumber || "-/_".contains($0) }.split(separator: "/")
            guard let full = words.firstIndex(where: { $0.hasPrefix("foo-") }) else { continue }
            let name = String(words[full])
            names.insert(name)
            paths[name] = "/" + words[..<full].map { "\($0)/" }.joined()
        }
        for name in names.subtracting(made).sorted() {
            _ = await simulation.makeRole(
                name,
                trusting: [
                    "Service": ["eks.amazonaws.com", "ec2.amazonaws.com"], "AWS": .string("arn:aws:iam::\(Simulation.account):root"),
                ],
                path: paths[name] ?? "/")
        }
    }
}
