import JSON
import KubeAPI
import World

/// How long the simulated kubelet takes for things that take time.
enum KubeletPace {
    /// From the pod's arrival to its sandbox.
    static let sandbox = Duration.milliseconds(300)
    /// Until a sandbox is tried again that got no network.
    static let sandboxRetry = Duration.seconds(10)
    /// Pulling an image that the node does not have.
    static let pull = Duration.milliseconds(1200)
    /// What a container takes to end that hears SIGTERM.
    static let stop = Duration.milliseconds(500)
}

/// One pod on a node, as the kubelet brings it up and down: a state machine without I/O. What it does besides is in `Effects`.
struct PodWorker: Sendable {
    /// What a step leads to.
    struct Effects: Sendable {
        struct Note: Sendable, Hashable {
            let type: String
            let reason: String
            let message: String
            /// `spec.containers{app}`, or empty.
            let fieldPath: String
        }

        var notes: [Note] = []
        /// Whether the status has to be written.
        var changesStatus = false
        /// The sandbox wants its network.
        var wantsNetwork = false
        /// Everything ended: the pod can go.
        var isOver = false
    }

    private enum Stage: Sendable, Hashable {
        case arrived
        case sandbox(due: Instant)
        case connecting
        /// The container of this number is pulled, created and started.
        case starting(Int, pulledAt: Instant?)
        case up
        case stopping(due: Instant)
        case over
    }

    /// The pod, or what is kept of it while nothing is to do.
    private(set) var pod: JSON
    private(set) var isParked = false
    private(set) var containers: [ContainerRun]
    private(set) var addresses: [String] = []
    private(set) var sandbox: PodSandbox
    private(set) var started: Instant
    private var stage = Stage.arrived
    private var attempt = 0
    private var isProbed = false
    /// The ports that its node does not reach, as far as probes try them.
    var blockedPorts: Set<Int64> = []
    let wording: KubeletWording

    init(_ pod: JSON, now: Instant, wording: KubeletWording) {
        self.pod = pod
        self.wording = wording
        started = pod.at("status", "startTime")?.string.flatMap { Instant(rfc3339: $0) } ?? now
        sandbox = PodSandbox(pod, attempt: 0)
        let initial = pod["spec"]?.items("initContainers") ?? []
        containers = initial.map { ContainerRun($0, $0["restartPolicy"] == "Always" ? .sidecar : .initial, of: pod) }
        containers += (pod["spec"]?.items("containers") ?? []).map { ContainerRun($0, .main, of: pod) }
        if Self.hasBranchInterface(pod) || isHostNetwork && Self.asksItsAgent(pod) { takeProbes() }
        restore()
    }

    var key: String { "\(pod.objectNamespace)/\(pod.objectName)" }
    var isHostNetwork: Bool { pod.at("spec", "hostNetwork")?.bool ?? false }
    var isConnected: Bool { !addresses.isEmpty }
    /// Whether the next step follows by itself, in a moment or, for want of an address, when there is one.
    var isComingUp: Bool {
        switch stage {
        case .arrived, .connecting, .sandbox: true
        case .starting(_, let pulledAt): pulledAt != nil
        case .up, .stopping, .over: false
        }
    }
    /// The ids of the containers that run, by name.
    var running: [String: String] {
        Dictionary(containers.filter(\.isRunning).map { ($0.name, $0.containerID) }) { first, _ in first }
    }
    private var isStopping: Bool { if case .stopping = stage { true } else { stage == .over } }

    /// Whether the pod has a branch interface, with security groups that stand between it and its node.
    private static func hasBranchInterface(_ pod: JSON) -> Bool {
        pod.at("spec", "containers")?.array?.contains { $0.at("resources", "limits", "vpc.amazonaws.com/pod-eni") != nil } == true
    }

    /// Whether a container of the pod is asked by a program in it, which hears of what connects pods when the pod is that.
    private static func asksItsAgent(_ pod: JSON) -> Bool {
        pod.at("spec", "containers")?.array?.contains { NetworkProbe.isHealthCheck($0["readinessProbe"] ?? $0["livenessProbe"]) } == true
    }

    private mutating func takeProbes() {
        for container in (pod["spec"]?.items("initContainers") ?? []) + (pod["spec"]?.items("containers") ?? []) {
            guard let place = containers.firstIndex(where: { $0.name == container["name"]?.string }) else { continue }
            containers[place].probes = NetworkProbe.Kind.allCases.compactMap {
                NetworkProbe($0, container["\($0.rawValue)Probe"], of: container)
            }
        }
        isProbed = containers.contains { !$0.probes.isEmpty }
    }

