/// Where the lines of a log go.
public protocol LogSink: Sendable {
    /// Whether somebody wants the lines at present.
    var isOpen: Bool { get }
    /// Longest line in bytes; `nil` for no limit.
    var longestLine: Int? { get }
    /// Takes a line, without a line feed, that was made at a time. Returns at once.
    func write(_ line: [UInt8], at time: Instant)
}

extension LogSink {
    /// No limit.
    public var longestLine: Int? { nil }
}
