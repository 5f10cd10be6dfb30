import JSON
import Testing

@testable import KubeAPI

/// Field sets as FieldsV1 writes them.
@Suite struct FieldSetTests {
    private func set(_ text: String) throws -> FieldSet { try #require(FieldSet(fieldsV1: JSON(parsing: text))) }

    @Test("elements come in FieldsV1's order, numbers by their size, whatever a client wrote")
    func order() throws {
        let sent =
            #"{"f:b":{},"f:a":{"k:{\"port\":443}":{},"k:{ \"port\": 80 }":{".":{}},"k:{\"port\":8080}":{}},"f:c":{"v:\"b\"":{},"v:\"a\"":{},"v:\"a-b\"":{}}}"#
        let written =
            #"{"f:a":{"k:{\"port\":80}":{},"k:{\"port\":443}":{},"k:{\"port\":8080}":{}},"f:b":{},"f:c":{"v:\"a\"":{},"v:\"a-b\"":{},"v:\"b\"":{}}}"#
        #expect(try set(sent).fieldsV1.text == written)
    }

    @Test("what is no path element is no set", arguments: [#"{"x:a":{}}"#, #"{"k:a":{}}"#, #"{"i:x":{}}"#, #"{"f:a":1}"#, "[]"])
    func refusals(_ text: String) throws { #expect(FieldSet(fieldsV1: try JSON(parsing: text)) == nil) }

    @Test("union, intersection and difference look at members, exclusion at all below them")
    func algebra() throws {
        let left = try set(#"{"f:a":{".":{},"f:b":{},"f:c":{}},"f:d":{}}"#)
        let right = try set(#"{"f:a":{".":{},"f:b":{}},"f:e":{}}"#)
        #expect(left.union(right).fieldsV1.text == #"{"f:a":{".":{},"f:b":{},"f:c":{}},"f:d":{},"f:e":{}}"#)
        #expect(left.intersection(right).fieldsV1.text == #"{"f:a":{".":{},"f:b":{}}}"#)
        #expect(left.subtracting(right).fieldsV1.text == #"{"f:a":{"f:c":{}},"f:d":{}}"#)
        #expect(left.excluding(right).fieldsV1.text == #"{"f:d":{}}"#)
    }

    @Test("paths are shown as conflicts name them")
    func paths() throws {
        var shown: [String] = []
        try set(#"{"f:a":{"k:{\"name\":\"x\",\"port\":80}":{"f:v":{}},"v:\"s\"":{}}}"#).forEach { shown.append($0.map(\.shown).joined()) }
        #expect(shown == [#".a[="s"]"#, #".a[name="x",port=80].v"#])
    }
}
