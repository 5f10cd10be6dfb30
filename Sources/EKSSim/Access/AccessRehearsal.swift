public import JSON
import RBAC

/// `access rehearse`: what a plan would do, principal by principal, told without doing it.
public struct AccessRehearsal: Sendable {
    /// What becomes of one principal.
    public struct Outcome: Sendable, Hashable {
        /// The IAM principal.
        public let principal: String
        /// The user that it is before, as `name in [groups]`, and what maps it; `nil` when it cannot log in.
        public let before: String?
        /// The same after the plan.
        public let after: String?
        /// What it may do after and not before.
        public let gained: [String]
        /// What it may do before and not after.
        public let lost: [String]
        /// Whether it can log in before and not after.
        public let isLockedOut: Bool
        /// Whether it may do something before and nothing after.
        public let losesAll: Bool

        /// Whether anything changes.
        public var changes: Bool { before != after || !gained.isEmpty || !lost.isEmpty }
    }

    /// Every principal that could log in before or after.
    public let outcomes: [Outcome]

    /// Compares two states of a cluster's access.
    public init(before: ClusterAccess, after: ClusterAccess, catalog: AccessPolicyCatalog = .published) async {
        var principals = before.everybody
        for principal in after.everybody where !principals.contains(where: { $0.arn == principal.arn }) { principals.append(principal) }
        var outcomes: [Outcome] = []
        for principal in principals.sorted(by: { $0.arn < $1.arn }) {
            let old = await before.identity(of: principal)
            let new = await after.identity(of: principal)
            let had = old.map { AccessGrants($0, in: before, catalog: catalog) } ?? AccessGrants()
            let has = new.map { AccessGrants($0, in: after, catalog: catalog) } ?? AccessGrants()
            outcomes.append(
                Outcome(
                    principal: principal.arn, before: old.map(Self.title), after: new.map(Self.title), gained: has.missing(from: had),
                    lost: had.missing(from: has), isLockedOut: old != nil && new == nil, losesAll: !had.isEmpty && has.isEmpty))
        }
        self.outcomes = outcomes.filter { $0.before != nil || $0.after != nil }
    }

    private static func title(_ identity: AccessIdentity) -> String {
        let groups = identity.user.groups.filter { $0 != "system:authenticated" }
        let shown = groups.isEmpty ? "" : " in [\(groups.joined(separator: ", "))]"
        let username = identity.user.username.replacing("/\(ClusterAccess.usualSession)", with: "/{{SessionName}}")
        return "\(username)\(shown), by \(identity.source)"
    }

    /// Those who would lose all access: locked out, or left with nothing that they may do.
    public var victims: [String] { outcomes.filter { $0.isLockedOut || $0.losesAll }.map(\.principal) }

    /// The report for tools.
    public var json: JSON {
        [
            "lockedOut": JSON(strings: outcomes.filter(\.isLockedOut).map(\.principal)), "losesAllAccess": JSON(strings: victims),
            "principals": .array(
                outcomes.map { outcome in
                    var json: JSON = ["principal": .string(outcome.principal)]
                    json["before"] = outcome.before.map(JSON.string)
                    json["after"] = outcome.after.map(JSON.string)
                    json["gained"] = JSON(strings: outcome.gained)
                    json["lost"] = JSON(strings: outcome.lost)
                    json["lockedOut"] = .bool(outcome.isLockedOut)
                    json["losesAllAccess"] = .bool(outcome.isLockedOut || outcome.losesAll)
                    return json
                }),
        ]
    }

    private static let shown = 12

    /// The report for people.
    public func text(_ style: TraceReport.Style = TraceReport.Style()) -> String {
        var lines: [String] = []
        for outcome in outcomes where outcome.changes {
            lines.append(style.bold(outcome.principal))
            if outcome.before == outcome.after {
                lines += style.wrap("  is       \(outcome.after ?? "nobody")", indent: "           ")
            } else {
                lines += style.wrap("  before   \(outcome.before ?? "cannot log in")", indent: "           ")
                lines += style.wrap("  after    \(outcome.after ?? "cannot log in")", indent: "           ")
            }
            for (sign, verdict, changes) in [("+", true, outcome.gained), ("-", false, outcome.lost)] {
                for change in changes.prefix(Self.shown) {
                    lines += style.wrap("  \(style.sign(sign, isGood: verdict)) \(change)", indent: "    ")
                }
                if changes.count > Self.shown { lines.append("    and \(changes.count - Self.shown) more") }
            }
            if outcome.isLockedOut {
                lines.append("  \(style.sign("✗", isGood: false)) locked out")
            } else if outcome.losesAll {
                lines.append("  \(style.sign("✗", isGood: false)) may log in, but do nothing")
            }
            lines.append("")
        }
        let unchanged = outcomes.count(where: { !$0.changes })
        lines.append("\(outcomes.count - unchanged) of \(outcomes.count) principals change")
        if !victims.isEmpty { lines += style.wrap("lose all access: \(victims.joined(separator: ", "))", indent: "  ") }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension TraceReport.Style {
    func sign(_ sign: String, isGood: Bool) -> String { isColored ? "\u{1B}[\(isGood ? 32 : 31)m\(sign)\u{1B}[0m" : sign }
}
