import JSON
import Testing

@Suite("Parsing JSON")
struct JSONParserTests {
    @Test(
        "bytes that are no UTF-8 are refused, or become U+FFFD each where Go's reading is wanted",
        arguments: [([0xFF], 1), ([0xE2, 0x82], 2), ([0xC0, 0x80], 2), ([0xF0, 0x9F, 0x98, 0x41], 3)] as [([UInt8], Int)])
    func repairs(bytes: [UInt8], count: Int) throws {
        let document = [0x22] + bytes + [0x22]
        #expect(throws: JSONError.self) { try JSON(parsing: document) }
        let text = try JSON(parsing: document, limits: JSON.Limits(repairsStrings: true)).string ?? ""
        #expect(text.unicodeScalars.filter { $0 == "\u{FFFD}" }.count == count)
        let escaped = try JSON(parsing: [0x22, 0x5C, 0x6E] + bytes + [0x22], limits: JSON.Limits(repairsStrings: true)).string
        #expect(escaped == "\n" + text)
    }

    /// Parses and writes again; a refusal becomes reason and position.
    private func outcome(_ text: String) -> String {
        do { return try JSON(parsing: text).serialized(escaping: .minimal).text } catch {
            return "\(error.reason) \(error.line):\(error.column)"
        }
    }

