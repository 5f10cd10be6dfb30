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

    /// Whether a statement speaks of a request.
    static func applies(_ statement: PolicyDocument.Statement, _ request: PolicyRequest) -> Bool { mismatch(statement, request) == nil }

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
        // Documents of the first version have no variables.
        func pattern(_ text: String) -> PolicyPattern? {
            statement.hasVariables ? PolicyPattern(text, request.context) : PolicyPattern(text)
        }
        if let resources = statement.resources {
            let matches = resources.patterns.contains { pattern($0)?.matches(request.resource) ?? false }
            if matches == resources.isNegated { return "resource is \(resources.patterns.joined(separator: ", "))" }
        }
        for condition in statement.conditions {
            let found = request.context[condition.key.lowercased()]
            let wanted = condition.values.map(pattern)
            let isDefined = wanted.allSatisfy { $0 != nil }
            guard isDefined, ConditionOperator(condition.operator)?.holds(found, wanted.compactMap { $0 }) ?? false else {
                let values = zip(condition.values, wanted).map { $1?.text ?? "\($0) (a variable without value)" }
                return
                    "\(condition.operator) \(condition.key) wants \(values.joined(separator: " or ")), found \(found?.joined(separator: ", ") ?? "absent")"
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
