/// A request that an API server passes on to what stands behind a Service, a pod or a node.
public struct ForwardedCall: Sendable {
    /// Whether the other side speaks TLS; its certificate is not looked at, as kube-apiserver's proxy transport does not.
    public var isTLS: Bool
    /// An IP address.
    public var host: String
    /// A port.
    public var port: Int
    /// `GET`
    public var method: String
    /// Path and query.
    public var target: String
    /// Header fields, without those of the connection.
    public var headers: HTTPHeaders
    /// The body.
    public var body: [UInt8]
    /// The protocol that the connection is to become; `nil` for a plain request.
    public var upgrade: String?

    /// Makes a call.
    public init(
        isTLS: Bool, host: String, port: Int, method: String, target: String, headers: HTTPHeaders, body: [UInt8], upgrade: String?
    ) {
        self.isTLS = isTLS
        self.host = host
        self.port = port
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.upgrade = upgrade
    }

    /// `10.0.0.1:80`, `[fd00::1]:80`
    public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
