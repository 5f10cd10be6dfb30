import JSON

/// Checks of jobs and cron jobs (`pkg/apis/batch/validation/validation.go`).
extension FieldErrorList {
    private static let uidLabels = ("controller-uid", "batch.kubernetes.io/controller-uid")
    private static let nameLabels = ("job-name", "batch.kubernetes.io/job-name")

    /// `ValidateJob`.
    mutating func job(_ job: JSON) {
        metadata(job, .subdomain, isNamespaced: true)
        generatedSelector(job)
        jobSpec(job["spec"] ?? [:])
    }

    /// `ValidateGeneratedSelector`.
    private mutating func generatedSelector(_ job: JSON) {
        let spec = job["spec"] ?? [:]
        guard !spec.flag("manualSelector"), let selector = spec.present("selector") else { return }
        let uid = job.objectUID
        if uid.isEmpty { required(FieldPath("metadata") / "uid") }
        let labels = spec.at("template", "metadata", "labels") ?? .null
        let at = FieldPath("spec") / "template" / "metadata" / "labels"
        let expected: [(String, String)] = [
            (Self.uidLabels.0, uid), (Self.nameLabels.0, job.objectName), (Self.uidLabels.1, uid), (Self.nameLabels.1, job.objectName),
        ]
        for (key, value) in expected {
            switch labels[key]?.string {
            case nil: required(at.key(key), "must be '\(value)'")
            case let found?: if found != value { invalid(at.key(key), labels, "must be '\(value)'") }
            }
        }
        let wanted = JSON.object(JSONObject(expected.map { ($0.0, JSON.string($0.1)) }))
        if Self.selectorMatches(selector, wanted) == false {
            invalid(FieldPath("spec") / "selector", selector, "`selector` not auto-generated")
        }
    }

    /// `ValidateJobSpec`.
    private mutating func jobSpec(_ spec: JSON) {
        let at = FieldPath("spec")
        jobSpecCommon(spec, at)
        if let selector = spec.present("selector") { labelSelector(selector, at / "selector") } else { required(at / "selector") }
        let labels = spec.at("template", "metadata", "labels") ?? .null
        if Self.selectorMatches(spec["selector"], labels) == false {
            invalid(
                at / "template" / "metadata" / "labels", Optional(labels).isEmptyCollection ? .null : labels,
                "`selector` does not match template `labels`")
        }
    }

    /// `validateJobSpec`, which jobs and cron jobs share.
    private mutating func jobSpecCommon(_ spec: JSON, _ at: FieldPath) {
        for field in [
            "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "backoffLimitPerIndex",
            "maxFailedIndexes",
        ] { nonnegative(spec.number(field), at / field) }
        if spec.present("maxFailedIndexes") != nil, spec.present("backoffLimitPerIndex") == nil {
            required(at / "backoffLimitPerIndex", "when maxFailedIndexes is specified")
        }
        if let manager = spec["managedBy"]?.string {
            domainPrefixedPath(manager, at / "managedBy")
            if manager.utf8.count > 63 { tooLong(at / "managedBy", 63) }
        }
        completionMode(spec, at)
        if let policy = spec.present("podFailurePolicy") { podFailurePolicy(policy, spec, at / "podFailurePolicy") }
        successPolicy(spec, at / "successPolicy")
        if let policy = spec["podReplacementPolicy"]?.string {
            oneOf(
                policy, spec.present("podFailurePolicy") == nil ? ["Failed", "TerminatingOrFailed"] : ["Failed"],
                at / "podReplacementPolicy")
        }
        podTemplate(spec["template"], at / "template")
        let restart = spec.at("template", "spec", "restartPolicy")?.string ?? ""
        let path = at / "template" / "spec" / "restartPolicy"
        if restart.isEmpty || restart == "Always" {
            required(path, "valid values: \"OnFailure\", \"Never\"")
        } else if restart != "OnFailure", restart != "Never" {
            notSupported(path, .string(restart), ["OnFailure", "Never"])
        } else if spec.present("podFailurePolicy") != nil, restart != "Never" {
            invalid(path, .string(restart), "only \"Never\" is supported when podFailurePolicy is specified")
        }
    }

    private mutating func completionMode(_ spec: JSON, _ at: FieldPath) {
        let mode = spec.text("completionMode")
        if !mode.isEmpty { oneOf(mode, ["NonIndexed", "Indexed"], at / "completionMode") }
        let perIndex = ["backoffLimitPerIndex", "maxFailedIndexes"]
        guard mode == "Indexed" else {
            for field in perIndex {
                if let value = spec.present(field) { invalid(at / field, value, "requires indexed completion mode") }
            }
            return
        }
        guard let completions = spec.number("completions") else {
            return required(at / "completions", "when completion mode is Indexed")
        }
        if let parallelism = spec.number("parallelism"), parallelism > 100_000 {
            invalid(
                at / "parallelism", .integer(parallelism),
                "must be less than or equal to 100000 when completion mode is Indexed")
        }
        if let failed = spec.number("maxFailedIndexes"), failed > completions {
            invalid(at / "maxFailedIndexes", .integer(failed), "must be less than or equal to completions")
        }
    }

