import JSON
import KubeAPI
import Testing

@Suite("Rules of custom resources (CEL)")
struct CustomResourceRuleTests {
    private static let list: JSON = ["type": "array", "items": ["type": "integer"], "maxItems": 20]
    private static let map: JSON = ["type": "object", "additionalProperties": ["type": "string", "maxLength": 9], "maxProperties": 9]
    private static let text: JSON = ["type": "string", "maxLength": 99]
    private static let number: JSON = ["type": "integer"]
    private static let object: JSON = [
        "type": "object",
        "properties": [
            "a": ["type": "integer"], "b-c": ["type": "string"], "in": ["type": "boolean"], "t": ["type": "string", "format": "date-time"],
            "d": ["type": "string", "format": "duration"], "r": ["type": "number"], "u": ["x-kubernetes-int-or-string": true],
            "keyed": [
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "maxItems": 5,
                "items": ["type": "object", "required": ["k"], "properties": ["k": ["type": "string"], "n": ["type": "integer"]]],
            ], "set": ["type": "array", "x-kubernetes-list-type": "set", "maxItems": 5, "items": ["type": "string", "maxLength": 9]],
        ],
    ]

    private static func ruled(_ schema: JSON, _ rule: String, _ more: JSON = [:]) -> JSON {
        var entry = more
        entry["rule"] = .string(rule)
        var schema = schema
        schema["x-kubernetes-validations"] = [entry]
        return schema
    }

    @Test(
        "that hold",
        arguments: [
            (number, "self + 2 * 3 == 10 && self % 3 == 1 && -self < 0", 4), (number, "self in [1, 2, 4]", 4),
            (number, "self > 3 ? true : self / 0 == 1", 4), (number, "true || self / 0 == 1", 4), (number, "self / 0 == 1 || true", 4),
            (number, "double(self) == 4.0 && string(self) == '4' && int('4') == self && type(self) == int", 4),
            (text, "self.size() == 5 && size(self) == 5 && self.startsWith('h') && self.endsWith('o') && self.contains('ell')", "hello"),
            (text, "self.matches('^h.*o$') && !self.matches('^e')", "hello"),
            (text, "self.upperAscii() == 'HELLO' && self.replace('l', 'L', 1) == 'heLlo' && self.indexOf('l') == 2", "hello"),
            (text, "self.split(',').map(x, x.trim()).join('-') == 'a-b-c' && self.substring(1, 2) == ','", "a, b, c"),
            (
                text, "'%s-%d'.format([self, 3]) == 'hello-3' && self.find('l+') == 'll' && 'a1b22'.findAll('[0-9]+') == ['1', '22']",
                "hello"
            ),
            (text, "self.find('^([^/]+)').endsWith('k8s.aws') && !self.find('x').startsWith('x')", "karpenter.k8s.aws/size"),
            (text, "self + '!' == \"hello!\" && self < 'help' && r'\\d' == '\\\\d' && '\\u0041' == 'A'", "hello"),
            (list, "self.all(x, x > 0) && self.exists(x, x == 3) && self.exists_one(x, x > 2)", [1, 2, 3]),
            (list, "self.filter(x, x > 1).size() == 2 && self.map(x, x > 1, x * 2) == [4, 6] && self[0] == 1", [1, 2, 3]),
            (list, "self.isSorted() && self.sum() == 6 && self.max() == 3 && self.min() == 1 && self.indexOf(2) == 1", [1, 2, 3]),
            (list, "sets.contains(self, [1, 2]) && sets.intersects(self, [3, 9]) && !sets.equivalent(self, [1])", [1, 2, 3]),
            (map, "self.all(k, self[k] != '') && 'a' in self && has(self.a) && !has(self.z) && self.size() == 2", ["a": "1", "b": "2"]),
            (map, "self.?z.orValue('none') == 'none' && self[?'a'].hasValue()", ["a": "1", "b": "2"]),
            (object, "self.a == 1 && self.b__dash__c == 'x' && self.__in__ && !has(self.t)", ["a": 1, "b-c": "x", "in": true]),
            (object, "self.t > timestamp('2020-01-01T00:00:00Z') && self.t.getFullYear() == 2024", ["t": "2024-05-06T07:08:09Z"]),
            (
                object,
                "self.t.getHours('Europe/Berlin') == 9 && self.t.getHours('America/New_York') == 3 && self.t.getHours('+05:30') == 12",
                ["t": "2024-05-06T07:08:09Z"]
            ),
            (object, "self.t.getHours('Europe/Berlin') == 8 && self.t.getHours('Asia/Tokyo') == 16", ["t": "2024-01-06T07:08:09Z"]),
            (object, "self.d == duration('90m') && self.d.getHours() == 1 && self.d + duration('30m') == duration('2h')", ["d": "1h30m"]),
            (object, "self.r * 2.0 == 3.0 && self.r > 1", ["r": .number("1.5")]),
            (object, "type(self.u) == string ? self.u == '50%' : self.u > 3", ["u": 5]),
            (object, "self.keyed.exists(e, e.k == 'x' && e.n == 1)", ["keyed": [["k": "x", "n": 1]]]),
            (object, "self.set == ['b', 'a'] && (self.set + ['a', 'c']).size() == 3", ["set": ["a", "b"]]),
            (object, "{'x': 1}.x == 1 && [1, 2].size() == 2 && dyn(self.a) == 1", ["a": 1]),
        ] as [(JSON, String, JSON)])
    func holds(schema: JSON, rule: String, value: JSON) throws {
        let ruled = Self.ruled(schema, rule)
        #expect(DefinitionValidation.problems(Widgets.definition([Widgets.version(v: ruled)])).map { "\($0)" } == [])
        #expect(try Widgets.problems(ruled, value) == [])
    }

