import ConformanceVectors
import HTTP
import JSON
import KubeAPI
import Testing
import World

/// The forms of answers: protobuf, gzip, tags.
@Suite("Forms of answers")
struct RepresentationTests {
    private static let protobuf = "application/vnd.kubernetes.protobuf"
    private static let path = "/api/v1/namespaces/default/configmaps"
    private static let configMap = GroupVersionKind(group: "", version: "v1", kind: "ConfigMap")

    private static func server(objects: Int, size: Int = 1) async throws -> InProcessAPIServer {
        let server = try await InProcessAPIServer(world: World(clock: .frozen(at: Instant(seconds: 1_800_000_000))))
        for index in 0..<objects {
            let object: JSON = ["metadata": ["name": "c\(index)"], "data": ["k": .string(String(repeating: "v", count: size))]]
            let response = await server.send(
                "POST", path, headers: ["Content-Type": "application/json"], body: object.serialized())
            #expect(response.status == 201)
        }
        return server
    }

    private static func decoded(_ bytes: some Sequence<UInt8>, _ kind: GroupVersionKind) throws -> JSON {
        try ObjectDecoder().decode(Array(bytes), contentType: protobuf, as: kind, validation: .strict).object
    }

    @Test("an object, a list and a refusal are the same in protobuf as in JSON")
    func sameInBothForms() async throws {
        let server = try await Self.server(objects: 2)
        for (target, kind) in [
            ("\(Self.path)/c1", Self.configMap), (Self.path, GroupVersionKind(group: "", version: "v1", kind: "ConfigMapList")),
            ("\(Self.path)?limit=1", GroupVersionKind(group: "", version: "v1", kind: "ConfigMapList")),
        ] {
            let plain = await server.send("GET", target)
            let binary = await server.send("GET", target, headers: ["Accept": Self.protobuf])
            #expect(binary.headers["Content-Type"] == Self.protobuf)
            #expect(try Self.decoded(binary.collected ?? [], kind) == JSON(parsing: plain.collected ?? []))
        }
        let refusal = await server.send("GET", "\(Self.path)/none", headers: ["Accept": Self.protobuf])
        #expect(refusal.status == 404)
        #expect(refusal.headers["Content-Type"] == Self.protobuf)
        #expect(refusal.collected?.starts(with: [0x6B, 0x38, 0x73, 0]) == true)
    }

    @Test("an object is created and deleted by bodies in protobuf, options and preconditions among them")
    func bodies() async throws {
        let server = try await Self.server(objects: 0)
        let headers: HTTPHeaders = ["Content-Type": Self.protobuf]
        let wanted: JSON = ["metadata": ["name": "p", "labels": ["a": "b"]], "data": ["k": "v"], "binaryData": ["b": "AAE="]]
        let body = try #require(ProtobufEncoder.builtin.object(wanted, Self.configMap))
        let created = await server.send("POST", Self.path, headers: headers, body: body)
        let object = try JSON(parsing: created.collected ?? [])
        #expect(object["binaryData"] == ["b": "AAE="])
        let options = GroupVersionKind(group: "", version: "v1", kind: "DeleteOptions")
        for (uid, status) in [(JSON.string("other"), 409), (object.at("metadata", "uid") ?? "", 200)] {
            let body = ProtobufEncoder.builtin.object(["gracePeriodSeconds": 0, "preconditions": ["uid": uid]], options)
            let answer = await server.send("DELETE", "\(Self.path)/p", headers: headers, body: body ?? [])
            #expect(answer.status == status)
        }
    }

    @Test("metadata alone is answered in protobuf, a Table is not")
    func metadata() async throws {
        let server = try await Self.server(objects: 1)
        let suffix = ";g=meta.k8s.io;v=v1"
        let list = await server.send("GET", Self.path, headers: ["Accept": "\(Self.protobuf);as=PartialObjectMetadataList\(suffix)"])
        #expect(list.headers["Content-Type"] == Self.protobuf)
        let kind = GroupVersionKind(group: "meta.k8s.io", version: "v1", kind: "PartialObjectMetadataList")
        #expect(list.collected?.containsText(kind.kind) == true)
        let table = await server.send("GET", Self.path, headers: ["Accept": "\(Self.protobuf);as=Table\(suffix),application/json"])
        #expect(table.headers["Content-Type"] == "application/json")
        #expect(await server.send("GET", Self.path, headers: ["Accept": "\(Self.protobuf);as=Table\(suffix)"]).status == 406)
    }

