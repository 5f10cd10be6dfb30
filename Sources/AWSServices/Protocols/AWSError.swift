/// A refusal in a service's own words. How it is written depends on the protocol of the call.
public struct AWSError: Error, Sendable, Hashable {
    /// The HTTP status.
    public var status: Int
    /// `NoSuchEntity`, `ResourceNotFoundException` …
    public var code: String
    /// The text.
    public var message: String
    /// Further members of EKS' error bodies, such as `clusterName`.
    public var members: [String: String]

    /// Makes an error.
    public init(_ status: Int, _ code: String, _ message: String, members: [String: String] = [:]) {
        self.status = status
        self.code = code
        self.message = message
        self.members = members
    }
}
