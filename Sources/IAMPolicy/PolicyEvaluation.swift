/// What a policy is asked about.
public struct PolicyRequest: Sendable {
    /// Who asks: `AWS` with an ARN, `Service` with a domain, `Federated` with a provider's ARN.
    public enum Principal: Sendable, Hashable {
        case aws(arn: String, roleARN: String?, accountID: String)
        case service(String)
        case federated(String)
    }

    /// `eks:DescribeCluster`
    public var action: String
    /// The resource's ARN, or `*`.
    public var resource: String
    /// Who asks; only trust policies look at it.
    public var principal: Principal?
    /// Condition keys and their values; names compare without case.
    public var context: [String: [String]]

    /// Makes a request.
    public init(action: String, resource: String = "*", principal: Principal? = nil, context: [String: [String]] = [:]) {
        self.action = action
        self.resource = resource
        self.principal = principal
        self.context = Dictionary(context.map { ($0.key.lowercased(), $0.value) }) { first, _ in first }
    }
}

/// What policies say.
public struct PolicyDecision: Sendable, Hashable {
    /// The outcomes of IAM's evaluation.
    public enum Outcome: Sendable, Hashable {
        case allowed
        case implicitlyDenied
        case explicitlyDenied
    }

    /// The outcome.
    public var outcome: Outcome
    /// The statement that decided, or what kept each from matching.
    public var reasons: [String]
}

/// IAM's policy evaluation: a deny wins, then an allow, else the request is denied implicitly.
public enum PolicyEvaluation {
    /// Decides over all statements of some policies together.
    public static func evaluate(_ policies: [(name: String, document: PolicyDocument)], _ request: PolicyRequest) -> PolicyDecision {
        var allowed: String?
        var misses: [String] = []
        for (name, document) in policies {
            for statement in document.statements {
                if let mismatch = mismatch(statement, request) {
                    misses.append("\(name), \(statement.name): \(mismatch)")
                } else if statement.isAllow {
                    allowed = allowed ?? "\(name), \(statement.name) allows it"
                } else {
                    return PolicyDecision(outcome: .explicitlyDenied, reasons: ["\(name), \(statement.name) denies it"])
                }
            }
        }
        if let allowed { return PolicyDecision(outcome: .allowed, reasons: [allowed]) }
        return PolicyDecision(outcome: .implicitlyDenied, reasons: misses)
    }

    /// The first part of a statement that does not match, or `nil` when all do.
    private static func mismatch(_ statement: PolicyDocument.Statement, _ request: PolicyRequest) -> String? {
        if let principals = statement.principals {
            let matches = principals.members.contains { matchesPrincipal($0.kind, $0.values, request.principal) }
            if matches == principals.isNegated {
                return
                    "principal is \(principals.members.map { "\($0.kind) \($0.values.joined(separator: ", "))" }.joined(separator: "; "))"
            }
        }
        let actionMatches = statement.actions.patterns.contains { Wildcard.matches(request.action.lowercased(), $0.lowercased()) }
        if actionMatches == statement.actions.isNegated { return "action is \(statement.actions.patterns.joined(separator: ", "))" }
        if let resources = statement.resources {
            let matches = resources.patterns.contains { Wildcard.matches(request.resource, PolicyVariables.expand($0, request.context)) }
            if matches == resources.isNegated { return "resource is \(resources.patterns.joined(separator: ", "))" }
        }
        for condition in statement.conditions {
            let values = condition.values.map { PolicyVariables.expand($0, request.context) }
            if !ConditionOperator.holds(condition.operator, request.context[condition.key.lowercased()], values) {
                let found = request.context[condition.key.lowercased()]?.joined(separator: ", ") ?? "absent"
                return "\(condition.operator) \(condition.key) wants \(values.joined(separator: " or ")), found \(found)"
            }
        }
        return nil
    }

    private static func matchesPrincipal(_ kind: String, _ values: [String], _ principal: PolicyRequest.Principal?) -> Bool {
        if kind == "*" { return true }
        switch (kind, principal) {
        case ("AWS", .aws(let arn, let roleARN, let account)?):
            return values.contains { value in
                value == "*" || value == arn || value == roleARN || value == account
                    || value.hasSuffix("::\(account):root") && value.hasPrefix("arn:")
            }
        case ("Service", .service(let name)?): return values.contains(name)
        case ("Federated", .federated(let provider)?): return values.contains(provider)
        default: return false
        }
    }
}

/// `*` for any text and `?` for exactly one character.
public enum Wildcard {
    /// Whether a text matches a pattern, in time linear in their product.
    public static func matches(_ text: String, _ pattern: String) -> Bool {
        let text = Array(text.utf8)
        let pattern = Array(pattern.utf8)
        var t = 0
        var p = 0
        var star = -1
        var mark = 0
        while t < text.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "?") || (pattern[p] == text[t] && pattern[p] != UInt8(ascii: "*")) {
                t += 1
                p += 1
            } else if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = p
                mark = t
                p += 1
            } else if star >= 0 {
                p = star + 1
                mark += 1
                t = mark
            } else {
                return false
            }
        }
        while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
        return p == pattern.count
    }
}

/// Policy variables: `${aws:username}`, `${*}`, with a default after a comma.
enum PolicyVariables {
    static func expand(_ text: String, _ context: [String: [String]]) -> String {
        guard text.contains("${") else { return text }
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            result += rest[..<start.lowerBound]
            let inner = rest[start.upperBound..<end]
            if ["*", "?", "$"].contains(String(inner)) {
                result += inner
            } else {
                let parts = inner.split(separator: ",", maxSplits: 1).map { $0.trimmingPrefix(" ") }
                let fallback = parts.count > 1 ? String(parts[1].filter { $0 != "'" }) : "${\(inner)}"
                result += context[parts.first.map { $0.lowercased() } ?? ""]?.first ?? fallback
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
