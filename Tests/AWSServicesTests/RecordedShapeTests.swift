import Foundation
import JSON
import Testing

/// Requests to EC2, Auto Scaling, KMS and SSM recorded from Terraform and the AWS CLI, one of each operation and set of parameters. What they name is another
/// account's, so most are refused for that; none may be refused because its operation or a parameter is not known.
@Suite("Recorded requests of real clients to the query services")
struct RecordedShapeTests {
    private static let recordings: [JSON] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/aws/recorded-requests.json")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return (try? JSON(parsing: text))?.array ?? []
    }()

    private static let misunderstood: Set<String> = [
        "InvalidAction", "UnknownParameter", "MissingParameter", "MalformedInput", "UnknownOperationException", "UnsupportedOperation",
        "SerializationException",
    ]

    @Test("every operation and every parameter is known", arguments: ["ec2", "autoscaling"])
    func understood(_ service: String) async throws {
        let simulation = try await Simulation()
        let rows = Self.recordings.filter { $0["service"]?.string == service }
        #expect(rows.count > 10)
        for row in rows {
            let operation = row["operation"]?.string ?? ""
            let parameters = (row["params"]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }
            let answer = await simulation.call(service, operation, parameters)
            #expect(answer.status < 500 && !Self.misunderstood.contains(answer.field("Code") ?? ""), "\(operation): \(answer.text)")
            #expect(
                answer.field("Code") != "ValidationError" || !answer.message.contains("Unknown parameter"), "\(operation): \(answer.text)")
        }
    }

    @Test("every operation of the JSON services is known", arguments: ["kms", "ssm"])
    func knownTargets(_ service: String) async throws {
        let simulation = try await Simulation()
        let prefix = service == "kms" ? "TrentService" : "AmazonSSM"
        let rows = Self.recordings.filter { $0["service"]?.string == service }
        #expect(!rows.isEmpty)
        for row in rows {
            let operation = row["operation"]?.string ?? ""
            let answer = await simulation.json(service, "\(prefix).\(operation)", row["params"] ?? [:])
            let code = answer.json["__type"]?.string ?? ""
            #expect(answer.status < 500 && !Self.misunderstood.contains(code), "\(operation): \(answer.text)")
        }
    }
}
