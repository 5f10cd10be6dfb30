/// Why the authenticator refused a token, in its own words (`pkg/token`).
public enum TokenError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The token's text or URL is not acceptable.
    case format(String)
    /// STS refused, or answered something else than an identity.
    case sts(String)
    /// STS asked to slow down.
    case throttled(String)
    /// The identity is known but nothing maps it.
    case notMapped
    /// A mapper found the identity and could not use it: templates, reserved names, a principal made anew.
    case mapper(String)

    /// The text for messages.
    public var description: String {
        switch self {
        case .format(let text): "input token was not properly formatted: \(text)"
        case .sts(let text): "sts getCallerIdentity failed: \(text)"
        case .throttled(let text): "sts getCallerIdentity was throttled: \(text)"
        case .notMapped: "identity is not mapped"
        case .mapper(let text): text
        }
    }
}
