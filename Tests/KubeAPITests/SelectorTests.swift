import Foundation
import JSON
import KubeAPI
import Testing

/// Selectors against what a real 1.36.2 server answered, and against the rules of `labels.Parse` and `fields.ParseSelector`.
@Suite struct SelectorTests {
    private static let cases: JSON = {
        let file = URL(filePath: #filePath).appending(path: "../../../Fixtures/selector-cases.json").standardized
        return (try? JSON(parsing: [UInt8](Data(contentsOf: file)))) ?? .null
    }()

    @Test("label selectors select and are refused as on a real server")
    func recordedLabelSelectors() {
        var differences: [String] = []
        let rows = Self.cases["label"]?.array ?? []
        for row in rows {
            let text = row["selector"]?.string ?? ""
            let actual: JSON
            do throws(SelectorError) {
                let selector = try LabelSelector(parsing: text)
                actual = names("/pods") { selector.matches($0.at("metadata", "labels")?.object) }
            } catch { actual = .string(error.message) }
            if actual != row["names"] ?? row["message"] { differences.append("\(text): \(actual)") }
        }
        #expect(rows.count == 25 && differences.isEmpty, "\(rows.count) \(differences)")
    }

    @Test("field selectors select and are refused as on a real server, for each resource")
    func recordedFieldSelectors() throws {
        var differences: [String] = []
        let rows = Self.cases["field"]?.array ?? []
        for row in rows {
            let resource = try #require(
                ResourceTable.builtin.lookup(
                    group: row["group"]?.string ?? "", version: row["version"]?.string ?? "", resource: row["resource"]?.string ?? ""))
            let text = row["selector"]?.string ?? ""
            let actual = answer(text, resource)
            if actual != row["names"] ?? row["message"] { differences.append("\(resource.qualifiedName) \(text): \(actual)") }
        }
        #expect(rows.count == 56 && differences.isEmpty, "\(rows.count) \(differences)")
    }

    private func names(_ place: String, _ isSelected: (JSON) -> Bool) -> JSON {
        let objects = Self.cases.at("objects", place)?.array ?? []
        return .array(objects.filter(isSelected).compactMap { $0.at("metadata", "name") })
    }

    private func answer(_ text: String, _ resource: ResourceType) -> JSON {
        let fields = SelectableFields.of(resource)
        do throws(SelectorError) {
            let selector = try FieldSelector(parsing: text)
            for requirement in selector.requirements where fields[requirement.field] == nil {
                return .string(SelectableFields.refusal(requirement.field, resource))
            }
            return names("\(resource.group)/\(resource.resource)") { object in
                selector.matches { field in
                    guard let value = object.value(at: fields[field] ?? []) else { return SelectableFields.absent(field) }
                    return value.string ?? value.integer.map(String.init) ?? ""
                }
            }
        } catch { return .string(error.message) }
    }

    @Test(
        "the parser's refusals are those of labels.Parse",
        arguments: [
            ("a==!b", "unable to parse requirement: found '!', expected: identifier"),
            ("a in (b,=", "unable to parse requirement: found '=', expected: ',', or identifier"),
            ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
            ("a in", "unable to parse requirement: found '' expected: '('"),
            ("!", "unable to parse requirement: found '', expected: identifier"),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
            ("a,\r\n", "found '', expected: identifier after ','"),
            ("a\0b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ])
    func refusals(_ text: String, _ message: String) {
        #expect(throws: SelectorError.malformed(message)) { try LabelSelector(parsing: text) }
    }

    @Test("every wrong value of a requirement is named")
    func severalRefusals() {
        let problem =
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            + "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            + "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        let message =
            "unable to parse requirement: [values[0][a]: Invalid value: \"-x\": \(problem), values[2][a]: Invalid value: \"y-\": \(problem)]"
        #expect(throws: SelectorError.malformed(message)) { try LabelSelector(parsing: "a in (y-,-x,x)") }
    }

    @Test("a selector's canonical text has requirements by key and values in order")
    func canonicalText() throws {
        let texts = [
            "x in (c,a,,b), !e , d , k=v,j==v,i!=v,h>1,g<2,f notin (q)": "d,!e,f notin (q),g<2,h>1,i!=v,j==v,k=v,x in (,a,b,c)",
            "in in (in,notin)": "in in (in,notin)", "  ": "", "a=": "a=", "a\r\n=\tb": "a=b",
        ]
        for (text, canonical) in texts { #expect(try LabelSelector(parsing: text).description == canonical) }
    }

    @Test("a LabelSelector object selects as its expressions say")
    func labelSelectorObject() throws {
        let selector = try LabelSelector(labelSelectorObject: [
            "matchLabels": ["app": "web"],
            "matchExpressions": [
                ["key": "tier", "operator": "In", "values": ["1", "2"]], ["key": "zone", "operator": "NotIn", "values": ["z"]],
                ["key": "up", "operator": "Exists"], ["key": "down", "operator": "DoesNotExist"],
            ],
        ])
        #expect(selector.description == "app=web,!down,tier in (1,2),up,zone notin (z)")
        #expect(selector.matches(["app": "web", "tier": "2", "up": ""]))
        #expect(!selector.matches(["app": "web", "tier": "2", "up": "", "zone": "z"]))
        #expect(!selector.matches(nil))
        #expect(try LabelSelector(labelSelectorObject: [:]).isEmpty && LabelSelector(nil) == nil)
    }

    @Test("a LabelSelector object with a wrong expression is refused")
    func wrongLabelSelectorObject() {
        let cases: [(JSON, String)] = [
            (["key": "a", "operator": "Is"], "\"Is\" is not a valid label selector operator"),
            (["key": "a", "operator": "In"], "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"),
            (
                ["key": "a", "operator": "Exists", "values": ["b"]],
                "values: Invalid value: [\"b\"]: values set must be empty for exists and does not exist"
            ),
        ]
        for (expression, message) in cases {
            #expect(throws: SelectorError.malformed(message)) { try LabelSelector(labelSelectorObject: ["matchExpressions": [expression]]) }
        }
    }

    @Test("values of field selectors are unescaped, and wrong escapes are refused")
    func fieldEscapes() throws {
        #expect(
            try FieldSelector(parsing: "b=2,a!=1\\,\\=\\\\,,").requirements.map { "\($0.field) \($0.value) \($0.isNegated)" } == [
                "a 1,=\\ true", "b 2 false",
            ])
        let refusals = [
            "a=b=c": "invalid field selector: unescaped character in value: 61",
            "a=\\x": "invalid field selector: invalid escape sequence: \\x",
            "a=\\": "invalid field selector: invalid escape sequence: \\",
            "b,a": "invalid selector: 'b,a'; can't understand 'a'",
        ]
        for (text, message) in refusals { #expect(throws: SelectorError.malformed(message)) { try FieldSelector(parsing: text) } }
    }

    @Test("a cluster-wide resource without fields of its own accepts metadata.namespace, which is empty")
    func namespaceOfClusterWideResources() throws {
        let roles = try #require(ResourceTable.builtin.lookup(group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterroles"))
        let nodes = try #require(ResourceTable.builtin.lookup(group: "", version: "v1", resource: "nodes"))
        #expect(SelectableFields.of(roles)["metadata.namespace"] != nil && SelectableFields.of(nodes)["metadata.namespace"] == nil)
    }
}
