import JSON
import World

/// The row of a Pod (`printPod`): its status is what its containers tell, not the phase alone.
struct PodRow {
    private let shown: PrintedObject
    private var reason: String
    private var restarts = Restarts()
    private var readyCount = 0
    private var totalCount: Int

    /// How often containers were restarted, and when last.
    private struct Restarts {
        var count: Int64 = 0
        var last: Instant?

        mutating func add(_ status: JSON) {
            count = count.addingReportingOverflow(status["restartCount"]?.integer ?? 0).partialValue
            guard let finished = status.at("lastState", "terminated", "finishedAt")?.string.flatMap(Instant.init(rfc3339:)) else { return }
            last = max(last ?? finished, finished)
        }
    }

    private init(_ shown: PrintedObject) {
        self.shown = shown
        totalCount = shown.list("spec", "containers").count
        reason = shown.text("status", "phase")
        let stated = shown.text("status", "reason")
        if !stated.isEmpty { reason = stated }
        for condition in shown.list("status", "conditions")
        where condition["type"]?.string == "PodScheduled" && condition["reason"]?.string == "SchedulingGated" {
            reason = "SchedulingGated"
        }
    }

    /// The cells.
    static func cells(_ shown: PrintedObject) -> [JSON] {
        var row = PodRow(shown)
        let isInitializing = row.readInitContainers()
        if !isInitializing || condition("Initialized", shown) { row.readContainers() }
        row.readDeletion()
        return row.cells
    }

    /// Conditions of the row of a pod that is done.
    static func conditions(_ shown: PrintedObject) -> [JSON] {
        switch shown.text("status", "phase") {
        case "Succeeded": [completed("Succeeded", "The pod has completed successfully.")]
        case "Failed": [completed("Failed", "The pod failed.")]
        default: []
        }
    }

    private static func completed(_ reason: JSON, _ message: JSON) -> JSON {
        ["type": "Completed", "status": "True", "reason": reason, "message": message]
    }

    private static func condition(_ type: String, _ shown: PrintedObject) -> Bool {
        shown.list("status", "conditions").first { $0["type"]?.string == type }?["status"]?.string == "True"
    }

    /// Looks at init containers until one is not done. Answers whether there was one.
    private mutating func readInitContainers() -> Bool {
        let declared = shown.list("spec", "initContainers")
        let sidecars = Set(declared.filter { $0["restartPolicy"]?.string == "Always" }.compactMap { $0["name"]?.string })
        totalCount += declared.lazy.filter { $0["restartPolicy"]?.string == "Always" }.count
        var sidecarRestarts = Restarts()
        for (index, status) in shown.list("status", "initContainerStatuses").enumerated() {
            restarts.add(status)
            let isSidecar = sidecars.contains(status["name"]?.string ?? "")
            if isSidecar { sidecarRestarts.add(status) }
            let terminated = status.at("state", "terminated")
            if let terminated, terminated["exitCode"]?.integer ?? 0 == 0 { continue }
            if isSidecar, status["started"]?.bool == true {
                if status["ready"]?.bool == true { readyCount += 1 }
                continue
            }
            let waiting = status.at("state", "waiting", "reason")?.string ?? ""
            if let terminated {
                reason = "Init:" + Self.ending(terminated)
            } else if !waiting.isEmpty, waiting != "PodInitializing" {
                reason = "Init:" + waiting
            } else {
                reason = "Init:\(index)/\(declared.count)"
            }
            if Self.condition("Initialized", shown) { restarts = sidecarRestarts }
            return true
        }
        restarts = sidecarRestarts
        return false
    }

    private mutating func readContainers() {
        var hasRunning = false
        var hasFailed = false
        for status in shown.list("status", "containerStatuses").reversed() {
            restarts.add(status)
            let waiting = status.at("state", "waiting", "reason")?.string ?? ""
            if !waiting.isEmpty {
                reason = waiting
            } else if let terminated = status.at("state", "terminated") {
                let isFailure = terminated["exitCode"]?.integer ?? 0 != 0
                // A container that is done does not hide one that failed.
                if isFailure || !hasFailed { reason = Self.ending(terminated) }
                hasFailed = hasFailed || isFailure
            } else if status["ready"]?.bool == true, status.at("state", "running") != nil {
                hasRunning = true
                readyCount += 1
            }
        }
        if reason == "Completed", hasRunning { reason = Self.condition("Ready", shown) ? "Running" : "NotReady" }
    }

    private static func ending(_ terminated: JSON) -> String {
        let reason = terminated["reason"]?.string ?? ""
        guard reason.isEmpty else { return reason }
        let signal = terminated["signal"]?.integer ?? 0
        return signal != 0 ? "Signal:\(signal)" : "ExitCode:\(terminated["exitCode"]?.integer ?? 0)"
    }

    private mutating func readDeletion() {
        guard shown.isBeingDeleted else { return }
        if shown.text("status", "reason") == "NodeLost" {
            reason = "Unknown"
        } else if !["Succeeded", "Failed"].contains(shown.text("status", "phase")) {
            reason = "Terminating"
        }
    }

    private var cells: [JSON] {
        var restartText = String(restarts.count)
        if restarts.count != 0, let last = restarts.last {
            restartText += " (\(PrintedObject.duration(from: last, to: shown.now)) ago)"
        }
        func orNone(_ text: String) -> JSON { .string(text.isEmpty ? PrintedObject.none : text) }
        return [
            .string(shown.name), "\(readyCount)/\(totalCount)", .string(reason), .string(restartText), shown.age,
            orNone(shown.list("status", "podIPs").first?["ip"]?.string ?? ""), orNone(shown.text("spec", "nodeName")),
            orNone(shown.text("status", "nominatedNodeName")), .string(readinessGates),
        ]
    }

    private var readinessGates: String {
        let gates = shown.list("spec", "readinessGates")
        guard !gates.isEmpty else { return PrintedObject.none }
        let holding = gates.filter { Self.condition($0["conditionType"]?.string ?? "", shown) }
        return "\(holding.count)/\(gates.count)"
    }
}
