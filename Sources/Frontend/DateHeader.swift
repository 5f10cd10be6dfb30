import World

/// The `Date` field of answers, put into words once a second.
final class DateHeader: Sendable {
    private let last = Lock<(second: Int64, text: String)>((.min, ""))

    /// The field's value at a time.
    func text(at now: Instant) -> String {
        let second = now.seconds
        return last.withLock { last in
            if last.second != second { last = (second, now.httpDate) }
            return last.text
        }
    }
}
