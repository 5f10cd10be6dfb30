public import HTTP
public import PKI
import RBAC
import World

/// The x509 authenticator: the common name is the username, organizations are groups.
public final class CertificateAuthenticator: RequestAuthenticator {
    /// A certificate met before: every request of its connections brings it again.
    private struct Known: Sendable {
        let certificate: ClientCertificateVerifier.Verified
        let user: UserInfo
        let step: TraceStep
    }

    /// A certificate as a key: its last bytes, which are of the signature, tell it from others.
    private struct Leaf: Sendable, Hashable {
        let bytes: [UInt8]

        func hash(into hasher: inout Hasher) {
            bytes.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0.suffix(32))) }
        }
    }

    private static let maximumKnown = 4096

    private let verifier: ClientCertificateVerifier
    private let world: World
    private let known = Lock<[Leaf: Known]>([:])

    /// Makes an authenticator of certificates that a CA issued.
    public init(_ verifier: ClientCertificateVerifier, world: World) {
        self.verifier = verifier
        self.world = world
    }

    /// Checks the certificate of the connection, when there is one.
    public func authenticate(_ request: HTTPRequest) async -> AuthenticationOutcome {
        guard let leaf = request.connection.peerCertificates.first.map(Leaf.init) else { return .notMine }
        do {
            if let known = known.withLock({ $0[leaf] }) {
                // Only time can have changed the verdict.
                _ = try known.certificate.subject(at: world.now)
                request.trace.add(known.step)
                return .user(known.user)
            }
            let certificate = try verifier.verified([leaf.bytes])
            let subject = try certificate.subject(at: world.now)
            let step = TraceStep("authn", "client certificate", actual: "CN=\(subject.commonName), O=\(subject.organizations)", .pass)
            let user = UserInfo(username: subject.commonName, groups: subject.organizations)
            known.withLock { known in
                if known.count >= Self.maximumKnown { known.removeAll() }
                known[leaf] = Known(certificate: certificate, user: user, step: step)
            }
            request.trace.add(step)
            return .user(user)
        } catch {
            request.trace.add(
                TraceStep("authn", "client certificate", expected: "one of the cluster's CA, in its time", actual: "\(error)", .fail))
            return .refused
        }
    }
}
