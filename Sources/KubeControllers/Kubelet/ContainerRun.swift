import JSON
import KubeAPI
import World

/// One container of a pod: what it is, and what became of it so far.
struct ContainerRun: Sendable {
    /// Its place in the pod.
    enum Role: Sendable, Hashable {
        /// Runs to its end before the next.
        case initial
        /// An init container that goes on beside the others.
        case sidecar
        case main

        /// The pod's list that it is in.
        var list: String { self == .main ? "containers" : "initContainers" }
    }

    /// What it does at present.
    enum State: Sendable, Hashable {
        case waiting(reason: String, message: String)
        case running(since: Instant)
        case terminated(Termination)
    }

    /// An end.
    struct Termination: Sendable, Hashable {
        let exitCode: Int64
        let reason: String
        let started: Instant
        let finished: Instant
        let containerID: String
    }

    let name: String
    let role: Role
    let image: String
    let pullPolicy: String
    let program: ContainerProgram
    /// From the start until it counts as ready.
    let readyDelay: Duration
    /// From the start until it counts as started (`startupProbe`).
    let startupDelay: Duration
    /// `restartPolicy` of the container, else of the pod.
    let restartPolicy: String
    let stopDelay: Duration
    /// Probes over the network, for pods to which their node's way may be closed.
    var probes: [NetworkProbe] = []
    var state: State
    var last: Termination?
    var restarts: Int64 = 0
    var containerID = ""
    /// When it is started again.
    var restartAt: Instant?
    /// The next pause before a restart; `nil` before the first.
    var backOff: Duration?

    private static let firstBackOff = Duration.seconds(10)
    private static let longestBackOff = Duration.seconds(300)
    /// After so long a run the pauses begin anew.
    private static let recovery = Duration.seconds(600)

    init(_ container: JSON, _ role: Role, of pod: JSON) {
        name = container["name"]?.string ?? ""
        self.role = role
        image = container["image"]?.string ?? ""
        pullPolicy = container["imagePullPolicy"]?.string ?? "IfNotPresent"
        program = ContainerProgram(container, of: pod, isInitial: role == .initial)
        let policy = pod.at("spec", "restartPolicy")?.string ?? "Always"
        switch role {
        case .main: restartPolicy = container["restartPolicy"]?.string ?? policy
        case .sidecar: restartPolicy = "Always"
        case .initial: restartPolicy = policy == "Always" ? "OnFailure" : policy
        }
        startupDelay = Self.delay(container["startupProbe"])
        readyDelay = max(startupDelay, Self.delay(container["readinessProbe"]) + (startupDelay > .zero ? startupDelay : .zero))
        let seconds = container.at("lifecycle", "preStop", "sleep", "seconds")?.integer ?? 0
        stopDelay = .seconds(min(max(seconds, 0), 1 << 31))
        let isFirst = role == .initial || role == .sidecar || pod.at("spec", "initContainers")?.array?.isEmpty ?? true
        state = .waiting(reason: role == .main && !isFirst ? "PodInitializing" : "ContainerCreating", message: "")
        if role != .main { state = .waiting(reason: "PodInitializing", message: "") }
    }

    /// A probe succeeds at its first try.
    private static func delay(_ probe: JSON?) -> Duration {
        guard let probe, !probe.isNull else { return .zero }
        // kubelet probes soon after the start when no delay is asked for.
        return .seconds(min(max(probe["initialDelaySeconds"]?.integer ?? 0, 0), 1 << 31)) + .milliseconds(200)
    }

    var isRunning: Bool { if case .running = state { true } else { false } }
    var termination: Termination? { if case .terminated(let end) = state { end } else { nil } }

    /// When it ends by itself; `nil` when it does not run or goes on for ever.
    var exitAt: Instant? {
        guard case .running(let since) = state, let duration = program.duration else { return nil }
        return since + duration
    }

    func isStarted(at now: Instant) -> Bool {
        if case .running(let since) = state { since + startupDelay <= now && !isFailing(.startup) } else { false }
    }

    private func isFailing(_ kind: NetworkProbe.Kind) -> Bool { probes.contains { $0.kind == kind && $0.failures > 0 } }

    func isReady(at now: Instant) -> Bool {
        switch state {
        case .running(let since):
            role == .initial ? false : since + readyDelay <= now && !isFailing(.startup) && !isFailing(.readiness)
        case .terminated(let end): role == .initial && end.exitCode == 0
        case .waiting: false
        }
    }

    /// When its readiness changes next; `nil` when time changes nothing.
    func readyAt(after now: Instant) -> Instant? {
        guard case .running(let since) = state, role != .initial else { return nil }
        return [since + startupDelay, since + readyDelay].filter { $0 > now }.min()
    }

    /// When a probe is made next; `nil` when none is.
    var probeAt: Instant? { isRunning ? probes.compactMap(\.next).min() : nil }

    /// The probes begin, with the container or after a first one.
    mutating func beginProbes(at start: Instant, after first: NetworkProbe.Kind? = nil) {
        for index in probes.indices where probes[index].kind != first { probes[index].begin(at: start) }
    }

    /// Notes its end and when it is started again, if it is. Answers whether it waits before that.
    mutating func end(_ code: Int64, at now: Instant, restarts mayRestart: Bool) -> Bool {
        guard case .running(let since) = state else { return false }
        let reason = code == 0 ? "Completed" : "Error"
        state = .terminated(Termination(exitCode: code, reason: reason, started: since, finished: now, containerID: containerID))
        guard mayRestart, restartPolicy == "Always" || restartPolicy == "OnFailure" && code != 0 else { return false }
        if now - since >= Self.recovery { backOff = nil }
        guard let pause = backOff else {
            backOff = Self.firstBackOff
            restartAt = now
            return false
        }
        backOff = min(pause * 2, Self.longestBackOff)
        restartAt = now + pause
        return true
    }

    /// Whether it is run again after its sandbox is gone.
    var comesBack: Bool {
        guard let end = termination else { return true }
        return restartPolicy == "Always" || restartPolicy == "OnFailure" && end.exitCode != 0
    }

    /// It waits for its sandbox, as it did at first; what became of it is its last state.
    mutating func beginAnew() {
        if let end = termination {
            last = end
            restarts += 1
        }
        restartAt = nil
        backOff = nil
        state = .waiting(reason: role == .main ? "ContainerCreating" : "PodInitializing", message: "")
    }

    /// The pause before the restart under way.
    var pause: Duration {
        guard let restartAt, let end = termination ?? last else { return .zero }
        return restartAt - end.finished
    }
}
