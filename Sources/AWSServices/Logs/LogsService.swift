import HTTP
import JSON
import Store
import World

/// AWS CloudWatch Logs over JSON 1.1: groups, streams, events, retention, tags. Groups and streams are records; events are in memory.
struct LogsService: Sendable {
    let records: Records
    let world: World
    let events: LogEventStore

    /// A call and its input.
    struct Request: Sendable {
        let call: AWSCall
        let input: LogsInput

        var account: String { call.caller.accountID }
        var region: String { call.region }
    }

    /// What a call's permission is asked for.
    private enum Target: Sendable {
        /// A group, or all of them.
        case group
        /// A stream of a group.
        case stream
        /// The resource that the input names by its ARN.
        case resource
    }

    private struct Operation: Sendable {
        let target: Target
        let run: @Sendable (LogsService, Request) async throws(AWSError) -> JSON?
    }

    private static let prefix = "Logs_20140328."

    /// What is simulated of the service.
    private static let operations: [String: Operation] = [
        "CreateLogGroup": Operation(target: .group) { logs, request throws(AWSError) in try await logs.createGroup(request) },
        "DescribeLogGroups": Operation(target: .group) { logs, request throws(AWSError) in try logs.describeGroups(request) },
        "DeleteLogGroup": Operation(target: .group) { logs, request throws(AWSError) in try await logs.deleteGroup(request) },
        "PutRetentionPolicy": Operation(target: .group) { logs, request throws(AWSError) in try await logs.putRetention(request) },
        "DeleteRetentionPolicy": Operation(target: .group) { logs, request throws(AWSError) in try await logs.deleteRetention(request) },
        "ListTagsForResource": Operation(target: .resource) { logs, request throws(AWSError) in try logs.listTags(request) },
        "TagResource": Operation(target: .resource) { logs, request throws(AWSError) in try await logs.tag(request) },
        "UntagResource": Operation(target: .resource) { logs, request throws(AWSError) in try await logs.untag(request) },
        "ListTagsLogGroup": Operation(target: .group) { logs, request throws(AWSError) in try logs.listTags(request) },
        "TagLogGroup": Operation(target: .group) { logs, request throws(AWSError) in try await logs.tag(request) },
        "UntagLogGroup": Operation(target: .group) { logs, request throws(AWSError) in try await logs.untag(request) },
        "CreateLogStream": Operation(target: .group) { logs, request throws(AWSError) in try await logs.createStream(request) },
        "DescribeLogStreams": Operation(target: .group) { logs, request throws(AWSError) in try logs.describeStreams(request) },
        "DeleteLogStream": Operation(target: .stream) { logs, request throws(AWSError) in try await logs.deleteStream(request) },
        "PutLogEvents": Operation(target: .stream) { logs, request throws(AWSError) in try logs.putEvents(request) },
        "GetLogEvents": Operation(target: .stream) { logs, request throws(AWSError) in try logs.getEvents(request) },
        "FilterLogEvents": Operation(target: .group) { logs, request throws(AWSError) in try logs.filterEvents(request) },
    ]

    func handle(_ call: AWSCall, _ authorization: CallerAuthorization) async throws(AWSError) -> HTTPResponse {
        let target = call.request.headers["X-Amz-Target"] ?? ""
        let name = target.hasPrefix(Self.prefix) ? String(target.dropFirst(Self.prefix.count)) : ""
        call.request.trace.describe("logs:\(name.isEmpty ? "?" : name)")
        guard let operation = Self.operations[name] else {
            throw AWSError(400, "UnknownOperationException", "The operation \(name.isEmpty ? target : name) is not simulated.")
        }
        let request = Request(call: call, input: try LogsInput(call.request.body))
        try authorize(request, name, operation.target, authorization)
        let answer = try await operation.run(self, request)
        return HTTPResponse(
            status: 200, contentType: "application/x-amz-json-1.1", answer?.serialized(escaping: .minimal) ?? [],
            headers: ["x-amzn-RequestId": call.requestID])
    }

