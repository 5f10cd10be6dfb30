import JSON
import KubeAPI
import Testing

/// Managers as objects change, and server-side apply, in cases that the recorded exchanges do not hold.
@Suite struct FieldManagerTests {
    private let configMap = GroupVersionKind(group: "", version: "v1", kind: "ConfigMap")
    private let pod = GroupVersionKind(group: "", version: "v1", kind: "Pod")

    private func manager(_ kind: GroupVersionKind) -> FieldManager {
        FieldManager(BuiltinMergeTypes(kind), kind: kind, ignoring: FieldSet())
    }

    private func object(_ data: JSON) -> JSON { ["kind": "ConfigMap", "apiVersion": "v1", "metadata": ["name": "x"], "data": data] }

    private func fields(_ managed: ManagedFields) -> [String] {
        (managed.json?.array ?? []).map { "\($0["manager"]?.string ?? "") \($0["operation"]?.string ?? "") \($0["fieldsV1"]?.text ?? "")" }
    }

    @Test("more than ten updaters are put together, the oldest first")
    func cap() {
        let manager = manager(configMap)
        var data: JSON = ["k0": "0"]
        var managed = manager.created(object(data), sent: nil, by: "m0", at: "2026-01-01T00:00:00Z")
        for step in 1...11 {
            let before = object(data)
            data["k\(step)"] = "\(step)"
            managed = manager.updated(
                before, to: object(data), stored: managed.json, sent: nil, by: "m\(step)", at: "2026-01-01T00:00:\(step + 10)Z")
        }
        #expect(
            fields(managed).first
                == #"ancient-changes Update {"f:data":{".":{},"f:k0":{},"f:k1":{},"f:k2":{}}}"#)
        #expect(managed.json?.array?.count == 10)
        #expect(managed.json?[0]?["time"] == "2026-01-01T00:00:12Z")
    }

    @Test("the first apply of an object without managers leaves what was there to before-first-apply")
    func beforeFirstApply() throws {
        let config: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "x"], "data": ["b": "2"]]
        let applied = try manager(configMap).apply(
            config, to: object(["a": "1"]), stored: nil, by: "me", isForced: false, at: "2026-01-01T00:00:00Z")
        #expect(applied.object?["data"] == ["a": "1", "b": "2"])
        #expect(
            fields(applied.managed) == [
                #"me Apply {"f:data":{"f:b":{}}}"#, #"before-first-apply Update {"f:data":{".":{},"f:a":{}}}"#,
            ])
    }

    @Test("kubectl takes over what it applied client-side while nobody changed it, and only that")
    func lastApplied() throws {
        let last = #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1","b":"1"}}"#
        func live(_ b: JSON) -> JSON {
            var live = object(["a": "1", "b": b])
            live.set(.string(last), at: ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"])
            return live
        }
        let config: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "x"], "data": ["a": "2", "b": "2"]]
        let manager = manager(configMap)
        let managed = manager.created(live("1"), sent: nil, by: "kubectl-client-side-apply", at: "2026-01-01T00:00:00Z")
        let applied = try manager.apply(
            config, to: live("1"), stored: managed.json, by: "kubectl", isForced: false, at: "2026-01-01T00:00:01Z")
        #expect(applied.object?["data"] == ["a": "2", "b": "2"])
        #expect(
            applied.object?.at("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
                == .string(config.sortingKeys().text + "\n"))
        let changed = manager.updated(
            live("1"), to: live("9"), stored: managed.json, sent: nil, by: "other", at: "2026-01-01T00:00:01Z")
        #expect(throws: KubeStatus.self) {
            try manager.apply(config, to: live("9"), stored: changed.json, by: "kubectl", isForced: false, at: "")
        }
    }

    @Test("shared list elements keep the order of the configuration, others their place")
    func listOrder() throws {
        func pod(_ names: [String]) -> JSON {
            [
                "kind": "Pod", "apiVersion": "v1", "metadata": ["name": "x"],
                "spec": ["containers": .array(names.map { ["name": .string($0)] })],
            ]
        }
        let cases: [([String], [String], [String])] = [
            (["a", "b", "c"], ["c", "a"], ["b", "c", "a"]), (["a", "b", "c"], ["x", "b"], ["a", "x", "b", "c"]),
            (["a", "b"], ["b", "a", "d"], ["b", "a", "d"]), (["a"], ["a"], ["a"]),
        ]
        for (live, config, expected) in cases {
            let applied = try manager(self.pod).apply(
                pod(config), to: pod(live), stored: nil, by: "me", isForced: true, at: "2026-01-01T00:00:00Z")
            let names = (applied.object ?? pod(live)).at("spec", "containers")?.array?.compactMap { $0["name"]?.string }
            #expect(names == expected)
        }
    }

    @Test(
        "a configuration that does not fit is refused in the typed library's words",
        arguments: [
            (
                #"{"spec":{"containers":[{"name":1}]}}"#,
                #".spec.containers[name=1].name: expected string, got &value.valueUnstructured{Value:1}"#
            ),
            (#"{"spec":{"containers":{}}}"#, ".spec.containers: expected list, got &{map[]}"),
            (#"{"spec":[]}"#, ".spec: expected map, got &{[]}"),
            (#"{"spec":{"hostNetwork":"x"}}"#, ".spec.hostNetwork: expected boolean, got &{x}"),
            (#"{"spec":{"priority":"x"}}"#, ".spec.priority: expected numeric (int or float), got string"),
            (#"{"spec":{"containers":["c"]}}"#, ".spec.containers: element 0: associative list with keys may not have non-map elements"),
            (#"{"a":1,"b":2}"#, "errors:\n  .a: field not declared in schema\n  .b: field not declared in schema"),
        ])
    func refusals(_ text: String, _ message: String) throws {
        var config = try JSON(parsing: text)
        config["apiVersion"] = "v1"
        config["kind"] = "Pod"
        config["metadata"] = ["name": "x"]
        let expected = KubeStatus.unexpected("failed to create typed patch object (/x; /v1, Kind=Pod): \(message)")
        #expect(throws: expected) { try manager(pod).apply(config, to: nil, stored: nil, by: "me", isForced: false, at: "") }
    }

    @Test("manager names come from the query, else from the user agent")
    func names() {
        let cases: [(String, String?, String)] = [
            ("me", "kubectl/v1", "me"), ("", "kubectl/v1.36.2 (linux/amd64)", "kubectl"), ("", "curl", "curl"), ("", nil, ""),
            ("", "a\tb/1", "ab"), ("", String(repeating: "é", count: 70), String(repeating: "é", count: 64)),
        ]
        for (given, agent, name) in cases { #expect(FieldManagerName.of(given, userAgent: agent) == name) }
    }
}
