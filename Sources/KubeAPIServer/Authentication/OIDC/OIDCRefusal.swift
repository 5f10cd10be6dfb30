/// Why an OpenID Connect token is refused, in the API server's words.
struct OIDCRefusal: Error, Sendable, Hashable {
    /// The error of a TokenReview.
    let message: String
}
