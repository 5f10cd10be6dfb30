import IPAddress
import VPCModel

/// The agent's metrics in Prometheus' text form, as port 61678 serves them.
extension IPAMAgent {
    /// The page, its families by name.
    public var metricsPage: String {
        let counts = metrics
        let usable = limits.interfaces - unmanagedCount
        let blocks = store.interfaces.flatMap { $0.blocks + $0.ipv6Blocks }.filter { !$0.records.isEmpty }
        let families = [
            MetricFamily("add_ip_req_count", .counter, "The number of add IP address requests", [([], counts.addRequests)]),
            MetricFamily("assigned_ip_addresses", .gauge, "The number of IP addresses assigned to pods", [([], store.counters.assigned)]),
            MetricFamily(
                "assigned_ip_per_cidr", .gauge, "The total number of IP addresses assigned per cidr",
                blocks.map { ([("cidr", $0.block.description)], $0.assignedCount) }),
            MetricFamily(
                "assigned_ip_per_eni", .gauge, "The number of allocated ips partitioned by eni",
                store.interfaces.map { interface in
                    ([("eni", interface.id)], interface.assignedCount + interface.ipv6Blocks.reduce(0) { $0 + $1.assignedCount })
                }),
            MetricFamily(
                "aws_api_error_count", .counter, "The number of times AWS API returns an error",
                counts.refusals.flatMap { api in api.value.map { ([("api", api.key), ("error", $0.key)], $0.value) } }),
            latency,
            MetricFamily(
                "del_ip_req_count", .counter, "The number of delete IP address requests", counts.deleteRequests.samples("reason")),
            MetricFamily(
                "ec2api_error_count", .counter, "The number of failed EC2 APIs requests",
                counts.refusals.mapValues { $0.values.reduce(0, +) }.samples("fn")),
            MetricFamily("ec2api_req_count", .counter, "The number of requests made to EC2 APIs by CNI", counts.requests.samples("fn")),
            MetricFamily("eni_allocated", .gauge, "The number of ENIs allocated", [([], store.interfaces.count)]),
            MetricFamily(
                "eni_max", .gauge, "The maximum number of ENIs that can be attached to the instance, accounting for unmanaged ENIs",
                [([], usable)]),
            MetricFamily(
                "force_removed_enis", .counter, "The number of ENIs force removed while they had assigned pods",
                [([], counts.forceRemovedInterfaces)]),
            MetricFamily(
                "force_removed_ips", .counter, "The number of IPs force removed while they had assigned pods",
                [([], counts.forceRemovedAddresses)]),
            MetricFamily(
                "ip_max", .gauge, "The maximum number of IP addresses that can be allocated to the instance",
                [([], limits.addressesPerInterface * usable)]),
            MetricFamily("ipamd_error_count", .counter, "The number of errors encountered in ipamd", counts.errors.samples("fn")),
            MetricFamily(
                "no_available_ip_addresses", .counter, "The number of pod IP assignments that fail due to no available IP addresses",
                [([], counts.dryRequests)]),
            MetricFamily(
                "pod_eni_error_count", .counter, "The number of errors encountered for pod ENIs", counts.branchErrors.samples("fn")),
            MetricFamily(
                "reconcile_count", .counter, "The number of times ipamd reconciles on ENIs and IP/Prefix addresses",
                counts.reconciled.samples("fn")),
            MetricFamily("total_ip_addresses", .gauge, "The total number of IP addresses", [([], store.counters.total)]),
            MetricFamily("total_ipv4_prefixes", .gauge, "The total number of IPv4 prefixes", [([], store.counters.prefixes)]),
        ]
        return families.map(\.text).joined()
    }

    /// Calls take no time here, so that only their numbers say anything.
    private var latency: MetricFamily {
        let counts = metrics
        return MetricFamily(
            "aws_api_latency_ms", .summary, "AWS API call latency in ms",
            counts.requests.flatMap { api -> [MetricFamily.Sample] in
                let refused = counts.refusals[api.key] ?? [:]
                let throttled = refused["RequestLimitExceeded"] ?? 0
                let failed = refused.values.reduce(0, +)
                return [("false", "200", api.value - failed), ("true", "400", failed - throttled), ("true", "503", throttled)]
                    .filter { $0.2 > 0 }.map { ([("api", api.key), ("error", $0.0), ("status", $0.1)], $0.2) }
            })
    }
}

/// Samples of one name.
private struct MetricFamily {
    typealias Sample = (labels: [(name: String, value: String)], value: Int)

    enum Kind: String {
        case counter
        case gauge
        case summary
    }

    let name: String
    let kind: Kind
    let help: String
    let samples: [Sample]

    init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        self.name = "awscni_" + name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// Nothing when there is no sample.
    var text: String {
        guard !samples.isEmpty else { return "" }
        let lines = samples.map { sample in (Self.text(sample.labels), sample.value) }.sorted { $0.0 < $1.0 }.map { labels, value in
            kind == .summary ? "\(name)_sum\(labels) 0\n\(name)_count\(labels) \(value)\n" : "\(name)\(labels) \(value)\n"
        }
        return "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n" + lines.joined()
    }

    private static func text(_ labels: [(name: String, value: String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { label in
            let value = label.value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(label.name)=\"\(value)\""
        }
        return "{\(pairs.joined(separator: ","))}"
    }
}

extension [String: Int] {
    fileprivate func samples(_ label: String) -> [MetricFamily.Sample] { map { ([(label, $0.key)], $0.value) } }
}