    /// The ports that probes try.
    var probedPorts: Set<Int64> { isProbed && isConnected ? Set(containers.flatMap { $0.probes.map(\.port) }) : [] }

    /// Takes up a pod that ran before this process did.
    private mutating func restore() {
        let known = (pod.at("status", "initContainerStatuses")?.array ?? []) + (pod.at("status", "containerStatuses")?.array ?? [])
        addresses = (pod.at("status", "podIPs")?.array ?? []).compactMap { $0["ip"]?.string }
        guard !addresses.isEmpty else { return }
        for index in containers.indices {
            if let status = known.first(where: { $0["name"]?.string == containers[index].name }) { containers[index].restore(status) }
            if case .running(let since) = containers[index].state { containers[index].beginProbes(at: since) }
        }
        let next = containers.indices.first { containers[$0].needsStart }
        stage = next.map { .starting($0, pulledAt: nil) } ?? .up
    }

    // MARK: What comes from outside

    /// Takes over the object as it is now.
    mutating func update(_ pod: JSON) {
        self.pod = pod
        isParked = false
    }

    /// Keeps of the pod only what tells whether a change calls for something: nodes hold thousands of pods that nothing happens to.
    mutating func park() {
        guard !isParked else { return }
        var metadata = JSONObject()
        for name in ["name", "namespace", "uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            metadata[name] = pod.at("metadata", name)
        }
        var spec = JSONObject()
        for name in ["nodeName", "hostNetwork", "readinessGates"] { spec[name] = pod.at("spec", name) }
        var status = JSONObject()
        if spec["readinessGates"] != nil { status["conditions"] = pod.at("status", "conditions") }
        pod = ["metadata": .object(metadata), "spec": .object(spec), "status": .object(status)]
        isParked = true
    }

    /// What of a Pod object says whether it calls for something.
    static let parts: JSONProjection = ["metadata": ["uid", "deletionTimestamp"]]

    /// Whether nothing is to do for a pod of which these are the parts.
    func isParked(for parts: JSON) -> Bool {
        isParked && pod.at("spec", "readinessGates") == nil && pod.objectUID == parts.objectUID
            && pod.at("metadata", "deletionTimestamp") == parts.at("metadata", "deletionTimestamp")
    }

    /// The network's answer.
    mutating func connected(_ outcome: Result<[String], PodNetworkFailure>, now: Instant) -> Effects {
        var effects = Effects()
        switch outcome {
        case .success(let addresses):
            self.addresses = addresses
            stage = containers.isEmpty ? .up : .starting(0, pulledAt: nil)
            effects.changesStatus = true
        case .failure(let failure):
            let text =
                "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "
                + "\"\(sandbox.containerID)\": \(failure.message)"
            effects.notes.append(.init(type: "Warning", reason: "FailedCreatePodSandBox", message: text, fieldPath: ""))
            attempt += 1
            sandbox = PodSandbox(pod, attempt: attempt)
            stage = .sandbox(due: now + KubeletPace.sandboxRetry)
        }
        return effects
    }

    /// The machine was started anew: the sandbox is gone, and what ran in it ended without anybody seeing how (containerd says 255 then).
    mutating func machineRestarted(now: Instant) -> Effects {
        var effects = Effects()
        effects.changesStatus = true
        guard isConnected else { return effects }
        let policy = pod.at("spec", "restartPolicy")?.string ?? "Always"
        for index in containers.indices {
            if case .running(let since) = containers[index].state {
                containers[index].state = .terminated(
                    ContainerRun.Termination(
                        exitCode: 255, reason: "Unknown", started: since, finished: now, containerID: containers[index].containerID))
            }
        }
        guard !pod.isBeingDeleted, policy != "Never" else {
            stage = .up
            return effects
        }
        let comesBack = containers.contains { $0.role == .main && $0.comesBack }
        for index in containers.indices where comesBack && (containers[index].comesBack || containers[index].role == .initial) {
            containers[index].beginAnew()
        }
        guard comesBack else {
            stage = .up
            return effects
        }
        addresses = []
        attempt = Int(clamping: containers.map(\.restarts).max() ?? 0)
        sandbox = PodSandbox(pod, attempt: attempt)
        stage = .sandbox(due: now + KubeletPace.sandbox)
        effects.notes.append(
            .init(
                type: "Normal", reason: "SandboxChanged", message: "Pod sandbox changed, it will be killed and re-created.", fieldPath: ""))
        return effects
    }

    // MARK: Steps

