import World

/// What the CNI plugin was called for, and what came of it: the last calls on a node, as `/var/log/aws-routed-eni/plugin.log` tells them.
/// Lines are made when somebody reads them.
public struct PluginLog: Sendable {
    /// The pod that a call is about.
    public struct Pod: Sendable, Hashable {
        /// Its attachment.
        public let key: SandboxKey
        /// Its namespace and name.
        public let metadata: PodMetadata
        /// Its UID.
        public let uid: String

        /// Makes the pod of a call.
        public init(key: SandboxKey, metadata: PodMetadata, uid: String) {
            self.key = key
            self.metadata = metadata
            self.uid = uid
        }
    }

    /// What came of a call.
    public enum Outcome: Sendable, Hashable {
        /// ADD: the agent's answer, with an address or without.
        case added(AddReply)
        /// ADD: the agent did not answer, or refused.
        case addFailed(String)
        /// DEL: the address that was given back; `nil` when the pod had none any more.
        case deleted(PodAddress?)
        /// DEL: the agent knows no such sandbox.
        case unknown
        /// DEL: the agent did not answer, or refused; the plugin then goes by what it answered to ADD.
        case deleteFailed(String, PodAddress?)
    }

    struct Call: Sendable {
        let time: Instant
        let pod: Pod
        let outcome: Outcome
        let settings: PluginSettings
    }

    private var ring: [Call] = []
    private var oldest = 0
    private let capacity: Int

    /// A log that keeps so many calls.
    public init(capacity: Int) { self.capacity = max(capacity, 0) }

    /// Writes a call down.
    public mutating func note(_ pod: Pod, _ outcome: Outcome, _ settings: PluginSettings, at time: Instant) {
        guard capacity > 0 else { return }
        let call = Call(time: time, pod: pod, outcome: outcome, settings: settings)
        if ring.count < capacity {
            ring.append(call)
        } else {
            ring[oldest] = call
            oldest = (oldest + 1) % capacity
        }
    }

    /// The address that a sandbox was given, as far as the calls that are kept tell.
    public func address(of key: SandboxKey) -> PodAddress? {
        for call in ring where call.pod.key == key {
            if case .added(let reply) = call.outcome, let address = reply.pod { return address }
        }
        return nil
    }

    /// Whether the plugin was never called.
    public var isEmpty: Bool { ring.isEmpty }

    /// The lines of the calls that are kept, oldest first.
    public var lines: [AgentLog.Line] { (ring[oldest...] + ring[..<oldest]).flatMap(\.lines) }

    /// The file, as far as it is kept.
    public var text: String { lines.map { $0.text + "\n" }.joined() }
}
