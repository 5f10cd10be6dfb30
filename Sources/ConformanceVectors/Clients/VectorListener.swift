import Frontend
import HTTP
import NIOPosix
import PKI
import World

/// A socket for programs of others, in front of something in this process.
struct VectorListener: Sendable {
    /// `127.0.0.1:PORT`
    let address: String

    /// Listens on a free port while `body` runs; with TLS when there is an authority to certify it.
    static func serve<Result>(
        _ handler: any HTTPHandler, world: World, authority: CertificateAuthority? = nil,
        _ body: (VectorListener) async throws -> Result
    ) async throws -> Result {
        let tls = try authority.map {
            try ServerTLS(
                $0.issueServer(dnsNames: ["localhost"], addresses: [[127, 0, 0, 1]], world: world), requestsClientCertificate: false)
        }
        let listener = try await Listener.open(
            name: "vectors", at: .init(host: "127.0.0.1", port: 0), tls: tls, admission: OpenAdmission(handler), world: world,
            group: .singleton)
        do {
            let result = try await body(VectorListener(address: "\(listener.address.host):\(listener.address.port)"))
            await listener.drain()
            return result
        } catch {
            await listener.drain()
            throw error
        }
    }
}
