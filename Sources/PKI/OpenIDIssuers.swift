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
