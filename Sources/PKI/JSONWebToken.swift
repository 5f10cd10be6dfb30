public import JSON

/// A signed JSON Web Token in compact form, taken apart (RFC 7515 section 3.1). Nothing of it is verified.
public struct JSONWebToken: Sendable {
    /// Why a text is no such token.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// Not three parts between dots; with the number found.
        case parts(Int)
        /// A part that is not base64url without padding; with its name.
        case encoding(String)
        /// A header or claims that are no JSON object; with its name.
        case json(String)

        /// The text for traces.
        public var description: String {
            switch self {
            case .parts(let count): "a JWT has 3 parts, this has \(count)"
            case .encoding(let part): "the \(part) is not base64url without padding"
            case .json(let part): "the \(part) is no JSON object"
            }
        }
    }

    private static let limits = JSON.Limits(depth: 16, bytes: 1 << 16)

    /// The header: `alg`, `kid` …
    public let header: JSON
    /// The claims.
    public let claims: JSON
    /// The text that is signed.
    let signedText: [UInt8]
    let signature: [UInt8]

    /// Takes a token apart.
    ///
    /// - Throws: `Problem`.
    public init(parsing token: String) throws(Problem) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .parts(parts.count) }
        header = try Self.object(parts[0], "header")
        claims = try Self.object(parts[1], "payload")
        guard let signature = Base64URL.decode(parts[2]) else { throw .encoding("signature") }
        self.signature = signature
        signedText = Array(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
    }

    private static func object(_ text: Substring, _ name: String) throws(Problem) -> JSON {
        guard let bytes = Base64URL.decode(text) else { throw .encoding(name) }
        guard let json = try? JSON(parsing: bytes, limits: limits), json.object != nil else { throw .json(name) }
        return json
    }

    /// `alg` of the header; empty without one.
    public var algorithm: String { header["alg"]?.string ?? "" }
    /// `kid` of the header; empty without one.
    public var keyID: String { header["kid"]?.string ?? "" }
}
