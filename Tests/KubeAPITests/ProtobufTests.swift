import JSON
import KubeAPI
import Testing

/// Request bodies in `application/vnd.kubernetes.protobuf`, as kubectl and client-go send them.
@Suite("Protobuf bodies")
struct ProtobufTests {
    private static let type = "application/vnd.kubernetes.protobuf"
    private static let kind = GroupVersionKind(group: "authorization.k8s.io", version: "v1", kind: "SelfSubjectAccessReview")

    private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }

    private static func body(_ message: [UInt8]) -> [UInt8] {
        let meta = field(1, Array("authorization.k8s.io/v1".utf8)) + field(2, Array("SelfSubjectAccessReview".utf8))
        return [0x6B, 0x38, 0x73, 0x00] + field(1, meta) + field(2, message)
    }

    @Test("fields are read by number; kind and apiVersion, which share numbers with metadata and spec, come from the envelope")
    func review() throws {
        let attributes = Self.field(1, Array("team-a".utf8)) + Self.field(2, Array("list".utf8)) + Self.field(5, Array("pods".utf8))
        let decoded = try ObjectDecoder().decode(
            Self.body(Self.field(2, Self.field(1, attributes))), contentType: Self.type, as: Self.kind, validation: .strict)
        let spec = decoded.object["spec"]?["resourceAttributes"]
        #expect(spec == ["namespace": "team-a", "verb": "list", "resource": "pods"])
        #expect(decoded.object["kind"] == "SelfSubjectAccessReview")
    }

    @Test(
        "what is no message is refused with 400",
        arguments: [[], [1, 2, 3], body([0x12, 0x7F]), body([0x0B]), body([UInt8](repeating: 0xFF, count: 11))] as [[UInt8]])
    func refused(_ body: [UInt8]) {
        let error = #expect(throws: KubeStatus.self) {
            try ObjectDecoder().decode(body, contentType: Self.type, as: Self.kind, validation: .warn)
        }
        #expect(error?.code == 400)
    }
}
