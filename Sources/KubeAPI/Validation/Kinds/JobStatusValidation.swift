import JSON

/// The status of Jobs (`validateJobStatus` and `ValidateJobUpdateStatus` of `pkg/apis/batch/validation`).
extension FieldErrorList {
    /// What a change of a Job's status may not do. Rules of several fields are only asked when one of these changed, so that a status of
    /// an older server can be kept (`getStatusValidationOptions`).
    mutating func jobStatusUpdate(_ new: JSON, _ old: JSON) {
        let status = JobStatus(new["status"] ?? [:])
        let before = JobStatus(old["status"] ?? [:])
        jobStatus(status, before)
        let at = FieldPath("status")
        for type in ["Failed", "Complete", "FailureTarget"] where before.has(type) && !status.has(type) {
            omitted(at / "conditions", "cannot disable the terminal \(type)=True condition")
        }
        if let start = before.json.present("startTime"), status.json.present("startTime") != start, new.at("spec", "suspend") != true {
            invalid(at / "startTime", status.json["startTime"] ?? .null, "field is immutable for unsuspended job once set")
        }
        let met = "SuccessCriteriaMet"
        if before.has(met), !status.has(met) { omitted(at / "conditions", "cannot disable the SuccessCriteriaMet=True condition") }
        if before.has("Complete"), !before.has(met), status.has(met) {
            omitted(at / "conditions", "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions")
        }
    }

    private struct JobStatus {
        let json: JSON
        private let conditions: Set<String>

        init(_ status: JSON) {
            json = status
            conditions = Set(status.items("conditions").filter { $0["status"] == "True" }.map { $0.text("type") })
        }

        func has(_ type: String) -> Bool { conditions.contains(type) }
        var isFinished: Bool { has("Complete") || has("Failed") }
    }

    /// An error whose value is not shown.
    private mutating func omitted(_ path: FieldPath, _ text: String) { other(.invalid, path, "Invalid value: \(text)") }

    private mutating func jobStatus(_ status: JobStatus, _ before: JobStatus) {
        let at = FieldPath("status")
        let json = status.json
        for counter in ["active", "succeeded", "failed", "ready", "terminating"] { nonnegative(json.number(counter), at / counter) }
        func changed(_ field: String) -> Bool { json.present(field) != before.json.present(field) }
        let isComplete = status.has("Complete")
        let completion = json.present("completionTime")
        let hasSettled = isComplete != before.has("Complete") || changed("completionTime")
        if hasSettled, let completion, !isComplete {
            invalid(at / "completionTime", completion, "cannot set completionTime when there is no Complete=True condition")
        }
        if hasSettled, isComplete, completion == nil {
            required(at / "completionTime", "completionTime is required for Complete jobs")
        }
        // Canonical times order as texts do.
        if changed("startTime") || changed("completionTime"), let end = completion?.string, let start = json.present("startTime")?.string,
            end < start
        {
            invalid(at / "completionTime", .string(end), "completionTime cannot be set before startTime")
        }
        for (type, cause) in [("Failed", "FailureTarget"), ("Complete", "SuccessCriteriaMet")] {
            let isAsked = status.has(type) != before.has(type) || status.has(cause) != before.has(cause)
            if isAsked, status.has(type), !status.has(cause) {
                omitted(at / "conditions", "cannot set \(type)=True condition without the \(cause)=true condition")
            }
        }
        guard status.isFinished else { return }
        let hasFinished = !before.isFinished
        let active = json.number("active") ?? 0
        if hasFinished || changed("active"), active > 0 {
            invalid(at / "active", .integer(active), "active>0 is invalid for finished job")
        }
        if hasFinished || changed("startTime"), json.present("startTime") == nil {
            required(at / "startTime", "startTime is required for finished job")
        }
    }
}
