import Crypto
import CryptoExtras
import SwiftASN1

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The RSA key that signs a cluster's ServiceAccount tokens (RS256), and verifies them.
///
/// CryptoExtras rather than jwt-kit: the header must be exactly `alg` and `kid`, and verification at 29 µs is on the path of every
/// request of a pod, against 68 µs there.
public struct ServiceAccountKey: Sendable {
    /// Why a token is not one of this key's.
    public enum VerificationError: Error, Sendable, Hashable {
        /// Not three base64url parts with a JSON header.
        case malformed
        /// The header names another algorithm or key.
        case foreignKey
        /// The signature does not fit the text.
        case badSignature
    }

    private let key: _RSA.Signing.PrivateKey
    /// base64url of the SHA-256 of the public key in DER: the `kid` of tokens and JWKS.
    public let keyID: String
    private let header: [UInt8]

    /// Makes the 2048 bit key that follows from a secret, such as the key of the cluster's CA. Takes some 50 ms.
    ///
    /// - Throws: what the cryptographic library throws; it does not depend on input.
    public init(secret: [UInt8]) throws {
        let key = SeededRSA(secret: secret)
        try self.init(
            _RSA.Signing.PrivateKey(
                n: key.modulus, e: SeededRSA.publicExponent, d: key.privateExponent, p: key.primes.p, q: key.primes.q))
    }

    /// Reads a key from PEM.
    ///
    /// - Throws: when it is none.
    public init(pem: String) throws { try self.init(_RSA.Signing.PrivateKey(pemRepresentation: pem)) }

    private init(_ key: _RSA.Signing.PrivateKey) throws {
        self.key = key
        let der = try PEMDocument(pemString: key.publicKey.pemRepresentation).derBytes
        keyID = Base64URL.encode(Array(SHA256.hash(data: der)))
        header = Array(Base64URL.encode(Array("{\"alg\":\"RS256\",\"kid\":\"\(keyID)\"}".utf8)).utf8)
    }

    /// The private key in PEM, for storing.
    public var pem: String { key.pkcs8PEMRepresentation }

    /// Signs claims, given as JSON.
    ///
    /// - Throws: what the cryptographic library throws.
    public func sign(claims: [UInt8]) throws -> String {
        let text = header + [UInt8(ascii: ".")] + Array(Base64URL.encode(claims).utf8)
        let signature = try key.signature(for: SHA256.hash(data: text), padding: .insecurePKCS1v1_5)
        return String(decoding: text, as: UTF8.self) + "." + Base64URL.encode(Array(signature.rawRepresentation))
    }

    /// Checks a token's signature and answers its claims as JSON; what they say is not checked here.
    ///
    /// - Throws: `VerificationError`.
    public func verify(_ token: String) throws(VerificationError) -> [UInt8] {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let claims = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]),
            Base64URL.decode(parts[0]) != nil
        else { throw .malformed }
        guard Array(parts[0].utf8) == header else { throw .foreignKey }
        let text = Array(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
        guard
            key.publicKey.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: text), padding: .insecurePKCS1v1_5)
        else { throw .badSignature }
        return claims
    }

    /// The public key as a JWKS document (RFC 7517), in the form that EKS serves under `<issuer>/keys`.
    ///
    /// - Throws: what the cryptographic library throws.
    public func jwks() throws -> [UInt8] {
        let parts = try key.publicKey.getKeyPrimitives()
        let modulus = Base64URL.encode(Array(parts.modulus))
        let exponent = Base64URL.encode(Array(parts.publicExponent))
        return Array(
            "{\"keys\":[{\"use\":\"sig\",\"kty\":\"RSA\",\"kid\":\"\(keyID)\",\"alg\":\"RS256\",\"n\":\"\(modulus)\",\"e\":\"\(exponent)\"}]}"
                .utf8)
    }
}