    /// When the next step is due; `nil` when only something from outside leads on.
    func next(after now: Instant) -> Instant? {
        switch stage {
        case .arrived: now
        case .sandbox(let due): due
        case .stopping(let due): min(due, deletionTime ?? due)
        case .connecting, .over: nil
        case .starting(let index, let pulledAt): pulledAt ?? startTime(of: index) ?? now
        case .up:
            containers.flatMap { [$0.exitAt, $0.restartAt, $0.readyAt(after: now), $0.probeAt] }.compactMap { $0 }.min()
        }
    }

    /// When a container is started that waits for others; `nil` for at once.
    private func startTime(of index: Int) -> Instant? {
        guard index > 0 else { return nil }
        let before = containers[index - 1]
        switch before.role {
        case .initial:
            // Runs, waits to be started again, or is done.
            return before.exitAt ?? before.restartAt ?? (before.isRunning ? Instant(nanoseconds: .max) : nil)
        case .sidecar:
            guard case .running(let since) = before.state else { return before.restartAt }
            return before.startupDelay > .zero ? since + before.startupDelay : nil
        case .main: return nil
        }
    }

    /// Does what is due. `images` are those on the node.
    mutating func step(now: Instant, images: inout Set<String>) -> Effects {
        var effects = Effects()
        if pod.isBeingDeleted, !isStopping { beginStop(now, &effects) }
        switch stage {
        case .arrived:
            stage = .sandbox(due: now + KubeletPace.sandbox)
            effects.changesStatus = true
        case .sandbox(let due) where due <= now:
            stage = .connecting
            effects.wantsNetwork = true
        case .starting: start(now, &images, &effects)
        case .up: live(now, &effects)
        case .stopping(let due):
            if min(due, deletionTime ?? due) <= now { finishStop(now, &effects) }
        default: break
        }
        return effects
    }

    /// Starts containers in their order, as far as it goes now.
    private mutating func start(_ now: Instant, _ images: inout Set<String>, _ effects: inout Effects) {
        endAndRestart(now, &effects)
        while case .starting(let index, let pulledAt) = stage {
            guard containers.indices.contains(index) else {
                stage = .up
                return
            }
            if index > 0, containers[index - 1].role == .initial {
                let before = containers[index - 1]
                guard let end = before.termination, before.restartAt == nil else { return }
                // An init container that failed for good ends the pod.
                guard end.exitCode == 0 else {
                    stage = .up
                    effects.changesStatus = true
                    return
                }
            }
            // What ended for good before its machine was started anew is not run again.
            if containers[index].termination != nil, containers[index].restartAt == nil {
                stage = .starting(index + 1, pulledAt: nil)
                continue
            }
            if index > 0, containers[index - 1].role == .sidecar, !containers[index - 1].isStarted(at: now) { return }
            if let pulledAt {
                guard pulledAt <= now else { return }
                images.insert(containers[index].image)
                note(index, "Pulled", wording.pulled(containers[index].image, after: KubeletPace.pull), &effects)
            } else {
                let isPresent = images.contains(containers[index].image)
                if containers[index].pullPolicy == "Always" || !isPresent, containers[index].pullPolicy != "Never" {
                    note(index, "Pulling", "Pulling image \"\(containers[index].image)\"", &effects)
                    stage = .starting(index, pulledAt: now + (isPresent ? .milliseconds(100) : KubeletPace.pull))
                    return
                }
                note(index, "Pulled", wording.present(containers[index].image), &effects)
            }
            run(index, now, &effects)
            stage = .starting(index + 1, pulledAt: nil)
        }
    }

    private mutating func run(_ index: Int, _ now: Instant, _ effects: inout Effects) {
        containers[index].containerID = PodSandbox.containerID("\(pod.objectUID)/\(containers[index].name)/\(containers[index].restarts)")
        containers[index].state = .running(since: now)
        containers[index].beginProbes(at: now)
        containers[index].restartAt = nil
        note(index, "Created", wording.created(containers[index].name), &effects)
        note(index, "Started", wording.started(containers[index].name), &effects)
        effects.changesStatus = true
    }

    private mutating func live(_ now: Instant, _ effects: inout Effects) {
        endAndRestart(now, &effects)
        // Readiness comes with time alone; the status says whether it came.
        effects.changesStatus = true
    }

