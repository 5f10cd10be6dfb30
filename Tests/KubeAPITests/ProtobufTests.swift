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

/// Bytes that are known: by the recording of a real server, or by hand from the generated code's rules.
@Suite("Protobuf answers")
struct ProtobufAnswerTests {
    private static func hex(_ bytes: [UInt8]?) -> String {
        (bytes ?? []).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test("a Status, as a real 1.36 server wrote it (crd.printer-default of the recorded exchanges)")
    func status() {
        let message = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf"
        let status: JSON = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
            "reason": "NotAcceptable", "code": 406,
        ]
        let text: (String) -> String = { Self.hex(Array($0.utf8)) }
        let fields = [
            "0a060a0012001a00", "1207" + text("Failure"), "1a74" + text(message), "220d" + text("NotAcceptable"), "309603",
        ]
        let expected = ["6b387300", "0a0c0a02" + text("v1"), "1206" + text("Status"), "129901"] + fields + ["1a002200"]
        let bytes = ProtobufEncoder().object(status, GroupVersionKind(group: "", version: "v1", kind: "Status"))
        #expect(Self.hex(bytes) == expected.joined())
    }

    @Test("inlined structs are messages of their own: a volume's source, a key selector's reference")
    func embedded() {
        let volume: JSON = ["spec": ["volumes": [["name": "v", "emptyDir": [:]]]]]
        let kind = GroupVersionKind(group: "", version: "v1", kind: "Pod")
        let text = Self.hex(ProtobufEncoder().message(volume, kind))
        // volumes (1): name (1) "v", volumeSource (2): emptyDir (2): medium (1) "".
        #expect(text.contains("0a090a0176120412020a00"))
    }

    @Test("a ConfigMap: metadata's strings are written though empty, its time though absent, map entries in the order of keys")
    func configMap() {
        let object: JSON = ["metadata": ["name": "x"], "data": ["b": "2", "a": "1"]]
        let bytes = ProtobufEncoder().message(object, GroupVersionKind(group: "", version: "v1", kind: "ConfigMap"))
        let metadata = "0a017812001a0022002a00320038004200"
        #expect(Self.hex(bytes) == "0a11\(metadata)12060a016112013112060a0162120132")
    }

    @Test("a frame of a watch: four bytes of length, WatchEvent, RawExtension")
    func frame() {
        #expect(Self.hex(ProtobufEncoder.frame(type: "ADDED", object: [1, 2])) == "0000000d0a05414444454412040a020102")
    }
}
