import JSON
import Testing

@Suite("Parts of a document")
struct JSONProjectionTests {
    static let document = #"""
        { "kind": "Pod", "metadata": {"name": "a\"b", "uid": "u", "labels": {"x": "1", "y": "}]"}, "managedFields": [{"f:x": {".": {}}}]},
          "spec": {"containers": [{"name": "c", "ports": [{"n": 1}], "env": ["{", "\\"]}, {"name": "d"}], "empty": {}, "none": [] },
          "count": -12.5e3, "truth": true, "nothing": null }
        """#

    static let cases: [(JSONProjection, String)] = [
        ([], "{}"),
        (["kind"], #"{"kind":"Pod"}"#),
        (["count", "truth", "nothing", "missing"], #"{"count":-12.5e3,"truth":true,"nothing":null}"#),
        (["metadata": ["name", "labels"]], #"{"metadata":{"name":"a\"b","labels":{"x":"1","y":"}]"}}}"#),
        (["spec": ["containers": ["ports"]]], #"{"spec":{"containers":[{"ports":[{"n":1}]},{}]}}"#),
        (["spec": ["empty", "none"]], #"{"spec":{"empty":{},"none":[]}}"#),
        // What is no object is taken as it is.
        (["kind": ["x"], "count": ["y"]], #"{"kind":"Pod","count":-12.5e3}"#),
    ]

    @Test("what is asked for is read, the rest is not", arguments: cases)
    func parts(projection: JSONProjection, expected: String) throws {
        #expect(try JSON(parsing: Array(Self.document.utf8), only: projection).text == expected)
    }

    @Test("everything is what the parser reads")
    func whole() throws {
        let bytes = Array(Self.document.utf8)
        #expect(try JSON(parsing: bytes, only: .whole) == JSON(parsing: bytes))
    }

    @Test("a document that is cut off anywhere is refused or has its parts before that; nothing crashes")
    func truncated() {
        let bytes = Array(Self.document.utf8)
        let projection: JSONProjection = ["spec": ["containers": ["name", "env"]], "truth": .whole]
        for count in 0..<bytes.count { #expect(throws: JSONError.self) { try JSON(parsing: Array(bytes[..<count]), only: projection) } }
        let deep = Array(repeating: UInt8(ascii: "["), count: 100_000)
        #expect(throws: JSONError.self) { try JSON(parsing: deep, only: ["x"]) }
    }
}
