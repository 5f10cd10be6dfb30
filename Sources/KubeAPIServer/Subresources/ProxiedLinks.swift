public import HTTP
import World

/// How what is behind a proxy is named by clients: addresses on the server that was called lead through the proxy
/// (`k8s.io/apimachinery/pkg/util/proxy/transport.go`).
public struct ProxiedLinks: Sendable {
    /// `10.0.0.1:80`, where the request went.
    private let authority: String
    /// The name that the client called kube-apiserver by.
    private let host: String?
    /// The path up to `proxy`.
    private let prefix: String

    /// The links of what `call` is answered.
    ///
    /// - Parameters:
    ///   - host: `Host` of the client's request.
    ///   - prefix: the path of the client's request up to `proxy`.
    public init(call: ForwardedCall, host: String?, prefix: String) {
        authority = call.authority
        self.host = host
        self.prefix = prefix
    }

    /// An address as the client reaches it; those of other servers and relative ones stay.
    public func rewritten(_ link: String) -> String {
        let (start, path) = Self.split(link)
        guard path.hasPrefix("/") else { return link }
        var own = ""
        if let start {
            guard start.authority == authority || start.authority == host else { return link }
            // What names kube-apiserver goes on to do so.
            if start.authority == host { own = start.text }
        }
        return own + (path.hasPrefix(prefix) ? "" : prefix) + path
    }

    /// A page with its links led through the proxy.
    public func rewritten(_ body: HTTPResponse.Body) -> HTTPResponse.Body {
        switch body {
        case .stream(let produce):
            .stream { writer in
                let page = CollectedBody(writer)
                try await produce(page)
                try await writer.write(ProxiedPage.rewritten(page.bytes, rewritten))
            }
        case .bytes(let bytes): .bytes(ProxiedPage.rewritten(bytes, rewritten))
        default: body
        }
    }

    /// Scheme and server, and the rest.
    private static func split(_ link: String) -> (start: (text: String, authority: String)?, path: Substring) {
        guard let slashes = link.firstRange(of: "//"), slashes.lowerBound == link.startIndex || link[..<slashes.lowerBound].isScheme else {
            return (nil, link[...])
        }
        let end = link[slashes.upperBound...].firstIndex { "/?#".contains($0) } ?? link.endIndex
        return ((String(link[..<end]), String(link[slashes.upperBound..<end])), link[end...])
    }
}

extension Substring {
    /// Whether it is `http:` or another scheme.
    fileprivate var isScheme: Bool {
        last == ":" && first?.isLetter == true && dropLast().allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    }
}

/// A body that is wanted whole.
private final class CollectedBody: HTTPBodyWriter {
    private let writer: any HTTPBodyWriter
    private let collected = Lock<[UInt8]>([])

    init(_ writer: any HTTPBodyWriter) { self.writer = writer }

    var bytes: [UInt8] { collected.withLock { $0 } }

    func write(_ bytes: [UInt8]) { collected.withLock { $0 += bytes } }

    func waitUntilClosed() async { await writer.waitUntilClosed() }
}
