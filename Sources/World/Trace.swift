/// One check on the path of a request: what was compared with what, and the outcome.
public struct TraceStep: Sendable, Hashable {
    /// How a check ended.
    public enum Verdict: String, Sendable, Hashable {
        /// The check held.
        case pass
        /// The check failed and decided the request.
        case fail
        /// Nothing decided: an authorizer without opinion, a mapper without a match.
        case noOpinion = "no-opinion"
        /// A fact worth telling.
        case info
    }

    /// Where: `nlb`, `tls`, `authn`, `token`, `sts`, `mapping`, `authz.node`, `authz.rbac`, `authz.eks`, `admission`, `registry`, `sigv4`, `iam`.
    public var hop: String
    /// What was checked, in a few words: `signature`, `X-Amz-Date`, `cluster id`.
    public var check: String
    /// What was wanted.
    public var expected: String?
    /// What was found.
    public var actual: String?
    /// How it ended.
    public var verdict: Verdict
    /// What nearly matched, one line each, with the one field that kept it from matching.
    public var nearMisses: [String]
    /// The smallest change that would turn a refusal into success, as a command to paste.
    public var fix: String?

    /// Makes a step.
    public init(
        _ hop: String, _ check: String, expected: String? = nil, actual: String? = nil, _ verdict: Verdict,
        nearMisses: [String] = [], fix: String? = nil
    ) {
        self.hop = hop
        self.check = check
        self.expected = expected
        self.actual = actual
        self.verdict = verdict
        self.nearMisses = nearMisses
        self.fix = fix
    }
}

/// What happened to one request, step by step. Written by whoever handles it, read by `eks-sim why`.
public final class RequestTrace: Sendable {
    /// The finished or growing record.
    public struct Record: Sendable {
        /// The `Audit-Id` of the answer.
        public var id: String
        /// When the request arrived, on the world's clock.
        public var received: Instant
        /// `GET /api/v1/pods`, or the AWS operation `eks:DescribeCluster`.
        public var summary: String
        /// The cluster's name, or the AWS service.
        public var target: String
        /// Who asked, once known.
        public var user: String?
        /// The HTTP status of the answer, once sent.
        public var status: Int?
        /// The checks in order.
        public var steps: [TraceStep]

        /// Makes a record, such as one read back from its JSON form.
        public init(
            id: String, received: Instant, summary: String, target: String, user: String? = nil, status: Int? = nil, steps: [TraceStep] = []
        ) {
            self.id = id
            self.received = received
            self.summary = summary
            self.target = target
            self.user = user
            self.status = status
            self.steps = steps
        }
    }

    /// Steps that were added together: what a connection or a kept answer tells each request is shared, not copied.
    private enum Part: Sendable {
        case step(TraceStep)
        case steps([TraceStep])
        /// Told only when somebody reads the trace.
        case later(@Sendable () -> TraceStep)
    }

    private struct State: Sendable {
        /// `nil` while it is the request line.
        var summary: String?
        var user: String?
        var status: Int?
        var parts: [Part]
        var annotations: [(key: String, value: String)] = []
    }

    /// The `Audit-Id` of the answer.
    public let id: String
    /// When the request arrived, on the world's clock.
    public let received: Instant
    private let method: String
    private let path: String
    private let target: String
    private let state: Lock<State>

    /// Starts the trace of a request with what was decided about its connection.
    public init(id: String, received: Instant, method: String, path: String, target: String, steps: [TraceStep] = []) {
        self.id = id
        self.received = received
        self.method = method
        self.path = path
        self.target = target
        var parts: [Part] = []
        parts.reserveCapacity(4)
        if !steps.isEmpty { parts.append(.steps(steps)) }
        state = Lock(State(parts: parts))
    }

    /// Starts the trace of what has no request line.
    public init(id: String, received: Instant, summary: String, target: String) {
        self.id = id
        self.received = received
        self.method = ""
        self.path = ""
        self.target = target
        state = Lock(State(summary: summary, parts: []))
    }

