import Foundation
import World

/// Parts of times and durations. Times are read in UTC, at an offset, or in a zone of the IANA database by its name.
enum CELTimes {
    static func add(to functions: inout CELFunctions) {
        part("getFullYear", &functions) { Int64($0.civil.year) }
        part("getMonth", &functions) { Int64($0.civil.month) - 1 }
        part("getDate", &functions) { Int64($0.civil.day) }
        part("getDayOfMonth", &functions) { Int64($0.civil.day) - 1 }
        part("getDayOfWeek", &functions) { instant in
            // The epoch was a Thursday.
            let days = (Double(instant.seconds) / 86_400).rounded(.down)
            return (Int64(days) % 7 + 11) % 7
        }
        part("getDayOfYear", &functions) { instant in
            var first = instant.civil
            (first.month, first.day, first.hour, first.minute, first.second) = (1, 1, 0, 0, 0)
            let start = Instant(civil: first)
            return start.map { (instant.seconds - $0.seconds) / 86_400 } ?? 0
        }
        part("getHours", &functions) { Int64($0.civil.hour) }
        part("getMinutes", &functions) { Int64($0.civil.minute) }
        part("getSeconds", &functions) { Int64($0.civil.second) }
        part("getMilliseconds", &functions) { $0.subsecond / 1_000_000 }
        for (name, unit) in [("getHours", Int64(3_600_000_000_000)), ("getMinutes", 60_000_000_000), ("getSeconds", 1_000_000_000)] {
            functions.method(name, [.duration], .int) { (values) throws(CELError) in .int(try values[0].duration() / unit) }
        }
        functions.method("getMilliseconds", [.duration], .int) { (values) throws(CELError) in
            .int(try values[0].duration() / 1_000_000 % 1000)
        }
    }

    private static func part(_ name: String, _ functions: inout CELFunctions, _ part: @escaping @Sendable (Instant) -> Int64) {
        functions.method(name, [.timestamp], .int) { (values) throws(CELError) in .int(part(try values[0].instant())) }
        functions.method(name, [.timestamp, .string], .int) { (values) throws(CELError) in
            let instant = try values[0].instant()
            return .int(part(instant + .seconds(try offset(try values[1].string(), at: instant))))
        }
    }

    /// How far the clocks of a zone are from UTC at a time: `+05:30`, `UTC`, `Europe/Berlin`.
    private static func offset(_ zone: String, at instant: Instant) throws(CELError) -> Int64 {
        if zone.isEmpty || zone == "UTC" { return 0 }
        guard let colon = zone.firstIndex(of: ":") else {
            // Foundation takes abbreviations as well; Go takes names of files.
            guard zone.contains("/") || zone == "GMT", let known = TimeZone(identifier: zone) else {
                throw .message("unknown time zone \(zone)")
            }
            return Int64(known.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant.seconds))))
        }
        guard let hours = Int64(zone[..<colon]) else {
            throw .message("strconv.Atoi: parsing \(GoText.quoted(String(zone[..<colon]))): invalid syntax")
        }
        let rest = String(zone[zone.index(after: colon)...])
        guard let minutes = Int64(rest) else { throw .message("strconv.Atoi: parsing \(GoText.quoted(rest)): invalid syntax") }
        guard (-24...24).contains(hours), (-60...60).contains(minutes) else { throw .message("unknown time zone \(zone)") }
        return hours * 3600 + (zone.hasPrefix("-") ? -minutes : minutes) * 60
    }
}
