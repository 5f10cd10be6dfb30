/// How much an API server does at once, and for how long (the flags of kube-apiserver, with its defaults).
public struct RequestLimits: Sendable, Hashable {
    /// Most requests at a time that only read; 0 for any number (`--max-requests-inflight`).
    public var reading = 400
    /// Most requests at a time that change something; 0 for any number (`--max-mutating-requests-inflight`).
    public var writing = 200
    /// Most watches at a time; 0 for any number. kube-apiserver has no such flag.
    public var watches = 0
    /// How long a request may take that is not a watch or a connection to a pod (`--request-timeout`).
    public var timeout: Duration = .seconds(60)

    /// The defaults.
    public init() {}
}
