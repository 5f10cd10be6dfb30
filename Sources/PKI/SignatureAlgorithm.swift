/// The asymmetric signature algorithms of JSON Web Signatures (RFC 7518 section 3.1), by their `alg` values.
public enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// RSASSA-PKCS1-v1_5 with SHA-256, SHA-384, SHA-512.
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    /// ECDSA on P-256 with SHA-256, on P-384 with SHA-384, on P-521 with SHA-512.
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    /// RSASSA-PSS with SHA-256, SHA-384, SHA-512.
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
}
