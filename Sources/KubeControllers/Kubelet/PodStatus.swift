import Crypto
import JSON
import KubeAPI
import World

extension PodSandbox {
    /// The sandbox of a pod; each attempt to make it is a new one.
    init(_ pod: JSON, attempt: Int) {
        self.init(
            namespace: pod.objectNamespace, name: pod.objectName, uid: pod.objectUID,
            containerID: Self.containerID("\(pod.objectUID)/\(attempt)"), node: pod.at("spec", "nodeName")?.string ?? "")
    }

    /// 64 hexadecimal digits that follow from a text.
    static func containerID(_ text: String) -> String {
        SHA256.hash(data: Array(text.utf8)).reduce(into: "") { digits, byte in
            digits += byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
        }
    }
}

extension ContainerRun {
    /// Whether it was never started, or waits to be.
    var needsStart: Bool {
        if case .waiting = state { true } else { false }
    }

    /// Takes over what a status says that this process did not see happen.
    mutating func restore(_ status: JSON) {
        restarts = status["restartCount"]?.integer ?? 0
        containerID = (status["containerID"]?.string ?? "").replacing("containerd://", with: "")
        last = status.at("lastState", "terminated").flatMap(Termination.init)
        if let since = status.at("state", "running", "startedAt")?.string.flatMap({ Instant(rfc3339: $0) }) {
            state = .running(since: since)
        } else if let end = status.at("state", "terminated").flatMap(Termination.init) {
            state = .terminated(end)
        } else if let last, status.at("state", "waiting", "reason") == "CrashLoopBackOff" {
            // How long it was to wait is not written down: it is tried again at once.
            state = .terminated(last)
            restartAt = last.finished
        }
    }

    /// Its entry in the pod's status.
    func status(at now: Instant, of container: JSON, wording: KubeletWording) -> JSON {
        var status: JSON = ["name": .string(name)]
        status["state"] = stateJSON
        status["lastState"] = last.map { ["terminated": $0.json] } ?? [:]
        status["ready"] = .bool(isReady(at: now))
        status["restartCount"] = .integer(restarts)
        status["image"] = .string(containerID.isEmpty ? image : ImageName.full(image))
        status["imageID"] = .string(containerID.isEmpty ? "" : ImageName.identifier(image))
        if !containerID.isEmpty { status["containerID"] = .string("containerd://\(containerID)") }
        status["started"] = .bool(isStarted(at: now))
        if wording.minorVersion >= 33, !containerID.isEmpty, let resources = container["resources"], resources.object?.isEmpty == false {
            status["allocatedResources"] = resources["requests"]
            status["resources"] = resources
        }
        let mounts = container["volumeMounts"]?.array ?? []
        if wording.minorVersion >= 33, !mounts.isEmpty {
            status["volumeMounts"] = .array(
                mounts.map { mount in
                    var shown: JSON = ["name": mount["name"] ?? "", "mountPath": mount["mountPath"] ?? ""]
                    if mount["readOnly"]?.bool == true {
                        shown["readOnly"] = true
                        shown["recursiveReadOnly"] = "Disabled"
                    }
                    return shown
                })
        }
        return status
    }

    private var stateJSON: JSON {
        switch state {
        case .waiting(let reason, let message):
            var waiting: JSON = ["reason": .string(reason)]
            if !message.isEmpty { waiting["message"] = .string(message) }
            return ["waiting": waiting]
        case .running(let since): return ["running": ["startedAt": .string(since.rfc3339)]]
        case .terminated(let end): return ["terminated": end.json]
        }
    }
}

extension ContainerRun.Termination {
    init?(_ json: JSON) {
        guard let code = json["exitCode"]?.integer else { return nil }
        let started = json["startedAt"]?.string.flatMap { Instant(rfc3339: $0) }
        let finished = json["finishedAt"]?.string.flatMap { Instant(rfc3339: $0) }
        self.init(
            exitCode: code, reason: json["reason"]?.string ?? "", started: started ?? Instant(seconds: 0),
            finished: finished ?? Instant(seconds: 0),
            containerID: (json["containerID"]?.string ?? "").replacing("containerd://", with: ""))
    }

    var json: JSON {
        [
            "exitCode": .integer(exitCode), "reason": .string(reason), "startedAt": .string(started.rfc3339),
            "finishedAt": .string(finished.rfc3339), "containerID": .string("containerd://\(containerID)"),
        ]
    }
}

/// Names of images as containerd writes them.
enum ImageName {
    /// `docker.io/library/nginx:latest` of `nginx`.
    static func full(_ image: String) -> String {
        let parts = image.split(separator: "/", omittingEmptySubsequences: false)
        let first = parts.first ?? ""
        let hasRegistry = parts.count > 1 && (first.contains(".") || first.contains(":") || first == "localhost")
        let path = hasRegistry ? image : (parts.count > 1 ? "docker.io/\(image)" : "docker.io/library/\(image)")
        let last = path.split(separator: "/").last ?? ""
        return last.contains(":") || last.contains("@") ? path : path + ":latest"
    }

    /// `docker.io/library/nginx@sha256:…`
    static func identifier(_ image: String) -> String {
        let full = full(image)
        if full.contains("@") { return full }
        let end = full.lastIndex(of: ":") ?? full.endIndex
        return "\(full[..<end])@sha256:\(PodSandbox.containerID(full))"
    }
}

