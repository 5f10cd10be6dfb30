import JSON
import World

/// Rows of the kinds that make pods.
enum WorkloadRows {
    static func deployment(_ shown: PrintedObject) -> [JSON] {
        row(
            shown,
            [
                ratio(shown.integer("status", "readyReplicas"), shown.integer("spec", "replicas")),
                .integer(shown.integer("status", "updatedReplicas")), .integer(shown.integer("status", "availableReplicas")), shown.age,
            ], selector: .string(PrintedObject.selector(shown.value("spec", "selector"), invalid: "<invalid>", empty: "")))
    }

    static func replicaSet(_ shown: PrintedObject) -> [JSON] {
        row(shown, replicas(shown), selector: .string(PrintedObject.selector(shown.value("spec", "selector"))))
    }

    /// The selector of a ReplicationController is a plain map.
    static func replicationController(_ shown: PrintedObject) -> [JSON] {
        row(shown, replicas(shown), selector: .string(PrintedObject.labels(shown.value("spec", "selector"))))
    }

    static func statefulSet(_ shown: PrintedObject) -> [JSON] {
        row(shown, [ratio(shown.integer("status", "readyReplicas"), shown.integer("spec", "replicas")), shown.age], selector: nil)
    }

    static func daemonSet(_ shown: PrintedObject) -> [JSON] {
        let counts = [
            "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable",
        ].map { JSON.integer(shown.integer("status", $0)) }
        let nodes = JSON.string(PrintedObject.labels(shown.value("spec", "template", "spec", "nodeSelector")))
        return row(shown, counts + [nodes, shown.age], selector: .string(PrintedObject.selector(shown.value("spec", "selector"))))
    }

    static func job(_ shown: PrintedObject) -> [JSON] {
        let selector = JSON.string(PrintedObject.selector(shown.value("spec", "selector")))
        return row(
            shown, [.string(jobStatus(shown)), .string(completions(shown)), .string(jobDuration(shown)), shown.age], selector: selector)
    }

    static func cronJob(_ shown: PrintedObject) -> [JSON] {
        let suspend = shown.object.at("spec", "suspend")?.bool.map { $0 ? "True" : "False" } ?? PrintedObject.unset
        let last = shown.value("status", "lastScheduleTime").map { shown.since($0) } ?? PrintedObject.none
        let (names, images) = PrintedObject.containers(shown.list("spec", "jobTemplate", "spec", "template", "spec", "containers"))
        return [
            .string(shown.name), .string(shown.text("spec", "schedule")),
            .string(shown.value("spec", "timeZone")?.string ?? PrintedObject.none), .string(suspend),
            .integer(Int64(shown.list("status", "active").count)), .string(last), shown.age, names, images,
            .string(PrintedObject.selector(shown.value("spec", "jobTemplate", "spec", "selector"))),
        ]
    }

    static func podTemplate(_ shown: PrintedObject) -> [JSON] {
        let (names, images) = PrintedObject.containers(shown.list("template", "spec", "containers"))
        return [.string(shown.name), names, images, .string(PrintedObject.labels(shown.value("template", "metadata", "labels")))]
    }

    /// `statefulset.apps/db`: who made a revision.
    static func controllerRevision(_ shown: PrintedObject) -> [JSON] {
        let owner = shown.list("metadata", "ownerReferences").first { $0["controller"]?.bool == true }.map { owner in
            let kind = owner["kind"]?.string ?? ""
            let group = GroupVersionKind(apiVersion: owner["apiVersion"]?.string ?? "", kind: kind)?.group ?? ""
            let name = owner["name"]?.string ?? ""
            return kind.isEmpty && group.isEmpty ? name : "\((group.isEmpty ? kind : "\(kind).\(group)").lowercased())/\(name)"
        }
        return [.string(shown.name), .string(owner ?? PrintedObject.none), .integer(shown.integer("revision")), shown.age]
    }

    private static func row(_ shown: PrintedObject, _ middle: [JSON], selector: JSON?) -> [JSON] {
        let (names, images) = PrintedObject.containers(shown.list("spec", "template", "spec", "containers"))
        return [.string(shown.name)] + middle + [names, images] + (selector.map { [$0] } ?? [])
    }

    private static func replicas(_ shown: PrintedObject) -> [JSON] {
        [
            .integer(shown.integer("spec", "replicas")), .integer(shown.integer("status", "replicas")),
            .integer(shown.integer("status", "readyReplicas")), shown.age,
        ]
    }

    private static func ratio(_ part: Int64, _ whole: Int64) -> JSON { "\(part)/\(whole)" }

    private static func completions(_ shown: PrintedObject) -> String {
        let succeeded = shown.integer("status", "succeeded")
        if let wanted = shown.value("spec", "completions")?.integer { return "\(succeeded)/\(wanted)" }
        let parallelism = shown.integer("spec", "parallelism")
        return parallelism > 1 ? "\(succeeded)/1 of \(parallelism)" : "\(succeeded)/1"
    }

    private static func jobDuration(_ shown: PrintedObject) -> String {
        guard let start = shown.value("status", "startTime")?.string.flatMap(Instant.init(rfc3339:)) else { return "" }
        let end = shown.value("status", "completionTime")?.string.flatMap(Instant.init(rfc3339:))
        return PrintedObject.duration(from: start, to: end ?? shown.now)
    }

    private static func jobStatus(_ shown: PrintedObject) -> String {
        let conditions = shown.list("status", "conditions")
        func holds(_ type: String) -> Bool { conditions.first { $0["type"]?.string == type }?["status"]?.string == "True" }
        if holds("Complete") { return "Complete" }
        if holds("Failed") { return "Failed" }
        if shown.isBeingDeleted { return "Terminating" }
        return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].first(where: holds) ?? "Running"
    }
}
