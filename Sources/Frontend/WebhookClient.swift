public import HTTP
import NIOCore
import NIOHTTP1
public import NIOPosix
import NIOSSL
import World

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Calls webhooks over HTTP/1.1 and TLS.
public struct WebhookClient: WebhookCaller {
    /// The largest answer that is read (`webhook.defaultRequestTimeout`'s companion in client-go reads without limit; objects have one).
    private static let maximumBytes = 8 << 20

    let group: MultiThreadedEventLoopGroup

    /// Makes a client.
    public init(group: MultiThreadedEventLoopGroup) { self.group = group }

    /// Sends a call and takes the whole answer.
    public func post(_ call: WebhookCall) async throws(WebhookCallFailure) -> HTTPResponse {
        let context: NIOSSLContext
        do { context = try Self.context(call.trustRoots) } catch {
            throw WebhookCallFailure("unable to load root certificates: unable to parse bytes as PEM block")
        }
        let fields = NIOHTTP1.HTTPHeaders([
            ("Host", call.authority), ("User-Agent", "kube-apiserver-admission"), ("Content-Type", "application/json"),
            ("Accept", "application/json, */*"), ("Content-Length", String(call.body.count)), ("Connection", "close"),
        ])
        let exchange = ClientExchange(
            group: group, host: call.host, port: call.port, tls: (context, ClientExchange.serverName(call.serverName)),
            head: HTTPRequestHead(version: .http1_1, method: .POST, uri: call.target, headers: fields), body: call.body,
            maximumBytes: Self.maximumBytes, deadline: .now() + .nanoseconds(call.timeout.clampedNanoseconds))
        do throws(ClientExchange.Failure) { return try await exchange.run() } catch {
            throw WebhookCallFailure(Self.reason(error, call))
        }
    }

    private static func context(_ roots: [UInt8]?) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let roots { configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(roots)) }
        return try NIOSSLContext(configuration: configuration)
    }

    /// Why there is no answer, as Go says it.
    private static func reason(_ failure: ClientExchange.Failure, _ call: WebhookCall) -> String {
        switch failure {
        case .timeout: return "context deadline exceeded"
        case .tooLarge: return "http: response body too large"
        case .closed: return "EOF"
        case .unreachable(let error): return unreachable(error, call)
        case .otherName(let names, let addresses):
            return "tls: failed to verify certificate: x509: " + otherName(call.serverName, names, addresses)
        case .broken(let error): return broken(error, call)
        }
    }

    /// Why a certificate is not the server's (`crypto/x509`: `HostnameError`).
    private static func otherName(_ wanted: String, _ names: [String], _ addresses: [String]) -> String {
        let isAddress = ClientExchange.serverName(wanted) == nil
        if isAddress, addresses.isEmpty { return "cannot validate certificate for \(wanted) because it doesn't contain any IP SANs" }
        let valid = (isAddress ? addresses : names).joined(separator: ", ")
        if valid.isEmpty { return "certificate is not valid for any names, but wanted to match \(wanted)" }
        return "certificate is valid for \(valid), not \(wanted)"
    }

    private static func unreachable(_ error: any Error, _ call: WebhookCall) -> String {
        guard let error = error as? NIOConnectionError else {
            if case .connectTimeout = error as? ChannelError { return "context deadline exceeded" }
            return broken(error, call)
        }
        guard let attempt = error.connectionErrors.first else { return "dial tcp: lookup \(call.host): no such host" }
        let address = attempt.target.ipAddress.map { $0.contains(":") ? "[\($0)]" : $0 } ?? call.host
        let words: String
        switch (attempt.error as? IOError)?.errnoCode {
        case ECONNREFUSED: words = "connect: connection refused"
        case EHOSTUNREACH: words = "connect: no route to host"
        case ENETUNREACH: words = "connect: network is unreachable"
        case ETIMEDOUT: return "context deadline exceeded"
        default: words = "connect: \(attempt.error)"
        }
        return "dial tcp \(address):\(call.port): \(words)"
    }

    private static func broken(_ error: any Error, _ call: WebhookCall) -> String {
        let text = "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return "http: server gave HTTP response to HTTPS client"
        }
        if let error = error as? IOError { return error.errnoCode == ECONNRESET ? "read: connection reset by peer" : error.description }
        return error is HTTPParserError ? "malformed HTTP response" : text
    }

    /// Whether an address is one of this machine's interfaces.
    public func isLocal(_ address: String) -> Bool {
        guard let wanted = try? SocketAddress(ipAddress: address, port: 0) else { return address == "localhost" }
        if address.hasPrefix("127.") || address == "::1" { return true }
        let devices = (try? System.enumerateDevices()) ?? []
        return devices.contains { $0.address?.ipAddress == wanted.ipAddress }
    }
}
