import ConformanceVectors
import Testing

@Suite("Vector files")
struct VectorTests {
    private static let fixtures: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(3).joined(separator: "/") + "/Fixtures"
    }()

    @Test(
        "every case of a file behaves as stated",
        arguments: [("auth.json", 442), ("rbac.json", 1561), ("tables.json", 254), ("net.json", 325)])
    func passes(file: String, atLeast count: Int) async {
        let report = await ConformanceVectors.run(file: "\(Self.fixtures)/vectors/\(file)")
        #expect(report.failures.map { "\($0.id): \($0.message)" } == [])
        #expect(report.skippedReason == nil)
        #expect(report.passed >= count)
        #expect(report.summary == "\(file): \(report.passed) passed, 0 failed")
    }

    @Test("a file of no form is skipped with a reason", arguments: ["policies/trust-eks.json", "manifests/team-a.yaml", "absent.json"])
    func skips(file: String) async {
        let report = await ConformanceVectors.run(file: "\(Self.fixtures)/\(file)")
        #expect(report.skippedReason != nil)
        #expect(report.summary.contains(": skipped ("))
    }
}
