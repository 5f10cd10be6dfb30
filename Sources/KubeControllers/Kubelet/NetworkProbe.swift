import JSON
import World

/// A probe that a kubelet makes over the network: it gets an answer, unless what lies between refuses it (`pkg/probe`).
struct NetworkProbe: Sendable {
    /// What it is asked for.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        case startup
        case readiness
        case liveness

        /// How its texts begin.
        var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
    }

    private enum Way: Sendable {
        case http(scheme: String, host: String?, path: String)
        case tcp(host: String?)
        case grpc
    }

    let kind: Kind
    let port: Int64
    /// From the start of the container to the first try.
    let delay: Duration
    let period: Duration
    private let timeout: Int64
    private let threshold: Int64
    private let way: Way
    /// When it is made next; `nil` as long as nothing calls for it.
    var next: Instant?
    /// How often it failed in succession.
    private(set) var failures: Int64 = 0

    /// Reads a probe of a container; `nil` for one that needs no network, or names a port that there is not.
    init?(_ kind: Kind, _ probe: JSON?, of container: JSON) {
        guard let probe, let action = probe["httpGet"] ?? probe["tcpSocket"] ?? probe["grpc"] else { return nil }
        let named = action["port"]?.string
        let declared = container["ports"]?.array?.first { $0["name"]?.string == named && named != nil }?["containerPort"]?.integer
        guard let port = action["port"]?.integer ?? declared ?? named.flatMap({ Int64($0) }) else { return nil }
        self.kind = kind
        self.port = port
        func number(_ member: String, _ fallback: Int64) -> Int64 { min(max(probe[member]?.integer ?? fallback, 0), 1 << 31) }
        delay = .seconds(number("initialDelaySeconds", 0)) + .milliseconds(200)
        period = .seconds(max(number("periodSeconds", 10), 1))
        timeout = number("timeoutSeconds", 1)
        threshold = max(number("failureThreshold", 3), 1)
        let host = action["host"]?.string.flatMap { $0.isEmpty ? Optional.none : $0 }
        if probe["httpGet"] != nil {
            way = .http(scheme: (action["scheme"]?.string ?? "HTTP").lowercased(), host: host, path: action["path"]?.string ?? "/")
        } else {
            way = probe["tcpSocket"] != nil ? .tcp(host: host) : .grpc
        }
    }

    /// Whether the container is to be killed for its failures.
    var isFatal: Bool { kind != .readiness && failures >= threshold }

    /// Notes a try that got no answer, and when the next one is due.
    mutating func fail(at now: Instant) {
        failures += 1
        next = now + period
    }

    /// Notes a try that got an answer; nothing but a change of what lies between would make the next one fail.
    mutating func succeed() {
        failures = 0
        next = nil
    }

    /// Begins anew with the container.
    mutating func begin(at start: Instant) {
        failures = 0
        next = start + delay
    }

    /// What the kubelet says of a try whose packets were dropped.
    func failure(at address: String) -> String {
        func place(_ host: String?) -> String {
            let host = host ?? address
            return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
        let reason =
            switch way {
            case .http(let scheme, let host, let path):
                "Get \"\(scheme)://\(place(host))\(path.hasPrefix("/") ? "" : "/")\(path)\": context deadline exceeded "
                    + "(Client.Timeout exceeded while awaiting headers)"
            case .tcp(let host): "dial tcp \(place(host)): i/o timeout"
            case .grpc: "timeout: failed to connect service \"\(place(nil))\" within \(timeout)s: context deadline exceeded"
            }
        return "\(kind.title) probe failed: \(reason)"
    }
}