    /// Makes the probes of a container that are due; one that fails for good kills it.
    private mutating func probe(_ index: Int, _ now: Instant, _ effects: inout Effects) {
        guard let due = containers[index].probeAt, due <= now else { return }
        for place in containers[index].probes.indices where containers[index].probes[place].next.map({ $0 <= now }) == true {
            // What has not started is not asked for more.
            let probe = containers[index].probes[place]
            if probe.kind != .startup, !containers[index].isStarted(at: now) {
                containers[index].probes[place].next = nil
                continue
            }
            guard blockedPorts.contains(probe.port) else {
                containers[index].probes[place].succeed()
                if probe.kind == .startup { containers[index].beginProbes(at: now, after: .startup) }
                continue
            }
            containers[index].probes[place].fail(at: now)
            note(index, "Unhealthy", probe.failure(at: addresses.first ?? "", now: now), type: "Warning", &effects)
            guard containers[index].probes[place].isFatal else { continue }
            let name = containers[index].name
            note(index, "Killing", "Container \(name) failed \(probe.kind.rawValue) probe, will be restarted", &effects)
            let code = probe.exitCode ?? (containers[index].program.ignoresTermination ? 137 : 0)
            if containers[index].end(code, at: now, restarts: !pod.isBeingDeleted) {
                note(index, "BackOff", backOffEvent(name), type: "Warning", &effects)
            }
            break
        }
        effects.changesStatus = true
    }

    /// Ends containers whose time has come, and starts those again whose pause is over.
    private mutating func endAndRestart(_ now: Instant, _ effects: inout Effects) {
        let isDone = isDone
        for index in containers.indices {
            probe(index, now, &effects)
            if let exit = containers[index].exitAt, exit <= now {
                if containers[index].end(containers[index].program.exitCode, at: exit, restarts: !isDone) {
                    note(index, "BackOff", backOffEvent(containers[index].name), type: "Warning", &effects)
                }
                effects.changesStatus = true
            }
            if let restart = containers[index].restartAt, restart <= now {
                containers[index].last = containers[index].termination ?? containers[index].last
                containers[index].restarts += 1
                note(index, "Pulled", wording.present(containers[index].image), &effects)
                run(index, now, &effects)
            }
        }
    }

    private func backOffEvent(_ container: String) -> String {
        "Back-off restarting failed container \(container) in pod \(pod.objectName)_\(pod.objectNamespace)(\(pod.objectUID))"
    }

    /// When the pod has to be gone.
    private var deletionTime: Instant? { pod.at("metadata", "deletionTimestamp")?.string.flatMap { Instant(rfc3339: $0) } }

    /// Whether all main containers ended for good.
    private var isDone: Bool {
        let main = containers.filter { $0.role == .main }
        return !main.isEmpty && main.allSatisfy { $0.termination != nil && $0.restartAt == nil }
    }

    // MARK: The end

    private mutating func beginStop(_ now: Instant, _ effects: inout Effects) {
        let grace = Duration.seconds(min(max(pod.at("metadata", "deletionGracePeriodSeconds")?.integer ?? 30, 0), 1 << 31))
        var longest = Duration.zero
        for index in containers.indices where containers[index].isRunning {
            note(index, "Killing", "Stopping container \(containers[index].name)", &effects)
            let needed = containers[index].stopDelay + (containers[index].program.ignoresTermination ? grace : KubeletPace.stop)
            longest = max(longest, min(needed, grace))
        }
        for index in containers.indices { containers[index].restartAt = nil }
        stage = .stopping(due: now + longest)
    }

    private mutating func finishStop(_ now: Instant, _ effects: inout Effects) {
        for index in containers.indices where containers[index].isRunning {
            _ = containers[index].end(containers[index].program.ignoresTermination ? 137 : 0, at: now, restarts: false)
        }
        stage = .over
        effects.changesStatus = true
        effects.isOver = true
    }

    private func note(_ index: Int, _ reason: String, _ message: String, type: String = "Normal", _ effects: inout Effects) {
        let path = "spec.\(containers[index].role.list){\(containers[index].name)}"
        effects.notes.append(.init(type: type, reason: reason, message: message, fieldPath: path))
    }

    // MARK: What it amounts to

    /// `status.phase`.
    var phase: String {
        let main = containers.filter { $0.role == .main }
        let hasFailedInit = containers.contains {
            $0.role == .initial && ($0.termination.map { $0.exitCode != 0 } ?? false) && $0.restartAt == nil && !isStopping
        }
        if hasFailedInit { return "Failed" }
        let hasPendingInit = containers.contains { $0.role == .initial && $0.termination?.exitCode != 0 }
        let isFresh = main.allSatisfy { container in
            if case .waiting = container.state { container.last == nil && container.restarts == 0 } else { false }
        }
        if hasPendingInit || isFresh { return stage == .over && !isFresh ? "Failed" : "Pending" }
        guard isDone || stage == .over else { return "Running" }
        return main.allSatisfy { $0.termination?.exitCode == 0 } ? "Succeeded" : "Failed"
    }

    /// Whether the pod ended by itself and stays as it is.
    var isFinished: Bool { stage == .up && (phase == "Succeeded" || phase == "Failed") }
}
