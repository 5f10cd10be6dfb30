public import World

/// A request as every service sees it: whatever carried it (HTTP/1.1, HTTP/2, or a call in process), the body is complete.
public struct HTTPRequest: Sendable {
    /// The method in upper case.
    public var method: String
    /// The raw path: percent-encoded, without query, beginning with `/`.
    public var path: String
    /// The raw query without `?`; `nil` when there is no `?`.
    public var query: String?
    /// The header fields. HTTP/2's `:authority` appears as `Host`.
    public var headers: HTTPHeaders
    /// The whole body, within the listener's limit.
    public var body: [UInt8]
    /// Whether the body was larger than the listener takes, so that `body` is not all of it: the request is to be refused with 413.
    public var isBodyTruncated = false
    /// The connection it came over.
    public var connection: ConnectionRecord
    /// Where the handling is written down.
    public var trace: RequestTrace

    /// Makes a request.
    public init(
        method: String, path: String, query: String? = nil, headers: HTTPHeaders = [:], body: [UInt8] = [],
        connection: ConnectionRecord, trace: RequestTrace
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.connection = connection
        self.trace = trace
    }
}

/// What is known of a client's connection.
public final class ConnectionRecord: Sendable {
    /// Identifies the connection within the process.
    public let id: UInt64
    /// The client's address as text, IPv4 or IPv6, without port: the source address that the NLB preserves.
    public let remoteAddress: String
    /// The client's port.
    public let remotePort: Int
    /// The listener: a cluster's name, or `aws`.
    public let listener: String
    /// The target that the NLB chose, such as `demo/apiserver-0`; empty without NLB.
    public let target: String
    /// Whether the connection is encrypted.
    public let isTLS: Bool
    /// DER certificates that the client presented, leaf first. They are **not** verified: that is the authenticator's business.
    public let peerCertificates: [[UInt8]]
    /// What was decided when the connection was accepted; copied to the front of each request's trace.
    public let acceptSteps: [TraceStep]

    /// Makes a record.
    public init(
        id: UInt64, remoteAddress: String, remotePort: Int, listener: String, target: String = "", isTLS: Bool = false,
        peerCertificates: [[UInt8]] = [], acceptSteps: [TraceStep] = []
    ) {
        self.id = id
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
        self.listener = listener
        self.target = target
        self.isTLS = isTLS
        self.peerCertificates = peerCertificates
        self.acceptSteps = acceptSteps
    }

    /// A connection that exists only in this process.
    public static func inProcess(listener: String) -> ConnectionRecord {
        ConnectionRecord(id: 0, remoteAddress: "127.0.0.1", remotePort: 0, listener: listener)
    }
}