extension PodWorker {
    /// The status to write: what the pod has, with what the kubelet knows.
    func status(at now: Instant, hostAddress: String) -> JSON {
        let phase = phase
        var status: JSONObject = [:]
        if wording.observesGenerations { status["observedGeneration"] = pod.at("metadata", "generation") }
        status["phase"] = .string(phase)
        status["conditions"] = .array(conditions(phase, now))
        status["hostIP"] = .string(hostAddress)
        status["hostIPs"] = [["ip": .string(hostAddress)]]
        if let first = addresses.first {
            status["podIP"] = .string(first)
            status["podIPs"] = .array(addresses.map { ["ip": .string($0)] })
        }
        status["startTime"] = .string(started.rfc3339)
        for list in ["initContainers", "containers"] {
            let specified = pod["spec"]?.items(list) ?? []
            let runs = containers.filter { $0.role.list == list }
            guard !runs.isEmpty else { continue }
            let name = list == "containers" ? "containerStatuses" : "initContainerStatuses"
            status[name] = .array(
                runs.map { run in
                    let container = specified.first { $0["name"]?.string == run.name } ?? [:]
                    return shown(run).status(at: now, of: container, wording: wording)
                })
        }
        return .object(status)
    }

    /// A container that waits for its restart shows that, and its end as its last state.
    private func shown(_ run: ContainerRun) -> ContainerRun {
        guard let end = run.termination, run.restartAt != nil, run.pause > .zero else { return run }
        var shown = run
        let pause = run.pause
        let text =
            pause >= .seconds(60) ? "\(pause.components.seconds / 60)m\(pause.components.seconds % 60)s" : "\(pause.components.seconds)s"
        shown.last = end
        shown.state = .waiting(
            reason: "CrashLoopBackOff",
            message:
                "back-off \(text) restarting failed container=\(run.name) pod=\(pod.objectName)_\(pod.objectNamespace)(\(pod.objectUID))")
        return shown
    }

    private func conditions(_ phase: String, _ now: Instant) -> [JSON] {
        var conditions: [JSON] = []
        let isConnected = isConnected && phase != "Succeeded" && phase != "Failed"
        if wording.minorVersion >= 29 {
            conditions.append(condition("PodReadyToStartContainers", isConnected, now))
        }
        let unfinished = containers.filter { run in
            switch run.role {
            case .initial: run.termination?.exitCode != 0
            case .sidecar: !run.isStarted(at: now)
            case .main: false
            }
        }
        let isOver = phase == "Succeeded" || phase == "Failed"
        if phase == "Succeeded" {
            conditions.append(condition("Initialized", true, reason: "PodCompleted", now))
        } else if unfinished.isEmpty {
            conditions.append(condition("Initialized", true, now))
        } else {
            let names = unfinished.map(\.name).joined(separator: " ")
            conditions.append(
                condition(
                    "Initialized", false, reason: "ContainersNotInitialized", message: "containers with incomplete status: [\(names)]", now)
            )
        }
        let unready = containers.filter { $0.role != .initial && !$0.isReady(at: now) }.map(\.name).joined(separator: " ")
        let isReady = unready.isEmpty && !isOver
        var reason = ""
        var message = ""
        if isOver {
            reason = phase == "Succeeded" ? "PodCompleted" : "PodFailed"
        } else if !isReady {
            reason = "ContainersNotReady"
            message = "containers with unready status: [\(unready)]"
        }
        let open = unmetGates
        if isReady, !open.isEmpty {
            conditions.append(condition("Ready", false, reason: "ReadinessGatesNotReady", message: open.joined(separator: ", "), now))
        } else {
            conditions.append(condition("Ready", isReady, reason: reason, message: message, now))
        }
        conditions.append(condition("ContainersReady", isReady, reason: reason, message: message, now))
        conditions.append(condition("PodScheduled", true, now))
        return conditions
    }

    /// What is said of readiness gates that are not met.
    private var unmetGates: [String] {
        (pod.at("spec", "readinessGates")?.array ?? []).compactMap { gate in
            let type = gate["conditionType"]?.string ?? ""
            guard let known = pod.at("status", "conditions")?.array?.first(where: { $0["type"]?.string == type }) else {
                return "corresponding condition of pod readiness gate \"\(type)\" does not exist."
            }
            return known["status"] == "True"
                ? nil : "the status of pod readiness gate \"\(type)\" is not \"True\", but \(known["status"]?.string ?? "")"
        }
    }

    private func condition(_ type: String, _ isTrue: Bool, reason: String = "", message: String = "", _ now: Instant) -> JSON {
        let known = pod.at("status", "conditions")?.array?.first { $0["type"]?.string == type }
        let status = isTrue ? "True" : "False"
        var condition: JSON = ["type": .string(type)]
        if wording.observesGenerations { condition["observedGeneration"] = pod.at("metadata", "generation") }
        condition["status"] = .string(status)
        condition["lastProbeTime"] = .null
        condition["lastTransitionTime"] =
            known?["status"]?.string == status ? known?["lastTransitionTime"] ?? .string(now.rfc3339) : .string(now.rfc3339)
        if !reason.isEmpty { condition["reason"] = .string(reason) }
        if !message.isEmpty { condition["message"] = .string(message) }
        return condition
    }
}
