import HTTP
import KubeAPIServer
import World

/// The place of one kube-apiserver replica: an update of the cluster's version puts another server into it.
final class Replica: HTTPHandler {
    /// `demo/apiserver-0`
    let name: String
    private let make: @Sendable (_ kubernetesVersion: String) -> any HTTPHandler
    private let server: Lock<any HTTPHandler>

    /// Starts a replica of a version (`1.34`).
    init(name: String, kubernetesVersion: String, make: @escaping @Sendable (_ kubernetesVersion: String) -> any HTTPHandler) {
        self.name = name
        self.make = make
        server = Lock(make(kubernetesVersion))
    }

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        let server = server.withLock { $0 }
        return await server.handle(request)
    }

    /// The server's metrics; `labels` come before each sample's own.
    func metrics(_ labels: String) -> [APIServer.Metric] { (server.withLock { $0 } as? APIServer)?.metrics(labels) ?? [] }

    /// Goes on with a server of another version; requests under way end with the old one.
    func replace(kubernetesVersion: String) {
        let next = make(kubernetesVersion)
        server.withLock { $0 = next }
    }
}
