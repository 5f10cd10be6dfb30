import IPAddress

/// Values that only functions look into (`k8s.io/apiserver/pkg/cel`: quantity.go, url.go, ip.go, cidr.go, semver.go, format.go, authz.go).
enum CELOpaque: Sendable, Hashable {
    case quantity(QuantityValue)
    case url(CELURL)
    case ip(IPAddress)
    /// An address with a prefix length; bits behind the prefix are kept.
    case cidr(IPAddress, Int)
    case semver(SemanticVersion)
    case format(CELNamedFormat)
    /// Who is asked about: the one who sent the request, or a service account.
    case authorizer(AccessQuestion.Subject)
    case group(AccessQuestion.Subject, String)
    case pathCheck(AccessQuestion)
    case resourceCheck(AccessQuestion)
    case decision(AccessAnswer)

    static let quantityType = CELType.opaque("kubernetes.Quantity")
    static let urlType = CELType.opaque("kubernetes.URL")
    static let ipType = CELType.opaque("net.IP")
    static let cidrType = CELType.opaque("net.CIDR")
    static let semverType = CELType.opaque("kubernetes.Semver")
    static let formatType = CELType.opaque("kubernetes.NamedFormat")
    static let authorizerType = CELType.opaque("kubernetes.authorization.Authorizer")
    static let groupCheckType = CELType.opaque("kubernetes.authorization.GroupCheck")
    static let pathCheckType = CELType.opaque("kubernetes.authorization.PathCheck")
    static let resourceCheckType = CELType.opaque("kubernetes.authorization.ResourceCheck")
    static let decisionType = CELType.opaque("kubernetes.authorization.Decision")

    var type: CELType {
        switch self {
        case .quantity: Self.quantityType
        case .url: Self.urlType
        case .ip: Self.ipType
        case .cidr: Self.cidrType
        case .semver: Self.semverType
        case .format: Self.formatType
        case .authorizer: Self.authorizerType
        case .group: Self.groupCheckType
        case .pathCheck: Self.pathCheckType
        case .resourceCheck: Self.resourceCheckType
        case .decision: Self.decisionType
        }
    }

    var typeName: String { type.name }

    /// What a traversal costs at most.
    var size: Int {
        switch self {
        case .url(let url): url.text.unicodeScalars.count
        case .ip(let address), .cidr(let address, _): address.bytes.count
        default: 1
        }
    }
}

/// What an expression asks the authorizers (`authorizer.group('apps').resource('deployments').check('create')`).
public struct AccessQuestion: Sendable, Hashable {
    /// Whose right it is.
    public enum Subject: Sendable, Hashable {
        /// The one who sent the request.
        case requester
        case serviceAccount(namespace: String, name: String)
    }

    /// Whose right it is.
    public var subject: Subject
    /// The verb.
    public var verb = ""
    /// The path of a question about no resource.
    public var path: String?
    /// The API group.
    public var group = ""
    /// The plural name.
    public var resource = ""
    /// `status`, `scale` …
    public var subresource = ""
    /// The namespace; empty for the cluster scope.
    public var namespace = ""
    /// The object's name; empty for any.
    public var name = ""

    /// Puts a question together; without a path it is about a resource.
    public init(
        subject: Subject, path: String? = nil, group: String = "", resource: String = "", subresource: String = "",
        namespace: String = "", name: String = ""
    ) {
        self.subject = subject
        self.path = path
        self.group = group
        self.resource = resource
        self.subresource = subresource
        self.namespace = namespace
        self.name = name
    }
}

/// What the authorizers said.
public struct AccessAnswer: Sendable, Hashable {
    /// Whether it is allowed.
    public let isAllowed: Bool
    /// Why.
    public let reason: String
    /// What went wrong on the way; empty when nothing.
    public let error: String

    /// Makes an answer.
    public init(isAllowed: Bool, reason: String, error: String) {
        self.isAllowed = isAllowed
        self.reason = reason
        self.error = error
    }
}
