import World

import struct Foundation.Date
import struct Foundation.TimeZone

/// A schedule of five cron fields — minute, hour, day of the month, month, day of the week — in a time zone (Amazon EC2 Auto Scaling User
/// Guide, "Scheduled scaling", which refers to Unix cron).
struct Recurrence: Sendable, Hashable {
    private struct Field: Sendable, Hashable {
        let values: Set<Int>
        /// Whether the field said `*`, which days of month and week are told apart by.
        let isAny: Bool
    }

    private static let months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    private static let weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
    /// After so many days without one there is none: the 29th of February comes within eight years.
    private static let horizon: Int64 = 8 * 366 + 1

    private let minutes: Field
    private let hours: Field
    private let days: Field
    private let monthsOfYear: Field
    private let daysOfWeek: Field
    private let zone: TimeZone

    /// Reads a schedule.
    ///
    /// `nil` for one that is not understood, or that never comes.
    init?(_ text: String, zone: TimeZone) {
        let parts = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard parts.count == 5, let minutes = Self.field(parts[0], 0...59), let hours = Self.field(parts[1], 0...23),
            let days = Self.field(parts[2], 1...31), let months = Self.field(parts[3], 1...12, names: Self.months, first: 1),
            let weekdays = Self.field(parts[4], 0...7, names: Self.weekdays, first: 0)
        else { return nil }
        self.minutes = minutes
        self.hours = hours
        self.days = days
        monthsOfYear = months
        // Sunday is 0 and 7.
        daysOfWeek = Field(values: Set(weekdays.values.map { $0 % 7 }), isAny: weekdays.isAny)
        self.zone = zone
    }

    /// The zone of an IANA name; `nil` for an unknown one. None means UTC.
    static func zone(_ name: String?) -> TimeZone? {
        guard let name else { return TimeZone(secondsFromGMT: 0) }
        // Abbreviations are no names of zones.
        guard name.contains("/") || name == "UTC" || name == "GMT" else { return nil }
        return TimeZone(identifier: name)
    }

    /// `*`, a number, a name, a range, each with a step, or several of those with commas.
    private static func field(_ text: String, _ range: ClosedRange<Int>, names: [String] = [], first: Int = 0) -> Field? {
        func number(_ text: Substring) -> Int? {
            if let place = names.firstIndex(of: text.uppercased()) { return place + first }
            return text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text).flatMap { range.contains($0) ? $0 : nil } : nil
        }
        var values: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let steps = part.split(separator: "/", omittingEmptySubsequences: false)
            guard let span = steps.first, steps.count <= 2 else { return nil }
            var bounds = range
            if span != "*" {
                let ends = span.split(separator: "-", omittingEmptySubsequences: false)
                guard ends.count <= 2, let low = number(ends[0]), let high = number(ends[ends.count - 1]), low <= high else { return nil }
                bounds = low...(ends.count == 1 && steps.count == 2 ? range.upperBound : high)
            }
            guard let step = steps.count == 2 ? Int(steps[1]) : 1, (1...range.upperBound).contains(step) else { return nil }
            values.formUnion(stride(from: bounds.lowerBound, through: bounds.upperBound, by: step))
        }
        return Field(values: values, isAny: text == "*")
    }

    /// The first time after another one; `nil` when there is none.
    func next(after time: Instant) -> Instant? {
        // Half a day around makes up for the offset of the zone.
        var day = (time.seconds + offset(at: time)) / 86400 - 1
        let last = day + Self.horizon
        while day <= last {
            defer { day += 1 }
            let date = Instant(seconds: day * 86400).civil
            guard monthsOfYear.values.contains(date.month), isWanted(day: date.day, weekday: Int(((day % 7) + 11) % 7)) else { continue }
            for hour in hours.values.sorted() {
                for minute in minutes.values.sorted() {
                    let local = day * 86400 + Int64(hour) * 3600 + Int64(minute) * 60
                    if let found = instant(local: local), found > time { return found }
                }
            }
        }
        return nil
    }

    /// When both days of the month and of the week are given, either is enough, as in Unix cron.
    private func isWanted(day: Int, weekday: Int) -> Bool {
        let isDay = days.values.contains(day)
        let isWeekday = daysOfWeek.values.contains(weekday)
        return days.isAny || daysOfWeek.isAny ? isDay && isWeekday : isDay || isWeekday
    }

    private func offset(at time: Instant) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.seconds))))
    }

    /// The instant of a reading of the zone's clocks; `nil` for one that they leave out. Of two they show it first.
    private func instant(local: Int64) -> Instant? {
        let guess = Instant(seconds: local)
        for offset in Set([offset(at: guess + .seconds(-86400)), offset(at: guess + .seconds(86400))]).sorted(by: >) {
            let found = Instant(seconds: local - offset)
            if self.offset(at: found) == offset { return found }
        }
        return nil
    }
}