    private mutating func podFailurePolicy(_ policy: JSON, _ spec: JSON, _ at: FieldPath) {
        let rules = policy.items("rules")
        if rules.count > 20 { tooMany(at / "rules", rules.count, limit: 20) }
        let pod = spec.at("template", "spec") ?? [:]
        let names = Set((pod.items("containers") + pod.items("initContainers")).map { $0.text("name") })
        let actions = ["Count", "FailIndex", "FailJob", "Ignore"]
        for (index, rule) in rules.enumerated() {
            let path = (at / "rules")[index]
            let action = rule.text("action")
            if action.isEmpty {
                required(path / "action", "valid values: \(Self.goList(actions))")
            } else if action == "FailIndex", spec.present("backoffLimitPerIndex") == nil {
                invalid(path / "action", .string(action), "requires the backoffLimitPerIndex to be set")
            } else {
                oneOf(action, actions, path / "action")
            }
            let codes = rule.present("onExitCodes")
            let conditions = rule.items("onPodConditions")
            if let codes { exitCodes(codes, names, path / "onExitCodes") }
            if conditions.count > 20 { tooMany(path / "onPodConditions", conditions.count, limit: 20) }
            for (position, condition) in conditions.enumerated() {
                let place = (path / "onPodConditions")[position]
                qualifiedName(condition.text("type"), place / "type")
                let statuses = ["False", "True", "Unknown"]
                let status = condition.text("status")
                if status.isEmpty {
                    required(place / "status", "valid values: \(Self.goList(statuses))")
                } else {
                    oneOf(status, statuses, place / "status")
                }
            }
            if codes != nil, !conditions.isEmpty {
                other(.invalid, path, "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported")
            }
            if codes == nil, conditions.isEmpty {
                other(.invalid, path, "Invalid value: specifying one of OnExitCodes and OnPodConditions is required")
            }
        }
    }

    /// A list as Go's `%q` prints it.
    private static func goList(_ texts: [String]) -> String { "[" + texts.map { GoText.quoted($0) }.joined(separator: " ") + "]" }

    private mutating func exitCodes(_ codes: JSON, _ names: Set<String>, _ at: FieldPath) {
        let operation = codes.text("operator")
        if operation.isEmpty {
            required(at / "operator", "valid values: \(Self.goList(["In", "NotIn"]))")
        } else {
            oneOf(operation, ["In", "NotIn"], at / "operator")
        }
        if let name = codes["containerName"]?.string, !names.contains(name) {
            invalid(
                at / "containerName", .string(name),
                "must be one of the container or initContainer names in the pod template")
        }
        let values = codes.items("values").compactMap(\.integer)
        if values.isEmpty { return invalid(at / "values", .null, "at least one value is required") }
        if values.count > 255 { tooMany(at / "values", values.count, limit: 255) }
        var seen: Set<Int64> = []
        for (index, value) in values.enumerated() {
            let path = (at / "values")[index]
            if operation == "In", value == 0 { invalid(path, 0, "must not be 0 for the In operator") }
            if !seen.insert(value).inserted { duplicate(path, .integer(value)) }
        }
        if values != values.sorted() { invalid(at / "values", .array(values.map { .integer($0) }), "must be ordered") }
    }

    private mutating func successPolicy(_ spec: JSON, _ at: FieldPath) {
        guard let policy = spec.present("successPolicy") else { return }
        guard spec["completionMode"] == "Indexed" else {
            return invalid(at, GoForm.json(policy, "batch.v1.SuccessPolicy"), "requires indexed completion mode")
        }
        let rules = policy.items("rules")
        let completions = spec.number("completions") ?? 0
        if rules.isEmpty { return required(at / "rules", "at least one rules must be specified when the successPolicy is specified") }
        if rules.count > 20 { tooMany(at / "rules", rules.count, limit: 20) }
        for (index, rule) in rules.enumerated() {
            let path = (at / "rules")[index]
            let count = rule.number("succeededCount")
            let indexes = rule["succeededIndexes"]?.string
            if count == nil, indexes == nil {
                required(path, "at least one of succeededCount or succeededIndexes must be specified")
            }
            if let indexes {
                if indexes.utf8.count > 65536 { tooLong(path / "succeededIndexes", 65536) }
                if !Self.isIndexList(indexes, below: completions) {
                    invalid(
                        path / "succeededIndexes", .string(indexes), "error parsing succeededIndexes: invalid format")
                }
            }
            if let count {
                nonnegative(count, path / "succeededCount")
                if count > completions {
                    invalid(
                        path / "succeededCount", .integer(count),
                        "must be less than or equal to \(completions) (the number of specified completions)")
                }
            }
        }
    }

