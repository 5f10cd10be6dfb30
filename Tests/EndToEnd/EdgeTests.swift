import Testing

/// What `serve` does at its edges, as a client outside sees it.
@Suite("serve at its edges")
struct EdgeTests {
    @Test(
        "as stated in Tests/EndToEnd/edge_walk.py", .timeLimit(.minutes(60)),
        arguments: ["sigterm", "sigint", "full_disk", "newer_schema", "damaged", "read_only", "ready_file", "hostile"])
    func edge(check: String) async throws {
        let outcome = try await Shell.run("python3 Tests/EndToEnd/edge_walk.py '\(Shell.binary)' \(check)")
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