    @Test(
        "that are broken, in the server's words",
        arguments: [
            (number, "self > 5", [:], 4, "spec.v: Invalid value: 4: failed rule: self > 5"),
            (text, "self == 'x'", ["message": " not x "], "y", "spec.v: Invalid value: \"y\": not x"),
            (list, "self.size() > 3", [:], [1], "spec.v: Invalid value: failed rule: self.size() > 3"),
            (number, "1 / self == 1", [:], 0, "spec.v: Invalid value: \"integer\": division by zero evaluating rule: 1 / self == 1"),
            (list, "self[9] == 1", [:], [1], "spec.v: Invalid value: \"array\": index out of bounds: 9 evaluating rule: self[9] == 1"),
            (object, "self.a == 1", ["message": "m"], [:], "spec.v: Invalid value: \"object\": no such key: a evaluating rule: m"),
            (
                object, "self.a == 1", ["reason": "FieldValueForbidden", "fieldPath": ".a"], ["a": 2],
                "spec.v.a: Forbidden: failed rule: self.a == 1"
            ),
            (object, "self.a == 1", ["reason": "FieldValueRequired", "message": "want 1"], ["a": 2], "spec.v: Required value: want 1"),
            (number, "self > 5", ["messageExpression": "'is ' + string(self)"], 4, "spec.v: Invalid value: 4: is 4"),
            (number, "self > 5", ["messageExpression": "string(1 / self)", "message": "zero"], 0, "spec.v: Invalid value: 0: zero"),
        ] as [(JSON, String, JSON, JSON, String)])
    func broken(schema: JSON, rule: String, more: JSON, value: JSON, message: String) throws {
        #expect(try Widgets.problems(Self.ruled(schema, rule, more), value) == [message])
    }

    @Test("are not asked about what did not change, nor is its form")
    func ratcheting() throws {
        let positive = Self.ruled(["type": "integer", "maximum": 9], "self > 0", ["message": "positive"])
        let pair: JSON = ["type": "object", "properties": ["a": positive, "b": ["type": "integer"]]]
        #expect(try Widgets.problems(pair, ["a": -1, "b": 2], old: ["a": -1, "b": 1]) == [])
        #expect(try Widgets.problems(pair, ["a": 10, "b": 2], old: ["a": 10, "b": 1]) == [])
        #expect(try Widgets.problems(pair, ["a": -2], old: ["a": -1]) == ["spec.v.a: Invalid value: -2: positive"])
        #expect(try Widgets.problems(pair, ["a": 11], old: ["a": 10]).count == 1)
    }

