public import JSON
public import World

/// The trace of one request as `eks-sim why` shows it: readable from and writable to JSON, and as text.
public struct TraceReport: Sendable {
    /// What is reported.
    public let record: RequestTrace.Record

    /// Makes a report of a trace.
    public init(_ record: RequestTrace.Record) { self.record = record }

    /// Reads the form that `json` writes; `nil` when it is not that.
    public init?(json: JSON) {
        guard let id = json["auditID"]?.string, let received = json["received"]?.string.flatMap(Instant.init(rfc3339:)),
            let summary = json["request"]?.string, let target = json["target"]?.string, let steps = json["steps"]?.array
        else { return nil }
        record = RequestTrace.Record(
            id: id, received: received, summary: summary, target: target, user: json["user"]?.string,
            status: json["status"]?.integer.map(Int.init(clamping:)), steps: steps.compactMap(TraceReport.step))
    }

    /// The report for tools.
    public var json: JSON {
        var json: JSON = [
            "auditID": .string(record.id), "received": .string(record.received.rfc3339Micro), "request": .string(record.summary),
            "target": .string(record.target),
        ]
        json["user"] = record.user.map(JSON.string)
        json["status"] = record.status.map { .integer(Int64($0)) }
        json["steps"] = .array(record.steps.map(TraceReport.json))
        json["fix"] = fix.map(JSON.string)
        return json
    }

    /// The smallest change that would have let the request pass; the last one named on its path. That of a mere fact is advice.
    public var fix: String? { record.steps.last { $0.fix != nil && $0.verdict != .info }?.fix }

    private static func json(_ step: TraceStep) -> JSON {
        var json: JSON = ["hop": .string(step.hop), "check": .string(step.check), "verdict": .string(step.verdict.rawValue)]
        json["expected"] = step.expected.map(JSON.string)
        json["actual"] = step.actual.map(JSON.string)
        if !step.nearMisses.isEmpty { json["nearMisses"] = JSON(strings: step.nearMisses) }
        json["fix"] = step.fix.map(JSON.string)
        return json
    }

    private static func step(_ json: JSON) -> TraceStep? {
        guard let hop = json["hop"]?.string, let check = json["check"]?.string,
            let verdict = json["verdict"]?.string.flatMap(TraceStep.Verdict.init(rawValue:))
        else { return nil }
        return TraceStep(
            hop, check, expected: json["expected"]?.string, actual: json["actual"]?.string, verdict,
            nearMisses: json["nearMisses"]?.array?.compactMap(\.string) ?? [], fix: json["fix"]?.string)
    }
}
