import JSON
import KubeAPI
import Testing
import World

@Suite("JSON paths of printer columns")
struct ColumnPathTests {
    private static let object: JSON = [
        "spec": ["size": 3, "names": ["a", "b", "c"], "dotted.key": "d"],
        "status": ["conditions": [["type": "Ready", "status": "True", "n": 1], ["type": "Synced", "status": "False", "n": 2]]],
    ]

    @Test(
        "what a path finds, in order",
        arguments: [
            (".spec.size", [3]), ("spec.size", [3]), ("$.spec.size", [3]), (".spec['size']", [3]), (".spec.dotted\\.key", ["d"]),
            (".spec['dotted.key','size']", ["d", 3]), (".spec.names[0]", ["a"]), (".spec.names[-1]", ["c"]),
            (".spec.names[1:]", ["b", "c"]),
            (".spec.names[0:3:2]", ["a", "c"]), (".spec.names[*]", ["a", "b", "c"]),
            (".status.conditions[?(@.type==\"Ready\")].status", ["True"]), (".status.conditions[?(@.n>=2)].type", ["Synced"]),
            (".status.conditions[?(@.type!='Ready')].status", ["False"]), ("..type", ["Ready", "Synced"]), (".absent.size", []),
        ] as [(String, [JSON])])
    func finds(path: String, expected: [JSON]) {
        #expect(ColumnPath(parsing: path)?.values(in: Self.object) == expected)
    }

    @Test("what breaks the grammar", arguments: [".a[", ".a[x]", ".a[]", ".a[1:2:0]", ".a[?(]", "{.a}"])
    func refuses(path: String) { #expect(ColumnPath(parsing: path) == nil) }

    @Test("a list is no text and an item out of range is nothing", arguments: [".spec.names[9]", ".spec.size[0]"])
    func unfit(path: String) { #expect(ColumnPath(parsing: path)?.values(in: Self.object) == nil) }

    @Test("flow schemas are listed in the order in which they are tried")
    func flowSchemas() {
        let printer = TablePrinter.builtin(group: "flowcontrol.apiserver.k8s.io", version: "v1", resource: "flowschemas")
        func schema(_ name: JSON, _ precedence: JSON) -> JSON { ["metadata": ["name": name], "spec": ["matchingPrecedence": precedence]] }
        let sorted = printer.order.map { [schema("z", 9), schema("b", 10), schema("a", 10), schema("y", 1)].sorted(by: $0) }
        #expect(sorted?.map(\.objectName) == ["y", "z", "a", "b"])
    }
}

@Suite("Printers")
struct PrinterTests {
    @Test("a scale is shown by its replicas, in columns of its own")
    func scale() {
        let printer = TablePrinter.builtin(group: "autoscaling", version: "v1", kind: "Scale")
        let scale: JSON = [
            "metadata": ["name": "x", "creationTimestamp": "2026-11-25T00:00:00Z"], "spec": ["replicas": 3], "status": ["replicas": 1],
        ]
        let now = Instant(rfc3339: "2026-11-25T00:01:00Z") ?? Instant(seconds: 0)
        #expect(printer.row(scale, now: now).cells == ["x", 3, 1, "60s"])
        #expect(printer.columns.map(\.name) == ["Name", "Desired", "Available", "Age"])
    }
}
