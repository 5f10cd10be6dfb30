import World

/// The time within one pass of the agent. A pass is carried out at once; where the agent sleeps, its time moves on, and the pass ends so
/// much later.
struct PassClock {
    private(set) var now: Instant

    init(_ now: Instant) { self.now = now }

    mutating func sleep(_ duration: Duration) { now = now + duration }
}

/// Waits that double (amazon-vpc-cni-k8s, pkg/utils/retry). The agent adds a random part to each wait, of which this takes the mean.
struct Backoff {
    private var next: Duration
    private let jitter: Double
    private static let longest = Duration.seconds(60)

    init(_ first: Duration, jitter: Double = 0.15) {
        next = first
        self.jitter = jitter
    }

    mutating func wait() -> Duration {
        defer { next = min(next * 2, Backoff.longest) }
        return next * (1 + jitter / 2)
    }
}
