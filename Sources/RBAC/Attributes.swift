/// What a request wants to do (`k8s.io/apiserver/pkg/authorization/authorizer.Attributes`).
public struct Attributes: Sendable, Hashable {
    /// Who asks.
    public var user: UserInfo
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or the lower-case HTTP method for paths.
    public var verb: String
    /// Whether this is about a resource; otherwise about `path`.
    public var isResourceRequest: Bool
    /// The namespace; empty at cluster scope. For a request on a namespace object by name, that name.
    public var namespace: String
    /// The API group; empty for the core group.
    public var apiGroup: String
    /// The API version.
    public var apiVersion: String
    /// The resource's plural name.
    public var resource: String
    /// The subresource; empty when there is none.
    public var subresource: String
    /// The object's name; empty for lists and plain creates.
    public var name: String
    /// The URL path of a non-resource request.
    public var path: String
    /// The fields that a list or watch restricts to one value; the Node authorizer looks at them.
    public var fieldSelector: [String: String] = [:]

    /// Makes the attributes of a request about a resource.
    public init(
        user: UserInfo, verb: String, namespace: String = "", apiGroup: String = "", apiVersion: String = "", resource: String,
        subresource: String = "", name: String = "", path: String = ""
    ) {
        self.user = user
        self.verb = verb
        isResourceRequest = true
        self.namespace = namespace
        self.apiGroup = apiGroup
        self.apiVersion = apiVersion
        self.resource = resource
        self.subresource = subresource
        self.name = name
        self.path = path
    }

    /// Makes the attributes of a request about a path.
    public init(user: UserInfo, verb: String, path: String) {
        self.user = user
        self.verb = verb
        isResourceRequest = false
        namespace = ""
        apiGroup = ""
        apiVersion = ""
        resource = ""
        subresource = ""
        name = ""
        self.path = path
    }
}
