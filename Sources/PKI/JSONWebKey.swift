import Crypto
import CryptoExtras
import JSON

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One public key of an issuer (RFC 7517), of a kind that can sign tokens: RSA, or an elliptic curve of NIST.
struct JSONWebKey: Sendable {
    private enum Material: Sendable {
        case rsa(_RSA.Signing.PublicKey)
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
    }

    /// `kid`; empty when the key has none.
    let id: String
    private let material: Material

    /// Reads a key; `nil` for one that is damaged or of another kind.
    init?(_ json: JSON) {
        guard let material = Self.material(json) else { return nil }
        self.material = material
        id = json["kid"]?.string ?? ""
    }

    private static func material(_ json: JSON) -> Material? {
        func bytes(_ member: String) -> [UInt8]? { json[member]?.string.flatMap { Base64URL.decode($0) } }
        switch json["kty"]?.string {
        case "RSA":
            guard let modulus = bytes("n"), let exponent = bytes("e") else { return nil }
            return (try? _RSA.Signing.PublicKey(n: modulus, e: exponent)).map(Material.rsa)
        case "EC":
            guard let x = bytes("x"), let y = bytes("y") else { return nil }
            // The raw form of a point is x and y in the curve's full width, which is theirs in a JWK too (RFC 7518 section 6.2.1).
            let point = x + y
            switch json["crv"]?.string {
            case "P-256": return (try? P256.Signing.PublicKey(rawRepresentation: point)).map(Material.p256)
            case "P-384": return (try? P384.Signing.PublicKey(rawRepresentation: point)).map(Material.p384)
            case "P-521": return (try? P521.Signing.PublicKey(rawRepresentation: point)).map(Material.p521)
            default: return nil
            }
        default: return nil
        }
    }

    /// Whether this key made a signature over a text; `false` also when it cannot be used with the algorithm.
    func isValid(_ signature: [UInt8], of text: [UInt8], _ algorithm: SignatureAlgorithm) -> Bool {
        switch (material, algorithm) {
        case (.rsa(let key), .rs256): Self.isValid(signature, SHA256.hash(data: text), key, .insecurePKCS1v1_5)
        case (.rsa(let key), .rs384): Self.isValid(signature, SHA384.hash(data: text), key, .insecurePKCS1v1_5)
        case (.rsa(let key), .rs512): Self.isValid(signature, SHA512.hash(data: text), key, .insecurePKCS1v1_5)
        case (.rsa(let key), .ps256): Self.isValid(signature, SHA256.hash(data: text), key, .PSS)
        case (.rsa(let key), .ps384): Self.isValid(signature, SHA384.hash(data: text), key, .PSS)
        case (.rsa(let key), .ps512): Self.isValid(signature, SHA512.hash(data: text), key, .PSS)
        case (.p256(let key), .es256):
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature)).map { key.isValidSignature($0, for: text) } ?? false
        case (.p384(let key), .es384):
            (try? P384.Signing.ECDSASignature(rawRepresentation: signature)).map { key.isValidSignature($0, for: text) } ?? false
        case (.p521(let key), .es512):
            (try? P521.Signing.ECDSASignature(rawRepresentation: signature)).map { key.isValidSignature($0, for: text) } ?? false
        default: false
        }
    }

    private static func isValid(
        _ signature: [UInt8], _ digest: some Digest, _ key: _RSA.Signing.PublicKey, _ padding: _RSA.Signing.Padding
    ) -> Bool {
        key.isValidSignature(_RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: padding)
    }
}
