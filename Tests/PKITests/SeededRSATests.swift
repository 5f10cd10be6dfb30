import Crypto
import CryptoExtras
import Testing

@testable import PKI

@Suite("The key of ServiceAccount tokens")
struct SeededRSATests {
    @Test("two keys of one secret sign alike, and another secret makes another key")
    func followsFromSecret() throws {
        let claims = Array(#"{"sub":"system:serviceaccount:default:a"}"#.utf8)
        let keys = try ["a", "a", "b"].map { try ServiceAccountKey(secret: Array($0.utf8)) }
        #expect(try keys[0].sign(claims: claims) == keys[1].sign(claims: claims))
        #expect(try keys[0].jwks() == keys[1].jwks())
        #expect(keys[0].keyID != keys[2].keyID)
        #expect(throws: ServiceAccountKey.VerificationError.foreignKey) { try keys[2].verify(keys[0].sign(claims: claims)) }
    }

    /// The library refuses numbers that do not belong together; what it signs with them, the public half must verify.
    @Test("its numbers are a key of 2048 bits", arguments: 0..<8)
    func isSound(_ seed: UInt8) throws {
        let numbers = SeededRSA(secret: [seed])
        let key = try _RSA.Signing.PrivateKey(
            n: numbers.modulus, e: SeededRSA.publicExponent, d: numbers.privateExponent, p: numbers.primes.p, q: numbers.primes.q)
        #expect(key.keySizeInBits == 2048)
        let reread = try _RSA.Signing.PrivateKey(derRepresentation: key.derRepresentation)
        let digest = SHA256.hash(data: [seed])
        #expect(reread.publicKey.isValidSignature(try key.signature(for: digest), for: digest))
    }
}
