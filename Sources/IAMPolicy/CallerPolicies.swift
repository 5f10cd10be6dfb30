/// The kinds of policies that a call is weighed by, as AWS' refusals name them.
public enum PolicyLayer: String, Sendable, Hashable {
    case identity = "identity-based policy"
    case boundary = "permissions boundary"
    case session = "session policy"
    case resource = "resource-based policy"
}

/// What all policies of a caller say of a call together.
public struct AccessDecision: Sendable, Hashable {
    /// Whether the call may be made.
    public var isAllowed: Bool
    /// The layer that refused: the first with an explicit deny, else the first without an allow.
    public var layer: PolicyLayer?
    /// Whether that was an explicit deny.
    public var isExplicit: Bool
    /// The statement that decided, or what kept each statement of the refusing layer from matching.
    public var reasons: [String]

    /// The end of AWS' refusal: ` because no identity-based policy allows the eks:ListClusters action`.
    public func because(_ action: String) -> String {
        guard let layer, !isAllowed else { return "" }
        let article = layer == .identity ? "an" : "a"
        return isExplicit
            ? " with an explicit deny in \(article) \(layer.rawValue)" : " because no \(layer.rawValue) allows the \(action) action"
    }
}

/// The policies that hold for one caller, layer by layer.
public struct CallerPolicies: Sendable {
    /// A policy and what reasons call it.
    public typealias Named = (name: String, document: PolicyDocument)

    /// What a resource's own policy grants, for calls that ask one: a role's trust policy.
    public enum ResourceGrant: Sendable, Hashable {
        /// No resource policy is asked.
        case none
        /// It trusts the caller's account: the caller's own policies must allow too.
        case account
        /// It names the caller's role: boundary and session policy still limit the session.
        case role
        /// It names the caller itself, whom nothing but a deny limits.
        case caller
    }

    /// Inline and attached policies.
    public var identity: [Named]
    /// The permissions boundary; `nil` when there is none.
    public var boundary: [Named]?
    /// What the session was limited to when it was made; `nil` when it was not.
    public var session: [Named]?

    /// Makes the layers.
    public init(identity: [Named], boundary: [Named]? = nil, session: [Named]? = nil) {
        self.identity = identity
        self.boundary = boundary
        self.session = session
    }

    /// Decides (IAM User Guide, "Policy evaluation logic"): a deny of any layer wins; then every layer has to allow, save those that a
    /// resource's policy passes by.
    public func evaluate(_ request: PolicyRequest, granted: ResourceGrant = .none) -> AccessDecision {
        let layers: [(layer: PolicyLayer, policies: [Named])] =
            [(.identity, identity)] + (boundary.map { [(.boundary, $0)] } ?? []) + (session.map { [(.session, $0)] } ?? [])
        let decisions = layers.map { ($0.layer, PolicyEvaluation.evaluate($0.policies, request)) }
        if let (layer, decision) = decisions.first(where: { $0.1.outcome == .explicitlyDenied }) {
            return AccessDecision(isAllowed: false, layer: layer, isExplicit: true, reasons: decision.reasons)
        }
        let passedBy: Set<PolicyLayer> =
            switch granted {
            case .none, .account: []
            case .role: [.identity]
            case .caller: [.identity, .boundary, .session]
            }
        for (layer, decision) in decisions where decision.outcome != .allowed && !passedBy.contains(layer) {
            return AccessDecision(isAllowed: false, layer: layer, isExplicit: false, reasons: decision.reasons)
        }
        return AccessDecision(isAllowed: true, layer: nil, isExplicit: false, reasons: decisions.first?.1.reasons ?? [])
    }
}

extension PolicyDocument {
    /// How far a resource's policy, which allows a request, goes for the caller: whether a statement that allows names the caller itself, its
    /// role, or only an account.
    public func grant(to principal: PolicyRequest.Principal, _ request: PolicyRequest) -> CallerPolicies.ResourceGrant {
        guard case .aws(let arn, let roleARN, _) = principal else { return .none }
        var best = CallerPolicies.ResourceGrant.account
        for statement in statements where statement.isAllow && PolicyEvaluation.applies(statement, request) {
            guard let principals = statement.principals, !principals.isNegated else { continue }
            for member in principals.members where member.kind == "AWS" || member.kind == "*" {
                if member.values.contains(arn) || (roleARN == nil && member.values.contains("*")) { return .caller }
                if let roleARN, member.values.contains(roleARN) || member.values.contains("*") { best = .role }
            }
        }
        return best
    }
}