    /// A copy of the present state.
    public var snapshot: Record {
        let state = state.withLock { $0 }
        var steps: [TraceStep] = []
        for part in state.parts {
            switch part {
            case .step(let step): steps.append(step)
            case .steps(let more): steps.append(contentsOf: more)
            case .later(let step): steps.append(step())
            }
        }
        return Record(
            id: id, received: received, summary: state.summary ?? "\(method) \(path)", target: target, user: state.user,
            status: state.status,
            steps: steps)
    }

    /// Appends a step.
    public func add(_ step: TraceStep) { state.withLock { $0.parts.append(.step(step)) } }

    /// Appends steps.
    public func add(_ steps: [TraceStep]) { state.withLock { $0.parts.append(.steps(steps)) } }

    /// Appends a step that is put into words when the trace is read; it must depend on what it holds only.
    public func add(later step: @escaping @Sendable () -> TraceStep) { state.withLock { $0.parts.append(.later(step)) } }

    /// Says who asked.
    public func identify(_ user: String) { state.withLock { $0.user = user } }

    /// Says what the request turned out to be.
    public func describe(_ summary: String) { state.withLock { $0.summary = summary } }

    /// Adds an annotation for the audit log; the first value of a key stays.
    public func annotate(_ key: String, _ value: String) {
        state.withLock { state in
            if !state.annotations.contains(where: { $0.key == key }) { state.annotations.append((key, value)) }
        }
    }

    /// The annotations for the audit log, in order.
    public var annotations: [(key: String, value: String)] { state.withLock { $0.annotations } }

    /// Notes the answer's status.
    public func finish(status: Int) { state.withLock { $0.status = status } }
}

/// The last requests, oldest dropped first.
public final class TraceRing: Sendable {
    private struct State: Sendable {
        var slots: [RequestTrace?]
        var next = 0
        var subscribers: [UInt64: AsyncStream<RequestTrace>.Continuation] = [:]
        var nextSubscriber: UInt64 = 0
    }

    private let state: Lock<State>

    /// Makes a ring for `capacity` requests (at least one).
    public init(capacity: Int = 4096) { state = Lock(State(slots: Array(repeating: nil, count: max(1, capacity)))) }

    /// Keeps a finished trace.
    public func record(_ trace: RequestTrace) {
        state.withLock { state in
            state.slots[state.next] = trace
            state.next = (state.next + 1) % state.slots.count
            for subscriber in state.subscribers.values { subscriber.yield(trace) }
        }
    }

    /// The trace of an `Audit-Id`.
    public subscript(id: String) -> RequestTrace? { recent(limit: .max) { $0.id == id }.first }

    /// The newest trace that satisfies `predicate`.
    public func last(where predicate: (RequestTrace) -> Bool = { _ in true }) -> RequestTrace? { recent(limit: 1, where: predicate).first }

    /// Up to `limit` traces that satisfy `predicate`, newest first.
    public func recent(limit: Int, where predicate: (RequestTrace) -> Bool = { _ in true }) -> [RequestTrace] {
        let (slots, next) = state.withLock { ($0.slots, $0.next) }
        var found: [RequestTrace] = []
        for step in 1...slots.count {
            guard found.count < limit else { break }
            guard let trace = slots[(next - step + slots.count) % slots.count] else { break }
            if predicate(trace) { found.append(trace) }
        }
        return found
    }

    /// Every trace recorded from now on; at most `buffer` wait for a slow reader, the oldest being dropped.
    public func follow(buffer: Int = 256) -> AsyncStream<RequestTrace> {
        let (stream, continuation) = AsyncStream.makeStream(of: RequestTrace.self, bufferingPolicy: .bufferingNewest(buffer))
        let id = state.withLock { state -> UInt64 in
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = continuation
            return state.nextSubscriber
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in _ = state.subscribers.removeValue(forKey: id) }
        }
        return stream
    }
}