    @Test("of changes are asked on updates only, and of list elements with the same keys")
    func transitions() throws {
        let kept = Self.ruled(Self.number, "self >= oldSelf", ["message": "only up"])
        #expect(try Widgets.problems(kept, 1) == [])
        #expect(try Widgets.problems(kept, 2, old: 1) == [])
        #expect(try Widgets.problems(kept, 1, old: 2) == ["spec.v: Invalid value: 1: only up"])
        let first = Self.ruled(Self.number, "oldSelf.hasValue() || self == 1", ["optionalOldSelf": true, "message": "begin at 1"])
        #expect(try Widgets.problems(first, 2) == ["spec.v: Invalid value: 2: begin at 1"])
        #expect(try Widgets.problems(first, 2, old: 1) == [])
        let list: JSON = [
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "maxItems": 5,
            "items": ["type": "object", "required": ["k"], "properties": ["k": ["type": "string"], "n": kept]],
        ]
        let old: JSON = [["k": "a", "n": 1], ["k": "b", "n": 5]]
        #expect(
            try Widgets.problems(list, [["k": "b", "n": 4], ["k": "a", "n": 1]], old: old) == ["spec.v[0].n: Invalid value: 4: only up"])
    }

    @Test(
        "that no value could follow are refused when they are written",
        arguments: [
            (object, "self.zz == 1", "undefined field 'zz'", 5), (number, "self.a", "type 'int' does not support field selection", 5),
            (text, "self + 1 == 2", "found no matching overload for '_+_' applied to '(string, int)'", 6),
            (text, "self.size(1) == 1", "found no matching overload for 'size' applied to 'string.(int)'", 10),
            (number, "other == 1", "undeclared reference to 'other' (in container '')", 1),
            (number, "frob(self)", "undeclared reference to 'frob' (in container '')", 5),
            (number, "self.all(x, x)", "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)", 1),
            (
                number, "self ==",
                "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, "
                    + "NUM_UINT, STRING, BYTES, IDENTIFIER}", 8
            ), (text, "has(self)", "invalid argument to has() macro", 5),
        ] as [(JSON, String, String, Int)])
    func refusals(schema: JSON, rule: String, message: String, column: Int) {
        let errors = DefinitionValidation.problems(Widgets.definition([Widgets.version(v: Self.ruled(schema, rule))])).map { "\($0)" }
        #expect(errors.count == 1)
        let place = "ERROR: <input>:1:\(column): \(message)\n | \(rule)\n | \(String(repeating: ".", count: column - 1))^"
        #expect(errors.first?.hasSuffix("compilation failed: \(place)") == true, "\(errors)")
    }

    @Test("that could cost too much are refused, with what they cost")
    func cost() {
        let unlimited: JSON = ["type": "array", "items": ["type": "array", "items": ["type": "string"]]]
        let nested = Self.ruled(unlimited, "self.all(x, x.all(y, self.all(z, z.all(w, w.contains(y)))))")
        let texts = DefinitionValidation.problems(Widgets.definition([Widgets.version(v: nested)])).map { "\($0)" }
        #expect(texts.count == 3)
        #expect(texts.first?.contains("Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying") == true)
    }

    @Test("that are hostile end with an error, not with the server", .timeLimit(.minutes(60)))
    func hostile() throws {
        for rule in [
            String(repeating: "(", count: 50_000), String(repeating: "!", count: 50_000) + "true",
            String(repeating: "-", count: 5000) + "self == 1",
            "self" + String(repeating: ".a", count: 20_000), "[" + String(repeating: "[", count: 9000),
            String(repeating: "true && ", count: 9000) + "true",
            "self == 99999999999999999999", "\"\\U00110000\" == ''", "'\\x", "self == 0x", "b'\\777' == b''", "1 in self in self", "\u{0}",
            "`a`",
        ] {
            let definition = Widgets.definition([Widgets.version(v: Self.ruled(Self.number, rule))])
            _ = DefinitionValidation.problems(definition)
            _ = try Widgets.problems(Self.ruled(Self.number, rule), 1)
        }
        // What the estimate let pass is still stopped when it runs.
        let slow = Self.ruled(
            Self.list, "self.all(a, self.all(b, self.all(c, self.all(d, self.all(e, self.all(f, a + b + c + d + e + f >= 0))))))")
        let values = JSON.array((0..<20).map { .integer($0) })
        #expect(try Widgets.problems(slow, values).first?.contains("operation cancelled: actual cost limit exceeded") == true)
        #expect(
            try Widgets.problems(Self.ruled(Self.number, "self * self > 0"), .integer(.max)).first?.contains("integer overflow") == true)
    }
}
