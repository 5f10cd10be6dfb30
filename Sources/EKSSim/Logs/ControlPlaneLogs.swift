import AWSServices
import KubeAPIServer
import World

/// What EKS writes of a cluster's control plane to CloudWatch Logs, for the log types that are enabled (EKS User Guide,
/// control-plane-logs). The controller manager and the scheduler are not processes here and write nothing.
final class ControlPlaneLogs: Sendable {
    /// The types that have something to say.
    enum LogType: String, Sendable, CaseIterable {
        case api, audit, authenticator

        /// What the names of its streams begin with.
        fileprivate var prefix: String {
            switch self {
            case .api: "kube-apiserver"
            case .audit: "kube-apiserver-audit"
            case .authenticator: "authenticator"
            }
        }
    }

    private struct State: Sendable {
        var enabled: Set<LogType> = []
        /// What tells the streams of one replica from those of the other: 32 hexadecimal digits.
        var suffixes: [String] = []
        /// What the API server of each replica said at its start, until somebody wants to know.
        var starts: [Int: [(line: String, at: Instant)]] = [:]
        /// Lines for streams that have to be made first.
        var waiting: [String: [(line: String, at: Instant)]] = [:]
    }

    /// The largest event of CloudWatch Logs, in which each is counted with 26 bytes besides (EKS best practices guide, detective controls).
    private static let longestLine = 262_144 - 26
    private static let maximumWaiting = 1000

    private let record: ClusterRecord
    private let replicas: Int
    private let aws: AWSReference
    private let world: World
    private let state = Lock(State())

    init(record: ClusterRecord, replicas: Int, aws: AWSReference, world: World) {
        self.record = record
        self.replicas = replicas
        self.aws = aws
        self.world = world
    }

    /// Where a replica's lines of a type go.
    func sink(_ type: LogType, replica: Int) -> any LogSink { Sink(logs: self, type: type, replica: replica) }

    /// Begins with the types that the record enables now and ends with the others. The group and the streams are there when this returns.
    func update(_ record: ClusterRecord) async {
        let wanted = Set(record.enabledLogTypes.compactMap(LogType.init(rawValue:)))
        if !wanted.isEmpty {
            let isFirst = state.withLock { $0.suffixes.isEmpty }
            if isFirst {
                let suffixes = (0..<replicas).map { _ in world.random.hex(32) }
                state.withLock { $0.suffixes = suffixes }
            }
        }
        for type in LogType.allCases where wanted.contains(type) {
            for replica in 0..<replicas { try? await delivery?.open(stream: stream(type, replica)) }
        }
        state.withLock { $0.enabled = wanted }
        flushStarts()
    }

    /// Says that a replica's API server started.
    func started(replica: Int, version: String, at endpoint: String) {
        let now = world.now
        let lines = [
            "server.go:150] Version: \(APIServer.gitVersion(of: version))",
            "secure_serving.go:211] Serving securely on \(endpoint.dropFirst("https://".count))",
        ]
        state.withLock { $0.starts[replica] = lines.map { ("\(Self.klogHead(now)) \($0)", now) } }
        flushStarts()
    }

    private func flushStarts() {
        let starts = state.withLock { state -> [(replica: Int, lines: [(line: String, at: Instant)])] in
            guard state.enabled.contains(.api) else { return [] }
            defer { state.starts = [:] }
            return state.starts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        for (replica, lines) in starts {
            for line in lines { write(line.line, .api, replica, at: line.at) }
        }
    }

    /// `I0115 08:00:00.123456      11`: an informational line of klog, with the thread that writes it.
    private static func klogHead(_ now: Instant) -> String {
        let text = now.rfc3339Micro
        let date = text.prefix { $0 != "T" }.split(separator: "-").dropFirst().joined()
        let time = text.drop { $0 != "T" }.dropFirst().dropLast()
        return "I\(date) \(time)       1"
    }

    private func stream(_ type: LogType, _ replica: Int) -> String {
        let suffix = state.withLock { replica < $0.suffixes.count ? $0.suffixes[replica] : "" }
        return "\(type.prefix)-\(suffix)"
    }

    private var delivery: LogDelivery? { aws.frontDoor?.controlPlaneLogs(of: record) }

    private func isEnabled(_ type: LogType) -> Bool { state.withLock { $0.enabled.contains(type) } }

    private func write(_ line: String, _ type: LogType, _ replica: Int, at time: Instant) {
        guard let delivery else { return }
        let stream = stream(type, replica)
        if delivery.has(stream: stream) { return delivery.append(line, stream: stream, at: time) }
        // Somebody deleted the group or the stream: EKS makes it again.
        let isFirst = state.withLock { state in
            guard state.waiting[stream, default: []].count < Self.maximumWaiting else { return false }
            state.waiting[stream, default: []].append((line, time))
            return state.waiting[stream]?.count == 1
        }
        guard isFirst else { return }
        Task {
            try? await delivery.open(stream: stream)
            let lines = state.withLock { $0.waiting.removeValue(forKey: stream) } ?? []
            for line in lines { delivery.append(line.line, stream: stream, at: line.at) }
        }
    }

    private struct Sink: LogSink {
        let logs: ControlPlaneLogs
        let type: LogType
        let replica: Int

        var isOpen: Bool { logs.isEnabled(type) }
        var longestLine: Int? { ControlPlaneLogs.longestLine }

        func write(_ line: [UInt8], at time: Instant) { logs.write(String(decoding: line, as: UTF8.self), type, replica, at: time) }
    }
}
