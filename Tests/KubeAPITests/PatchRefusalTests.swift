import JSON
import KubeAPI
import Testing

/// Bodies that are no patch, and patched objects that are of another kind.
@Suite struct PatchRefusalTests {
    private let configMap = GroupVersionKind(group: "", version: "v1", kind: "ConfigMap")

    private func refusal(_ body: String, _ type: PatchType) -> KubeStatus? {
        do throws(KubeStatus) {
            let object: JSON = ["kind": "ConfigMap", "apiVersion": "v1", "metadata": ["name": "x"]]
            _ = try ObjectPatch(Array(body.utf8), type: type).apply(to: object, kind: configMap)
            return nil
        } catch { return error }
    }

    @Test(
        "a body that is no patch is refused in the words of its decoder",
        arguments: [
            ("[1]", PatchType.json, "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
            (
                #"[{"op":true}]"#, .json,
                "error decoding patch: json: cannot unmarshal bool into Go struct field jsonPatchOp.op of type string"
            ),
            ("7", .strategicMerge, "json: cannot unmarshal number into Go value of type map[string]interface {}"),
        ])
    func malformedBodies(_ body: String, _ type: PatchType, _ message: String) {
        #expect(refusal(body, type) == .badRequest(message))
    }

    @Test("more than 10000 operations are too many")
    func tooManyOperations() {
        func body(_ count: Int) -> String { "[" + repeatElement("{}", count: count).joined(separator: ",") + "]" }
        #expect(refusal(body(10_001), .json) == .tooLarge("The allowed maximum operations in a JSON patch is 10000, got 10001"))
        #expect(refusal(body(10_000), .json) == .patchNotApplicable)
    }

    @Test("a patch may not turn an object into another kind")
    func otherKinds() {
        let scheme = #"in scheme "pkg/api/legacyscheme/scheme.go:30""#
        let cases: [(String, String, String)] = [
            (
                #"{"kind":"Foo"}"#, #"{"apiVersion":"v1","kind":"Foo","metadata":{"name":"x"}}"#,
                #"no kind "Foo" is registered for version "v1" \#(scheme)"#
            ),
            (
                #"{"apiVersion":"v9"}"#, #"{"apiVersion":"v9","kind":"ConfigMap","metadata":{"name":"x"}}"#,
                #"no kind "ConfigMap" is registered for version "v9" \#(scheme)"#
            ),
            (
                #"{"kind":"Pod"}"#, #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"}}"#,
                "converting (v1.Pod) to (core.ConfigMap): unknown conversion"
            ),
        ]
        for (body, document, detail) in cases { #expect(refusal(body, .merge) == .invalidPatchResult(document, detail)) }
        #expect(refusal(#"{"kind":null,"apiVersion":null}"#, .merge) == nil)
        #expect(refusal(#"{"kind":"Foo"}"#, .strategicMerge) == nil)
    }

    @Test("content types name patches, whatever their parameters")
    func contentTypes() {
        let types: [(String?, PatchType?)] = [
            ("application/json-patch+json", .json), ("application/merge-patch+json; charset=utf-8", .merge),
            ("application/strategic-merge-patch+json;charset=UTF-8", .strategicMerge), ("application/apply-patch+yaml", .apply),
            ("application/json", nil), ("application/merge-patch+yaml", nil), ("", nil), (nil, nil),
        ]
        for (text, type) in types { #expect(PatchType(contentType: text) == type) }
    }
}
