import ConformanceVectors
import Foundation
import Testing

@Suite("Vectors that ask the real clients")
struct ClientVectorTests {
    @Test("get-token, update-kubeconfig and kubectl say what was observed", .timeLimit(.minutes(60)))
    func clients() async {
        let programs = ClientPrograms(searchPath: ProcessInfo.processInfo.environment["PATH"] ?? "")
        let report = await ConformanceVectors.run(file: Shell.root.appending(path: "Fixtures/vectors/auth.json").path, programs: programs)
        #expect(report.failures.map { "\($0.id): \($0.message)" } == [])
        // Without a client, or with one of another generation, its cases say so.
        #expect(report.notRun.allSatisfy { $0.reason.hasPrefix("asks ") })
        #expect(report.passed + report.notRun.count == 471)
    }

    @Test("what a real API server was sent and said, over TLS", .timeLimit(.minutes(60)))
    func replay() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/replay.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
