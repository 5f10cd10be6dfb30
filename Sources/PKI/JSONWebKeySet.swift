public import JSON

/// The public keys of an issuer (RFC 7517).
public struct JSONWebKeySet: Sendable {
    /// Why a token is not one of the issuer's.
    public enum Problem: Error, Sendable, Hashable {
        /// No JWT in compact form with a header of JSON.
        case malformed
        /// Signed with an algorithm that is not among those allowed.
        case algorithm(String)
        /// No key of the set has the token's `kid`.
        case unknownKey(String)
        /// The signature does not fit.
        case badSignature
    }

    private static let limits = JSON.Limits(depth: 8, bytes: 1 << 20)
    /// More keys than any issuer has, fewer than would make a token costly to check.
    private static let maximumKeys = 256

    private let keys: [JSONWebKey]

    /// Reads a JWKS document; keys that cannot sign tokens are left out. `nil` when it is none.
    public init?(_ document: [UInt8]) {
        guard let json = try? JSON(parsing: document, limits: Self.limits) else { return nil }
        self.init(json)
    }

    /// Reads a JWKS document that was parsed before. `nil` when it is none.
    public init?(_ document: JSON) {
        guard let items = document["keys"]?.array, items.count <= Self.maximumKeys else { return nil }
        keys = items.compactMap { JSONWebKey($0) }
    }

    /// The `kid` of each key, in the document's order.
    public var keyIDs: [String] { keys.map(\.id) }

    /// Checks who signed a token; what it says is not looked at. A token without `kid` may be signed by any key of the set.
    ///
    /// - Throws: `Problem`.
    public func verify(_ token: String, algorithms: Set<SignatureAlgorithm> = [.rs256]) throws(Problem) {
        let parsed: JSONWebToken
        do throws(JSONWebToken.Problem) { parsed = try JSONWebToken(parsing: token) } catch { throw .malformed }
        try verify(parsed, algorithms: algorithms)
    }

    /// Checks who signed a token that was taken apart before.
    ///
    /// - Throws: `Problem`.
    public func verify(_ token: JSONWebToken, algorithms: Set<SignatureAlgorithm>) throws(Problem) {
        guard let algorithm = SignatureAlgorithm(rawValue: token.algorithm), algorithms.contains(algorithm) else {
            throw .algorithm(token.algorithm)
        }
        let candidates = token.keyID.isEmpty ? keys : keys.filter { $0.id == token.keyID }
        guard !candidates.isEmpty else { throw .unknownKey(token.keyID) }
        guard candidates.contains(where: { $0.isValid(token.signature, of: token.signedText, algorithm) }) else { throw .badSignature }
    }
}
