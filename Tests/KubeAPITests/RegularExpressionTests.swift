import KubeAPI
import Testing

@Suite("Regular expressions of RE2")
struct RegularExpressionTests {
    @Test(
        "match as Go's regexp does",
        arguments: [
            ("^[a-z]+$", "abc", true), ("^[a-z]+$", "abC", false), ("b", "abc", true), ("^$", "", true), ("a|bc|", "x", true),
            ("^(a|bc)$", "bc", true), ("^a{2,3}$", "aaaa", false), ("^a{2,}$", "aaaa", true), ("^a{2}$", "aa", true),
            ("a{,2}", "a{,2}", true),
            ("^\\d{3}-\\w+\\s$", "123-a_b\n", true), ("^[^\\d]$", "x", true), ("^[\\]a-]+$", "]a-", true), ("^[[:alpha:]]+$", "aZ", true),
            ("^.$", "\n", false), ("(?s)^.$", "\n", true), ("(?i)^hello$", "HeLLo", true), ("(?m)^b$", "a\nb\nc", true),
            ("\\bcat\\b", "a cat.", true),
            ("\\Bcat", "cat", false), ("^\\x41\\x{1F600}$", "A😀", true), ("^\\p{Lu}\\pL$", "Éa", true), ("^\\Qa.b\\E$", "a.b", true),
            ("^(?P<name>x)(?:y)?$", "xy", true), ("^(a+)+?$", "aaaa", true), ("^é$", "é", true), ("^[+-]?[0-9.]+$", "-1.5", true),
            ("^([a-z0-9]([-a-z0-9]*[a-z0-9])?\\.)+[a-z]{2,}$", "a-1.example.com", true),
        ])
    func matches(pattern: String, text: String, expected: Bool) throws {
        #expect(try RegularExpression(pattern).matches(text) == expected)
    }

    @Test(
        "find the leftmost match that the pattern prefers",
        arguments: [
            ("a+", "baaab aa", ["aaa", "aa"]), ("a+?", "aaa", ["a", "a", "a"]), ("a|ab", "ab", ["a"]), ("ab|a", "ab", ["ab"]),
            ("^[^/]+", "a.b/c/d", ["a.b"]), ("x*", "axb", ["", "x", ""]), ("(?:ab)*c", "ababcc", ["ababc", "c"]), ("z", "abc", []),
            ("a??b", "ab", ["ab"]), ("\\d{2,3}?", "12345", ["12", "34"]),
        ])
    func finds(pattern: String, text: String, expected: [String]) throws {
        #expect(try RegularExpression(pattern).allMatches(in: text) == expected)
    }

    @Test(
        "are refused in the words of regexp/syntax",
        arguments: [
            ("(", "missing closing ): `(`"), ("a)", "unexpected ): `a)`"), ("*a", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"), ("[a", "missing closing ]: `[a`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("a{1001}", "invalid repeat count: `{1001}`"), ("a{3,2}", "invalid repeat count: `{3,2}`"),
            ("\\q", "invalid escape sequence: `\\q`"),
            ("a\\", "trailing backslash at end of expression: ``"), ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("((a{1000}){1000}){1000}", "expression too large: `((a{1000}){1000}){1000}`"),
            (String(repeating: "(", count: 5000), "expression nests too deeply: `\(String(repeating: "(", count: 5000))`"),
        ])
    func refusals(pattern: String, message: String) {
        #expect(throws: RegularExpression.ParseError.self) { try RegularExpression(pattern) }
        do { _ = try RegularExpression(pattern) } catch { #expect("\(error)" == "error parsing regexp: \(message)") }
    }

    @Test(
        "take time in proportion to the text, whatever the pattern", .timeLimit(.minutes(60)),
        arguments: ["^(a+)+$", "(a|aa)*b", "^(a?){50}a{50}c"])
    func hostile(pattern: String) throws {
        #expect(try !RegularExpression(pattern).matches(String(repeating: "a", count: 500) + "!"))
    }
}
