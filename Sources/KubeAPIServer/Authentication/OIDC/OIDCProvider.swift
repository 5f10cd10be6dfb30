import HTTP
import JSON
import PKI
import World

/// The discovery document and keys of one OpenID Connect provider, as an API server keeps them (`coreos/go-oidc` provider and remote key
/// set): fetched when the first token comes, at most once at a time.
actor OIDCProvider {
    /// How long a failed discovery is not tried again: the interval in which upstream polls.
    private static let discoveryInterval: Duration = .seconds(10)
    /// Keys that live no longer than this are fetched again for a token that none of them signed.
    private static let expiryDelta: Duration = .seconds(30)
    private static let maximumBytes = 1 << 20

    private struct Keys: Sendable {
        let set: JSONWebKeySet
        let expires: Instant
    }

    private enum Discovery: Sendable {
        case none
        case found(keysURL: String)
        case failed(FetchFailure, again: Instant)
    }

    let issuer: String
    private let documents: any DocumentFetcher
    private let world: World
    private var discovery = Discovery.none
    private var keys: Keys?
    /// The fetches that are under way, so that tokens which come meanwhile wait for them instead of starting others.
    private var discovering: Task<Result<String, FetchFailure>, Never>?
    private var fetching: Task<Result<Keys, FetchFailure>, Never>?

    init(issuer: String, documents: any DocumentFetcher, world: World) {
        self.issuer = issuer
        self.documents = documents
        self.world = world
    }

    /// Finds the provider's keys, if that was not done before: until it is, no token is looked at.
    ///
    /// - Throws: `OIDCRefusal`.
    func prepare(_ trace: RequestTrace) async throws(OIDCRefusal) { _ = try await keysURL(trace) }

    /// Checks a token's signature.
    ///
    /// - Throws: `OIDCRefusal`.
    func verify(_ token: JSONWebToken, _ trace: RequestTrace) async throws(OIDCRefusal) {
        let keysURL = try await keysURL(trace)
        if let keys {
            guard let problem = Self.problem(token, keys.set) else { return tell(token, keys, trace) }
            guard world.now + Self.expiryDelta > keys.expires else {
                trace.add(Self.refusal(token, problem, keys, "kept until \(keys.expires.rfc3339)"))
                throw OIDCTokenCheck.unverified("failed to verify signature: failed to verify id token signature")
            }
        }
        let fetched: Keys
        do throws(FetchFailure) { fetched = try await fetchKeys(keysURL) } catch {
            trace.add(TraceStep("authn", "OIDC JWKS", expected: "the keys of \(issuer) at \(keysURL)", actual: "\(error)", .fail))
            throw OIDCTokenCheck.unverified("failed to verify signature: fetching keys \(error)")
        }
        trace.add(TraceStep("authn", "OIDC JWKS", actual: "\(fetched.set.keyIDs.count) keys from \(keysURL)", .info))
        if let problem = Self.problem(token, fetched.set) {
            trace.add(Self.refusal(token, problem, fetched, "just fetched"))
            throw OIDCTokenCheck.unverified("failed to verify signature: failed to verify id token signature")
        }
        tell(token, fetched, trace)
    }

    private func tell(_ token: JSONWebToken, _ keys: Keys, _ trace: RequestTrace) {
        trace.add(TraceStep("authn", "OIDC signature", actual: "\(token.algorithm) by key \(token.keyID) of \(issuer)", .pass))
    }

    private static func problem(_ token: JSONWebToken, _ keys: JSONWebKeySet) -> JSONWebKeySet.Problem? {
        // A header that has to be understood and is not (RFC 7515 section 4.1.11).
        guard token.header["crit"] == nil else { return .malformed }
        do throws(JSONWebKeySet.Problem) { try keys.verify(token, algorithms: OIDCTokenCheck.algorithms) } catch { return error }
        return nil
    }

    private static func refusal(_ token: JSONWebToken, _ problem: JSONWebKeySet.Problem, _ keys: Keys, _ age: String) -> TraceStep {
        let ids = "\(keys.set.keyIDs), \(age)"
        return switch problem {
        case .unknownKey(let id): TraceStep("authn", "OIDC kid", expected: "one of \(ids)", actual: id, .fail)
        case .malformed: TraceStep("authn", "OIDC header", expected: "no crit", actual: "crit", .fail)
        case .algorithm, .badSignature:
            TraceStep(
                "authn", "OIDC signature",
                expected: "\(token.algorithm) by \(token.keyID.isEmpty ? "one of \(ids)" : "key \(token.keyID)")",
                actual: "another signature", .fail)
        }
    }

    // MARK: Fetching

    private func keysURL(_ trace: RequestTrace) async throws(OIDCRefusal) -> String {
        switch discovery {
        case .found(let url): return url
        case .failed(let failure, let again) where world.now < again:
            trace.add(Self.undiscovered(issuer, "\(failure); tried again after \(again.rfc3339)"))
        case .none, .failed:
            let task = discovering ?? Task { [issuer, documents] in await Self.discover(issuer, documents) }
            discovering = task
            let result = await task.value
            discovering = nil
            switch result {
            case .success(let url):
                discovery = .found(keysURL: url)
                return url
            case .failure(let failure):
                discovery = .failed(failure, again: world.now + Self.discoveryInterval)
                trace.add(Self.undiscovered(issuer, "\(failure)"))
            }
        }
        throw OIDCRefusal(message: "oidc: authenticator not initialized")
    }

    private static func undiscovered(_ issuer: String, _ actual: String) -> TraceStep {
        TraceStep("authn", "OIDC discovery", expected: "the discovery document of \(issuer)", actual: actual, .fail)
    }

    private static func discover(_ issuer: String, _ documents: any DocumentFetcher) async -> Result<String, FetchFailure> {
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        do throws(FetchFailure) {
            let answer = try await json("\(base)/.well-known/openid-configuration", documents)
            let named = answer.json["issuer"]?.string ?? ""
            guard named == issuer else { return .failure(FetchFailure("it names the issuer \(named)")) }
            return .success(answer.json["jwks_uri"]?.string ?? "")
        } catch {
            return .failure(error)
        }
    }

    private func fetchKeys(_ url: String) async throws(FetchFailure) -> Keys {
        let task = fetching ?? Task { [documents, world] in await Self.fetch(url, documents, world) }
        fetching = task
        let result = await task.value
        fetching = nil
        let fetched = try result.get()
        keys = fetched
        return fetched
    }

    private static func fetch(_ url: String, _ documents: any DocumentFetcher, _ world: World) async -> Result<Keys, FetchFailure> {
        do throws(FetchFailure) {
            let answer = try await json(url, documents)
            guard let set = JSONWebKeySet(answer.json) else { return .failure(FetchFailure("it is no key set")) }
            // Without a word on its age a key set is old at once.
            return .success(Keys(set: set, expires: world.now + CacheLife.of(answer.headers)))
        } catch {
            return .failure(error)
        }
    }

    private static func json(
        _ url: String, _ documents: any DocumentFetcher
    ) async throws(FetchFailure) -> (json: JSON, headers: HTTPHeaders) {
        let response = try await documents.get(url, headers: ["Accept": "application/json"], maximumBytes: maximumBytes)
        guard response.status == 200 else { throw FetchFailure("\(url) answered \(response.status)") }
        guard let bytes = response.collected, let json = try? JSON(parsing: bytes, limits: JSON.Limits(depth: 16, bytes: maximumBytes)),
            json.object != nil
        else { throw FetchFailure("\(url) answered no JSON object") }
        return (json, response.headers)
    }
}

/// How long an answer may be kept, by its `Cache-Control` (RFC 9111 section 4.2.1).
enum CacheLife {
    /// More than this is taken for this.
    private static let longest: Int64 = 365 * 86_400

    /// The life of an answer; zero when it says nothing.
    static func of(_ headers: HTTPHeaders) -> Duration {
        var life: [String: Int64] = [:]
        for directive in headers.all("Cache-Control").flatMap({ $0.split(separator: ",") }) {
            let parts = directive.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " && $0 != "\"" } }
            guard parts.count == 2, let seconds = Int64(parts[1]), seconds >= 0 else { continue }
            life[parts[0].lowercased()] = seconds
        }
        return .seconds(min(life["s-maxage"] ?? life["max-age"] ?? 0, longest))
    }
}
