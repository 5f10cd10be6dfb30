import JSON

/// Writing and reading the events of streams.
extension LogsService {
    private static let maximumBatch = 1_048_576
    private static let maximumEvents = 10_000
    private static let overhead = 26
    /// The milliseconds of a batch, and how far its events may lie ahead and back.
    private static let longestBatch: Int64 = 86_400_000
    private static let furthestAhead: Int64 = 2 * 3_600_000
    private static let furthestBack: Int64 = 14 * 86_400_000
    /// A page ends with so many bytes of messages.
    private static let maximumPage = 1 << 20

    private func streamPlace(_ request: Request) throws(AWSError) -> (group: JSON, place: LogEventStore.Place) {
        let group = try group(request)
        let name = try request.input.required(request.input.streamName(), "logStreamName")
        guard records.get(streams(request), "\(group.name):\(name)") != nil else { throw Self.noStream }
        return (group.json, .init(group: place(request, group.name), stream: name))
    }

    // MARK: Writing

    func putEvents(_ request: Request) throws(AWSError) -> JSON? {
        let (group, place) = try streamPlace(request)
        let batch = try batch(request)
        let horizon = horizon(group)
        let old = batch.prefix { $0.timestamp < now - Self.furthestBack }.count
        let expired = batch.prefix { $0.timestamp < horizon }.count
        let new = batch.firstIndex { $0.timestamp > now + Self.furthestAhead } ?? batch.count
        let first = max(old, expired)
        var answer: JSON = [:]
        if first < new, let last = events.append(Array(batch[first..<new]), to: place, at: now) {
            answer["nextSequenceToken"] = .string(Self.id(last))
        }
        var rejected: JSON = [:]
        if new < batch.count { rejected["tooNewLogEventStartIndex"] = .integer(Int64(new)) }
        if old > 0 { rejected["tooOldLogEventEndIndex"] = .integer(Int64(old)) }
        if expired > 0 { rejected["expiredLogEventEndIndex"] = .integer(Int64(expired)) }
        if rejected != [:] { answer["rejectedLogEventsInfo"] = rejected }
        return answer
    }

    private func batch(_ request: Request) throws(AWSError) -> [(timestamp: Int64, message: String)] {
        guard let items = request.input.json["logEvents"]?.array, !items.isEmpty else {
            throw LogsInput.invalid(
                "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1"
            )
        }
        guard items.count <= Self.maximumEvents else {
            throw LogsInput.invalid(
                "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length less than or equal to \(Self.maximumEvents)"
            )
        }
        var batch: [(timestamp: Int64, message: String)] = []
        var bytes = 0
        for item in items {
            guard let timestamp = item["timestamp"]?.integer, timestamp >= 0, let message = item["message"]?.string, !message.isEmpty else {
                throw LogsInput.invalid(
                    "1 validation error detected: Value at 'logEvents.\(batch.count + 1).member' failed to satisfy constraint: Member must have a timestamp of at least 0 and a message"
                )
            }
            bytes += message.utf8.count + Self.overhead
            batch.append((timestamp, message))
        }
        guard bytes <= Self.maximumBatch else {
            throw LogsInput.invalid("Upload too large: \(bytes) bytes exceeds limit of \(Self.maximumBatch)")
        }
        guard zip(batch, batch.dropFirst()).allSatisfy({ $0.timestamp <= $1.timestamp }) else {
            throw LogsInput.invalid("Log events in a single PutLogEvents request must be in chronological order.")
        }
        guard (batch.last?.timestamp ?? 0) - (batch.first?.timestamp ?? 0) <= Self.longestBatch else {
            throw LogsInput.invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
        }
        return batch
    }

    // MARK: Reading one stream

    func getEvents(_ request: Request) throws(AWSError) -> JSON? {
        let input = request.input
        let (group, place) = try streamPlace(request)
        let limit = try input.limit(Self.maximumEvents, Int64(Self.maximumEvents))
        let start = max(try input.integer("startTime") ?? .min, horizon(group))
        let end = try input.integer("endTime") ?? .max
        let found = events.events(of: place).filter { $0.position.timestamp >= start && $0.position.timestamp < end }
        var page: ArraySlice<LogEventStore.Event>
        let token = try input.optional("nextToken", 1...1024, nil)
        let isForward: Bool
        if let token {
            guard let (direction, position) = Self.position(ofToken: token) else {
                throw LogsInput.invalid("The specified nextToken is invalid.")
            }
            isForward = direction == "f"
            page = isForward ? found.drop { $0.position <= position }[...] : found.prefix { $0.position < position }
        } else {
            isForward = try input.bool("startFromHead")
            page = found[...]
        }
        page = isForward ? Self.prefix(page, limit) : Self.suffix(page, limit)
        let fallback = token.flatMap { Self.position(ofToken: $0)?.position } ?? .init(timestamp: max(0, min(end, now)), sequence: 0)
        return [
            "events": .array(page.map(Self.json)),
            "nextForwardToken": .string("f/\(Self.id(page.last?.position ?? fallback))/s"),
            "nextBackwardToken": .string("b/\(Self.id(page.first?.position ?? fallback))/s"),
        ]
    }

