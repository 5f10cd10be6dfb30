import JSON
import World

/// A probe that a kubelet makes over the network, or has made in the container: it gets an answer, unless what lies between refuses it or
/// nobody listens (`pkg/probe`).
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
        /// The program of this name in the container asks, as the agent of the VPC CNI is asked by its own pod.
        case program(address: String, timeout: String)
    }

    private static let program = "grpc-health-probe"

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
        guard let probe else { return nil }
        let action = probe["httpGet"] ?? probe["tcpSocket"] ?? probe["grpc"]
        let command = Self.healthCheck(probe)
        let named = action?["port"]?.string
        let declared = container["ports"]?.array?.first { $0["name"]?.string == named && named != nil }?["containerPort"]?.integer
        guard let port = command?.port ?? action?["port"]?.integer ?? declared ?? named.flatMap({ Int64($0) }) else { return nil }
        self.kind = kind
        self.port = port
        func number(_ member: String, _ fallback: Int64) -> Int64 { min(max(probe[member]?.integer ?? fallback, 0), 1 << 31) }
        delay = .seconds(number("initialDelaySeconds", 0)) + .milliseconds(200)
        period = .seconds(max(number("periodSeconds", 10), 1))
        timeout = number("timeoutSeconds", 1)
        threshold = max(number("failureThreshold", 3), 1)
        let host = action?["host"]?.string.flatMap { $0.isEmpty ? Optional.none : $0 }
        if let command {
            way = .program(address: command.address, timeout: command.timeout)
        } else if probe["httpGet"] != nil {
            way = .http(scheme: (action?["scheme"]?.string ?? "HTTP").lowercased(), host: host, path: action?["path"]?.string ?? "/")
        } else {
            way = probe["tcpSocket"] != nil ? .tcp(host: host) : .grpc
        }
    }

    /// What the program of a probe that runs it asks, and how long; `nil` when it runs another one.
    private static func healthCheck(_ probe: JSON) -> (address: String, port: Int64, timeout: String)? {
        guard let command = probe.at("exec", "command")?.strings, isHealthCheck(probe) else { return nil }
        func value(_ flag: String) -> String? {
            command.first { $0.hasPrefix("-\(flag)=") || $0.hasPrefix("--\(flag)=") }.map { String($0.drop { $0 != "=" }.dropFirst()) }
        }
        guard let address = value("addr"), let port = address.split(separator: ":").last.flatMap({ Int64($0) }) else { return nil }
        return (address, port, value("connect-timeout") ?? "1s")
    }

    /// Whether a probe runs the program that asks over gRPC.
    static func isHealthCheck(_ probe: JSON?) -> Bool {
        probe?.at("exec", "command")?.array?.first?.string?.split(separator: "/").last.map { $0 == program } ?? false
    }

    /// Whether the container is to be killed for its failures.
    var isFatal: Bool { kind != .readiness && failures >= threshold }

    /// What a container ends with that is killed for it: the entry point of the agent's image is a Go program that hears no signal, which
    /// ends with 2 as process 1; `nil` for what the container itself says.
    var exitCode: Int64? { if case .program = way { 2 } else { nil } }

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

    /// What the kubelet says of a try that got no answer.
    func failure(at address: String, now: Instant) -> String {
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
            case .program(let address, let timeout):
                // As the agent's image has it, with the time and place of its logger (amazon-vpc-cni-k8s issue 3224).
                "{\"level\":\"info\",\"ts\":\"\(now.rfc3339Milli)\",\"caller\":\"/usr/local/go/src/runtime/proc.go:271\","
                    + "\"msg\":\"timeout: failed to connect service \\\"\(address)\\\" within \(timeout)\"}"
            }
        return "\(kind.title) probe failed: \(reason)"
    }
}
