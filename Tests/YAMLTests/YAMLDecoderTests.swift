import JSON
import Testing
import YAML

@Suite("YAML to JSON as Kubernetes reads it")
struct YAMLDecoderTests {
    /// Decodes and writes compact JSON; a refusal becomes its description.
    private func decoded(_ text: String, scalars: YAMLDecoder.Scalars = .kubernetes) -> String {
        do {
            let value = try YAMLDecoder.decode(text, scalars: scalars)
            return String(decoding: value.serialized(escaping: .minimal), as: UTF8.self)
        } catch { return error.description }
    }

    @Test(
        "plain scalars follow go-yaml v2",
        arguments: [
            ("true", "true"), ("yes", "true"), ("On", "true"), ("y", "true"), ("n", "false"), ("OFF", "false"), ("yEs", #""yEs""#),
            ("~", "null"), ("null", "null"), ("Null", "null"), ("nil", #""nil""#),
            ("0x1F", "31"), ("0o17", "15"), ("017", "15"), ("08", "8"), ("-0b11", "-3"), ("+7", "7"), ("1_000", "1000"), ("0x", #""0x""#),
            ("9223372036854775807", "9223372036854775807"), ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"), ("18446744073709551616", "18446744073709552000"),
            ("100000000000000000000000", "1e+23"),
            ("1.0", "1"), ("1.5", "1.5"), (".5", "0.5"), ("1e3", "1000"), ("-0.0", "-0"), ("1e-7", "1e-7"), ("1e400", #""1e400""#),
            ("-.5", "-0.5"), ("1.", "1"), (".", #"".""#), ("-", #"yaml: block sequence entries are not allowed in this context"#),
            ("12:30:45", #""12:30:45""#), ("2026-01-02", #""2026-01-02""#), ("2026-01-02T03:04:05Z", #""2026-01-02T03:04:05Z""#),
            (".inf", "yaml: line 1: json: unsupported value: .inf"), ("v1.2.3", #""v1.2.3""#), ("1.2.3", #""1.2.3""#),
            (#""true""#, #""true""#), ("'017'", #""017""#), ("!!str 017", #""017""#), ("!!int '5'", "5"), ("!!float 5", "5"),
            ("!thing 5", #""5""#), ("!!bool 5", "yaml: line 1: cannot decode `5` as a !!bool"),
            ("!!binary aGk=", "yaml: line 1: cannot decode `aGk=` as a !!binary"),
        ])
    func plainScalars(text: String, expected: String) {
        // A lone dash is a list of null, not an error, at the root; give scalars a key so that each is a value.
        #expect(decoded("a: " + text) == (expected.hasPrefix("yaml:") ? expected : #"{"a":"# + expected + "}"))
    }

    @Test("text scalars keep leading zeros, words and nulls as written")
    func textScalars() {
        #expect(
            decoded("- 012345678901\n- 111122223333\n- yes\n- ~\n- '5'", scalars: .text)
                == #"["012345678901","111122223333","yes","~","5"]"#)
        #expect(decoded("- 012345670123\n- 1.10") == "[1402433619,1.1]")
    }

    @Test(
        "documents and their refusals",
        arguments: [
            ("", "null"), ("# nothing\n", "null"), ("---\n---\na: 1\n", "null"), ("a: 1\n---\n: : :\n[", #"{"a":1}"#),
            ("{\"a\": [1, 2.50, \"x\"], \"b\": null}", #"{"a":[1,2.5,"x"],"b":null}"#),
            ("1: a\ntrue: b\n1.5: c\n0x10: d", #"{"1":"a","true":"b","1.5":"c","16":"d"}"#),
            ("null: a", "yaml: line 1: unsupported map key of type: null"),
            ("? [a]\n: b", "yaml: line 1: unsupported map key of type: sequence"),
            ("a: 1\nb: 2\na: 3", #"yaml: line 3: key "a" already set in map"#),
            ("1: a\n'1': b", #"yaml: line 2: key "1" already set in map"#),
            ("a: b: c", "yaml: mapping values are not allowed in this context"),
            ("a:\n\t- b", "yaml: line 2: found character that cannot start any token"),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", #"{"a":"x\ny\n","b":"x y"}"#),
            ("groups:\n- system:bootstrappers\n  - system:nodes", #"{"groups":["system:bootstrappers - system:nodes"]}"#),
        ])
    func documents(text: String, expected: String) { #expect(decoded(text) == expected) }

    @Test(
        "anchors, aliases and merge keys",
        arguments: [
            ("a: &x [1]\nb: *x", #"{"a":[1],"b":[1]}"#), ("&k a: 1\nb: *k", #"{"a":1,"b":"a"}"#),
            ("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3", #"{"a":{"p":1,"q":2},"b":{"p":1,"q":3}}"#),
            ("<<: [{a: 1, b: 1}, {b: 2, c: 2}]", #"{"b":1,"c":2,"a":1}"#), ("'<<': 1", #"{"<<":1}"#),
            ("<<: 1", "yaml: line 1: map merge requires map or sequence of maps as the value"),
            ("a: *x", "yaml: line 1: unknown anchor 'x' referenced"), ("a: &x [*x]", "yaml: line 1: anchor 'x' value contains itself"),
            ("a: &x 1\n---\nb: *x", #"{"a":1}"#),
        ])
    func aliases(text: String, expected: String) { #expect(decoded(text) == expected) }

    @Test("repeated keys take the last value when that is asked for")
    func lastWins() throws {
        #expect(try YAMLDecoder.decode("a: 1\nb: 2\na: 3", repeatedKeys: .lastWins) == ["a": 3, "b": 2])
    }

    @Test("all documents of a stream are read in order")
    func allDocuments() throws {
        #expect(try YAMLDecoder.decodeAll("a: 1\n---\n---\n- b\n...\n") == [["a": 1], .null, ["b"]])
        #expect(try YAMLDecoder.decodeAll("") == [])
        #expect(throws: YAMLError(.unknownAnchor("x"), line: 3)) { try YAMLDecoder.decodeAll("a: &x 1\n---\nb: *x") }
    }

    @Test("size, depth and alias expansion are limited")
    func limits() throws {
        let limits = YAMLDecoder.Limits(bytes: 100_000, depth: 20, aliasedValues: 1000)
        func reason(_ text: String) -> YAMLError.Reason? {
            do {
                _ = try YAMLDecoder.decode(text, limits: limits)
                return nil
            } catch { return error.reason }
        }
        #expect(reason(String(repeating: "a", count: 100_001)) == .tooLarge(limit: 100_000))
        #expect(reason(String(repeating: "[", count: 20) + String(repeating: "]", count: 20)) == nil)
        #expect(reason(String(repeating: "[", count: 21)) == .tooDeep(limit: 20))
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 { bomb += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n" }
        #expect(reason(bomb) == .tooManyAliasedValues(limit: 1000))
        var chain = "a0: &a0 [x]\n"
        for level in 1...20 { chain += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(reason(chain) == .tooDeep(limit: 20))
    }

    @Test("bytes that are not UTF-8, and characters that YAML bars, are refused")
    func badBytes() {
        for bytes: [UInt8] in [[0x61, 0x3A, 0x20, 0xFF], [0xC3], [0x61, 0x00], [0xED, 0xA0, 0x80]] {
            #expect(throws: YAMLError.self) { try YAMLDecoder.decode(bytes) }
        }
    }

    @Test("an aws-auth section reads as its list of entries")
    func awsAuth() {
        let text = """
            - groups:
              - system:bootstrappers
              - system:nodes
              rolearn: arn:aws:iam::111122223333:role/node
              username: system:node:{{EC2PrivateDNSName}}
            """
        let expected = #"[{"groups":["system:bootstrappers","system:nodes"],"rolearn":"arn:aws:iam::111122223333:role/node","#
        #expect(decoded(text) == expected + #""username":"system:node:{{EC2PrivateDNSName}}"}]"#)
    }
}
