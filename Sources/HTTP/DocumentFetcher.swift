/// Where documents of other servers come from: one GET, answered whole.
public protocol DocumentFetcher: Sendable {
    /// Fetches a document by its absolute URL, following redirects.
    ///
    /// - Throws: `FetchFailure` when no answer came, or one larger than `maximumBytes`; a status that tells of a failure is an answer.
    func get(_ url: String, headers: HTTPHeaders, maximumBytes: Int) async throws(FetchFailure) -> HTTPResponse
}

/// Why a document could not be fetched.
public struct FetchFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, for traces.
    public let description: String

    /// Makes a failure.
    public init(_ description: String) { self.description = description }
}

/// Fetches nothing: what a simulator without sockets has.
public struct NoDocuments: DocumentFetcher {
    /// Makes the fetcher.
    public init() {}

    /// Always fails.
    public func get(_ url: String, headers: HTTPHeaders, maximumBytes: Int) async throws(FetchFailure) -> HTTPResponse {
        throw FetchFailure("\(url) cannot be reached: this simulator opens no sockets")
    }
}
