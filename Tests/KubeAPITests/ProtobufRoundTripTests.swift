import JSON
import KubeAPI
import Testing

/// Objects of every kind, written as protobuf and read again.
@Suite("Protobuf round trips")
struct ProtobufRoundTripTests {
    private static let type = "application/vnd.kubernetes.protobuf"
    private static let decoder = ObjectDecoder()
    /// Kinds that have no message: Tables are JSON only.
    private static let withoutMessage: Set = ["Table"]
    static let kinds = Schema.builtin.kinds.sorted { $0.description < $1.description }

    private static func roundTrip(_ object: JSON, _ kind: GroupVersionKind) throws -> JSON {
        let bytes = try #require(ProtobufEncoder().object(object, kind), "\(kind)")
        return try decoder.decode(bytes, contentType: type, as: kind, validation: .strict).object
    }

    private static func canonical(_ object: JSON, _ kind: GroupVersionKind) throws -> JSON {
        try decoder.canonical(object, as: kind, validation: .strict).object
    }

    /// Where two texts part.
    private static func difference(_ left: JSON, _ right: JSON) -> String? {
        let (left, right) = (left.text, right.text)
        guard left != right else { return nil }
        let common = zip(left, right).prefix { $0 == $1 }.count
        return "\(left.prefix(common).suffix(120)) | \(left.dropFirst(common).prefix(60)) | \(right.dropFirst(common).prefix(60))"
    }

    @Test("an object with nothing set", arguments: kinds)
    func empty(kind: GroupVersionKind) throws {
        guard !Self.withoutMessage.contains(kind.kind) else { return }
        let object = try Self.canonical([:], kind)
        #expect(try Self.roundTrip(object, kind) == object)
    }

    @Test("an object with every field set", arguments: kinds)
    func full(kind: GroupVersionKind) throws {
        guard !Self.withoutMessage.contains(kind.kind), let place = Schema.builtin.index(kind) else { return }
        let object = try Self.canonical(Sample.object(place, depth: 0), kind)
        let difference = Self.difference(try Self.roundTrip(object, kind), object)
        #expect(difference == nil, "\(difference ?? "")")
    }

    @Test("pointers to zero survive, and fields that are no pointers are always written")
    func presence() throws {
        let kind = GroupVersionKind(group: "apps", version: "v1", kind: "Deployment")
        let object = try Self.canonical(
            ["metadata": ["name": "a"], "spec": ["replicas": 0, "paused": false, "template": [:], "selector": nil]], kind)
        let back = try Self.roundTrip(object, kind)
        #expect(back.at("spec", "replicas") == 0)
        #expect(back.at("spec", "paused") == nil)
        #expect(back == object)
    }
}

/// A value with everything set, by the schema.
private enum Sample {
    static func object(_ place: Int, depth: Int) -> JSON {
        let type = Schema.builtin[place]
        guard type.scalar == nil else { return [:] }
        var object: JSONObject = [:]
        for field in type.fields where field.name != "kind" && field.name != "apiVersion" {
            // Types that contain themselves end here.
            object[field.name] = depth > 12 ? nil : value(field.type, field.name, depth: depth + 1)
        }
        return .object(object)
    }

    private static func value(_ type: ValueType, _ name: String, depth: Int) -> JSON? {
        switch type {
        case .reference(let place):
            // JSON schemas refer to themselves a dozen times: one level is enough.
            if Schema.builtin[place].name == "apiextensions.v1.JSONSchemaProps", depth > 8 { return ["type": "string"] }
            return object(place, depth: depth)
        case .array(let element): return value(element, name, depth: depth + 1).map { [$0, $0] }
        case .map(let element): return value(element, name, depth: depth + 1).map { ["a": $0, "b.c/d": $0] }
        case .scalar(let scalar, let is32Bit): return self.scalar(scalar, is32Bit, name)
        }
    }

    private static func scalar(_ scalar: ScalarType, _ is32Bit: Bool, _ name: String) -> JSON {
        switch scalar {
        case .string: .string("\(name)-é")
        case .integer: .integer(is32Bit ? -7 : 1 << 40)
        case .number: .number("1.5")
        case .boolean: true
        case .bytes: "AAEC/w=="
        case .quantity: "1500m"
        case .intOrString: "25%"
        case .time: "2026-11-25T01:02:03Z"
        case .microTime: "2026-11-25T01:02:03.000004Z"
        case .raw, .fields, .any, .object: ["f:a": [:], "n": 1]
        case .schemaOrArray: [["type": "string"], ["type": "integer"]]
        case .schemaOrBool: ["type": "object", "maximum": .number("2.5")]
        case .schemaOrStrings: ["x", "y"]
        }
    }
}
