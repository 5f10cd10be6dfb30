import JSON
import KubeAPI
import Testing

@Suite struct OpenAPITests {
    private static let documents = OpenAPIDocuments()

    @Test("the index lists a document for every group and version, and only those exist")
    func index() {
        let paths = Self.documents.index["paths"]?.object ?? [:]
        let url = paths["apis/apps/v1"]?["serverRelativeURL"]?.string ?? ""
        #expect(paths.count == Self.documents.names.count && paths.contains("api/v1") && paths.contains("version"))
        #expect(url.hasPrefix("/openapi/v3/apis/apps/v1?hash=") && url.count == "/openapi/v3/apis/apps/v1?hash=".count + 16)
        for name in ["", "apis/none/v1", "apis/apps/v9", "api/v2", "apis//v1", "apis/", "api/v1/", "nothing"] {
            #expect(Self.documents.v3(path: name) == nil, "\(name)")
        }
    }

    @Test("every reference of every document resolves within it, and no operation has the name of another")
    func references() {
        var failures: [String] = []
        for name in Self.documents.names + ["v2"] {
            let document = name == "v2" ? Self.documents.v2 : Self.documents.v3(path: name) ?? .null
            let prefix = name == "v2" ? "#/definitions/" : "#/components/schemas/"
            let schemas = (name == "v2" ? document["definitions"] : document.at("components", "schemas"))?.object ?? [:]
            visit(document) { key, value in
                guard key == "$ref", let target = value.string else { return }
                if !target.hasPrefix(prefix) || !schemas.contains(String(target.dropFirst(prefix.count))) {
                    failures.append("\(name) \(target)")
                }
            }
            var ids: Set<String> = []
            for operation in operations(document) where !ids.insert(operation["operationId"]?.string ?? "").inserted {
                failures.append("\(name) \(operation["operationId"]?.string ?? "no id")")
            }
        }
        #expect(failures.isEmpty, "\(failures.prefix(5))")
    }

    @Test("every patch of a kind takes fieldValidation, which kubectl looks for before it applies")
    func fieldValidation() {
        var kinds: Set<String> = []
        for name in Self.documents.names {
            for operation in operations(Self.documents.v3(path: name) ?? .null) where operation["x-kubernetes-action"] == "patch" {
                guard operation["parameters"]?.array?.contains(where: { $0["name"] == "fieldValidation" && $0["in"] == "query" }) == true,
                    let kind = operation["x-kubernetes-group-version-kind"]
                else { continue }
                kinds.insert("\(kind["group"]?.string ?? "")/\(kind["version"]?.string ?? "")/\(kind["kind"]?.string ?? "")")
            }
        }
        for type in ResourceTable.builtin.resources where type.verbs.contains("patch") {
            #expect(kinds.contains("\(type.group)/\(type.version)/\(type.kind)"))
        }
    }

    @Test("schemas and operations say what the real documents say")
    func content() {
        let apps = Self.documents.v3(path: "apis/apps/v1") ?? .null
        let core = Self.documents.v3(path: "api/v1") ?? .null
        let v2 = Self.documents.v2
        let scale = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"
        let rows: [(JSON, [String], JSON)] = [
            (apps, ["openapi"], "3.0.0"), (apps, ["info"], ["title": "Kubernetes", "version": "1.36"]),
            (apps, ["components", "schemas", "io.k8s.api.apps.v1.DeploymentSpec", "required"], ["selector", "template"]),
            (
                apps, ["components", "schemas", "io.k8s.api.apps.v1.Deployment", "x-kubernetes-group-version-kind"],
                [["group": "apps", "kind": "Deployment", "version": "v1"]]
            ),
            (
                apps, ["components", "schemas", "io.k8s.api.core.v1.PodSpec", "properties", "containers"],
                [
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name",
                    "items": ["allOf": [["$ref": "#/components/schemas/io.k8s.api.core.v1.Container"]], "default": [:]],
                ]
            ),
            (
                apps, ["components", "schemas", "io.k8s.api.core.v1.ContainerPort", "properties", "protocol"],
                ["default": "TCP", "enum": ["SCTP", "TCP", "UDP"], "type": "string"]
            ),
            (
                apps, ["components", "schemas", "io.k8s.api.core.v1.PodSpec", "properties", "volumes", "x-kubernetes-patch-strategy"],
                "merge,retainKeys"
            ),
            (apps, ["paths", scale, "get", "operationId"], "readAppsV1NamespacedDeploymentScale"),
            (
                apps, ["paths", scale, "patch", "x-kubernetes-group-version-kind"],
                ["group": "autoscaling", "kind": "Scale", "version": "v1"]
            ),
            (apps, ["paths", "/apis/apps/v1/namespaces/{namespace}/deployments", "post", "x-kubernetes-action"], "post"),
            (
                core, ["components", "schemas", "io.k8s.apimachinery.pkg.api.resource.Quantity"],
                ["oneOf": [["type": "string"], ["type": "number"]]]
            ),
            (
                core, ["components", "schemas", "io.k8s.api.core.v1.ServiceSpec", "properties", "ports", "x-kubernetes-list-map-keys"],
                ["port", "protocol"]
            ),
            (
                core, ["paths", "/api/v1/namespaces/{namespace}/pods/{name}/exec", "get", "operationId"],
                "connectCoreV1GetNamespacedPodExec"
            ),
            (core, ["paths", "/api/v1/pods", "get", "operationId"], "listCoreV1PodForAllNamespaces"),
            (Self.documents.v3(path: "version") ?? .null, ["paths", "/version/", "get", "operationId"], "getCodeVersion"),
            (core, ["components", "schemas", "io.k8s.api.core.v1.PodList", "properties", "items", "description"], "List of pods"),
            (v2, ["swagger"], "2.0"),
            (
                v2, ["definitions", "io.k8s.api.core.v1.Pod", "x-kubernetes-group-version-kind"],
                [["group": "", "kind": "Pod", "version": "v1"]]
            ),
            (
                v2, ["definitions", "io.k8s.api.core.v1.Pod", "properties", "spec"], ["$ref": "#/definitions/io.k8s.api.core.v1.PodSpec"]
            ),
        ]
        for (document, path, expected) in rows {
            let actual = document.value(at: path)
            #expect(actual == expected, "\(path)")
        }
    }

