import AWSServices
import JSON
import Testing
import World

extension Simulation {
    fileprivate func logs(_ operation: String, _ input: JSON = [:], as key: ClientKey? = nil) async -> Answer {
        await send(
            signer("logs", key).sign(
                "POST", "/", headers: [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "Logs_20140328.\(operation)")],
                body: input.text))
    }

    /// The time in milliseconds.
    fileprivate var now: Int64 { world.now.nanoseconds / 1_000_000 }

    /// Makes the group `g` with streams, and puts messages a second apart into them.
    fileprivate func makeEvents(_ messages: [(stream: String, message: String)]) async {
        _ = await logs("CreateLogGroup", ["logGroupName": "g"])
        for (index, item) in messages.enumerated() {
            _ = await logs("CreateLogStream", ["logGroupName": "g", "logStreamName": .string(item.stream)])
            let event: JSON = ["timestamp": .integer(now + Int64(index) * 1000), "message": .string(item.message)]
            _ = await logs("PutLogEvents", ["logGroupName": "g", "logStreamName": .string(item.stream), "logEvents": [event]])
        }
    }

    fileprivate func filter(_ input: JSON = [:]) async -> Answer {
        var input = input
        input["logGroupName"] = "g"
        return await logs("FilterLogEvents", input)
    }
}

extension Answer {
    fileprivate var messages: [String] { (json["events"]?.array ?? []).compactMap { $0["message"]?.string } }
}

