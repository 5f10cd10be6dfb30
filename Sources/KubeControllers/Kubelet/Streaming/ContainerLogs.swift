import HTTP
import JSON
import KubeAPI
import KubeAPIServer
import World

/// The output of a simulated container, which follows from its command and what the pod's status says: nothing is kept.
struct ContainerLogs: Sendable {
    /// `PodLogOptions`.
    struct Options: Sendable {
        let follows: Bool
        let isPrevious: Bool
        let hasTimestamps: Bool
        let tail: Int?
        let limit: Int?
        let since: Instant?

        /// - Throws: 400 for a time or number that is none.
        init(_ query: QueryParameters, now: Instant) throws(KubeStatus) {
            follows = query.bool("follow")
            isPrevious = query.bool("previous")
            hasTimestamps = query.bool("timestamps")
            tail = try query.integer("tailLines").map { Int(clamping: $0) }
            limit = try query.integer("limitBytes").map { Int(clamping: $0) }
            if let seconds = try query.integer("sinceSeconds") {
                since = now - .seconds(seconds)
            } else if let text = query["sinceTime"], !text.isEmpty {
                guard let time = Instant(rfc3339: text) else {
                    throw .badRequest(
                        "parsing time \(GoText.quoted(text)) as \"2006-01-02T15:04:05Z07:00\": cannot parse \(GoText.quoted(text))")
                }
                since = time
            } else {
                since = nil
            }
        }
    }

    /// What one run of the container writes.
    private let output: [ContainerProgram.Line]
    private let started: Instant
    private let finished: Instant?
    /// Tells the run from others of the container.
    let containerID: String

    /// The run of a container that is asked for.
    ///
    /// - Throws: 400 with the kubelet's words when there is none (`validateContainerLogStatus`).
    init(_ name: String, of pod: JSON, previous: Bool) throws(KubeStatus) {
        let specified = ["containers", "initContainers", "ephemeralContainers"].flatMap { pod["spec"]?.items($0) ?? [] }
        let statuses = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"].flatMap {
            pod["status"]?.items($0) ?? []
        }
        let subject = "container \(GoText.quoted(name)) in pod \(GoText.quoted(pod.objectName))"
        guard let container = specified.first(where: { $0["name"]?.string == name }),
            let status = statuses.first(where: { $0["name"]?.string == name })
        else { throw .badRequest("\(subject) is not available") }
        let last = status.at("lastState", "terminated")
        func written(since start: Instant, isRunning: Bool) -> [ContainerProgram.Line] {
            guard name == AgentEntryPoint.name, AgentEntryPoint.isIn(pod) else { return ContainerProgram(container, of: pod).lines }
            let ready = pod.at("status", "conditions")?.array?.first { $0["type"] == "ContainersReady" && $0["status"] == "True" }
            return AgentEntryPoint.lines(started: start, ready: isRunning ? ready.map { Self.time($0["lastTransitionTime"]) } : nil)
        }
        let ended: JSON?
        if previous {
            guard let last, !(last["containerID"]?.string ?? "").isEmpty else {
                throw .badRequest("previous terminated \(subject) not found")
            }
            ended = last
        } else if let running = status.at("state", "running") {
            started = Self.time(running["startedAt"])
            finished = nil
            containerID = status["containerID"]?.string ?? ""
            output = written(since: started, isRunning: true)
            return
        } else if let terminated = status.at("state", "terminated") ?? last {
            ended = terminated
        } else if let waiting = status.at("state", "waiting") {
            throw .badRequest("\(subject) is waiting to start: \(waiting["reason"]?.string ?? "")")
        } else {
            throw .badRequest("\(subject) is waiting to start - no logs yet")
        }
        started = Self.time(ended?["startedAt"])
        finished = Self.time(ended?["finishedAt"])
        containerID = ended?["containerID"]?.string ?? ""
        output = written(since: started, isRunning: false)
    }

    private static func time(_ value: JSON?) -> Instant { value?.string.flatMap { Instant(rfc3339: $0) } ?? Instant(seconds: 0) }

    var isOver: Bool { finished != nil }

    /// Lines and their times, up to now.
    func lines(until now: Instant) -> [(time: Instant, text: String)] {
        let end = finished ?? now
        return output.map { (started + $0.after, $0.text) }.filter { $0.0 <= end }
    }

    /// When the next line comes; `nil` for none.
    func nextLine(after now: Instant) -> Instant? { isOver ? nil : output.map { started + $0.after }.first { $0 > now } }

    /// The lines that an options' reader gets at first, as bytes.
    func text(_ options: Options, until now: Instant) -> [UInt8] {
        var lines = lines(until: now)
        if let since = options.since { lines = lines.filter { $0.time >= since } }
        if let tail = options.tail { lines = Array(lines.suffix(max(tail, 0))) }
        let bytes = lines.flatMap { Self.bytes($0.time, $0.text, options) }
        return options.limit.map { Array(bytes.prefix($0)) } ?? bytes
    }

    static func bytes(_ time: Instant, _ text: String, _ options: Options) -> [UInt8] {
        Array(((options.hasTimestamps ? time.rfc3339Nano + " " : "") + text + "\n").utf8)
    }
}

extension Instant {
    /// `2026-11-24T12:00:00.000000000Z`: as the kubelet writes times of log lines.
    var rfc3339Nano: String {
        let digits = String(subsecond)
        return rfc3339.dropLast() + "." + String(repeating: "0", count: 9 - digits.count) + digits + "Z"
    }
}
