import Testing

@testable import AWSServices

@Suite("Filter patterns of CloudWatch Logs")
struct FilterPatternTests {
    private static let termCases: [(String, String, Bool)] = [
        ("", "anything", true), ("   ", "anything", true), ("ERROR", "[ERROR 400] BAD", true), ("error", "[ERROR 400] BAD", false),
        ("ERROR BAD", "[ERROR 400] BAD", true), ("ERROR GOOD", "[ERROR 400] BAD", false), ("\"400] BAD\"", "[ERROR 400] BAD", true),
        ("\"BAD 400\"", "[ERROR 400] BAD", false), ("?ERROR ?WARN", "a WARN", true), ("?ERROR ?WARN", "an INFO", false),
        ("ERROR -BAD", "[ERROR 400] BAD", false), ("ERROR -GOOD", "[ERROR 400] BAD", true), ("-\"BAD REQUEST\"", "BAD REQUEST", false),
        ("-BAD", "fine", true), ("ERROR ?WARN", "an ERROR", true), ("?WARN ERROR", "a WARN", false), ("\"a\\\"b\"", "a\"b", true),
        ("日本", "これは日本です", true),
    ]

    @Test("terms: all, any with ?, none with -, phrases in quotes, with case", arguments: termCases)
    func terms(pattern: String, message: String, matches: Bool) throws {
        #expect(try FilterPattern(pattern).matches(message) == matches)
    }

    private static let event = """
        {"user":{"username":"jane","groups":["a","b"]},"code":403,"ok":true,"none":null,"ip":"123.123.4.5","text":"404",\
        "annotations":{"authorization.k8s.io/decision":"forbid"},"items":[{"n":1},{"n":2}]}
        """

    private static let conditionCases: [(String, Bool)] = [
        ("{ $.user.username = \"jane\" }", true), ("{$.user.username=jane}", true), ("{ $.user.username = \"joe\" }", false),
        ("{ $.user.username != \"joe\" }", true), ("{ $.user.username = \"j*e\" }", true), ("{ $.user.username = *an* }", true),
        ("{ $.user.missing != \"joe\" }", false), ("{ $.user.missing = * }", false), ("{ $.code = 403 }", true),
        ("{ $.code = 403.0 }", true), ("{ $.code = 40* }", true), ("{ $.code != 404 }", true), ("{ $.code >= 400 && $.code < 500 }", true),
        ("{ $.code > 403 }", false), ("{ $.code <= 403 }", true), ("{ $.text = 404 }", true), ("{ $.text > 400 }", false),
        ("{ $.ip = 123.123.* }", true), ("{ $.ip != 123.123.* }", false), ("{ $.ok IS TRUE }", true), ("{ $.ok IS FALSE }", false),
        ("{ $.none IS NULL }", true), ("{ $.code IS NULL }", false), ("{ $.missing IS NULL }", false), ("{ $.missing NOT EXISTS }", true),
        ("{ $.code NOT EXISTS }", false), ("{ $.code EXISTS }", true), ("{ $.user.groups[1] = \"b\" }", true),
        ("{ $.user.groups[0] = \"b\" }", false), ("{ $.user.groups[*] = \"b\" }", true), ("{ $.items[*].n = 2 }", true),
        ("{ $.items[5].n = 2 }", false), ("{ $.annotations[\"authorization.k8s.io/decision\"] = \"forbid\" }", true),
        ("{ $.annotations['authorization.k8s.io/decision'] = forbid }", true),
        ("{ $.code = 1 || $.code = 2 && $.ok IS TRUE || $.code = 403 }", true),
        ("{ ($.code = 403 || $.code = 404) && ($.user.username = \"joe\") }", false),
        ("{ ($.code = 403 || $.code = 404) && ($.user.username = \"jane\") }", true),
    ]

    @Test("conditions on JSON", arguments: conditionCases)
    func conditions(pattern: String, matches: Bool) throws {
        #expect(try FilterPattern(pattern).matches(Self.event) == matches)
        #expect(try !FilterPattern(pattern).matches("no JSON"))
    }

    private static let refusedPatterns = [
        ("a:b", "Invalid character(s) in term 'a:b'"), ("a \"\"", "Invalid character(s) in term '\"\"'"),
        ("\"open", "Invalid filter pattern"),
        ("{ $.a }", "Invalid filter pattern"), ("{ a = 1 }", "Invalid filter pattern"), ("{ $.a = 1", "Invalid filter pattern"),
        ("{ $.a = 1 } x", "Invalid filter pattern"), ("{ ($.a = 1 }", "Invalid filter pattern"), ("{ $.a > b }", "Invalid filter pattern"),
        ("{ $.a IS b }", "Invalid filter pattern"), ("{ $.a[b] = 1 }", "Invalid filter pattern"), ("{}", "Invalid filter pattern"),
        ("[a, b]", "Invalid filter pattern"), ("%a%", "Invalid filter pattern"), ("?", "Invalid character(s) in term ''"),
        ("{ " + String(repeating: "(", count: 5000) + "$.a = 1", "Invalid filter pattern"),
    ]

    @Test("what is no pattern is refused in the service's words", arguments: refusedPatterns)
    func refused(pattern: String, message: String) {
        #expect { try FilterPattern(pattern) } throws: { "\($0)" == message }
    }
}
