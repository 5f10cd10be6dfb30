public import JSON

/// The fields of a Service that hold addresses and ports, or decide about them.
public struct ServiceFields: Sendable, Hashable {
    /// A port of a Service.
    public struct Port: Sendable, Hashable {
        /// `name`; empty when absent.
        public var name: String
        /// `protocol`.
        public var transport: String
        /// `port`.
        public var port: Int64
        /// `nodePort`; 0 when absent.
        public var nodePort: Int64
    }

    /// `spec.type`.
    public var type: String
    /// `spec.clusterIP`; empty when absent.
    public var clusterIP: String
    /// `spec.clusterIPs`.
    public var clusterIPs: [String]
    /// `spec.ipFamilies`.
    public var families: [String]
    /// `spec.ipFamilyPolicy`.
    public var policy: String?
    /// `spec.ports`.
    public var ports: [Port]
    /// `spec.healthCheckNodePort`; 0 when absent.
    public var healthCheckNodePort: Int64
    /// `spec.externalTrafficPolicy`; empty when absent.
    public var externalTrafficPolicy: String
    /// `spec.internalTrafficPolicy`.
    public var internalTrafficPolicy: String?
    /// `spec.allocateLoadBalancerNodePorts`.
    public var allocatesNodePorts: Bool?
    /// `spec.loadBalancerClass`.
    public var loadBalancerClass: String?
    /// Whether `spec.selector` is empty.
    public var isSelectorless: Bool
    /// Whether `spec.externalIPs` names any.
    public var hasExternalIPs: Bool

    /// The value of `clusterIP` that stands for no address.
    public static let headless = "None"

    /// Reads a Service, defaults applied.
    public init(_ service: JSON) {
        let spec = service["spec"] ?? [:]
        type = spec["type"]?.string ?? "ClusterIP"
        clusterIP = spec["clusterIP"]?.string ?? ""
        clusterIPs = spec["clusterIPs"]?.array?.map { $0.string ?? "" } ?? []
        families = spec["ipFamilies"]?.array?.map { $0.string ?? "" } ?? []
        policy = spec["ipFamilyPolicy"]?.string
        ports = (spec["ports"]?.array ?? []).map { port in
            Port(
                name: port["name"]?.string ?? "", transport: port["protocol"]?.string ?? "TCP", port: port["port"]?.integer ?? 0,
                nodePort: port["nodePort"]?.integer ?? 0)
        }
        healthCheckNodePort = spec["healthCheckNodePort"]?.integer ?? 0
        externalTrafficPolicy = spec["externalTrafficPolicy"]?.string ?? ""
        internalTrafficPolicy = spec["internalTrafficPolicy"]?.string
        allocatesNodePorts = spec["allocateLoadBalancerNodePorts"]?.bool
        loadBalancerClass = spec["loadBalancerClass"]?.string
        isSelectorless = spec["selector"]?.object?.isEmpty ?? true
        hasExternalIPs = spec["externalIPs"]?.array?.isEmpty == false
    }

    /// Writes the fields back into the Service that they were read from.
    public func write(to service: inout JSON) {
        var spec = service["spec"] ?? [:]
        func text(_ value: String) -> JSON? { value.isEmpty ? nil : .some(.string(value)) }
        func list(_ values: [String]) -> JSON? { values.isEmpty ? nil : .some(JSON(strings: values)) }
        spec["clusterIP"] = text(clusterIP)
        spec["clusterIPs"] = list(clusterIPs)
        spec["ipFamilies"] = list(families)
        spec["ipFamilyPolicy"] = policy.map(JSON.string)
        spec["healthCheckNodePort"] = Self.number(healthCheckNodePort)
        spec["externalTrafficPolicy"] = text(externalTrafficPolicy)
        spec["internalTrafficPolicy"] = internalTrafficPolicy.map(JSON.string)
        spec["allocateLoadBalancerNodePorts"] = allocatesNodePorts.map(JSON.bool)
        spec["loadBalancerClass"] = loadBalancerClass.map(JSON.string)
        if var given = spec["ports"]?.array {
            for (index, port) in ports.enumerated() where index < given.count {
                given[index]["nodePort"] = Self.number(port.nodePort)
            }
            spec["ports"] = .array(given)
        }
        service["spec"] = spec
    }

    /// The address fields as a `spec`, for validation.
    var addressSpec: JSON {
        var spec: JSON = ["clusterIPs": JSON(strings: clusterIPs), "ipFamilies": JSON(strings: families)]
        if !clusterIP.isEmpty { spec["clusterIP"] = .string(clusterIP) }
        spec["ipFamilyPolicy"] = policy.map(JSON.string)
        return spec
    }

    private static func number(_ value: Int64) -> JSON? { value == 0 ? nil : .some(.integer(value)) }

    /// Whether the Service has cluster IPs, be it `None`.
    public var needsClusterIP: Bool { type == "ClusterIP" || needsNodePort }
    /// Whether its ports may have node ports.
    public var needsNodePort: Bool { type == "NodePort" || type == "LoadBalancer" }
    /// Whether traffic reaches it from outside, so that `externalTrafficPolicy` says something.
    public var isExternallyReachable: Bool { needsNodePort || (type == "ClusterIP" && hasExternalIPs) }
    /// Whether a port of the nodes tells load balancers where the endpoints are.
    public var needsHealthCheckNodePort: Bool { type == "LoadBalancer" && externalTrafficPolicy == "Local" }
    /// Whether it has no address of its own.
    public var isHeadless: Bool { clusterIPs == [Self.headless] }
    /// Whether node ports are chosen for it.
    public var wantsNodePorts: Bool { type == "NodePort" || (type == "LoadBalancer" && allocatesNodePorts ?? true) }
    /// The node ports of its ports, in order.
    public var nodePorts: [Int64] { ports.map(\.nodePort).filter { $0 != 0 } }
}