    @Test("a watch is sent as frames of length, event and object")
    func watch() async throws {
        let server = try await Self.server(objects: 2)
        let response = await server.send(
            "GET", "\(Self.path)?watch=1&resourceVersion=0&fieldSelector=metadata.name=c1",
            headers: ["Accept": "\(Self.protobuf);stream=watch"])
        #expect(response.headers["Content-Type"] == "\(Self.protobuf);stream=watch")
        guard case .stream(let produce) = response.body else {
            Issue.record("no stream")
            return
        }
        let writer = FirstWrite()
        try await produce(writer)
        let bytes = writer.bytes
        #expect(bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) } == bytes.count - 4)
        // WatchEvent: type (1), object (2): RawExtension: raw (1).
        #expect(Array(bytes[4..<11]) == [0x0A, 5] + Array("ADDED".utf8))
        let envelope = try #require(bytes.firstRange(of: [0x6B, 0x38, 0x73, 0]))
        #expect(try Self.decoded(bytes[envelope.lowerBound...], Self.configMap).at("metadata", "name") == "c1")
    }

    @Test("a watch in YAML is refused with the types that can be streamed")
    func watchInYAML() async throws {
        let response = try await Self.server(objects: 0).send("GET", "\(Self.path)?watch=1", headers: ["Accept": "application/yaml"])
        #expect(response.status == 406)
        #expect(response.collected?.containsText("application/json;stream=watch, \(Self.protobuf);stream=watch") == true)
    }

    @Test(
        "gzip is for large answers and for clients that name it", arguments: [("gzip", 200, true), ("gzip", 1, false), ("br", 200, false)])
    func gzip(accepted: String, objects: Int, isCompressed: Bool) async throws {
        let server = try await Self.server(objects: objects, size: 1000)
        let response = await server.send("GET", Self.path, headers: ["Accept-Encoding": "deflate, \(accepted)"])
        #expect((response.headers["Content-Encoding"] == "gzip") == isCompressed)
    }

    @Test("discovery and OpenAPI are answered with 304 for their tag", arguments: ["/apis", "/openapi/v3/apis/apps/v1"])
    func tags(target: String) async throws {
        let server = try await Self.server(objects: 0)
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        let first = await server.send("GET", target, headers: ["Accept": accept])
        let tag = try #require(first.headers["ETag"])
        let second = await server.send("GET", target, headers: ["Accept": accept, "If-None-Match": tag])
        #expect(second.status == 304)
        #expect(second.collected?.isEmpty == true)
    }

    @Test("an OpenAPI address with its hash may be kept for ever, one with another leads there")
    func hashes() async throws {
        let server = try await Self.server(objects: 0)
        let index = try JSON(parsing: await server.send("GET", "/openapi/v3").collected ?? [])
        let address = try #require(index.at("paths", "api/v1", "serverRelativeURL")?.string)
        let kept = await server.send("GET", address)
        #expect(kept.status == 200)
        #expect(kept.headers["Cache-Control"] == "public, immutable")
        let moved = await server.send("GET", "/openapi/v3/api/v1?hash=0")
        #expect(moved.status == 301)
        #expect(moved.headers["Location"] == address)
    }
}

/// Takes the first write and then is gone.
private final class FirstWrite: HTTPBodyWriter {
    private let taken = Lock<[UInt8]>([])
    var bytes: [UInt8] { taken.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws {
        let isFirst = taken.withLock { known in
            defer { if known.isEmpty { known = bytes } }
            return known.isEmpty
        }
        guard isFirst else { throw HTTPClientGone() }
    }

    func waitUntilClosed() async {}
}

extension [UInt8] {
    fileprivate func containsText(_ text: String) -> Bool { firstRange(of: Array(text.utf8)) != nil }
}
