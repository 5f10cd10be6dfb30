public import RBAC
public import World

/// What the authorizers say of a request, taken together.
public struct AuthorizationDecision: Sendable, Hashable {
    /// Whether one of them allowed it.
    public var isAllowed: Bool
    /// The reason of the one that allowed, or the joined reasons of all when refused; often empty.
    public var reason: String
    /// What went wrong while evaluating, such as a binding whose role is missing; empty when nothing.
    public var evaluationError: String

    /// Makes a decision.
    public init(isAllowed: Bool, reason: String = "", evaluationError: String = "") {
        self.isAllowed = isAllowed
        self.reason = reason
        self.evaluationError = evaluationError
    }
}

/// Decides whether a user may do something: `system:masters`, RBAC and EKS access policies in order.
public protocol RequestAuthorizer: Sendable {
    /// Decides. With a trace, each authorizer's verdict, near misses and the smallest fix are written to it.
    func authorize(_ attributes: Attributes, trace: RequestTrace?) async -> AuthorizationDecision

    /// All roles and bindings of the cluster as they are now.
    var snapshot: RBACSnapshot { get }
}

/// Where the EKS authorizer finds the policies of a user.
public protocol AccessPolicySource: Sendable {
    /// The policies associated with the access entry of a user, found by the principal id in its extra attributes, and that id.
    func associations(for user: UserInfo) -> (principalID: String, associations: [AccessPolicyAssociation])?
}
