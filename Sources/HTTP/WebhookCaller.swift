/// A POST over HTTPS that an API server sends to a webhook.
public struct WebhookCall: Sendable {
    /// The URL, as refusals show it.
    public var url: String
    /// Where to connect: a name or an address.
    public var host: String
    /// The port to connect to.
    public var port: Int
    /// `Host`.
    public var authority: String
    /// Path and query.
    public var target: String
    /// The name that the server's certificate has to carry.
    public var serverName: String
    /// The authorities that are trusted, in PEM; `nil` for the system's.
    public var trustRoots: [UInt8]?
    /// The body, which is JSON.
    public var body: [UInt8]
    /// How long the answer may take, on real time: the other server knows no other.
    public var timeout: Duration

    /// Makes a call.
    public init(
        url: String, host: String, port: Int, authority: String, target: String, serverName: String, trustRoots: [UInt8]?, body: [UInt8],
        timeout: Duration
    ) {
        self.url = url
        self.host = host
        self.port = port
        self.authority = authority
        self.target = target
        self.serverName = serverName
        self.trustRoots = trustRoots
        self.body = body
        self.timeout = timeout
    }
}

/// Why a webhook gave no answer, in the words of Go's client.
public struct WebhookCallFailure: Error, Sendable, Hashable {
    /// `dial tcp 127.0.0.1:443: connect: connection refused`
    public let reason: String

    /// Makes a failure.
    public init(_ reason: String) { self.reason = reason }
}

/// Calls webhooks, and what requests are passed on to.
public protocol WebhookCaller: Sendable {
    /// Sends a call and takes the whole answer; a status that tells of a failure is an answer.
    ///
    /// - Throws: `WebhookCallFailure`.
    func post(_ call: WebhookCall) async throws(WebhookCallFailure) -> HTTPResponse

    /// Passes a request on; the body of the answer comes as it is sent, and a connection that becomes another protocol is a tunnel.
    ///
    /// - Throws: `WebhookCallFailure`.
    func forward(_ call: ForwardedCall) async throws(WebhookCallFailure) -> HTTPResponse

    /// Whether an address is one of this machine: nothing else stands behind the addresses of simulated pods.
    func isLocal(_ address: String) -> Bool
}

extension WebhookCaller {
    /// Nothing can be reached.
    public func forward(_ call: ForwardedCall) async throws(WebhookCallFailure) -> HTTPResponse {
        throw WebhookCallFailure("dial tcp \(call.authority): connect: network is unreachable")
    }
}

/// Calls nothing: what a simulator without sockets has.
public struct NoWebhooks: WebhookCaller {
    /// Makes the caller.
    public init() {}

    /// Always fails.
    public func post(_ call: WebhookCall) async throws(WebhookCallFailure) -> HTTPResponse {
        throw WebhookCallFailure("dial tcp \(call.host):\(call.port): connect: network is unreachable")
    }

    /// Nothing is.
    public func isLocal(_ address: String) -> Bool { false }
}
