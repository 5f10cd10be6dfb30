import RBAC
import World

/// How many requests an API server has answered, by what they were (`apiserver_request_total` of `k8s.io/apiserver/pkg/endpoints/metrics`).
final class RequestCounters: Sendable {
    private struct Key: Sendable, Hashable {
        let verb: String
        let group: String
        let version: String
        let resource: String
        let subresource: String
        let scope: String
        let code: Int
    }

    private let counts = Lock<[Key: UInt64]>([:])

    /// Counts an answer.
    func count(_ info: RequestInfo, _ code: Int) {
        let scope = !info.isResourceRequest ? "" : !info.name.isEmpty ? "resource" : info.namespace.isEmpty ? "cluster" : "namespace"
        let verb = info.isResourceRequest ? Self.names[info.verb] ?? info.verb.uppercased() : info.verb.uppercased()
        let key = Key(
            verb: verb, group: info.group, version: info.version, resource: info.resource, subresource: info.subresource, scope: scope,
            code: code)
        counts.withLock { $0[key, default: 0] += 1 }
    }

    private static let names = [
        "get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE",
        "deletecollection": "DELETECOLLECTION", "proxy": "CONNECT",
    ]

    /// Samples in Prometheus' text form, sorted; `labels` come before their own.
    func samples(_ labels: String = "") -> [String] {
        counts.withLock { $0 }.map { key, count in
            "apiserver_request_total{\(labels)code=\"\(key.code)\",component=\"apiserver\",dry_run=\"\",group=\"\(key.group)\",resource=\"\(key.resource)\",scope=\"\(key.scope)\",subresource=\"\(key.subresource)\",verb=\"\(key.verb)\",version=\"\(key.version)\"} \(count)"
        }.sorted()
    }
}

extension APIServer {
    /// Families of the server's own metrics in Prometheus' text form: name, type and help, and their samples.
    public struct Metric: Sendable {
        /// `apiserver_request_total`
        public let name: String
        /// `counter` or `gauge`.
        public let type: String
        /// What it says.
        public let help: String
        /// Lines.
        public let samples: [String]

        /// Makes a family.
        public init(name: String, type: String, help: String, samples: [String]) {
            self.name = name
            self.type = type
            self.help = help
            self.samples = samples
        }

        /// The family as the page has it.
        public var text: String { "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n" + samples.map { $0 + "\n" }.joined() }
    }

    /// What is counted; `labels`, such as `cluster="demo",`, come before each sample's own.
    public func metrics(_ labels: String = "") -> [Metric] {
        [
            Metric(
                name: "apiserver_current_inflight_requests", type: "gauge",
                help: "Maximal number of currently used inflight request limit of this apiserver per request kind in last second.",
                samples: [("mutating", InFlightRequests.Kind.writing), ("readOnly", .reading)].map {
                    "apiserver_current_inflight_requests{\(labels)request_kind=\"\($0.0)\"} \(inFlight.count($0.1))"
                }),
            Metric(
                name: "apiserver_longrunning_requests", type: "gauge",
                help: "Gauge of all active long-running apiserver requests broken out by verb.",
                samples: ["apiserver_longrunning_requests{\(labels)verb=\"WATCH\"} \(inFlight.count(.watch))"]),
            Metric(
                name: "apiserver_request_total", type: "counter",
                help:
                    "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
                samples: counters.samples(labels)),
        ]
    }
}