    @Test(
        "version 2 says of custom resources what kubectl can check: nothing of what may be null or takes unknown fields",
        arguments: [
            (#"{"type":"string","nullable":true,"format":"date"}"#, "{}"),
            (#"{"type":"object","nullable":true,"properties":{"a":{"type":"string"}}}"#, "{}"),
            (
                #"{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]}"#,
                #"{"x-kubernetes-int-or-string":true}"#
            ),
            (
                #"{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{"type":"string"}},"required":["a"]}"#,
                #"{"x-kubernetes-preserve-unknown-fields":true,"required":["a"]}"#
            ),
            (#"{"type":"array","items":{"type":"integer"}}"#, #"{"type":"array","items":{"type":"integer"}}"#),
            (
                #"{"type":"object","properties":{"a":{"type":"string","nullable":true},"b":{"type":"string"}},"required":["a","b"]}"#,
                #"{"type":"object","properties":{"a":{},"b":{"type":"string"}},"required":["b"]}"#
            ),
        ])
    func customSwagger(schema: String, expected: String) throws {
        let table = try Widgets.table(Widgets.definition([Widgets.version(v: JSON(parsing: schema))]))
        let shown = OpenAPIDocuments(table).v2.at(
            "definitions", "com.example.v1.Widget", "properties", "spec", "properties", "v")
        #expect(try shown == JSON(parsing: expected), "\(shown?.text ?? "nothing")")
    }

    @Test("a kind that takes unknown fields has no fields in version 2, where kubectl would refuse all others, and its own in version 3")
    func openKind() {
        let schema: JSON = ["type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": ["spec": ["type": "object"]]]
        let documents = OpenAPIDocuments(Widgets.table(Widgets.definition([Widgets.version(schema)])))
        #expect(documents.v2.at("definitions", "com.example.v1.Widget", "properties") == nil)
        let widget = documents.v3(path: "apis/example.com/v1")?.at("components", "schemas", "com.example.v1.Widget")
        #expect(widget?["properties"]?["spec"] != nil)
    }

    @Test("the protobuf form of version 2 has the same paths and definitions as the JSON form")
    func protobuf() throws {
        let document = Self.documents.v2
        let fields = try Self.fields(Self.documents.v2Protobuf[...])
        func names(_ number: Int, _ member: Int) throws -> [String: ArraySlice<UInt8>] {
            var result: [String: ArraySlice<UInt8>] = [:]
            for field in fields where field.number == number {
                for row in try Self.fields(field.bytes) where row.number == member {
                    let pair = try Self.fields(row.bytes)
                    result[String(decoding: pair.first?.bytes ?? [], as: UTF8.self)] = pair.last?.bytes
                }
            }
            return result
        }
        let definitions = try names(9, 1)
        let paths = try names(8, 2)
        #expect(Set(definitions.keys) == Set(document["definitions"]?.object?.keys ?? []) && !definitions.isEmpty)
        #expect(Set(paths.keys) == Set(document["paths"]?.object?.keys ?? []) && !paths.isEmpty)
        let properties = try Self.fields(definitions["io.k8s.api.core.v1.Pod"] ?? []).filter { $0.number == 25 }
        let pod = try Self.fields(definitions["io.k8s.api.core.v1.Pod"] ?? []).last { $0.number == 31 }
        let kinds = try Self.fields(Self.fields(pod?.bytes ?? []).last?.bytes ?? []).last
        #expect(try properties.count == 1 && Self.fields(properties[0].bytes).count == 5)
        #expect(String(decoding: kinds?.bytes ?? [], as: UTF8.self) == #"[{"group":"","kind":"Pod","version":"v1"}]"#)
    }

    private struct NotProtobuf: Error {}

    /// The length-delimited fields of a message; numbers are skipped.
    private static func fields(_ message: ArraySlice<UInt8>) throws -> [(number: Int, bytes: ArraySlice<UInt8>)] {
        var rest = message
        func varint() throws -> Int {
            var value = 0
            for shift in stride(from: 0, to: 35, by: 7) {
                guard let byte = rest.popFirst() else { throw NotProtobuf() }
                value |= Int(byte & 0x7f) << shift
                if byte < 0x80 { return value }
            }
            throw NotProtobuf()
        }
        var found: [(Int, ArraySlice<UInt8>)] = []
        while !rest.isEmpty {
            let tag = try varint()
            let count = try varint()
            guard tag & 7 == 2 else { continue }
            guard count <= rest.count else { throw NotProtobuf() }
            found.append((tag >> 3, rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return found
    }

    private func operations(_ document: JSON) -> [JSON] {
        (document["paths"]?.object ?? [:]).flatMap { path in
            (path.value.object ?? [:]).filter { $0.key != "parameters" }.map(\.value)
        }
    }

    private func visit(_ value: JSON, _ body: (String, JSON) -> Void) {
        switch value {
        case .object(let members):
            for member in members {
                body(member.key, member.value)
                visit(member.value, body)
            }
        case .array(let elements): for element in elements { visit(element, body) }
        default: break
        }
    }
}
