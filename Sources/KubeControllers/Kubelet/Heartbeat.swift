import World

/// Something that is written periodically.
struct Heartbeat {
    let period: Duration
    /// When it was written last; `nil` before the first time.
    var last: Instant?

    /// The time at which it was due last, when that is later than what is written.
    func due(at now: Instant) -> Instant? {
        guard let last, now - last >= period else { return nil }
        let periods = (now - last).clampedNanoseconds / period.clampedNanoseconds
        return last + .nanoseconds(periods * period.clampedNanoseconds)
    }
}
