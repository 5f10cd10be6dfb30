import Crypto
import CryptoExtras
import JSON

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The public keys of an issuer (RFC 7517), for tokens signed with RS256.
public struct JSONWebKeySet: Sendable {
    /// Why a token is not one of the issuer's.
    public enum Problem: Error, Sendable, Hashable {
        /// No JWT in compact form with a header of JSON.
        case malformed
        /// Signed with another algorithm than RS256.
        case algorithm(String)
        /// No key of the set has the token's `kid`.
        case unknownKey(String)
        /// The signature does not fit.
        case badSignature
    }

    private static let limits = JSON.Limits(depth: 8, bytes: 1 << 20)

    private let keys: [String: _RSA.Signing.PublicKey]

    /// Reads a JWKS document; keys of other kinds than RSA are left out. `nil` when it is none.
    public init?(_ document: [UInt8]) {
        guard let items = (try? JSON(parsing: document, limits: Self.limits))?["keys"]?.array else { return nil }
        var keys: [String: _RSA.Signing.PublicKey] = [:]
        for item in items where item["kty"]?.string == "RSA" {
            guard let modulus = item["n"]?.string.flatMap({ Base64URL.decode($0) }),
                let exponent = item["e"]?.string.flatMap({ Base64URL.decode($0) }),
                let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
            else { continue }
            keys[item["kid"]?.string ?? ""] = key
        }
        self.keys = keys
    }

    /// Checks who signed a token; what it says is not looked at.
    ///
    /// - Throws: `Problem`.
    public func verify(_ token: String) throws(Problem) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.decode(parts[0]), let signature = Base64URL.decode(parts[2]),
            let header = try? JSON(parsing: bytes, limits: Self.limits), header.object != nil
        else { throw .malformed }
        let algorithm = header["alg"]?.string ?? ""
        guard algorithm == "RS256" else { throw .algorithm(algorithm) }
        let id = header["kid"]?.string ?? ""
        guard let key = keys[id] else { throw .unknownKey(id) }
        let text = Array(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
        guard
            key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: text), padding: .insecurePKCS1v1_5)
        else { throw .badSignature }
    }
}

/// Where the keys of OpenID Connect issuers come from.
public protocol OpenIDIssuers: Sendable {
    /// The keys of an issuer by its URL, by discovery.
    ///
    /// - Throws: `OpenIDIssuerFailure`.
    func keys(of issuer: String) async throws(OpenIDIssuerFailure) -> JSONWebKeySet
}

/// Why an issuer's keys could not be had.
public struct OpenIDIssuerFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, for traces.
    public let description: String

    /// Makes a failure.
    public init(_ description: String) { self.description = description }
}

/// Issuers that cannot be reached: what a world without any has.
public struct UnreachableIssuers: OpenIDIssuers {
    /// Makes the issuers.
    public init() {}

    /// Always fails.
    public func keys(of issuer: String) async throws(OpenIDIssuerFailure) -> JSONWebKeySet {
        throw OpenIDIssuerFailure("\(issuer) cannot be reached")
    }
}
