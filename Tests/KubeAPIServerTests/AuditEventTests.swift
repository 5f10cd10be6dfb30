import JSON
import KubeAPIServer
import RBAC
import Testing
import World

@Suite("Audit events")
struct AuditEventTests {
    private static let time = Instant(nanoseconds: 1_800_000_000_123_456_789)

    private static func event(_ attributes: Attributes, level: AuditPolicy.Level = .metadata) -> AuditEvent {
        AuditEvent(
            level: level, auditID: "id", requestURI: "/api/v1/namespaces/a/pods?limit=1&x=<y>", attributes: attributes, received: time)
    }

    @Test("an event is one line in the order of its type, with Go's escapes, and what is empty left out")
    func form() {
        let user = UserInfo(
            username: "jane", uid: "u", groups: ["b", "a"],
            extra: [.init(key: "z", values: ["1"]), .init(key: "arn", values: ["2", "3"])])
        var event = Self.event(
            Attributes(user: user, verb: "create", namespace: "a", apiGroup: "apps", apiVersion: "v1", resource: "pods", name: "b"),
            level: .requestResponse)
        event.impersonatedUser = UserInfo(username: "joe")
        event.sourceIPs = ["192.0.2.1"]
        event.userAgent = "kubectl"
        event.responseStatus = ["metadata": [:], "code": 201]
        event.requestObject = Array("{\"a\":1}".utf8)
        event.responseObject = Array("{\"a\":2}".utf8)
        event.annotate("b/c", "second")
        event.annotate("a/b", "first")
        event.annotate("a/b", "later words do not count")
        let line = String(decoding: event.line(.responseComplete, at: Self.time + .milliseconds(1)), as: UTF8.self)
        #expect(
            line == #"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"id","stage":"ResponseComplete","#
                + #""requestURI":"/api/v1/namespaces/a/pods?limit=1\u0026x=\u003cy\u003e","verb":"create","#
                + #""user":{"username":"jane","uid":"u","groups":["b","a"],"extra":{"arn":["2","3"],"z":["1"]}},"#
                + #""impersonatedUser":{"username":"joe"},"sourceIPs":["192.0.2.1"],"userAgent":"kubectl","#
                + #""objectRef":{"resource":"pods","namespace":"a","name":"b","apiGroup":"apps","apiVersion":"v1"},"#
                + #""responseStatus":{"metadata":{},"code":201},"requestObject":{"a":1},"responseObject":{"a":2},"#
                + #""requestReceivedTimestamp":"2027-01-15T08:00:00.123456Z","stageTimestamp":"2027-01-15T08:00:00.124456Z","#
                + #""annotations":{"a/b":"first","b/c":"second"}}"#)
    }

    @Test("nobody is a user without members, and a path has no object")
    func nobody() {
        let event = Self.event(Attributes(user: UserInfo(username: ""), verb: "get", path: "/"))
        let line = String(decoding: event.line(.responseStarted, at: Self.time), as: UTF8.self)
        #expect(line.contains(#""verb":"get","user":{},"requestReceivedTimestamp""#))
    }

    @Test("a user agent is cut after 1024 bytes")
    func userAgent() throws {
        var event = Self.event(Attributes(user: UserInfo(username: "a"), verb: "get", path: "/"))
        event.userAgent = String(repeating: "x", count: 1024)
        func written() throws -> String? { try JSON(parsing: event.line(.responseComplete, at: Self.time))["userAgent"]?.string }
        #expect(try written() == event.userAgent)
        event.userAgent += "y"
        #expect(try written() == String(repeating: "x", count: 1024) + "...TRUNCATED")
    }
}
