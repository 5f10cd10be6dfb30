import World

extension TraceReport {
    /// The request's path as a Mermaid sequence diagram: who was asked what, in order, and where it ended.
    public var mermaid: String {
        var lines = ["sequenceDiagram", "    autonumber", "    actor client as \(Mermaid.text(record.user ?? "client"))"]
        var known: [Mermaid.Party] = []
        for step in record.steps {
            let party = Mermaid.Party(step.hop)
            if !known.contains(party) { known.append(party) }
        }
        for party in known { lines.append("    participant \(party.id) as \(party.title)") }
        lines.append("    client->>\(known.first?.id ?? "client"): \(Mermaid.text(record.summary))")
        var current = known.first
        var run: [TraceStep] = []
        func note() {
            guard let current, !run.isEmpty else { return }
            let text = run.map(Mermaid.line).joined(separator: "<br/>")
            lines.append("    Note over \(current.id): \(text)")
            run = []
        }
        for step in record.steps {
            let party = Mermaid.Party(step.hop)
            if let from = current, from != party {
                note()
                lines.append("    \(from.id)->>\(party.id): \(Mermaid.text(step.check))")
                current = party
            }
            run.append(step)
        }
        note()
        if let current, let status = record.status {
            lines.append("    \(current.id)-->>client: \(status)")
        }
        if let fix {
            lines.append("    Note over client: smallest fix<br/>\(Mermaid.text(fix.replacing("\n", with: "<br/>")))")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Mermaid's words.
private enum Mermaid {
    /// One lifeline: hops that are parts of one component share it.
    struct Party: Hashable {
        let id: String
        let title: String

        init(_ hop: String) {
            switch hop.prefix(while: { $0 != "." }) {
            case "nlb": (id, title) = ("nlb", "NLB")
            case "tls", "authn", "authz", "admission", "registry", "impersonation", "audit": (id, title) = ("apiserver", "kube-apiserver")
            case "token", "mapping", "authenticator": (id, title) = ("authenticator", "aws-iam-authenticator")
            case "sts", "sigv4": (id, title) = ("sts", "AWS STS")
            case "iam": (id, title) = ("iam", "AWS IAM")
            default:
                let letters = hop.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
                (id, title) = ("hop_\(String(letters))", Mermaid.text(hop))
            }
        }
    }

    /// Text that ends no statement: a semicolon does, and a number sign begins an entity.
    static func text(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "#": result += "#35;"
            case ";": result += "#59;"
            case "\n": result += " "
            default: result.append(character)
            }
        }
        return result
    }

    static func line(_ step: TraceStep) -> String {
        let mark =
            switch step.verdict {
            case .pass: "✓"
            case .fail: "✗"
            case .noOpinion: "–"
            case .info: "·"
            }
        let found = step.actual.map { ": \($0)" } ?? ""
        let wanted = step.verdict == .fail ? step.expected.map { " (wanted \($0))" } ?? "" : ""
        return text("\(mark) \(step.check)\(found)\(wanted)")
    }
}
