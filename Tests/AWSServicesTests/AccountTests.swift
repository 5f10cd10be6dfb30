import AWSServices
import JSON
import Testing

@Suite("AWS accounts")
struct AccountTests {
    private let other = "222233334444"

    private func key(of account: String, _ simulation: Simulation) throws -> ClientKey {
        let found = try #require(simulation.door.accounts.first { $0.id == account })
        return ClientKey(id: found.credentials.accessKeyID, secret: found.credentials.secretAccessKey)
    }

    @Test("each has an administrator of its own, and sees nothing of another; their keys stay over a restart")
    func apart() async throws {
        let simulation = try await Simulation(furtherAccounts: [other])
        #expect(simulation.door.accounts.map(\.id) == [Simulation.account, other])
        let key = try key(of: other, simulation)
        #expect(await simulation.call("sts", "GetCallerIdentity", as: key).field("Arn") == "arn:aws:iam::\(other):user/eks-sim")
        await simulation.makeCluster("demo")
        #expect(await simulation.eks("GET", "/clusters", as: key).json == ["clusters": []])
        #expect(await simulation.call("iam", "GetRole", [("RoleName", "role-of-demo")], as: key).verdict == "404 NoSuchEntity")
        let again = try await Simulation(store: simulation.store)
        #expect(try self.key(of: other, again).id == key.id)
    }

    @Test("a role of another account takes both sides: its trust, and the caller's own policy")
    func bothSides() async throws {
        let simulation = try await Simulation(furtherAccounts: [other])
        let administrator = try key(of: other, simulation)
        let user = await simulation.makeUser("traveller")
        func trust(_ principal: String) -> [(String, String)] {
            [("RoleName", "target"), ("AssumeRolePolicyDocument", Simulation.trust(["AWS": .string(principal)]))]
        }
        let role = await simulation.call(
            "iam", "CreateRole", trust("arn:aws:iam::\(Simulation.account):user/traveller"), as: administrator)
        let target = role.field("Arn") ?? ""
        #expect(await simulation.assume(target, as: user).0.verdict == "403 AccessDenied", "the caller's account does not let it out")
        _ = await simulation.iam(
            "PutUserPolicy", ("UserName", "traveller"), ("PolicyName", "out"),
            ("PolicyDocument", Simulation.allow("sts:AssumeRole", on: target)))
        let (answer, session) = await simulation.assume(target, as: user)
        #expect(answer.status == 200)
        #expect(
            await simulation.call("sts", "GetCallerIdentity", as: session).field("Arn")
                == "arn:aws:sts::\(other):assumed-role/target/s1")
        _ = await simulation.call("iam", "DeleteRole", [("RoleName", "target")], as: administrator)
        _ = await simulation.call("iam", "CreateRole", trust("arn:aws:iam::\(other):root"), as: administrator)
        #expect(await simulation.assume(target, as: user).0.verdict == "403 AccessDenied", "the role does not trust the caller")
    }
}
