import JSON
import KubeAPI
import Testing

/// JSON patch and merge patch by the rules of evanphx/json-patch.
@Suite struct JSONPatchTests {
    private static let document: JSON = ["a": [1, 2, 3], "o": ["x": 1, "n": nil], "s": "t"]

    /// Text of the operations, text of the result.
    private static let applicable: [(String, String)] = [
        (#"[{"op":"add","path":"/a/-","value":4}]"#, #"{"a":[1,2,3,4]}"#),
        (#"[{"op":"add","path":"/a/3","value":4}]"#, #"{"a":[1,2,3,4]}"#),
        (#"[{"op":"add","path":"/a/-1","value":4}]"#, #"{"a":[1,2,3,4]}"#),
        (#"[{"op":"add","path":"/a/0","value":{"b":null}}]"#, #"{"a":[{"b":null},1,2,3]}"#),
        (#"[{"op":"remove","path":"/a/-3"}]"#, #"{"a":[2,3]}"#),
        (#"[{"op":"replace","path":"/a/-1","value":9}]"#, #"{"a":[1,2,9]}"#),
        (#"[{"op":"copy","from":"/o/none","path":"/o/c"}]"#, #"{"o":{"x":1,"n":null,"c":null}}"#),
        (#"[{"op":"move","from":"/o","path":"/a/1"}]"#, #"{"a":[1,{"x":1,"n":null},2,3],"o":null}"#),
        (#"[{"op":"test","path":"/o/none","value":null},{"op":"test","path":"/o/n"}]"#, "{}"),
        (#"[{"op":"test","path":"","value":{"s":"t","o":{"n":null,"x":1},"a":[1,2,3]}}]"#, "{}"),
        (#"[{"op":"add","path":"/","value":1}]"#, #"{"":1}"#),
        (#"[{"op":"add","path":"nowhere/~01~1","value":1}]"#, #"{"~1/":1}"#),
        (#"[{"op":"add","path":"/o/y"}]"#, #"{"o":{"x":1,"n":null,"y":null}}"#),
        (#"[{"op":"replace","path":"","value":7}]"#, "{}"),
    ]

    private static let inapplicable: [(String, JSONPatch.Failure)] = [
        (#"[null]"#, .notAnOperation),
        (#"[{"path":"/a"}]"#, .notAnOperation),
        (#"[{"op":"add"}]"#, .notAnOperation),
        (#"[{"op":"move","path":"/a"}]"#, .notAnOperation),
        (#"[{"op":"ADD","path":"/a","value":1}]"#, .notAnOperation),
        (#"[{"op":"add","path":"","value":{}}]"#, .noSuchPlace("")),
        (#"[{"op":"add","path":"o","value":{}}]"#, .noSuchPlace("o")),
        (#"[{"op":"add","path":"/a/5","value":1}]"#, .noSuchPlace("/a/5")),
        (#"[{"op":"add","path":"/a/x","value":1}]"#, .noSuchPlace("/a/x")),
        (#"[{"op":"add","path":"/s/x","value":1}]"#, .noSuchPlace("/s/x")),
        (#"[{"op":"add","path":"/o/n/x","value":1}]"#, .noSuchPlace("/o/n/x")),
        (#"[{"op":"replace","path":"/a/-","value":1}]"#, .noSuchPlace("/a/-")),
        (#"[{"op":"remove","path":"/a/-4"}]"#, .noSuchPlace("/a/-4")),
        (#"[{"op":"remove","path":""}]"#, .noSuchPlace("")),
        (#"[{"op":"move","from":"/o/none","path":"/z"}]"#, .noSuchPlace("/o/none")),
        (#"[{"op":"move","from":"/o","path":"/o/z"}]"#, .noSuchPlace("/o/z")),
        (#"[{"op":"copy","from":"","path":"/z"}]"#, .noSuchPlace("")),
        (#"[{"op":"test","path":"/a/9","value":null}]"#, .noSuchPlace("/a/9")),
        (#"[{"op":"test","path":"/a/0","value":1.0}]"#, .testFailed("/a/0")),
        (#"[{"op":"test","path":"/o/x"}]"#, .testFailed("/o/x")),
    ]

    @Test("operations apply as in evanphx/json-patch")
    func operations() throws {
        var differences: [String] = []
        for (patch, changes) in Self.applicable {
            // The expected texts name only what changes; an `o` of null is gone.
            var expected = try #require(Self.document.object)
            let changed = try #require(try JSON(parsing: Array(changes.utf8)).object)
            expected.update(changed.map { ($0.key, $0.value.isNull ? JSON?.none : $0.value) })
            let actual = try JSONPatch.apply(try JSON(parsing: Array(patch.utf8)).array ?? [], to: Self.document)
            if actual != .object(expected) { differences.append("\(patch): \(actual)") }
        }
        #expect(differences.isEmpty, "\(differences)")
    }

    @Test("an operation that does not apply fails the whole patch and says where", arguments: inapplicable)
    func failures(_ patch: String, _ failure: JSONPatch.Failure) throws {
        let operations = try JSON(parsing: Array(patch.utf8)).array ?? []
        #expect(throws: failure) { try JSONPatch.apply(operations, to: Self.document) }
    }

    @Test("copies that double the document end at the copy limit, moves that nest it at the depth limit")
    func hostilePatches() {
        let start: JSON = ["a": .string(String(repeating: "x", count: 1000)), "b": [:], "l": []]
        let doubling: [JSON] = (0..<100).map { ["op": "copy", "from": "/l", "path": "/l/-", "value": .integer($0)] }
        let text: JSON = ["op": "copy", "from": "/a", "path": "/l/-"]
        #expect(throws: JSONPatch.Failure.copiesTooMuch) { try JSONPatch.apply([text] + doubling, to: start) }
        var path = ""
        var nesting: [JSON] = []
        for _ in 0..<600 {
            path += "/b"
            nesting.append(["op": "add", "path": .string(path), "value": [:]])
        }
        #expect(throws: JSONPatch.Failure.tooDeep(String(repeating: "/b", count: 512))) { try JSONPatch.apply(nesting, to: start) }
    }

    @Test("operations change a large object in place, not a copy each")
    func largeObject() throws {
        let data = JSONObject((0..<50_000).map { ("k\($0)", .string("v")) })
        let operations: [JSON] = (0..<JSONPatch.maximumOperations).map { ["op": "replace", "path": "/data/k\($0)", "value": "w"] }
        let patched = try JSONPatch.apply(operations, to: ["data": .object(data)])
        #expect(patched.at("data", "k9999") == "w" && patched.at("data", "k10000") == "v")
    }

    @Test("a merge patch removes by null and prunes nulls only from what is new")
    func mergePatches() throws {
        let cases: [(String, String, String)] = [
            (#"{"a":1,"b":{"c":2}}"#, #"{"a":null,"b":{"d":null,"e":3}}"#, #"{"b":{"c":2,"e":3}}"#),
            (#"{"a":1}"#, #"{"a":{"b":null,"c":{"d":null}}}"#, #"{"a":{"c":{}}}"#),
            (#"{}"#, #"{"l":[{"x":null,"y":1},null]}"#, #"{"l":[{"y":1},null]}"#),
            (#"{"l":[1]}"#, #"{"l":[{"x":null}]}"#, #"{"l":[{}]}"#),
            (#"{"l":{"m":1}}"#, #"{"l":[{"x":null}]}"#, #"{"l":[{"x":null}]}"#),
        ]
        for (document, patch, expected) in cases {
            let actual = MergePatch.apply(try JSON(parsing: Array(patch.utf8)), to: try JSON(parsing: Array(document.utf8)))
            #expect(actual.text == expected, "\(patch)")
        }
    }
}
