/// Why a listener could not be opened.
public enum FrontendError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Another process listens there.
    case addressInUse(host: String, port: Int)
    /// The operating system does not allow it.
    case notAllowed(host: String, port: Int)
    /// Anything else, in the system's words.
    case cannotListen(host: String, port: Int, reason: String)
    /// The certificate or key cannot be used for TLS.
    case unusableCertificate(String)

    /// The text for messages.
    public var description: String {
        switch self {
        case .addressInUse(let host, let port):
            "port \(port) of \(host) is in use by another process; choose another, or 0 for any free one"
        case .notAllowed(let host, let port):
            "not allowed to listen on port \(port) of \(host); choose one above 1023, or 0 for any free one"
        case .cannotListen(let host, let port, let reason): "cannot listen on port \(port) of \(host): \(reason)"
        case .unusableCertificate(let reason): "the server certificate cannot be used: \(reason)"
        }
    }
}
