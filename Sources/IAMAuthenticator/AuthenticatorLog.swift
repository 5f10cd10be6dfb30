import Encoding
import HTTP
import World

/// What the authenticator writes about one request, as logrus writes it without a terminal (`pkg/server/server.go`).
struct AuthenticatorLog {
    enum Level: String {
        case info, warning, error
    }

    private let sink: any LogSink
    private let now: Instant
    private let request: [(String, String)]

    /// `nil` when nobody wants the lines.
    init?(_ sink: any LogSink, _ request: HTTPRequest, at now: Instant) {
        guard sink.isOpen else { return nil }
        self.sink = sink
        self.now = now
        let connection = request.connection
        let host = connection.remoteAddress.contains(":") ? "[\(connection.remoteAddress)]" : connection.remoteAddress
        self.request = [("client", "\(host):\(connection.remotePort)"), ("method", request.method), ("path", request.path)]
    }

    /// STS said who the caller is.
    func answered(_ identity: CallerIdentity, _ endpoint: String) {
        write(
            .info, "STS response",
            [
                ("accesskeyid", identity.accessKeyID), ("accountid", identity.accountID), ("arn", identity.arn),
                ("session", identity.sessionName), ("stsendpoint", endpoint), ("userid", identity.userID),
            ])
    }

    /// The caller is a Kubernetes user.
    func granted(_ mapped: MappedIdentity, uid: String, isScrubbed: Bool, _ endpoint: String) {
        let groups = "[\(mapped.groups.joined(separator: " "))]"
        let arn = isScrubbed ? [] : [("arn", mapped.identity.canonicalARN)]
        write(.info, "access granted", arn + [("groups", groups), ("stsendpoint", endpoint), ("uid", uid), ("username", mapped.username)])
    }

    /// The token is refused; with the caller when that is known and may be told.
    func denied(_ error: TokenError, _ identity: CallerIdentity?, _ endpoint: String?) {
        var fields = [("error", error.description)]
        if let identity { fields.append(("arn", identity.canonicalARN)) }
        if let endpoint { fields.append(("stsendpoint", endpoint)) }
        write(.warning, "access denied", fields)
    }

    /// A line: time, level and message, then the fields in order of their names.
    func write(_ level: Level, _ message: String, _ fields: [(String, String)] = []) {
        var line = "time=\"\(now.rfc3339)\" level=\(level.rawValue) msg=\(Self.quoted(message))"
        for (key, value) in (request + fields).sorted(by: { $0.0 < $1.0 }) { line += " \(key)=\(Self.quoted(value))" }
        sink.write(Array(line.utf8), at: now)
    }

    /// Quotes a value that has anything but letters, digits and a few signs in it.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "-._/@^+".utf8.contains(byte)
            }
        }
        return isPlain ? text : GoQuoting.quoted(text)
    }
}
