import JSON
import Testing
import World

@Suite("EKS Pod Identity associations")
struct PodIdentityAssociationTests {
    private let base = "/clusters/demo/pod-identity-associations"

    private func wish(_ role: String, _ changes: JSON = [:]) -> JSON {
        var wish: JSON = ["namespace": "prod", "serviceAccount": "app", "roleArn": .string(role)]
        for member in changes.object?.members ?? [] { wish[member.key] = member.value }
        return wish
    }

    private func simulation() async throws -> (Simulation, role: String) {
        let simulation = try await Simulation()
        await simulation.makeCluster("demo")
        return (simulation, await simulation.makeRole("pods", trusting: ["Service": "pods.eks.amazonaws.com"]))
    }

    @Test("made, described, listed by filters, changed, deleted")
    func life() async throws {
        let (simulation, role) = try await simulation()
        let made = await simulation.eks("POST", base, wish(role, ["tags": ["env": "dev"]])).json["association"] ?? .null
        let id = made["associationId"]?.string ?? ""
        #expect(id.hasPrefix("a-") && id.utf8.count == 19)
        #expect(made["associationArn"] == .string("arn:aws:eks:ap-northeast-1:111122223333:podidentityassociation/demo/\(id)"))
        #expect(made["disableSessionTags"] == false && made["tags"] == ["env": "dev"])
        _ = await simulation.eks("POST", base, wish(role, ["serviceAccount": "other"]))
        func listed(_ query: [(String, String)]) async -> [String] {
            (await simulation.eks("GET", base, query: query).json["associations"]?.array ?? []).compactMap { $0["serviceAccount"]?.string }
        }
        #expect(await listed([]).sorted() == ["app", "other"])
        #expect(await listed([("serviceAccount", "app")]) == ["app"])
        #expect(await listed([("namespace", "none")]).isEmpty)
        let short = await simulation.eks("GET", base, query: [("serviceAccount", "app")]).json["associations"]?.array?.first
        #expect(short?["roleArn"] == nil, "lists leave the role out")
        let second = await simulation.makeRole("second", trusting: ["Service": "pods.eks.amazonaws.com"])
        await simulation.world.advance(by: .seconds(5))
        let changed = await simulation.eks("POST", "\(base)/\(id)", ["roleArn": .string(second)]).json["association"] ?? .null
        #expect(
            changed["roleArn"] == .string(second) && changed["createdAt"] == made["createdAt"]
                && changed["modifiedAt"] != made["modifiedAt"])
        #expect(await simulation.eks("DELETE", "\(base)/\(id)").json.at("association", "associationId") == .string(id))
        let gone = await simulation.eks("GET", "\(base)/\(id)")
        #expect(gone.verdict == "404 ResourceNotFoundException" && gone.message == "No association found with id: \(id)")
    }

    @Test("what EKS refuses")
    func refusals() async throws {
        let (simulation, role) = try await simulation()
        let first = await simulation.eks("POST", base, wish(role)).json.at("association", "associationId")?.string ?? ""
        let cases: [(JSON, String, String)] = [
            (wish(role), "409 ResourceInUseException", "Association already exists: \(first)"),
            (wish(role, ["namespace": "Bad_"]), "400 InvalidParameterException", "namespace 'Bad_' is not valid"),
            (wish("arn:aws:iam::111122223333:role/none", ["namespace": "x"]), "400 InvalidParameterException", "does not exist"),
            (wish("not an arn", ["namespace": "x"]), "400 InvalidParameterException", "is not the ARN of an IAM role"),
            (
                wish("arn:aws:iam::999988887777:role/pods", ["namespace": "x"]), "403 AccessDeniedException",
                "Cross-account pass role is not allowed."
            ),
            (
                wish(role, ["namespace": "x", "policy": "{}"]), "400 InvalidParameterException",
                "disableSessionTags must be true when a policy is specified"
            ),
        ]
        for (body, verdict, words) in cases {
            let answer = await simulation.eks("POST", base, body)
            #expect(answer.verdict == verdict && answer.message.contains(words), "\(answer.text)")
        }
        #expect(
            await simulation.eks("POST", "/clusters/none/pod-identity-associations", wish(role)).verdict == "404 ResourceNotFoundException")
        let user = await simulation.makeUser("maker", allowing: "eks:*")
        let unpassed = await simulation.eks("POST", base, wish(role, ["namespace": "y"]), as: user)
        #expect(unpassed.verdict == "403 AccessDeniedException" && unpassed.message.contains("iam:PassRole"), "\(unpassed.text)")
    }

    @Test("a target role gets an external id of the association's own; a repeated token makes nothing new")
    func target() async throws {
        let (simulation, role) = try await simulation()
        let body = wish(
            role, ["targetRoleArn": "arn:aws:iam::222233334444:role/far", "clientRequestToken": "t"])
        let made = await simulation.eks("POST", base, body).json["association"] ?? .null
        #expect(made["externalId"] == "ap-northeast-1/111122223333/demo/prod/app")
        #expect(await simulation.eks("POST", base, body).json["association"] == made)
        let id = made["associationId"]?.string ?? ""
        let cleared = await simulation.eks("POST", "\(base)/\(id)", ["targetRoleArn": ""]).json["association"] ?? .null
        #expect(cleared["targetRoleArn"] == nil && cleared["externalId"] == nil)
    }
}
