import JSON
import World

/// Lines of the agent's log, `/var/log/aws-routed-eni/ipamd.log`: one JSON object each. Only the last ones are kept.
public struct AgentLog: Sendable {
    /// How much a line matters.
    public enum Level: String, Sendable, Hashable {
        /// Steps.
        case debug
        /// Events.
        case info
        /// Refusals that it works around.
        case warn
        /// Refusals.
        case error
    }

    /// One line.
    public struct Line: Sendable, Hashable {
        /// How much it matters.
        public let level: Level
        /// When.
        public let time: Instant
        /// The source file; the real log adds the number of a line in it.
        public let caller: String
        /// The text.
        public let message: String

        /// As the file has it.
        public var text: String {
            let object: JSON = [
                "level": .string(level.rawValue), "ts": .string(time.rfc3339Milli), "caller": .string(caller), "msg": .string(message),
            ]
            return String(decoding: object.serialized(), as: UTF8.self)
        }
    }

    /// The last lines, oldest first.
    public var lines: [Line] { Array(ring[oldest...] + ring[..<oldest]) }

    /// The file, as far as it is kept.
    public var text: String { lines.map { $0.text + "\n" }.joined() }

    private var ring: [Line] = []
    private var oldest = 0
    private let capacity: Int

    /// A log that keeps so many lines.
    public init(capacity: Int) { self.capacity = max(capacity, 0) }

    mutating func write(_ level: Level, _ time: Instant, _ caller: String, _ message: @autoclosure () -> String) {
        guard capacity > 0 else { return }
        let line = Line(level: level, time: time, caller: caller, message: message())
        if ring.count < capacity {
            ring.append(line)
        } else {
            ring[oldest] = line
            oldest = (oldest + 1) % capacity
        }
    }
}
