/// Schedules of cron jobs as `github.com/robfig/cron` v3 reads them, with its refusals.
enum CronSchedule {
    private struct Field {
        let range: ClosedRange<Int>
        let names: [String]
    }

    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    private static let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    private static let fields = [
        Field(range: 0...59, names: []), Field(range: 0...23, names: []), Field(range: 1...31, names: []),
        Field(range: 1...12, names: months), Field(range: 0...6, names: days),
    ]
    private static let descriptors: Set<String> = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]

    /// Why a text is no schedule; `nil` for one.
    static func problem(_ text: String) -> String? {
        if text.hasPrefix("@") { return descriptorProblem(text) }
        let parts = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard parts.count == fields.count else {
            return "expected exactly \(fields.count) fields, found \(parts.count): [\(parts.joined(separator: " "))]"
        }
        for (part, field) in zip(parts, fields) {
            for expression in part.split(separator: ",") {
                if let problem = rangeProblem(String(expression), field) { return problem }
            }
        }
        return nil
    }

    private static func descriptorProblem(_ text: String) -> String? {
        if descriptors.contains(text) { return nil }
        guard text.hasPrefix("@every ") else { return "unrecognized descriptor: \(text)" }
        let duration = String(text.dropFirst("@every ".count))
        return isDuration(duration) ? nil : "failed to parse duration \(text): time: invalid duration \(GoText.quoted(duration))"
    }

    private static func isDuration(_ text: String) -> Bool {
        var rest = Substring(text)
        guard !rest.isEmpty else { return false }
        while !rest.isEmpty {
            let number = rest.prefix { $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            guard Double(number) != nil, let unit = ["ns", "us", "µs", "ms", "h", "m", "s"].first(where: { rest.hasPrefix($0) }) else {
                return false
            }
            rest = rest.dropFirst(unit.count)
        }
        return true
    }

    private static func rangeProblem(_ expression: String, _ field: Field) -> String? {
        let steps = expression.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let ends = (steps.first ?? "").split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        var low = field.range.lowerBound
        var high = field.range.upperBound
        if ends[0] != "*", ends[0] != "?" {
            switch number(ends[0], field) {
            case .failure(let problem): return problem.text
            case .success(let value): low = value
            }
            switch ends.count {
            case 1: high = low
            case 2:
                switch number(ends[1], field) {
                case .failure(let problem): return problem.text
                case .success(let value): high = value
                }
            default: return "too many hyphens: \(expression)"
            }
        }
        var step = 1
        switch steps.count {
        case 1: break
        case 2:
            switch number(steps[1], Field(range: field.range, names: [])) {
            case .failure(let problem): return problem.text
            case .success(let value): step = value
            }
            if ends.count == 1 { high = field.range.upperBound }
        default: return "too many slashes: \(expression)"
        }
        if low < field.range.lowerBound {
            return "beginning of range (\(low)) below minimum (\(field.range.lowerBound)): \(expression)"
        }
        if high > field.range.upperBound { return "end of range (\(high)) above maximum (\(field.range.upperBound)): \(expression)" }
        if low > high { return "beginning of range (\(low)) beyond end of range (\(high)): \(expression)" }
        return step == 0 ? "step of range should be a positive number: \(expression)" : nil
    }

    private struct Problem: Error { let text: String }

    private static func number(_ text: String, _ field: Field) -> Result<Int, Problem> {
        if let index = field.names.firstIndex(of: text.lowercased()) { return .success(index + field.range.lowerBound) }
        guard let value = Int(text) else {
            return .failure(
                Problem(text: "failed to parse int from \(text): strconv.Atoi: parsing \(GoText.quoted(text)): invalid syntax"))
        }
        return value < 0 ? .failure(Problem(text: "negative number (\(value)) not allowed: \(text)")) : .success(value)
    }
}