@Suite("CloudWatch Logs")
struct LogsTests {
    @Test("a group is made, shown, kept for some days, tagged and deleted")
    func groups() async throws {
        let simulation = try await Simulation()
        #expect(await simulation.logs("CreateLogGroup", ["logGroupName": "/a/b", "tags": ["k": "v"]]).status == 200)
        let again = await simulation.logs("CreateLogGroup", ["logGroupName": "/a/b"])
        #expect(again.verdict == "400 ResourceAlreadyExistsException" && again.message == "The specified log group already exists")
        _ = await simulation.logs("PutRetentionPolicy", ["logGroupName": "/a/b", "retentionInDays": 30])
        let shown = await simulation.logs("DescribeLogGroups", ["logGroupNamePrefix": "/a"])
        let arn = "arn:aws:logs:\(Simulation.region):\(Simulation.account):log-group:/a/b"
        #expect(
            shown.json == [
                "logGroups": [
                    [
                        "logGroupName": "/a/b", "creationTime": .integer(simulation.now), "logGroupClass": "STANDARD",
                        "retentionInDays": 30,
                        "metricFilterCount": 0, "arn": .string("\(arn):*"), "logGroupArn": .string(arn), "storedBytes": 0,
                    ]
                ]
            ])
        _ = await simulation.logs("TagResource", ["resourceArn": .string(arn), "tags": ["x": "y"]])
        _ = await simulation.logs("UntagResource", ["resourceArn": .string(arn), "tagKeys": ["k"]])
        #expect(await simulation.logs("ListTagsForResource", ["resourceArn": .string(arn)]).json == ["tags": ["x": "y"]])
        #expect(await simulation.logs("ListTagsLogGroup", ["logGroupName": "/a/b"]).json == ["tags": ["x": "y"]])
        _ = await simulation.logs("DeleteRetentionPolicy", ["logGroupName": "/a/b"])
        #expect(await simulation.logs("DescribeLogGroups").json.at("logGroups")?[0]?["retentionInDays"] == nil)
        #expect(await simulation.logs("DeleteLogGroup", ["logGroupName": "/a/b"]).status == 200)
        #expect(await simulation.logs("DescribeLogGroups").json == ["logGroups": []])
    }

    private static let refusals: [(String, JSON, String, String)] = [
        ("DescribeMetricFilters", [:], "400 UnknownOperationException", "The operation DescribeMetricFilters is not simulated."),
        ("DeleteLogGroup", ["logGroupName": "x"], "400 ResourceNotFoundException", "The specified log group does not exist."),
        (
            "CreateLogStream", ["logGroupName": "x", "logStreamName": "s"], "400 ResourceNotFoundException",
            "The specified log group does not exist."
        ),
        (
            "GetLogEvents", ["logGroupName": "g", "logStreamName": "x"], "400 ResourceNotFoundException",
            "The specified log stream does not exist."
        ),
        (
            "FilterLogEvents", ["logGroupName": "g", "logStreamNames": ["x"]], "400 ResourceNotFoundException",
            "The specified log stream does not exist."
        ),
        (
            "CreateLogGroup", ["logGroupName": "a b"], "400 InvalidParameterException",
            "1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
        ),
        (
            "CreateLogStream", ["logGroupName": "g", "logStreamName": "a:b"], "400 InvalidParameterException",
            "1 validation error detected: Value 'a:b' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*"
        ),
        (
            "DescribeLogGroups", ["limit": 51], "400 InvalidParameterException",
            "1 validation error detected: Value '51' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50"
        ),
        (
            "PutRetentionPolicy", ["logGroupName": "g", "retentionInDays": 2], "400 InvalidParameterException",
            "Invalid retention value. Valid values are: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]"
        ),
        (
            "FilterLogEvents", ["logGroupName": "g", "filterPattern": "a:b"], "400 InvalidParameterException",
            "Invalid character(s) in term 'a:b'"
        ),
        (
            "FilterLogEvents", ["logGroupName": "g", "nextToken": "x"], "400 InvalidParameterException",
            "The specified nextToken is invalid."
        ),
        (
            "GetLogEvents", ["logGroupName": "g", "logStreamName": "s", "nextToken": "f/1/s"], "400 InvalidParameterException",
            "The specified nextToken is invalid."
        ),
        (
            "FilterLogEvents", ["logGroupName": "g", "limit": "many"], "400 SerializationException",
            "The value of limit has the wrong type."
        ),
    ]

    @Test("what cannot be done is refused in the service's words", arguments: refusals)
    func refused(operation: String, input: JSON, verdict: String, message: String) async throws {
        let simulation = try await Simulation()
        await simulation.makeEvents([("s", "a")])
        let answer = await simulation.logs(operation, input)
        #expect(answer.verdict == verdict && answer.message == message)
    }

    @Test("a call takes the permission for its group or stream")
    func authorized() async throws {
        let simulation = try await Simulation()
        await simulation.makeEvents([("s", "a")])
        let reader = await simulation.makeUser("reader", allowing: "logs:Get*")
        let read: JSON = ["logGroupName": "g", "logStreamName": "s"]
        #expect(await simulation.logs("GetLogEvents", read, as: reader).status == 200)
        let refused = await simulation.logs("FilterLogEvents", ["logGroupName": "g"], as: reader)
        #expect(refused.verdict == "400 AccessDeniedException")
        let base = "arn:aws:logs:\(Simulation.region):\(Simulation.account):log-group"
        #expect(
            refused.message.hasPrefix(
                "User: arn:aws:iam::\(Simulation.account):user/reader is not authorized to perform: logs:FilterLogEvents on resource: \(base):g:log-stream: because"
            ))
        let groups = await simulation.logs("DescribeLogGroups", as: reader)
        #expect(groups.message.contains("on resource: \(base)::log-stream: because"))
    }

    @Test("streams are listed by name or by their last event")
    func streams() async throws {
        let simulation = try await Simulation()
        await simulation.makeEvents([("b", "1"), ("a", "2"), ("ab", "3")])
        func names(_ input: JSON) async -> [String] {
            var input = input
            input["logGroupName"] = "g"
            let answer = await simulation.logs("DescribeLogStreams", input)
            return (answer.json["logStreams"]?.array ?? []).compactMap { $0["logStreamName"]?.string }
        }
        #expect(await names([:]) == ["a", "ab", "b"])
        #expect(await names(["logStreamNamePrefix": "a", "descending": true]) == ["ab", "a"])
        #expect(await names(["orderBy": "LastEventTime", "descending": true]) == ["ab", "a", "b"])
        let first = await simulation.logs("DescribeLogStreams", ["logGroupName": "g", "limit": 2])
        #expect(await names(["nextToken": first.json["nextToken"] ?? .null]) == ["b"])
        let stream = first.json.at("logStreams")?[0] ?? .null
        #expect(stream["firstEventTimestamp"] == .integer(simulation.now + 1000) && stream["lastIngestionTime"] == .integer(simulation.now))
    }

    @Test("a search finds events of all streams in order, of a prefix, in a time, and with a pattern, page by page")
    func filtered() async throws {
        let simulation = try await Simulation()
        let names = ["api-1", "api-audit-1", "authenticator-1"]
        await simulation.makeEvents((0..<6).map { (names[$0 % 3], "event \($0)") })
        #expect(await simulation.filter().messages == (0..<6).map { "event \($0)" })
        #expect(await simulation.filter(["logStreamNamePrefix": "api"]).messages == ["event 0", "event 1", "event 3", "event 4"])
        #expect(await simulation.filter(["logStreamNames": ["api-1"]]).messages == ["event 0", "event 3"])
        let start = simulation.now
        #expect(await simulation.filter(["startTime": .integer(start + 1000), "endTime": .integer(start + 3000)]).messages.count == 3)
        #expect(await simulation.filter(["filterPattern": "\"event 3\""]).messages == ["event 3"])
        var found: [String] = []
        var token: JSON?
        repeat {
            var input: JSON = ["limit": 4]
            input["nextToken"] = token
            let page = await simulation.filter(input)
            found += page.messages
            token = page.json["nextToken"]
        } while token != nil
        #expect(found == (0..<6).map { "event \($0)" })
        let both = await simulation.filter(["logStreamNames": ["api-1"], "logStreamNamePrefix": "api"])
        #expect(both.verdict == "400 InvalidParameterException")
    }

    @Test("one stream is read from its end or its head, and its tokens lead on in both ways")
    func oneStream() async throws {
        let simulation = try await Simulation()
        await simulation.makeEvents((0..<5).map { ("s", "\($0)") })
        func get(_ input: JSON) async -> Answer {
            var input = input
            input["logGroupName"] = "g"
            input["logStreamName"] = "s"
            return await simulation.logs("GetLogEvents", input)
        }
        let last = await get(["limit": 2])
        #expect(last.messages == ["3", "4"])
        let before = await get(["limit": 2, "nextToken": last.json["nextBackwardToken"] ?? .null])
        #expect(before.messages == ["1", "2"])
        let head = await get(["limit": 2, "startFromHead": true])
        #expect(head.messages == ["0", "1"])
        let next = await get(["limit": 5, "nextToken": head.json["nextForwardToken"] ?? .null])
        #expect(next.messages == ["2", "3", "4"])
        let end = await get(["nextToken": next.json["nextForwardToken"] ?? .null])
        #expect(end.messages.isEmpty && end.json["nextForwardToken"] == next.json["nextForwardToken"])
    }

    @Test("of a batch what is too old, too new or past its retention is left out, and said")
    func rejected() async throws {
        let simulation = try await Simulation()
        await simulation.makeEvents([("s", "now")])
        func put(_ times: [Int64]) async -> Answer {
            let events = times.map { ["timestamp": .integer(simulation.now + $0), "message": "m"] as JSON }
            return await simulation.logs("PutLogEvents", ["logGroupName": "g", "logStreamName": "s", "logEvents": .array(events)])
        }
        let hour: Int64 = 3_600_000
        #expect(await put([0, 3 * hour]).json["rejectedLogEventsInfo"] == ["tooNewLogEventStartIndex": 1])
        #expect(await put([-15 * 24 * hour]).json["rejectedLogEventsInfo"] == ["tooOldLogEventEndIndex": 1])
        _ = await simulation.logs("PutRetentionPolicy", ["logGroupName": "g", "retentionInDays": 1])
        #expect(await put([-24 * hour - 1, 0 - hour]).verdict == "200")
        #expect(await put([-24 * hour - 1]).json["rejectedLogEventsInfo"] == ["expiredLogEventEndIndex": 1])
        #expect(await put([0, -1]).message == "Log events in a single PutLogEvents request must be in chronological order.")
        #expect(
            await put([0, 25 * hour]).message == "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
        let before = await simulation.filter().messages.count
        await simulation.world.advance(by: .seconds(2 * 86_400))
        #expect(before > 0)
        #expect(await simulation.filter().messages.isEmpty)
    }
}
