import JSON
import KubeAPI
import Testing

/// Strategic merge patch by the rules of `k8s.io/apimachinery/pkg/util/strategicpatch`, where no recording shows them.
@Suite struct StrategicMergePatchTests {
    private static func outcome(_ document: String, _ patch: String, _ kind: GroupVersionKind) throws -> String {
        let document = try JSON(parsing: Array(document.utf8))
        let patch = try JSON(parsing: Array(patch.utf8))
        do throws(StrategicMergePatch.Failure) {
            return try StrategicMergePatch.apply(patch, to: document, type: Schema.builtin.index(kind)).text
        } catch { return "\(error.status.code) \(error.status.message)" }
    }

    private static let pod = GroupVersionKind(group: "", version: "v1", kind: "Pod")

    /// Document, patch, and the result or the refusal.
    private static let cases: [(String, String, String)] = [
        // What is new in the document loses directives and nulls.
        (
            #"{}"#, #"{"spec":{"nodeName":null,"volumes":[{"name":"v","$patch":"delete"},{"name":"w","secret":null}]}}"#,
            #"{"spec":{"volumes":[{"name":"w"}]}}"#
        ),
        (#"{}"#, #"{"spec":{"$patch":"replace","nodeName":"n"},"status":{}}"#, #"{"status":{}}"#),
        (#"{"spec":"text"}"#, #"{"spec":{"nodeName":"n","x":null}}"#, #"{"spec":{"nodeName":"n"}}"#),
        // A list without merge strategy is replaced, an empty patch of one with it changes nothing.
        (#"{"spec":{"tolerations":[{"key":"a"}]}}"#, #"{"spec":{"tolerations":[]}}"#, #"{"spec":{"tolerations":[]}}"#),
        (#"{"spec":{"volumes":[{"name":"a"}]}}"#, #"{"spec":{"volumes":[]}}"#, #"{"spec":{"volumes":[{"name":"a"}]}}"#),
        // Order: the patch's elements in its order; the server's stay relative to them where it knows both.
        (
            #"{"spec":{"volumes":[{"name":"a"},{"name":"b"},{"name":"c"}]}}"#, #"{"spec":{"volumes":[{"name":"c"},{"name":"z"}]}}"#,
            #"{"spec":{"volumes":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"z"}]}}"#
        ),
        (
            #"{"spec":{"volumes":[{"name":"a"},{"name":"b"},{"name":"c"}]}}"#,
            #"{"spec":{"$setElementOrder/volumes":[{"name":"c"},{"name":"n"},{"name":"a"}],"volumes":[{"name":"n"},{"name":"b","$patch":"delete"}]}}"#,
            #"{"spec":{"volumes":[{"name":"c"},{"name":"n"},{"name":"a"}]}}"#
        ),
        (
            #"{"metadata":{"finalizers":["a","b","a","c"]}}"#, #"{"metadata":{"finalizers":["c","d","a"]}}"#,
            #"{"metadata":{"finalizers":["b","c","d","a"]}}"#
        ),
        (
            #"{"metadata":{"finalizers":["a","b","c"]}}"#,
            #"{"metadata":{"$setElementOrder/finalizers":["d","a"],"$deleteFromPrimitiveList/finalizers":["b","x"],"finalizers":["d"]}}"#,
            #"{"metadata":{"finalizers":["d","a","c"]}}"#
        ),
        (#"{"metadata":{"name":"x"}}"#, #"{"metadata":{"$deleteFromPrimitiveList/finalizers":["b"]}}"#, #"{"metadata":{"name":"x"}}"#),
        // The last of a list's elements goes too; `replace` drops every element that has a directive.
        (
            #"{"spec":{"volumes":[{"name":"a"},{"name":"a"}]}}"#, #"{"spec":{"volumes":[{"name":"a","$patch":"delete"}]}}"#,
            #"{"spec":{"volumes":[]}}"#
        ),
        (
            #"{"spec":{"volumes":[{"name":"a"},{"name":"b"}]}}"#,
            #"{"spec":{"volumes":[{"name":"x","$patch":"replace"},{"name":"b","emptyDir":{}},{"name":"a","$patch":"delete"}]}}"#,
            #"{"spec":{"volumes":[{"name":"b","emptyDir":{}}]}}"#
        ),
        // `$retainKeys` keeps what the patch does not say.
        (
            #"{"spec":{"volumes":[{"name":"a","emptyDir":{},"secret":{"secretName":"s"}}]}}"#,
            #"{"spec":{"volumes":[{"name":"a","$retainKeys":["name","secret"],"emptyDir":null,"secret":{"optional":true}}]}}"#,
            #"{"spec":{"volumes":[{"name":"a","secret":{"secretName":"s","optional":true}}]}}"#
        ),
        // Refusals.
        (#"{"spec":{"a":1}}"#, #"{"spec":{"$retainKeys":["a"],"b":1}}"#, "400 invalid patch format of retainKeys"),
        (#"{"spec":{"a":1}}"#, #"{"spec":{"$retainKeys":"a"}}"#, "400 invalid patch format of retainKeys"),
        (#"{"spec":{"a":1}}"#, #"{"spec":{"$deleteFromPrimitiveListX":["a"]}}"#, "400 invalid patch format of primitive list"),
        (#"{"spec":{"a":1}}"#, #"{"spec":{"$setElementOrderX":[]}}"#, "400 invalid patch format of setElementOrder list"),
        (
            #"{"spec":{"a":1}}"#, #"{"spec":{"$setElementOrder/volumes":{}}}"#,
            "500 expected a []interface {}, but received a map[string]interface {}"
        ),
        (
            #"{"spec":{"volumes":[]}}"#, #"{"spec":{"$setElementOrder/volumes":[],"volumes":null}}"#,
            "500 expected a []interface {}, but received a %!s(<nil>)"
        ),
        (#"{"spec":{"volumes":[]}}"#, #"{"spec":{"$setElementOrder/volumes":[]}}"#, "500 no elements in any of the given slices"),
        (
            #"{"spec":{"volumes":[]}}"#, #"{"spec":{"$setElementOrder/nothing":[]}}"#,
            #"500 unable to find api field in struct PodSpec for the json field "nothing""#
        ),
        (
            #"{"spec":{"volumes":[{"name":"a"}]}}"#, #"{"spec":{"volumes":["b"]}}"#,
            "500 list element types are not identical: [[map[name:a]] [b]]"
        ),
        (#"{"spec":{"volumes":[]}}"#, #"{"spec":{"volumes":[[]]}}"#, "422 the server rejected our request due to an error in our request"),
        (
            #"{"spec":{"volumes":[{"name":"a"}]}}"#, #"{"spec":{"volumes":[{"$patch":"delete"}]}}"#,
            "500 map: map[$patch:delete] does not contain declared merge key: name"
        ),
        (
            #"{"spec":{"volumes":[{"name":"a"}]}}"#, #"{"spec":{"volumes":[{"name":"a","$patch":"merge"}]}}"#,
            "500 merging lists cannot yet be specified in the patch"
        ),
        (#"{"spec":{"a":1}}"#, #"{"spec":{"$patch":3}}"#, "500 unknown patch type: %!s(int64=3) in map: map[$patch:3]"),
        (
            #"{"spec":{"tolerations":[{"key":"a"}]}}"#, #"{"spec":{"$deleteFromPrimitiveList/tolerations":[{"key":"a"}]}}"#,
            "500 cannot merge lists without merge key for struct"
        ),
    ]

    @Test("directives, orders and refusals follow strategicpatch", arguments: cases)
    func pods(_ document: String, _ patch: String, _ expected: String) throws {
        #expect(try Self.outcome(document, patch, Self.pod) == expected)
    }

    @Test("what is no structure cannot be merged below its first level")
    func maps() throws {
        let definition = GroupVersionKind(group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition")
        func document(_ property: String) -> String {
            #"{"spec":{"versions":[],"names":{},"conversion":{"webhook":{"clientConfig":{"service":\#(property)}}}}}"#
        }
        let replaced = try Self.outcome(document(#"{"name":"a","port":1}"#), document(#"{"port":2}"#), definition)
        #expect(replaced == document(#"{"name":"a","port":2}"#))
        let revision = GroupVersionKind(group: "apps", version: "v1", kind: "ControllerRevision")
        #expect(try Self.outcome(#"{"data":{"a":1,"b":{"c":1}}}"#, #"{"data":{"a":2}}"#, revision) == #"{"data":{"a":2,"b":{"c":1}}}"#)
        let refusal = #"500 unable to find api field in struct RawExtension for the json field "b""#
        #expect(try Self.outcome(#"{"data":{"b":{"c":1}}}"#, #"{"data":{"b":{"c":2}}}"#, revision) == refusal)
        let request = GroupVersionKind(group: "certificates.k8s.io", version: "v1", kind: "CertificateSigningRequest")
        let extra = "500 merging an object in json but data type is not struct, instead is: map"
        #expect(try Self.outcome(#"{"spec":{"extra":{"k":["a"]}}}"#, #"{"spec":{"extra":{"k":["b"]}}}"#, request) == extra)
    }

    @Test("long lists are merged in time in proportion to their length")
    func longLists() throws {
        func list(_ range: Range<Int>, _ value: String) -> JSON {
            ["spec": ["containers": [["name": "c", "env": .array(range.map { ["name": "E\($0)", "value": .string(value)] })]]]]
        }
        let patched = try StrategicMergePatch.apply(
            list(10_000..<30_000, "b"), to: list(0..<20_000, "a"), type: Schema.builtin.index(Self.pod))
        let variables = patched.at("spec", "containers")?[0]?["env"]?.array ?? []
        #expect(variables.count == 30_000 && variables.first?["value"] == "a" && variables[10_000]["value"] == "b")
    }
}
