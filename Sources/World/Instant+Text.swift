/// The forms in which Kubernetes and AWS write time, all in UTC.
extension Instant {
    /// A date and time of day in the proleptic Gregorian calendar, UTC.
    public struct Civil: Sendable, Hashable {
        /// The year.
        public var year: Int
        /// 1 to 12.
        public var month: Int
        /// 1 to 31.
        public var day: Int
        /// 0 to 23.
        public var hour: Int
        /// 0 to 59.
        public var minute: Int
        /// 0 to 59.
        public var second: Int
    }

    /// The calendar reading of this instant.
    public var civil: Civil {
        let total = seconds
        var days = total / 86400
        var rest = total % 86400
        if rest < 0 {
            rest += 86400
            days -= 1
        }
        // Howard Hinnant's civil-from-days algorithm.
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return Civil(
            year: Int(year), month: Int(month), day: Int(day), hour: Int(rest / 3600), minute: Int(rest % 3600 / 60),
            second: Int(rest % 60))
    }

    /// Makes an instant of a calendar reading; `nil` when a part is out of range.
    public init?(civil: Civil, nanosecond: Int = 0) {
        let lengths = [31, Instant.isLeap(civil.year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1678...2261).contains(civil.year), (1...12).contains(civil.month), (1...lengths[civil.month - 1]).contains(civil.day),
            (0...23).contains(civil.hour), (0...59).contains(civil.minute), (0...59).contains(civil.second),
            (0...999_999_999).contains(nanosecond)
        else { return nil }
        let year = Int64(civil.month <= 2 ? civil.year - 1 : civil.year)
        let era = year / 400
        let yearOfEra = year - era * 400
        let month = Int64(civil.month)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + Int64(civil.day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        let seconds = days * 86400 + Int64(civil.hour * 3600 + civil.minute * 60 + civil.second)
        self.init(nanoseconds: seconds * 1_000_000_000 + Int64(nanosecond))
    }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// `2026-11-24T12:00:00Z`: Kubernetes' `metav1.Time`, whole seconds.
    public var rfc3339: String { dateAndTime(separators: true) + "Z" }
    /// `2026-11-24T12:00:00.000000Z`: Kubernetes' `metav1.MicroTime`.
    public var rfc3339Micro: String { dateAndTime(separators: true) + "." + Instant.pad(Int(subsecond / 1000), 6) + "Z" }
    /// `2026-11-24T12:00:00.000Z`: the form of most AWS XML answers.
    public var rfc3339Milli: String { dateAndTime(separators: true) + "." + Instant.pad(Int(subsecond / 1_000_000), 3) + "Z" }
    /// `20261124T120000Z`: SigV4's `X-Amz-Date`.
    public var amzDate: String { dateAndTime(separators: false) + "Z" }
    /// `Tue, 24 Nov 2026 12:00:00 GMT`: HTTP's `Date` (RFC 9110).
    public var httpDate: String {
        let civil = civil
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let days = (seconds - (seconds % 86400 + 86400) % 86400) / 86400
        let weekday = Int((days % 7 + 7) % 7)
        return "\(names[weekday]), \(Instant.pad(civil.day, 2)) \(months[civil.month - 1]) \(civil.year) "
            + "\(Instant.pad(civil.hour, 2)):\(Instant.pad(civil.minute, 2)):\(Instant.pad(civil.second, 2)) GMT"
    }

    private func dateAndTime(separators: Bool) -> String {
        let civil = civil
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20)
        func append(_ value: Int, _ width: Int) {
            var divisor = 1
            for _ in 1..<width { divisor *= 10 }
            for _ in 0..<width {
                bytes.append(0x30 + UInt8(value / divisor % 10))
                divisor /= 10
            }
        }
        append(civil.year, 4)
        if separators { bytes.append(UInt8(ascii: "-")) }
        append(civil.month, 2)
        if separators { bytes.append(UInt8(ascii: "-")) }
        append(civil.day, 2)
        bytes.append(UInt8(ascii: "T"))
        append(civil.hour, 2)
        if separators { bytes.append(UInt8(ascii: ":")) }
        append(civil.minute, 2)
        if separators { bytes.append(UInt8(ascii: ":")) }
        append(civil.second, 2)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// Reads RFC 3339 with `Z` or a numeric offset and up to nine digits of fraction; `nil` when it is not that.
    public init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"),
            let year = Instant.digits(bytes[0..<4]), let month = Instant.digits(bytes[5..<7]), let day = Instant.digits(bytes[8..<10]),
            let hour = Instant.digits(bytes[11..<13]), let minute = Instant.digits(bytes[14..<16]),
            let second = Instant.digits(bytes[17..<19])
        else { return nil }
        var index = 19
        var nanosecond = 0
        if bytes[index] == UInt8(ascii: ".") {
            index += 1
            let start = index
            while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 { index += 1 }
            guard (1...9).contains(index - start), let fraction = Instant.digits(bytes[start..<index]) else { return nil }
            nanosecond = fraction
            for _ in (index - start)..<9 { nanosecond *= 10 }
        }
        guard index < bytes.count else { return nil }
        var offset = 0
        switch bytes[index] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"):
            guard index + 1 == bytes.count else { return nil }
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard index + 6 == bytes.count, bytes[index + 3] == UInt8(ascii: ":"),
                let hours = Instant.digits(bytes[index + 1..<index + 3]), let minutes = Instant.digits(bytes[index + 4..<index + 6]),
                hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * 60 * (bytes[index] == UInt8(ascii: "-") ? -1 : 1)
        default: return nil
        }
        let civil = Civil(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        guard let local = Instant(civil: civil, nanosecond: nanosecond) else { return nil }
        self = local - .seconds(offset)
    }

    /// Reads `20261124T120000Z`, with an optional fraction of a second as Go's parser allows; `nil` when it is not that.
    public init?(amzDate text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 16, bytes[8] == UInt8(ascii: "T"), bytes.last == UInt8(ascii: "Z"),
            let year = Instant.digits(bytes[0..<4]), let month = Instant.digits(bytes[4..<6]), let day = Instant.digits(bytes[6..<8]),
            let hour = Instant.digits(bytes[9..<11]), let minute = Instant.digits(bytes[11..<13]),
            let second = Instant.digits(bytes[13..<15])
        else { return nil }
        var nanosecond = 0
        if bytes.count > 16 {
            let fraction = bytes[16..<bytes.count - 1]
            guard bytes[15] == UInt8(ascii: ".") || bytes[15] == UInt8(ascii: ","), !fraction.isEmpty,
                let value = Instant.digits(fraction.prefix(9)), fraction.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
            else { return nil }
            nanosecond = value
            for _ in fraction.prefix(9).count..<9 { nanosecond *= 10 }
        }
        let civil = Civil(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        self.init(civil: civil, nanosecond: nanosecond)
    }

    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for byte in bytes {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }
}
