/// Why STS refuses a role to a service account or to Pod Identity.
public struct TrustRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The error code.
    public let code: String
    /// The HTTP status.
    public let status: Int
    /// The message.
    public let message: String
    /// What each statement of the trust policy wanted instead.
    public let reasons: [String]

    /// The text for messages.
    public var description: String { "\(code): \(message)" }

    init(_ code: String, _ status: Int, _ message: String, reasons: [String] = []) {
        self.code = code
        self.status = status
        self.message = message
        self.reasons = reasons
    }
}

/// `sts:AssumeRoleWithWebIdentity`: which service account of which issuer may take a role (facts: auth.md 12.4).
public struct WebIdentityTrust: Sendable {
    /// An IAM OIDC provider.
    public struct Provider: Sendable, Hashable {
        /// The provider's ARN.
        public var arn: String
        /// The issuer without `https://`.
        public var url: String
        /// The audiences that it accepts.
        public var clientIDs: [String]
        /// Whether STS can fetch its keys.
        public var isReachable: Bool

        /// Makes a provider.
        public init(arn: String, url: String, clientIDs: [String], isReachable: Bool = true) {
            self.arn = arn
            self.url = url
            self.clientIDs = clientIDs
            self.isReachable = isReachable
        }
    }

    /// The claims of a token, and what was found when it was verified with the issuer's keys.
    public struct Token: Sendable, Hashable {
        /// `iss`
        public var issuer: String
        /// `aud`
        public var audiences: [String]
        /// `sub`
        public var subject: String
        /// Whether it has run out.
        public var isExpired: Bool
        /// Whether one of the issuer's keys signed it.
        public var hasValidSignature: Bool

        /// Makes the claims.
        public init(issuer: String, audiences: [String], subject: String, isExpired: Bool, hasValidSignature: Bool) {
            self.issuer = issuer
            self.audiences = audiences
            self.subject = subject
            self.isExpired = isExpired
            self.hasValidSignature = hasValidSignature
        }
    }

    /// What STS answers besides credentials.
    public struct Answer: Sendable, Hashable {
        /// The ARN of the session.
        public let assumedRoleARN: String
        /// `SubjectFromWebIdentityToken`
        public let subject: String
        /// `Audience`
        public let audience: String
        /// `Provider`
        public let providerARN: String
        /// The statement that allowed it.
        public let reasons: [String]
    }

    /// The action that a trust policy has to allow.
    public static let action = "sts:AssumeRoleWithWebIdentity"

    private let providers: [Provider]

    /// Makes the decision over the providers of the role's account.
    public init(providers: [Provider]) { self.providers = providers }

    /// Decides. AWS does not publish the order of the checks; with one fault at a time it does not show.
    ///
    /// - Throws: `TrustRefusal`.
    public func assume(roleARN: String, sessionName: String, trust: PolicyDocument, token: Token) throws(TrustRefusal) -> Answer {
        let url = token.issuer.hasPrefix("https://") ? String(token.issuer.dropFirst("https://".count)) : token.issuer
        guard let provider = providers.first(where: { $0.url == url }) else {
            throw TrustRefusal("InvalidIdentityToken", 400, "No OpenIDConnect provider found in your account for \(token.issuer)")
        }
        guard provider.isReachable else {
            throw TrustRefusal("IDPCommunicationError", 400, "The identity provider \(token.issuer) could not be reached")
        }
        guard token.hasValidSignature else {
            throw TrustRefusal("InvalidIdentityToken", 400, "Couldn't verify the token's signature with a key of \(token.issuer)")
        }
        guard !token.isExpired else {
            throw TrustRefusal("ExpiredTokenException", 400, "The web identity token that was passed is expired")
        }
        guard let audience = token.audiences.first(where: provider.clientIDs.contains) else {
            throw TrustRefusal("InvalidIdentityToken", 400, "Incorrect token audience")
        }
        let decision = PolicyEvaluation.evaluate(
            [("trust policy", trust)],
            PolicyRequest(
                action: Self.action, principal: .federated(provider.arn),
                context: ["\(url):sub": [token.subject], "\(url):aud": [audience], "aws:FederatedProvider": [provider.arn]]))
        guard decision.outcome == .allowed else {
            throw TrustRefusal("AccessDenied", 403, "Not authorized to perform \(Self.action)", reasons: decision.reasons)
        }
        let sections = roleARN.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard sections.count == 6, let name = sections[5].split(separator: "/").last else {
            throw TrustRefusal("ValidationError", 400, "\(roleARN) is invalid")
        }
        return Answer(
            assumedRoleARN: "arn:\(sections[1]):sts::\(sections[4]):assumed-role/\(name)/\(sessionName)", subject: token.subject,
            audience: audience, providerARN: provider.arn, reasons: decision.reasons)
    }
}

/// What EKS Pod Identity needs of a role: it sends session tags, so it needs the right to tag too.
public enum PodIdentityTrust {
    /// The service that takes the role.
    public static let service = "pods.eks.amazonaws.com"

    /// The tags of a session, in the order of the documentation; all of them are transitive.
    public static func sessionTags(
        cluster: (arn: String, name: String), namespace: String, serviceAccount: String, pod: (name: String, uid: String)
    ) -> [(key: String, value: String)] {
        [
            ("eks-cluster-arn", cluster.arn), ("eks-cluster-name", cluster.name), ("kubernetes-namespace", namespace),
            ("kubernetes-service-account", serviceAccount), ("kubernetes-pod-name", pod.name), ("kubernetes-pod-uid", pod.uid),
        ]
    }

    /// Whether the trust policy lets Pod Identity take the role; with an `AccessDenied` otherwise.
    ///
    /// - Parameter isTagged: whether the session gets tags, as it does unless the association declines them.
    /// - Throws: `TrustRefusal`.
    public static func require(
        _ trust: PolicyDocument, context: [String: [String]] = [:], isTagged: Bool = true
    ) throws(TrustRefusal) {
        for action in isTagged ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"] {
            let decision = PolicyEvaluation.evaluate(
                [("trust policy", trust)], PolicyRequest(action: action, principal: .service(service), context: context))
            guard decision.outcome == .allowed else {
                throw TrustRefusal("AccessDenied", 403, "Not authorized to perform \(action)", reasons: decision.reasons)
            }
        }
    }
}
