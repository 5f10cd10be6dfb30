import PKI
import SwiftASN1
import Testing
import World
import X509

@Suite("Certificates follow from the seed")
struct SeededSigningTests {
    private static func world(_ seed: UInt64) -> World { World(clock: .frozen(at: Instant(seconds: 1_800_000_000)), seed: seed) }

    @Test("the same seed gives the same authority and the same certificates, another seed others")
    func determinism() throws {
        func make(_ seed: UInt64) throws -> [String] {
            let world = Self.world(seed)
            let authority = try CertificateAuthority(world: world)
            let server = try authority.issueServer(dnsNames: ["localhost"], addresses: [[127, 0, 0, 1]], world: world)
            let client = try authority.issueClient(commonName: "joe", organizations: ["dev", "ops"], world: world)
            return [authority.identity, server, client].flatMap { [$0.certificatePEM, $0.keyPEM] }
        }
        #expect(try make(7) == make(7))
        #expect(try Set(make(7)).isDisjoint(with: make(8)))
    }

    @Test("signatures verify, with every kind of number that may come up", arguments: 1...24 as ClosedRange<UInt64>)
    func signatures(seed: UInt64) throws {
        let world = Self.world(seed)
        let authority = try CertificateAuthority(world: world)
        let certificate = try Certificate(pemEncoded: authority.identity.certificatePEM)
        #expect(certificate.publicKey.isValidSignature(certificate.signature, for: certificate))
        let client = try authority.issueClient(commonName: "joe", organizations: ["dev"], world: world)
        let leaf = try Certificate(pemEncoded: client.certificatePEM)
        #expect(certificate.publicKey.isValidSignature(leaf.signature, for: leaf))
        #expect(!leaf.publicKey.isValidSignature(leaf.signature, for: leaf))
        #expect(try ClientCertificateVerifier(authority).verify([client.certificateDER], at: world.now).commonName == "joe")
    }
}