    private static func isIndexList(_ text: String, below limit: Int64) -> Bool {
        var last: Int64 = -1
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
            guard ends.count <= 2, let first = ends.first ?? nil, let final = ends.last ?? nil, first > last, final >= first, final < limit
            else {
                return false
            }
            last = final
        }
        return true
    }

    /// `ValidateJobUpdate`, behind the checks of a new job.
    mutating func jobUpdate(_ new: JSON, _ old: JSON) {
        job(new)
        metadataUpdate(new, old)
        let spec = new["spec"] ?? [:]
        let before = old["spec"] ?? [:]
        let at = FieldPath("spec")
        jobSpec(spec)
        completionsUpdate(spec, before, at / "completions")
        immutable(spec["selector"], before["selector"], at / "selector")
        templateUpdate(new, old, at / "template")
        immutable(spec["completionMode"], before["completionMode"], at / "completionMode")
        for (field, type) in [("podFailurePolicy", "batch.v1.PodFailurePolicy"), ("successPolicy", "batch.v1.SuccessPolicy")]
        where spec.present(field) != before.present(field) {
            invalid(at / field, GoForm.json(spec[field], type), Self.immutable)
        }
        for field in ["backoffLimitPerIndex", "managedBy"] { immutable(spec.present(field), before.present(field), at / field) }
    }

    private mutating func completionsUpdate(_ spec: JSON, _ before: JSON, _ at: FieldPath) {
        guard spec["completionMode"] == "Indexed" else {
            return immutable(spec.present("completions"), before.present("completions"), at)
        }
        guard spec.present("completions") != before.present("completions") else { return }
        if spec.number("completions") != spec.number("parallelism") || spec.number("completions") == nil {
            invalid(at, spec["completions"] ?? .null, "can only be modified in tandem with parallelism")
        }
    }

    /// A suspended job that never ran may change where its pods go.
    private mutating func templateUpdate(_ new: JSON, _ old: JSON, _ at: FieldPath) {
        var before = old.at("spec", "template") ?? [:]
        let template = new.at("spec", "template") ?? [:]
        let neverRan = old.at("spec", "suspend") == true && old.at("status", "startTime") == nil
        if neverRan {
            for field in ["nodeSelector", "tolerations", "schedulingGates"] { before.set(template.at("spec", field), at: ["spec", field]) }
            for field in ["annotations", "labels"] { before.set(template.at("metadata", field), at: ["metadata", field]) }
            before.set(template.at("spec", "affinity", "nodeAffinity"), at: ["spec", "affinity", "nodeAffinity"])
            if before.at("spec", "affinity").isEmptyCollection { before.remove(at: ["spec", "affinity"]) }
        }
        if template != before { invalid(at, GoForm.json(template, "core.v1.PodTemplateSpec"), Self.immutable) }
    }

    /// `ValidateCronJobCreate` and `ValidateCronJobUpdate`.
    mutating func cronJob(_ job: JSON, isUpdate: Bool) {
        metadata(job, .subdomain, isNamespaced: true)
        let spec = job["spec"] ?? [:]
        let at = FieldPath("spec")
        let schedule = spec.text("schedule")
        if schedule.isEmpty {
            required(at / "schedule")
        } else if schedule.contains("TZ") {
            invalid(at / "schedule", .string(schedule), "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
        } else if let problem = CronSchedule.problem(schedule) {
            invalid(at / "schedule", .string(schedule), problem)
        }
        nonnegative(spec.number("startingDeadlineSeconds"), at / "startingDeadlineSeconds")
        if let zone = spec["timeZone"]?.string { timeZone(zone, at / "timeZone") }
        oneOf(spec.text("concurrencyPolicy"), ["Allow", "Forbid", "Replace"], at / "concurrencyPolicy", requiredWhenEmpty: true)
        let template = spec.at("jobTemplate", "spec") ?? [:]
        let path = at / "jobTemplate" / "spec"
        jobSpecCommon(template, path)
        if let selector = template.present("selector") { invalid(path / "selector", selector, "`selector` will be auto-generated") }
        if template.flag("manualSelector") { notSupported(path / "manualSelector", true, ["nil", "false"]) }
        nonnegative(spec.number("successfulJobsHistoryLimit"), at / "successfulJobsHistoryLimit")
        nonnegative(spec.number("failedJobsHistoryLimit"), at / "failedJobsHistoryLimit")
        let name = job.objectName
        if !isUpdate, name.utf8.count > 52 {
            invalid(FieldPath("metadata") / "name", .string(name), "must be no more than 52 characters")
        }
    }

    private mutating func timeZone(_ zone: String, _ at: FieldPath) {
        if zone.isEmpty { return invalid(at, "", "timeZone must be nil or non-empty string") }
        if zone.lowercased() == "local" {
            return invalid(
                at, .string(zone), "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
        }
        if zone != "UTC", !TimeZoneNames.contains(zone) { invalid(at, .string(zone), "unknown time zone \(zone)") }
    }
}
