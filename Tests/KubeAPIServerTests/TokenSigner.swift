import Crypto
import CryptoExtras
import Foundation
import JSON
import PKI

/// A key of an OpenID Connect provider: signs tokens and publishes itself.
struct TokenSigner: Sendable {
    private enum Key: Sendable {
        case rsa(_RSA.Signing.PrivateKey)
        case p256(P256.Signing.PrivateKey)
    }

    let id: String
    private let key: Key

    /// Making an RSA key takes 50 ms: all tests sign with one.
    private static let shared = Task { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    static func rsa(_ id: String) async throws -> TokenSigner { TokenSigner(id: id, key: .rsa(try await shared.value)) }

    static func p256(_ id: String) -> TokenSigner { TokenSigner(id: id, key: .p256(P256.Signing.PrivateKey())) }

    /// The public key as a member of a JWKS document.
    func json() throws -> JSON {
        switch key {
        case .rsa(let key):
            let parts = try key.publicKey.getKeyPrimitives()
            return [
                "kty": "RSA", "kid": .string(id), "n": .string(Base64URL.encode(Array(parts.modulus))),
                "e": .string(Base64URL.encode(Array(parts.publicExponent))),
            ]
        case .p256(let key):
            let point = Array(key.publicKey.rawRepresentation)
            return [
                "kty": "EC", "crv": "P-256", "kid": .string(id), "x": .string(Base64URL.encode(Array(point.prefix(32)))),
                "y": .string(Base64URL.encode(Array(point.suffix(32)))),
            ]
        }
    }

    /// A token with claims; `header` replaces members of the header.
    func token(_ claims: JSON, header: JSON = [:]) throws -> String {
        var head: JSON = ["alg": .string(algorithm), "kid": .string(id)]
        for member in header.object?.members ?? [] { head[member.key] = member.value.isNull ? nil : member.value }
        let text = Base64URL.encode(head.serialized()) + "." + Base64URL.encode(claims.serialized())
        return text + "." + Base64URL.encode(try signature(of: Array(text.utf8)))
    }

    private var algorithm: String {
        switch key {
        case .rsa: "RS256"
        case .p256: "ES256"
        }
    }

    private func signature(of text: [UInt8]) throws -> [UInt8] {
        switch key {
        case .rsa(let key):
            Array(try key.signature(for: SHA256.hash(data: text), padding: .insecurePKCS1v1_5).rawRepresentation)
        case .p256(let key): Array(try key.signature(for: text).rawRepresentation)
        }
    }
}
