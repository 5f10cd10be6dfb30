import Testing

@Suite("Custom resources, with the real clients")
struct CustomResourceTests {
    @Test("kubectl defines, explains, applies, lists, patches, scales and deletes them", .timeLimit(.minutes(60)))
    func kubectl() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/custom_resources.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test(
        "a kopf operator keeps them, kr8s and the Python client agree",
        .enabled("kopf, kr8s and kubernetes can be had from PyPI") { try await Shell.run("Tests/EndToEnd/operators/setup.sh").status == 0 },
        .timeLimit(.minutes(60)))
    func kopf() async throws {
        let outcome = try await Shell.run("$(Tests/EndToEnd/operators/setup.sh) Tests/EndToEnd/operators/run.py '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
