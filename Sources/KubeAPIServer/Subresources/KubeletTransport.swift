public import HTTP
public import JSON
public import KubeAPI
import World

/// What kube-apiserver asks of the kubelet of a pod's node (`pkg/kubelet/client`).
public struct KubeletRequest: Sendable {
    /// What is asked for.
    public enum Kind: String, Sendable, Hashable {
        case log, exec, attach, portforward
    }

    /// What is asked for.
    public let kind: Kind
    /// The pod as it is stored.
    public let pod: JSON
    /// The container that is meant; empty for `portforward`.
    public let container: String
    /// The client's request.
    public let http: HTTPRequest
    /// Its query.
    public let query: QueryParameters
}

/// The way to the kubelets.
public protocol KubeletTransport: Sendable {
    /// The kubelet's answer; `nil` when no kubelet runs on the pod's node.
    ///
    /// - Throws: a Status that kube-apiserver makes of the kubelet's refusal.
    func answer(_ request: KubeletRequest) async throws(KubeStatus) -> HTTPResponse?

    /// What answers an HTTP request to a port of a pod; `nil` when nothing listens there.
    func answer(port: Int, of pod: JSON) async -> HTTPResponse?

    /// The answer of a node's kubelet itself; `nil` when none runs there.
    func answer(node: String, path: String) async -> HTTPResponse?
}

/// The transport in use, if any.
public final class KubeletReference: Sendable {
    private let held = Lock<(any KubeletTransport)?>(nil)

    init() {}

    /// Names the transport; `nil` for none.
    public func set(_ transport: (any KubeletTransport)?) { held.withLock { $0 = transport } }

    var transport: (any KubeletTransport)? { held.withLock { $0 } }
}
