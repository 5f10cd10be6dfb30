/// The connection after a protocol upgrade: bytes in both directions.
public protocol HTTPTunnel: Sendable {
    /// The next bytes, at least one; waits for them. `nil` when the client has ended its side, or the server drains.
    func read() async -> [UInt8]?

    /// Sends bytes and returns once the connection has taken them.
    ///
    /// - Throws: `HTTPClientGone`.
    func write(_ bytes: [UInt8]) async throws

    /// Closes the connection.
    func close()
}