    private static func prefix(_ events: ArraySlice<LogEventStore.Event>, _ limit: Int) -> ArraySlice<LogEventStore.Event> {
        var bytes = 0
        let count = events.prefix(limit).prefix { event in
            bytes += event.size
            return bytes <= maximumPage || bytes == event.size
        }.count
        return events.prefix(count)
    }

    private static func suffix(_ events: ArraySlice<LogEventStore.Event>, _ limit: Int) -> ArraySlice<LogEventStore.Event> {
        var bytes = 0
        var count = 0
        for event in events.reversed() {
            bytes += event.size
            guard count < limit, bytes <= maximumPage || count == 0 else { break }
            count += 1
        }
        return events.suffix(count)
    }

    private static func json(_ event: LogEventStore.Event) -> JSON {
        ["timestamp": .integer(event.position.timestamp), "message": .string(event.message), "ingestionTime": .integer(event.ingestion)]
    }

    // MARK: Reading a group

    func filterEvents(_ request: Request) throws(AWSError) -> JSON? {
        let input = request.input
        let group = try group(request)
        let limit = try input.limit(Self.maximumEvents, Int64(Self.maximumEvents))
        let start = max(try input.integer("startTime") ?? .min, horizon(group.json))
        let end = try input.integer("endTime") ?? .max
        let text = try input.optional("filterPattern", 0...1024, nil) ?? ""
        let pattern: FilterPattern
        do throws(FilterPattern.Problem) { pattern = try FilterPattern(text) } catch { throw LogsInput.invalid(error.description) }
        var after: LogEventStore.Position?
        if let token = try input.optional("nextToken", 1...4096, nil) {
            guard let position = PageToken.decode(token).flatMap(Self.position(ofID:)) else {
                throw LogsInput.invalid("The specified nextToken is invalid.")
            }
            after = position
        }
        let candidates = try streamNames(request, group.name)
            .flatMap { events.events(of: .init(group: place(request, group.name), stream: $0)) }
            .filter { event in
                event.position.timestamp >= start && event.position.timestamp <= end && after.map { event.position > $0 } ?? true
            }
            .sorted { $0.position < $1.position }
        var page: [LogEventStore.Event] = []
        var bytes = 0
        var last: LogEventStore.Position?
        for event in candidates where pattern.matches(event.message) {
            bytes += event.size
            guard page.count < limit, bytes <= Self.maximumPage || page.isEmpty else {
                last = page.last?.position
                break
            }
            page.append(event)
        }
        var answer: JSON = [
            "events": .array(
                page.map { event in
                    [
                        "logStreamName": .string(event.stream), "timestamp": .integer(event.position.timestamp),
                        "message": .string(event.message), "ingestionTime": .integer(event.ingestion),
                        "eventId": .string(Self.id(event.position)),
                    ]
                }),
            "searchedLogStreams": [],
        ]
        answer["nextToken"] = last.map { .string(PageToken.encode(Self.id($0))) }
        return answer
    }

    /// The streams that a search goes through: those named, those of a prefix, or all.
    private func streamNames(_ request: Request, _ group: String) throws(AWSError) -> [String] {
        let named = try request.input.strings("logStreamNames", 1...100)
        let prefix = try request.input.streamName("logStreamNamePrefix")
        guard named == nil || prefix == nil else {
            throw LogsInput.invalid("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
        }
        if let named {
            for name in named where records.get(streams(request), "\(group):\(name)") == nil { throw Self.noStream }
            return named
        }
        return records.list(streams(request), prefix: "\(group):\(prefix ?? "")").map { String($0.name.dropFirst(group.count + 1)) }
    }

    // MARK: Positions as texts

    private static let timeDigits = 13
    private static let sequenceDigits = 43

    /// 56 digits, as the ids of events and sequence tokens have.
    private static func id(_ position: LogEventStore.Position) -> String {
        func padded(_ number: Int64, _ count: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, count - digits.count)) + digits
        }
        return padded(position.timestamp, timeDigits) + padded(position.sequence, sequenceDigits)
    }

    private static func position(ofID id: String) -> LogEventStore.Position? {
        guard id.utf8.count == timeDigits + sequenceDigits, let timestamp = Int64(id.prefix(timeDigits)),
            let sequence = Int64(id.suffix(sequenceDigits))
        else { return nil }
        return .init(timestamp: timestamp, sequence: sequence)
    }

    private static func position(ofToken token: String) -> (direction: String, position: LogEventStore.Position)? {
        let parts = token.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "f" || parts[0] == "b", parts[2] == "s", let position = position(ofID: String(parts[1])) else {
            return nil
        }
        return (String(parts[0]), position)
    }
}
