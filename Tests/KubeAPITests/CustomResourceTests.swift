import JSON
import KubeAPI
import Testing
import World

@Suite("Custom resources")
struct CustomResourceTests {
    private static func decode(_ document: JSON, _ resource: ResourceType, _ validation: FieldValidation = .warn) throws -> DecodedObject {
        try ObjectDecoder().decode(document.serialized(), contentType: "application/json", of: resource, validation: validation)
    }

    @Test("are pruned and defaulted by their schema when they are read; what is dropped is told")
    func decoding() throws {
        let resource = try Widgets.resource(
            Widgets.version([
                "type": "object",
                "properties": [
                    "spec": [
                        "type": "object",
                        "properties": [
                            "a": ["type": "integer", "default": 3],
                            "sub": ["type": "object", "default": [:], "properties": ["x": ["type": "string", "default": "y"]]],
                            "free": [
                                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                                "properties": ["k": ["type": "object", "properties": [:]]],
                            ],
                            "map": [
                                "type": "object",
                                "additionalProperties": ["type": "object", "properties": ["n": ["type": "integer", "default": 1]]],
                            ],
                            "null": ["type": "string", "nullable": true], "gone": ["type": "string"],
                        ],
                    ]
                ],
            ]))
        let decoded = try Self.decode(
            Widgets.object([
                "b": 1, "free": ["k": ["drop": 1], "keep": [["me": 1]]], "map": ["m": ["o": 1]], "null": nil, "gone": nil,
            ]), resource)
        #expect(
            decoded.object["spec"] == [
                "a": 3, "sub": ["x": "y"], "free": ["k": [:], "keep": [["me": 1]]], "map": ["m": ["n": 1]], "null": nil,
            ])
        #expect(decoded.warnings == ["spec.b", "spec.free.k.drop", "spec.map.m.o"].map { "unknown field \"\($0)\"" })
        #expect(throws: KubeStatus.self) { try Self.decode(Widgets.object(["b": 1]), resource, .strict) }
    }

    @Test("of every version are the stored one with another name, pruned by its schema")
    func versions() throws {
        let first = Widgets.version([
            "type": "object",
            "properties": ["spec": ["type": "object", "properties": ["a": ["type": "string"], "b": ["type": "string"]]]],
        ])
        let second = Widgets.version(
            ["type": "object", "properties": ["spec": ["type": "object", "properties": ["a": ["type": "string"]]]]], name: "v2",
            isStorage: false)
        let table = Widgets.table(Widgets.definition([first, second]), revision: 7)
        let other = try #require(table.lookup(group: "example.com", version: "v2", resource: "widgets"))
        let stored = Widgets.object(["a": "1", "b": "2"])
        #expect(other.served(stored) == Widgets.object(["a": "1"], version: "v2"))
        #expect(other.stored(Widgets.object(["a": "1"], version: "v2")) == Widgets.object(["a": "1"]))
        let own = try #require(table.lookup(group: "example.com", version: "v1", resource: "widgets"))
        #expect(own.servesStoredBytes(of: 7) && !own.servesStoredBytes(of: 6) && !other.servesStoredBytes(of: 7))
        #expect(table.group("example.com")?.versions == ["v2", "v1"])
    }

    @Test(
        "are checked in the words of kube-openapi",
        arguments: [
            (["type": "string", "enum": ["a", "b"]], "c", "Unsupported value: \"c\": supported values: \"a\", \"b\""),
            (["type": "string", "maxLength": 2], "abc", "Too long: may not be more than 2 bytes"),
            (["type": "string", "pattern": "^a$"], "b", "Invalid value: \"b\": spec.v in body should match '^a$'"),
            (["type": "string", "format": "ipv4"], "1.2.3", "Invalid value: \"1.2.3\": spec.v in body must be of type ipv4: \"1.2.3\""),
            (["type": "integer", "maximum": 3, "exclusiveMaximum": true], 3, "Invalid value: 3: spec.v in body should be less than 3"),
            (
                ["type": "number", "minimum": .number("0.5")], .number("0.25"),
                "Invalid value: 0.25: spec.v in body should be greater than or equal to 0.5"
            ),
            (["type": "integer", "multipleOf": 3], 4, "Invalid value: 4: spec.v in body should be a multiple of 3"),
            (["type": "boolean"], "x", "Invalid value: \"string\": spec.v in body must be of type boolean: \"string\""),
            (["type": "array", "items": ["type": "string"], "maxItems": 1], ["a", "b"], "Too many: 2: must have at most 1 items"),
            (
                ["type": "object", "additionalProperties": ["type": "string"], "minProperties": 1], [:],
                "Invalid value: 0: spec.v in body should have at least 1 properties"
            ),
            (
                ["x-kubernetes-int-or-string": true], true,
                "Invalid value: \"boolean\": spec.v in body must be of type integer,string: \"boolean\""
            ),
        ] as [(JSON, JSON, String)])
    func values(schema: JSON, value: JSON, message: String) throws {
        #expect(try Widgets.problems(schema, value) == ["spec.v: \(message)"])
    }

    @Test(
        "have strings of the formats that the server knows",
        arguments: [
            ("date-time", "2024-01-02T03:04:05Z", true), ("date-time", "2024-01-02", false), ("date", "2024-02-30", false),
            ("date", "2024-02-29", true),
            ("ipv6", "::1", true), ("ipv6", "1::2::3", false), ("ipv6", "::ffff:1.2.3.4", true), ("cidr", "10.0.0.0/8", true),
            ("cidr", "10.0.0.0/33", false),
            ("email", "a@b.example", true), ("email", "a b@c", false), ("uri", "https://example.com/x", true), ("uri", "not a uri", false),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", true), ("uuid4", "123e4567-e89b-12d3-a456-426614174000", false),
            ("duration", "1h2m", true), ("duration", "soon", false), ("byte", "YQ==", true), ("byte", "!", false),
            ("mac", "00:11:22:33:44:55", true),
            ("hostname", "a.example", true), ("hostname", "-a", false), ("unheard-of", "anything", true),
            ("isbn", "978-3-16-148410-0", true),
            ("creditcard", "4111 1111 1111 1111", true), ("hexcolor", "#fff", true), ("rgbcolor", "rgb(1, 2, 256)", false),
        ])
    func formats(format: String, text: String, isValid: Bool) throws {
        let errors = try Widgets.problems(["type": "string", "format": .string(format)], .string(text))
        #expect(errors.isEmpty == isValid, "\(errors)")
    }

    @Test("whose definition changes are read through it; equal definitions are not compiled again")
    func updates() throws {
        let before = Widgets.definition([Widgets.version(v: ["type": "string"])])
        let table = CustomResourceTable().updated([(name: "w", revision: 3, object: { before })])
        var changed = before
        changed.set("x", at: ["metadata", "labels", "l"])
        let same = table.updated([(name: "w", revision: 4, object: { changed })])
        #expect(same.servesTheSame(as: table))
        let other = Widgets.definition([Widgets.version(v: ["type": "integer"])])
        #expect(!table.updated([(name: "w", revision: 5, object: { other })]).servesTheSame(as: table))
        #expect(table.updated([]).isEmpty)
    }

    @Test("settle their names in order, and give a name to who waits when it is free")
    func names() throws {
        let now = Instant(seconds: 1_700_000_000)
        func definition(_ plural: String) -> JSON {
            [
                "metadata": ["name": .string("\(plural).example.com")],
                "spec": ["group": "example.com", "names": ["plural": .string(plural), "singular": "w", "kind": "W", "listKind": "WList"]],
            ]
        }
        let both = DefinitionStatus.settled([definition("as"), definition("bs")], now: now)
        #expect(DefinitionStatus.isTrue("Established", in: both[0]) && !DefinitionStatus.isTrue("Established", in: both[1]))
        #expect(DefinitionStatus.condition("NamesAccepted", in: both[1])?["reason"] == "ListKindConflict")
        #expect(DefinitionStatus.condition("Established", in: both[1])?["message"] == "not all names are accepted")
        let alone = DefinitionStatus.settled([both[1]], now: now + .seconds(9))
        #expect(DefinitionStatus.isTrue("Established", in: alone[0]))
        #expect(DefinitionStatus.condition("Established", in: alone[0])?["lastTransitionTime"] == .string((now + .seconds(9)).rfc3339))
        #expect(DefinitionStatus.settled(both, now: now + .seconds(60)) == both)
    }
}
