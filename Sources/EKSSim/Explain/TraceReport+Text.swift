import World

extension TraceReport {
    /// How the text is laid out.
    public struct Style: Sendable {
        /// Columns of the terminal.
        public var width: Int
        /// Whether escape sequences for colour are wanted.
        public var isColored: Bool

        /// Makes a style.
        public init(width: Int = 100, isColored: Bool = false) {
            self.width = max(40, width)
            self.isColored = isColored
        }
    }

    /// The report for people: one line a check, the deciding one marked, then what nearly matched and the smallest fix.
    public func text(_ style: Style = Style()) -> String {
        var lines: [String] = []
        let status = record.status.map { " → \($0)" } ?? ""
        lines.append(style.bold(record.summary + status))
        lines.append("  audit id  \(record.id)")
        lines.append("  received  \(record.received.rfc3339Milli)  at \(record.target)")
        lines.append("  user      \(record.user ?? "unknown: nobody was authenticated")")
        lines.append("")
        let hopWidth = min(24, record.steps.map(\.hop.count).max() ?? 0)
        for step in record.steps { lines += TraceReport.lines(of: step, hopWidth: hopWidth, style) }
        if let fix {
            lines.append("")
            lines.append(style.bold("  smallest fix"))
            lines += fix.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(of step: TraceStep, hopWidth: Int, _ style: Style) -> [String] {
        let hop = step.hop + String(repeating: " ", count: max(0, hopWidth - step.hop.count))
        let margin = String(repeating: " ", count: hopWidth + 6)
        var head = "  \(style.mark(step.verdict)) \(hop)  \(step.check)"
        var details: [(String, String)] = []
        switch (step.expected, step.actual, step.verdict) {
        case (nil, let actual?, _): head += ": " + actual
        case (let expected?, nil, _): head += ": " + expected
        case (let expected?, let actual?, .fail), (let expected?, let actual?, .noOpinion):
            details = [("wanted", expected), ("found", actual)]
        case (let expected?, let actual?, _): head += expected == actual ? ": \(actual)" : ": \(actual) (wanted \(expected))"
        case (nil, nil, _): break
        }
        var lines = style.wrap(head, indent: margin)
        for (name, value) in details {
            let label = name + String(repeating: " ", count: max(0, 8 - name.count))
            lines += style.wrap("\(margin)\(label)\(value)", indent: margin + "        ")
        }
        for miss in step.nearMisses { lines += style.wrap("\(margin)near    \(miss)", indent: margin + "        ") }
        if step.verdict == .info, let fix = step.fix { lines.append("\(margin)advice  \(fix)") }
        return lines
    }
}

extension TraceReport.Style {
    func bold(_ text: String) -> String { isColored ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    func mark(_ verdict: TraceStep.Verdict) -> String {
        let (sign, color): (String, Int) =
            switch verdict {
            case .pass: ("✓", 32)
            case .fail: ("✗", 31)
            case .noOpinion: ("–", 33)
            case .info: ("·", 36)
            }
        return isColored ? "\u{1B}[\(color)m\(sign)\u{1B}[0m" : sign
    }

    /// Breaks a line at spaces so that it fits the width; a word longer than that (an ARN, a URL) stays whole to be copied.
    func wrap(_ line: String, indent: String) -> [String] {
        guard line.count > width else { return [line] }
        var lines: [String] = []
        var current = ""
        var isStart = true
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            if !isStart, current.count + 1 + word.count > width, !current.allSatisfy({ $0 == " " }) {
                lines.append(current)
                current = indent + word
            } else {
                current += (isStart ? "" : " ") + word
            }
            isStart = false
        }
        lines.append(current)
        return lines
    }
}
