/// An answer.
public struct HTTPResponse: Sendable {
    /// What follows the header.
    public enum Body: Sendable {
        /// Nothing.
        case empty
        /// One piece.
        case bytes([UInt8])
        /// Pieces sent one after the other, so that lists need not be copied together. `count` is the sum of their sizes.
        case segments([[UInt8]], count: Int)
        /// Produced while it is sent. The closure returns to end the answer; throwing aborts the connection or stream.
        case stream(@Sendable (any HTTPBodyWriter) async throws -> Void)
        /// After a status of 101, the connection itself; it is closed when the closure returns. HTTP/1.1 only.
        case upgrade(@Sendable (any HTTPTunnel) async -> Void)
    }

    /// The status code.
    public var status: Int
    /// Header fields. `Content-Length` is set by the frontend.
    public var headers: HTTPHeaders
    /// The body.
    public var body: Body

    /// Makes an answer.
    public init(status: Int, headers: HTTPHeaders = [:], body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer of one piece with its content type.
    public init(status: Int, contentType: String, _ bytes: [UInt8], headers: HTTPHeaders = [:]) {
        self.status = status
        self.headers = headers
        self.headers["Content-Type"] = contentType
        body = .bytes(bytes)
    }

    /// The body as one piece; `nil` for a stream. For calls in process.
    public var collected: [UInt8]? {
        switch body {
        case .empty: []
        case .bytes(let bytes): bytes
        case .segments(let pieces, _):
            pieces.reduce(into: []) { $0 += $1 }
        case .stream, .upgrade: nil
        }
    }
}

/// Where a streaming answer goes.
public protocol HTTPBodyWriter: Sendable {
    /// Sends bytes and returns once the connection has taken them, so that a slow client slows the producer.
    ///
    /// - Throws: `HTTPClientGone` when the client has closed, or the server is draining.
    func write(_ bytes: [UInt8]) async throws

    /// Returns when the client has gone or the server drains; never before.
    func waitUntilClosed() async
}

/// The client closed its connection or stream, or the server ended it.
public struct HTTPClientGone: Error, Sendable {
    /// Makes the error.
    public init() {}
}

/// Something that answers requests.
public protocol HTTPHandler: Sendable {
    /// Answers one request. Errors are answers too: this does not throw.
    func handle(_ request: HTTPRequest) async -> HTTPResponse
}
