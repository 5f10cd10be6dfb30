import World

/// Keys that wait for their turn, each once, in the order in which they came; what failed comes again after a pause that grows
/// (`client-go/util/workqueue`).
struct WorkQueue: Sendable {
    private var waiting: [String] = []
    private var head = 0
    private var present: Set<String> = []
    private var deadlines = DeadlineQueue()
    private var failures: [String: Int] = [:]

    /// `DefaultTypedControllerRateLimiter`: 5 ms, doubled each time, 1000 s at most.
    private static let firstPause = Duration.milliseconds(5)
    private static let longestPause = Duration.seconds(1000)

    /// Adds a key that does not wait already.
    mutating func add(_ key: String) {
        if present.insert(key).inserted { waiting.append(key) }
    }

    /// The key whose turn it is; `nil` when nobody waits.
    mutating func next(now: Instant) -> String? {
        while let due = deadlines.take(by: now) { add(due) }
        guard head < waiting.count else { return nil }
        let key = waiting[head]
        head += 1
        if head == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            head = 0
        }
        present.remove(key)
        return key
    }

    /// What becomes of a key after its turn.
    mutating func finish(_ key: String, _ outcome: SyncOutcome, now: Instant) {
        switch outcome {
        case .done:
            failures[key] = nil
            deadlines.set(key, nil)
        case .again(let time):
            failures[key] = nil
            deadlines.set(key, time)
        case .failed:
            let count = failures[key] ?? 0
            failures[key] = count + 1
            deadlines.set(key, now + min(Self.firstPause * (1 << min(count, 20)), Self.longestPause))
        }
    }

    /// When the next key is due.
    var nextDue: Instant? { mutating get { deadlines.next } }
}
