public import HTTP
public import PKI
import RBAC
import World

/// The x509 authenticator: the common name is the username, organizations are groups.
public struct CertificateAuthenticator: RequestAuthenticator {
    private let verifier: ClientCertificateVerifier
    private let world: World

    /// Makes an authenticator of certificates that a CA issued.
    public init(_ verifier: ClientCertificateVerifier, world: World) {
        self.verifier = verifier
        self.world = world
    }

    /// Checks the certificate of the connection, when there is one.
    public func authenticate(_ request: HTTPRequest) async -> AuthenticationOutcome {
        let chain = request.connection.peerCertificates
        guard !chain.isEmpty else { return .notMine }
        do {
            let subject = try verifier.verify(chain, at: world.now)
            request.trace.add(
                TraceStep("authn", "client certificate", actual: "CN=\(subject.commonName), O=\(subject.organizations)", .pass))
            return .user(UserInfo(username: subject.commonName, groups: subject.organizations))
        } catch {
            request.trace.add(
                TraceStep("authn", "client certificate", expected: "one of the cluster's CA, in its time", actual: "\(error)", .fail))
            return .refused
        }
    }
}
