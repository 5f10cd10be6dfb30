import JSON
import Logging
import World

/// Logs a line each to standard error, as text or JSON.
struct LineLogHandler: LogHandler {
    let format: OutputFormat
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]
    private let clock = WorldClock()

    init(format: OutputFormat) { self.format = format }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let time = clock.now.rfc3339Milli
        switch format {
        case .text:
            let pairs = all.map { " \($0.key)=\($0.value)" }.joined()
            Console.log("\(time) \(event.level) \(event.message)\(pairs)\n")
        case .json:
            var line: JSON = ["time": .string(time), "level": .string(event.level.rawValue), "message": .string("\(event.message)")]
            for (key, value) in all { line[key] = .string("\(value)") }
            Console.log(line.text + "\n")
        }
    }
}

/// One request as a log line.
struct RequestLine {
    let text: String

    init(_ record: RequestTrace.Record) {
        text = "\(record.target) \(record.status ?? 0) \(record.summary) user=\(record.user ?? "-") audit-id=\(record.id)"
    }
}
