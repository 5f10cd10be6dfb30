public import HTTP
import NIOCore
import NIOHTTP1
public import NIOPosix
import NIOSSL
import World

/// Fetches documents over HTTP/1.1, with TLS for `https`: what the API servers ask OpenID Connect providers with.
public struct DocumentClient: DocumentFetcher {
    /// How long a fetch may take with all its redirects. It runs on real time: the other server knows no other.
    private let timeout: TimeAmount
    /// How many redirects are followed, as in Go's client.
    private static let maximumRedirects = 10

    private let group: MultiThreadedEventLoopGroup
    private let context: NIOSSLContext

    /// Makes a client that trusts the system's certificate authorities and those of `trustRoots` (PEM), and waits as long as kube-apiserver.
    ///
    /// - Throws: `FrontendError.unusableCertificate`.
    public init(group: MultiThreadedEventLoopGroup, trustRoots: [String] = [], timeout: Duration = .seconds(30)) throws(FrontendError) {
        self.group = group
        self.timeout = .nanoseconds(timeout.clampedNanoseconds)
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            let roots = try trustRoots.flatMap { try NIOSSLCertificate.fromPEMBytes(Array($0.utf8)) }
            if !roots.isEmpty { configuration.additionalTrustRoots = [.certificates(roots)] }
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw .unusableCertificate("\(error)")
        }
    }

    /// Fetches a document.
    public func get(_ url: String, headers: HTTP.HTTPHeaders, maximumBytes: Int) async throws(FetchFailure) -> HTTPResponse {
        let deadline = NIODeadline.now() + timeout
        var target = try DocumentURL(parsing: url)
        for _ in 0...Self.maximumRedirects {
            let response = try await fetch(target, headers, maximumBytes, deadline)
            guard [301, 302, 303, 307, 308].contains(response.status), let location = response.headers["Location"] else { return response }
            target = try target.following(location)
        }
        throw FetchFailure("\(url) redirects more than \(Self.maximumRedirects) times")
    }

    private func fetch(
        _ url: DocumentURL, _ headers: HTTP.HTTPHeaders, _ maximumBytes: Int, _ deadline: NIODeadline
    ) async throws(FetchFailure) -> HTTPResponse {
        var fields = NIOHTTP1.HTTPHeaders([("Host", url.authority), ("User-Agent", "kube-apiserver"), ("Connection", "close")])
        for field in headers { fields.add(name: field.name, value: field.value) }
        let exchange = ClientExchange(
            group: group, host: url.host, port: url.port, tls: url.isSecure ? (context, url.serverName) : nil,
            head: HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: fields), body: [],
            maximumBytes: maximumBytes, deadline: deadline)
        do throws(ClientExchange.Failure) { return try await exchange.run() } catch {
            switch error {
            case .timeout: throw FetchFailure("\(url) did not answer within \(timeout.nanoseconds / 1_000_000_000) s")
            case .tooLarge: throw FetchFailure("\(url) answered more than \(maximumBytes) bytes")
            case .closed: throw FetchFailure("\(url) closed the connection before its answer was whole")
            case .unreachable(let error): throw FetchFailure("\(url) cannot be reached: \(Self.describe(error))")
            case .otherName(let names, let addresses):
                throw FetchFailure("\(url): the certificate of the server is for \((names + addresses).joined(separator: ", "))")
            case .broken(let error): throw FetchFailure("\(url): \(Self.describe(error))")
            }
        }
    }

    /// An error of NIO without the names of its types.
    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { describe($0.error) } ?? "the name \(error.host) is unknown"
        case let error as IOError: error.description
        case NIOSSLError.handshakeFailed(let reason): "TLS: \(reason)"
        default: "\(error)"
        }
    }
}