    @Test(
        "documents of RFC 8259 are read without loss",
        arguments: [
            ("null", "null"), (" \t\r\n true \n", "true"), ("false", "false"), (#""""#, #""""#), ("[]", "[]"), ("{}", "{}"), ("[ ]", "[]"),
            ("{ }", "{}"), ("[1,[2,[3]],{}]", "[1,[2,[3]],{}]"), (#"{"a":{"b":[{"c":null}]},"d":[]}"#, #"{"a":{"b":[{"c":null}]},"d":[]}"#),
            (#"{"b":1,"a":2}"#, #"{"b":1,"a":2}"#), ("[0,-1,9223372036854775807]", "[0,-1,9223372036854775807]"),
            ("-9223372036854775808", "-9223372036854775808"), ("9223372036854775808", "9223372036854775808"),
            ("123456789012345678901234567890", "123456789012345678901234567890"), ("-0", "-0"), ("1.50", "1.50"), ("1E+2", "1E+2"),
            ("-0.0e-0", "-0.0e-0"), ("1e400", "1e400"), (#""\"\\\/\b\f\n\r\t""#, #""\"\\/\b\f\n\r\t""#),
            (#""\u0041\u00e9\u65e5""#, "\"Aé日\""),
            (#""\ud83d\ude00""#, "\"😀\""), (#""\ud83d""#, "\"\u{FFFD}\""), (#""\ud83dx""#, "\"\u{FFFD}x\""), (#""\ude00""#, "\"\u{FFFD}\""),
            (#""\ud83d\ud83d\ude00""#, "\"\u{FFFD}😀\""), (#""\ud83d\n""#, #""\#u{FFFD}\n""#), (#""\u0000""#, #""\u0000""#),
            ("\"\u{7F}é日😀\"", "\"\u{7F}é日😀\""),
        ])
    func accepted(text: String, expected: String) { #expect(outcome(text) == expected) }

    @Test(
        "what is no JSON is refused, with the place",
        arguments: [
            ("", "unexpectedEnd 1:1"), ("  ", "unexpectedEnd 1:3"), ("nul", "unexpectedEnd 1:4"), ("nulL", "unexpectedByte(76) 1:4"),
            ("truex", "trailingData 1:5"), ("1 2", "trailingData 1:3"), ("{} ,", "trailingData 1:4"), ("[1,]", "unexpectedByte(93) 1:4"),
            ("[,1]", "unexpectedByte(44) 1:2"), ("[1 2]", "unexpectedByte(50) 1:4"), ("[", "unexpectedEnd 1:2"),
            ("[1", "unexpectedEnd 1:3"),
            ("]", "unexpectedByte(93) 1:1"), ("[1}", "unexpectedByte(125) 1:3"), ("{\"a\":1]", "unexpectedByte(93) 1:7"),
            ("{", "unexpectedEnd 1:2"),
            ("{\"a\"}", "unexpectedByte(125) 1:5"), ("{\"a\":}", "unexpectedByte(125) 1:6"), ("{\"a\":1,}", "unexpectedByte(125) 1:8"),
            ("{a:1}", "unexpectedByte(97) 1:2"), ("{1:1}", "unexpectedByte(49) 1:2"),
            ("{\n \"a\": 1,\n \"b\" 2\n}", "unexpectedByte(50) 3:6"),
            ("01", "invalidNumber 1:2"), ("-", "invalidNumber 1:2"), ("-a", "invalidNumber 1:2"), ("1.", "invalidNumber 1:3"),
            (".5", "unexpectedByte(46) 1:1"), ("1e", "invalidNumber 1:3"), ("1e+", "invalidNumber 1:4"), ("+1", "unexpectedByte(43) 1:1"),
            ("0x1", "trailingData 1:2"), ("NaN", "unexpectedByte(78) 1:1"), ("'a'", "unexpectedByte(39) 1:1"), ("\"a", "unexpectedEnd 1:3"),
            ("\"a\nb\"", "invalidString 1:3"), ("\"\\x\"", "invalidEscape 1:3"), ("\"\\u12\"", "invalidEscape 1:6"),
            ("\"\\u12", "unexpectedEnd 1:6"),
            ("\"\\u00g0\"", "invalidEscape 1:6"), ("\"\\", "unexpectedEnd 1:3"), ("\u{FEFF}1", "unexpectedByte(239) 1:1"),
            ("[1,\u{0}]", "unexpectedByte(0) 1:4"),
            ("/**/1", "unexpectedByte(47) 1:1"), ("1\u{0}", "trailingData 1:2"),
        ])
    func refused(text: String, expected: String) { #expect(outcome(text) == expected) }

    @Test(
        "refusals have the words of Go's encoding/json",
        arguments: [
            ("", "unexpected end of JSON input"), ("{\"a\":", "unexpected end of JSON input"), ("1.", "unexpected end of JSON input"),
            ("xyz", "invalid character 'x' looking for beginning of value"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("{\"a\"}", "invalid character '}' after object key"), ("{\"a\":1 \"b\"", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"), ("{}}", "invalid character '}' after top-level value"),
            ("01", "invalid character '1' after top-level value"), ("[01]", "invalid character '1' after array element"),
            ("nulL", "invalid character 'L' in literal null (expecting 'l')"), ("-a", "invalid character 'a' in numeric literal"),
            ("1.a", "invalid character 'a' after decimal point in numeric literal"),
            ("1ea", "invalid character 'a' in exponent of numeric literal"),
            ("\"\n\"", #"invalid character '\n' in string literal"#), (#""\x""#, "invalid character 'x' in string escape code"),
            (#""\u00g""#, #"invalid character 'g' in \u hexadecimal character escape"#),
            ("'", #"invalid character '\'' looking for beginning of value"#),
            ("\u{0}", #"invalid character '\x00' looking for beginning of value"#),
            ("\u{e9}", "invalid character 'Ã' looking for beginning of value"),
        ])
    func goMessages(text: String, expected: String) {
        do { Issue.record("\(try JSON(parsing: text)) was accepted") } catch { #expect(error.goMessage == expected) }
    }

    @Test("strings that are not UTF-8 are refused, in values and names, short and long, escaped and not")
    func invalidUTF8() {
        let bad: [[UInt8]] = [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]]
        for bytes in bad {
            for prefix in ["", "a", "abcdefghijklmnopqrstuvwxyz", "\\n"] {
                let string = Array("\"\(prefix)".utf8) + bytes + Array("\"".utf8)
                for document in [string, Array("{".utf8) + string + Array(":1}".utf8)] {
                    #expect(throws: JSONError.self) { try JSON(parsing: document) }
                }
            }
        }
    }

    @Test(
        "repeated names are told by Kubernetes' paths, and the last value counts in the first place",
        arguments: [
            (#"{"a":1,"b":2,"a":3}"#, ["a"], #"{"a":3,"b":2}"#),
            (
                #"{"spec":{"ports":[{"name":"x"},{"name":"a","name":"b"}]}}"#, ["spec.ports[1].name"],
                #"{"spec":{"ports":[{"name":"x"},{"name":"b"}]}}"#
            ),
            (#"[[0,{"a":[1,[{"k":1,"k":2}]]}]]"#, ["[0][1].a[1][0].k"], #"[[0,{"a":[1,[{"k":2}]]}]]"#),
            (#"{"a":1,"a":2,"a":3,"\u0061":4}"#, ["a"], #"{"a":4}"#), (#"{"\u0062":1,"b":2}"#, ["b"], #"{"b":2}"#),
            (#"{"a":{"x":1,"x":2},"a":{"x":3,"x":4}}"#, ["a.x", "a"], #"{"a":{"x":4}}"#),
            ("{\"e\u{301}\":1,\"\u{e9}\":2}", [], "{\"e\u{301}\":1,\"\u{e9}\":2}"),
        ])
    func duplicates(text: String, paths: [String], expected: String) throws {
        var found: [String] = []
        let value = try JSON.parse(Array(text.utf8), duplicates: &found)
        #expect(found == paths)
        #expect(value.text == expected)
    }

    @Test("objects of every size keep their members, repeated or not, beside and inside other large objects")
    func largeObjects() throws {
        for count in [1, 15, 16, 17, 18, 40, 3000] {
            let members = (0..<count).map { "\"key\($0)\":\($0)" }.joined(separator: ",")
            let text = "{\(members),\"in\":{\(members),\"key0\":-1},\"out\":{\(members)},\"key\(count - 1)\":-2}"
            var found: [String] = []
            let value = try JSON.parse(Array(text.utf8), duplicates: &found)
            #expect(found == ["in.key0", "key\(count - 1)"])
            #expect(value.object?.count == count + 2 && value["in"]?.object?.count == count && value["out"]?.object?.count == count)
            #expect(value["in"]?["key0"] == -1 && value["key\(count - 1)"] == -2)
            #expect((0..<count).allSatisfy { value["out"]?["key\($0)"] == .integer(Int64($0)) })
        }
    }

    @Test("size and depth are limited")
    func limits() throws {
        func reason(_ text: String, _ limits: JSON.Limits) -> JSONError.Reason? {
            do {
                _ = try JSON(parsing: text, limits: limits)
                return nil
            } catch { return error.reason }
        }
        #expect(reason("[1]", JSON.Limits(bytes: 3)) == nil)
        #expect(reason("[12]", JSON.Limits(bytes: 3)) == .tooLarge(limit: 3))
        #expect(reason("[[1]]", JSON.Limits(depth: 2)) == nil)
        #expect(reason(#"[{"a":[]}]"#, JSON.Limits(depth: 2)) == .tooDeep(limit: 2))
        #expect(reason(String(repeating: "[", count: 1_000_000), JSON.Limits()) == .tooDeep(limit: 512))
    }

    @Test("long names are read right whether they are well known, met before, or alike")
    func longNames() throws {
        let names = [
            "terminationGracePeriodSeconds", "terminationGracePeriodSecondz", "abcdefghXXXXXXXXijklmnop", "abcdefghYYYYYYYYijklmnop",
            "0123456789abcdef",
        ]
        let object = "{" + names.map { "\"\($0)\":\"\($0)\"" }.joined(separator: ",") + "}"
        let value = try JSON(parsing: "[\(object),\(object)]")
        for element in value.array ?? [] {
            #expect(element.object?.keys == names)
            #expect(element.object?.allSatisfy { $0.value == .string($0.key) } == true)
        }
    }
}

extension [UInt8] {
    fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
