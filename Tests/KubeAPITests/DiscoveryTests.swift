import Foundation
import JSON
import KubeAPI
import Testing

/// Documents of a real 1.36.2 server (area `discovery` of the recorded vectors) against the generated ones.
@Suite struct DiscoveryTests {
    @Test("discovery answers equal those of the real server, order of lists included")
    func recordedDocuments() throws {
        let file = URL(filePath: #filePath).appending(path: "../../../Fixtures/vectors/discovery.json").standardized
        let steps = try JSON(parsing: [UInt8](Data(contentsOf: file)))["steps"]?.array ?? []
        let documents = DiscoveryDocuments()
        var differences: [String] = []
        for step in steps {
            let path = step["p"]?.string ?? ""
            var expected = step["rb"] ?? .null
            var actual = answer(documents, path, isAggregated: step["h"] != nil)
            // What a server calls itself is its own affair; the recording leaves it out.
            if path == "/api", step["h"] == nil {
                expected["serverAddressByClientCIDRs"] = nil
                actual?["serverAddressByClientCIDRs"] = nil
            }
            if actual?.text != expected.text { differences.append("\(path) \(actual?.text.prefix(400) ?? "nothing")") }
        }
        #expect(steps.count == 22 && differences.isEmpty, "\(differences)")
    }

    private func answer(_ documents: DiscoveryDocuments, _ path: String, isAggregated: Bool) -> JSON? {
        let parts = path.split(separator: "/").map(String.init)
        if isAggregated { return documents.aggregated(isCore: path == "/api") }
        switch (parts.first, parts.count) {
        case ("api", 1): return documents.legacyVersions(serverAddress: "")
        case ("api", 2): return documents.resources(group: "", version: parts[1])
        case ("apis", 1): return documents.groups
        case ("apis", 2): return documents.group(parts[1])
        case ("apis", 3): return documents.resources(group: parts[1], version: parts[2])
        default: return nil
        }
    }

    @Test("what is not served has no document; the root lists sorted paths")
    func absentAndRoot() {
        let documents = DiscoveryDocuments()
        let paths = documents.rootPaths(including: ["/.well-known/openid-configuration", "/version"])["paths"]?.strings ?? []
        #expect(documents.group("") == nil && documents.group("none") == nil && documents.resources(group: "apps", version: "v9") == nil)
        #expect(documents.coreResources == documents.resources(group: "", version: "v1"))
        #expect(paths.prefix(3) == ["/.well-known/openid-configuration", "/api", "/api/v1"] && paths.last == "/version")
    }
}