    private func authorize(
        _ request: Request, _ name: String, _ target: Target, _ authorization: CallerAuthorization
    ) throws(AWSError) {
        let input = request.input
        let group = groupName(input.text("logGroupName") ?? input.text("logGroupIdentifier") ?? input.text("resourceArn") ?? "")
        var conditions = CallerAuthorization.resourceTags(group.isEmpty ? nil : records.get(groups(request), group)?.json["tags"])
        if name == "CreateLogGroup" || name == "TagResource" || name == "TagLogGroup" {
            let tags = (input.json["tags"]?.object?.members ?? []).map { (key: $0.key, value: $0.value.string ?? "") }
            conditions.merge(CallerAuthorization.requestTags(tags)) { $1 }
        }
        let arn = groupARN(request, group)
        let resource =
            switch target {
            case .resource: input.text("resourceArn") ?? arn
            case .group: "\(arn):log-stream:"
            case .stream: "\(arn):log-stream:\(input.text("logStreamName") ?? "")"
            }
        try authorization.require(request.call, "logs:\(name)", on: resource, conditions: conditions)
    }

    // MARK: Names and places

    func groups(_ request: Request) -> String { Self.groups(request.account, request.region) }

    static func groups(_ account: String, _ region: String) -> String { Records.collection(account, region, "logs", "groups") }

    /// Names are `GROUP:STREAM`; neither has a colon.
    func streams(_ request: Request) -> String { Self.streams(request.account, request.region) }

    static func streams(_ account: String, _ region: String) -> String { Records.collection(account, region, "logs", "streams") }

    /// Where the events of a group are.
    func place(_ request: Request, _ group: String) -> String { Self.place(request.account, request.region, group) }

    static func place(_ account: String, _ region: String, _ group: String) -> String { "\(account)/\(region)/\(group)" }

    func groupARN(_ request: Request, _ group: String) -> String {
        "arn:aws:logs:\(request.region):\(request.account):log-group:\(group)"
    }

    /// The group that a name or an ARN means.
    func groupName(_ identifier: String) -> String {
        guard identifier.hasPrefix("arn:"), let mark = identifier.firstRange(of: ":log-group:") else { return identifier }
        return String(identifier[mark.upperBound...].prefix { $0 != ":" })
    }

    var now: Int64 { world.now.nanoseconds / 1_000_000 }

    static let noGroup = AWSError(400, "ResourceNotFoundException", "The specified log group does not exist.")
    static let noStream = AWSError(400, "ResourceNotFoundException", "The specified log stream does not exist.")

    /// The group that a call is about, by `logGroupName` or `logGroupIdentifier`.
    func group(_ request: Request) throws(AWSError) -> Records.Document {
        let name = try request.input.groupName()
        let identifier = try request.input.optional("logGroupIdentifier", 1...2048, nil)
        guard (name == nil) != (identifier == nil) else {
            throw LogsInput.invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
        }
        guard let found = records.get(groups(request), groupName(name ?? identifier ?? "")) else { throw Self.noGroup }
        return found
    }

    /// The milliseconds before which a group's events have ended their retention.
    func horizon(_ group: JSON) -> Int64 {
        group["retentionInDays"]?.integer.map { now - $0 * 86_400_000 } ?? .min
    }

    /// One page of a list whose items have names, with `nextToken`.
    func page<Item>(
        _ items: [Item], _ member: String, _ request: Request, limit: Int, name: (Item) -> String, _ json: (Item) -> JSON
    ) throws(AWSError) -> JSON {
        var rest = items[...]
        if let token = request.input.text("nextToken") {
            guard let last = PageToken.decode(token), let index = items.firstIndex(where: { name($0) == last }) else {
                throw LogsInput.invalid("The specified nextToken is invalid.")
            }
            rest = items[(index + 1)...]
        }
        let page = rest.prefix(limit)
        var answer: JSON = [member: .array(page.map(json))]
        if rest.count > limit { answer["nextToken"] = page.last.map { .string(PageToken.encode(name($0))) } }
        return answer
    }
}
