import IAMAuthenticator
public import JSON
import RBAC

/// `access lint`: what a cluster's access says and does not do.
public struct AccessLint: Sendable {
    /// How bad a finding is.
    public enum Severity: String, Sendable, Hashable {
        /// Somebody who is meant to have access has none, or access is other than it is written.
        case error
        /// It works, and should not be so.
        case warning
    }

    /// One finding.
    public struct Finding: Sendable, Hashable {
        /// A stable name of the rule, such as `entry-principal-deleted`.
        public let rule: String
        /// How bad it is.
        public let severity: Severity
        /// What it is about: an entry's ARN, a line of `aws-auth`.
        public let subject: String
        /// What is wrong.
        public let message: String
        /// A command to paste, where one puts it right.
        public let fix: String?
    }

    /// The findings, entries first, then `aws-auth`.
    public let findings: [Finding]

    /// Examines a cluster's access.
    public init(_ access: ClusterAccess, catalog: AccessPolicyCatalog = .published) {
        var linter = Linter(access: access, catalog: catalog)
        linter.run()
        findings = linter.findings
    }

    /// Whether a finding is an error.
    public var hasErrors: Bool { findings.contains { $0.severity == .error } }

    /// The report for tools.
    public var json: JSON {
        [
            "findings": .array(
                findings.map { finding in
                    var json: JSON = [
                        "rule": .string(finding.rule), "severity": .string(finding.severity.rawValue), "subject": .string(finding.subject),
                        "message": .string(finding.message),
                    ]
                    json["fix"] = finding.fix.map(JSON.string)
                    return json
                })
        ]
    }

    /// The report for people.
    public func text(_ style: TraceReport.Style = TraceReport.Style()) -> String {
        guard !findings.isEmpty else { return "nothing found\n" }
        var lines: [String] = []
        for finding in findings {
            lines.append(
                "\(style.sign(finding.severity == .error ? "✗" : "!", isGood: false)) \(style.bold(finding.subject))  [\(finding.rule)]")
            lines += style.wrap("    \(finding.message)", indent: "    ")
            if let fix = finding.fix { lines += fix.split(separator: "\n").map { "    $ \($0)" } }
        }
        let errors = findings.count(where: { $0.severity == .error })
        lines.append("\(errors) errors, \(findings.count - errors) warnings")
        return lines.joined(separator: "\n") + "\n"
    }
}
