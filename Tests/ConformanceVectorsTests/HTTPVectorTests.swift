import ConformanceVectors
import Foundation
import Testing

@Suite("Recorded requests and answers")
struct HTTPVectorTests {
    private static let vectors = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/vectors")

    /// `Fixtures/vectors/http.known-failing` only shrinks; `make known-failing` writes it anew.
    @Test(
        "every vector outside the list of known failures passes, and none inside it, however slow the client",
        arguments: [Duration.zero, .seconds(1)])
    func recorded(pace: Duration) async throws {
        let list = try String(contentsOf: Self.vectors.appending(path: "http.known-failing"), encoding: .utf8)
        let known = Set(list.split(separator: "\n").map(String.init))
        let report = await ConformanceVectors.run(file: Self.vectors.appending(path: "http.json").path(), pace: pace)
        #expect(report.skippedReason == nil)
        var failing: Set<String> = []
        for failure in report.failures {
            let id = Self.vector(of: failure.id)
            failing.insert(id)
            #expect(known.contains(id), "\(failure.id): \(failure.message)")
        }
        #expect(known.subtracting(failing).sorted() == [], "these pass now: take them out of http.known-failing")
    }

    @Test("custom resources whose definition changes, whose conversion is a webhook's, and that own each other")
    func customResources() async {
        let report = await ConformanceVectors.run(file: Self.vectors.appending(path: "custom-resources.json").path())
        #expect(report.failures.map { "\($0.id): \($0.message)" } == [])
        #expect(report.passed == 23)
    }

    private static func vector(of id: String) -> String {
        id.range(of: "/steps/", options: .backwards).map { String(id[..<$0.lowerBound]) } ?? id
    }

    @Test("an answer that differs from the recorded one fails, and says where")
    func differences() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "vectors-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: path) }
        let document = """
            {"type":"http","vectors":[{"id":"v","ns":1,"steps":[
              {"m":"POST","p":"/api/v1/namespaces/{ns}/configmaps","b":{"metadata":{"generateName":"c-"},"data":{"k":"{a*3}"}},
               "save":{"N":"/metadata/name"},"code":201,
               "rb":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c-{rand1}","generateName":"c-","namespace":"{ns}",
                     "uid":"{uid1}","resourceVersion":"{rv1}","creationTimestamp":"{time}"},"data":{"k":"aaa"}}},
              {"m":"GET","p":"/api/v1/namespaces/{ns}/configmaps/{N}","code":200,"only":["/data/k","/metadata/resourceVersion"],
               "rb":{"/data/k":"bbb","/metadata/resourceVersion":"{rv2}"}},
              {"m":"GET","p":"/api/v1/namespaces/{ns}/configmaps?watch=1&timeoutSeconds=1","watch":{"timeout":8},"code":200,
               "ev":[],"closed":true}]}]}
            """
        try document.write(to: path, atomically: true, encoding: .utf8)
        let report = await ConformanceVectors.run(file: path.path())
        #expect(report.passed == 1)
        #expect(report.failures.map(\.id) == ["v/steps/1", "v/steps/2"])
        let texts = report.failures.map(\.message)
        #expect(texts.first?.contains("/data/k: expected \"bbb\" got \"aaa\"") == true)
        #expect(texts.first?.contains("expected \"{rv2}\" got \"{rv1}\"") == true)
        #expect(texts.last?.contains("/ev: expected 0 elements got 2") == true)
    }
}
