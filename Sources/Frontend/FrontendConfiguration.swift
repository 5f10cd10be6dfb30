/// The limits of a listener. The defaults follow kube-apiserver and the NLB.
public struct FrontendConfiguration: Sendable {
    /// Largest request body in bytes, kube-apiserver's 3 MiB. A larger one is cut off and handed over marked as such.
    public var maximumBodyBytes = 3 << 20
    /// Largest sum of request target, header names and values in bytes: Go's `DefaultMaxHeaderBytes`.
    public var maximumHeaderBytes = 1 << 20
    /// Most header fields of one request.
    public var maximumHeaderFields = 4096
    /// Most open connections of one listener; further ones are closed at once.
    public var maximumConnections = 4096
    /// Most concurrent streams of one HTTP/2 connection.
    public var maximumStreams = 250
    /// How long a connection may carry nothing: the NLB's 350 s.
    public var idleTimeout: Duration = .seconds(350)
    /// How long a new connection may take until its first request has arrived whole, TLS handshake included.
    public var firstRequestTimeout: Duration = .seconds(30)
    /// How long a connection that is not let in stays open without an answer.
    public var dropTimeout: Duration = .seconds(60)
    /// How long a request may take from its first byte to its last.
    public var requestTimeout: Duration = .seconds(60)
    /// How long a connection that is closed before its request was read goes on being read, so that the client gets the answer.
    public var lingerTimeout: Duration = .milliseconds(500)
    /// How long a drain waits for answers that are under way.
    public var drainTimeout: Duration = .seconds(10)

    /// The defaults.
    public init() {}
}
