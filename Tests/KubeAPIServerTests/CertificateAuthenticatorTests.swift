import HTTP
import KubeAPIServer
import PKI
import RBAC
import Testing
import World

@Suite("Client certificates")
struct CertificateAuthenticatorTests {
    private let world = World(clock: .frozen(at: Instant(seconds: 1_800_000_000)))

    private func ask(_ authenticator: CertificateAuthenticator, _ certificates: [[UInt8]]) async -> (user: String?, step: TraceStep?) {
        let connection = ConnectionRecord(
            id: 1, remoteAddress: "127.0.0.1", remotePort: 1, listener: "demo", peerCertificates: certificates)
        let trace = RequestTrace(id: "t", received: world.now, method: "GET", path: "/", target: "demo")
        let outcome = await authenticator.authenticate(HTTPRequest(method: "GET", path: "/", connection: connection, trace: trace))
        guard case .user(let user) = outcome else { return (nil, trace.snapshot.steps.last) }
        return (user.username + "/" + user.groups.joined(separator: ","), trace.snapshot.steps.last)
    }

    @Test("a certificate met before gives the same user and the same step, until it expires")
    func expiry() async throws {
        let authority = try CertificateAuthority(world: world)
        let authenticator = CertificateAuthenticator(ClientCertificateVerifier(authority), world: world)
        let identity = try authority.issueClient(commonName: "ada", organizations: ["eng"], validity: .seconds(3600), world: world)
        let first = await ask(authenticator, [identity.certificateDER])
        let second = await ask(authenticator, [identity.certificateDER])
        #expect(first.user == "ada/eng" && second.user == first.user && second.step == first.step)
        await world.advance(by: .seconds(2 * 3600))
        let late = await ask(authenticator, [identity.certificateDER])
        #expect(late.user == nil && late.step?.verdict == .fail && late.step?.actual?.contains("expired") == true)
    }

    @Test("another authority's certificate is refused every time, and one that shares its last bytes with a known one")
    func foreign() async throws {
        let authority = try CertificateAuthority(world: world)
        let authenticator = CertificateAuthenticator(ClientCertificateVerifier(authority), world: world)
        let known = try authority.issueClient(commonName: "ada", organizations: [], validity: .seconds(3600), world: world)
        #expect(await ask(authenticator, [known.certificateDER]).user == "ada/")
        let foreign = try CertificateAuthority(world: world).issueClient(
            commonName: "ada", organizations: ["system:masters"], validity: .seconds(3600), world: world)
        for _ in 1...2 { #expect(await ask(authenticator, [foreign.certificateDER]).user == nil) }
        var altered = known.certificateDER
        altered[altered.count / 2] ^= 1
        #expect(await ask(authenticator, [altered]).user == nil)
    }
}
