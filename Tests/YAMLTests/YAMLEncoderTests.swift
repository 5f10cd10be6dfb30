import JSON
import Testing
import YAML

@Suite("JSON to YAML")
struct YAMLEncoderTests {
    @Test("a kubeconfig is laid out as kubectl lays it out")
    func kubeconfig() {
        let value: JSON = [
            "apiVersion": "v1", "clusters": [["cluster": ["server": "https://[::1]:6443", "insecure": false], "name": "a: b"]],
            "preferences": [:], "users": [["name": "u", "user": ["exec": ["args": ["--region", "r", "1"], "env": nil, "list": []]]]],
        ]
        let expected = """
            apiVersion: v1
            clusters:
            - cluster:
                server: https://[::1]:6443
                insecure: false
              name: 'a: b'
            preferences: {}
            users:
            - name: u
              user:
                exec:
                  args:
                  - --region
                  - r
                  - "1"
                  env: null
                  list: []

            """
        #expect(YAMLEncoder.encode(value) == expected)
    }

    @Test("every string reads back as itself, as value, key, list item and root")
    func roundTrip() throws {
        let strings = [
            "", " ", "a", "a b", " a", "a ", "true", "yes", "n", "null", "~", "1", "017", "0x1f", "1.5", "1e3", ".inf", "12:30:45",
            "2026-01-02",
            "-", "- a", "-a", "?", "? a", ":", ": a", ":a", "a:", "a: b", "a #b", "#a", "a#b", "&a", "*a", "!a", "|", ">", "'", "it's",
            "\"", "%", "@",
            "`", "[a]", "{a}", "a,b", "---", "--- a", "...", "<<", "=", "a\nb", "a\nb\n", "a\n\nb", "\na", " a\nb", "a\n b", "a\n \nb",
            "a\n\n", "\n",
            "a\tb", "\t", "a\rb", "\u{0}", "\u{1b}", "\u{7f}", "\u{85}", "\u{feff}a", "\u{2028}", "é", "日本", "😀", "\\", "\\n", "a\\\"b'",
            "arn:aws:iam::111122223333:role/r", String(repeating: "k", count: 2000), "#a\nb", "a: b\nc: d", "\u{10ffff}", "\u{fffe}",
        ]
        for string in strings {
            let value: JSON = [
                "v": .string(string), "l": [.string(string), [.string(string)]], "m": .object([string: ["x": .string(string)]]),
            ]
            let text = YAMLEncoder.encode(value)
            #expect(try YAMLDecoder.decode(text) == value, "\(text)")
            #expect(try YAMLDecoder.decode(YAMLEncoder.encode(.string(string))) == .string(string))
        }
    }

    @Test("scalars and nested lists read back")
    func values() throws {
        let values: [JSON] = [
            .null, true, 0, -5, .number("1.5"), [], [:], [[], [[]], [[1, 2], [3]]], ["a": [["b": [["c": 1], 2]], [:]]],
        ]
        for value in values { #expect(try YAMLDecoder.decode(YAMLEncoder.encode(value)) == value) }
    }
}
