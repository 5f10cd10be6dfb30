import JSON
import Store

/// Log streams.
extension LogsService {
    func createStream(_ request: Request) async throws(AWSError) -> JSON? {
        let group = try request.input.required(request.input.groupName(), "logGroupName")
        let name = try request.input.required(request.input.streamName(), "logStreamName")
        let key = Key(streams(request), "\(group):\(name)")
        let isThere = Key(groups(request), group)
        guard let known = records.get(isThere.collection, group) else { throw Self.noGroup }
        let failed = try await records.commit(
            Transaction(
                conditions: [.modified(isThere, known.revision), .absent(key)],
                writes: [.put(key, .bytes(Self.stream(name, now).serialized()))]))
        guard failed == nil else {
            throw failed == key
                ? AWSError(400, "ResourceAlreadyExistsException", "The specified log stream already exists")
                : AWSError(400, "OperationAbortedException", "A conflicting operation is currently in progress against this resource.")
        }
        return nil
    }

    static func stream(_ name: String, _ now: Int64) -> JSON { ["logStreamName": .string(name), "creationTime": .integer(now)] }

    func describeStreams(_ request: Request) throws(AWSError) -> JSON? {
        let input = request.input
        let group = try group(request).name
        let prefix = try input.streamName("logStreamNamePrefix")
        let isByTime = try input.choice("orderBy", of: ["LogStreamName", "LastEventTime"]) == "LastEventTime"
        guard !isByTime || prefix == nil else {
            throw LogsInput.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        }
        var found = records.list(streams(request), prefix: "\(group):\(prefix ?? "")").map { document in
            (name: String(document.name.dropFirst(group.count + 1)), json: document.json, summary: summary(request, group, document))
        }
        if isByTime { found.sort { ($0.summary.last ?? 0, $0.name) < ($1.summary.last ?? 0, $1.name) } }
        if try input.bool("descending") { found.reverse() }
        return try page(found, "logStreams", request, limit: input.limit(50, 50), name: \.name) { stream in
            var json = stream.json
            json["firstEventTimestamp"] = stream.summary.first.map(JSON.integer)
            json["lastEventTimestamp"] = stream.summary.last.map(JSON.integer)
            json["lastIngestionTime"] = stream.summary.lastIngestion.map(JSON.integer)
            json["arn"] = .string("\(groupARN(request, group)):log-stream:\(stream.name)")
            // The service counts the bytes of streams no longer.
            json["storedBytes"] = 0
            return json
        }
    }

    private func summary(_ request: Request, _ group: String, _ document: Records.Document) -> LogEventStore.Summary {
        events.summary(of: .init(group: place(request, group), stream: String(document.name.dropFirst(group.count + 1))))
    }

    func deleteStream(_ request: Request) async throws(AWSError) -> JSON? {
        let group = try request.input.required(request.input.groupName(), "logGroupName")
        let name = try request.input.required(request.input.streamName(), "logStreamName")
        guard records.get(groups(request), group) != nil else { throw Self.noGroup }
        guard records.get(streams(request), "\(group):\(name)") != nil else { throw Self.noStream }
        try await records.delete([Key(streams(request), "\(group):\(name)")])
        events.remove(group: place(request, group), stream: name)
        return nil
    }
}
