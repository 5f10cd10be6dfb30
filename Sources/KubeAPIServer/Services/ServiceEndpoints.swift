import JSON

/// What stands behind a Service: of its EndpointSlices and its Endpoints.
struct ServiceEndpoints: Sendable {
    /// An address with a port.
    struct Place: Sendable, Hashable {
        let host: String
        let port: Int
    }

    private let view: AdmissionView
    private let namespace: String
    private let name: String

    init(_ view: AdmissionView, _ namespace: String, _ name: String) {
        self.view = view
        self.namespace = namespace
        self.name = name
    }

    private var slices: [JSON] {
        view.objects("discovery.k8s.io", "endpointslices", namespace: namespace).filter {
            $0.at("metadata", "labels", "kubernetes.io/service-name")?.string == name
        }
    }

    private var subsets: [JSON] { view.object("", "endpoints", namespace: namespace, name)?["subsets"]?.array ?? [] }

    /// Whether anybody has said what stands behind the Service, be it nothing.
    var isKnown: Bool { view.object("", "endpoints", namespace: namespace, name) != nil || !slices.isEmpty }

    /// The ready places of a port, by its name.
    func ready(port: String) -> [Place] {
        func number(_ ports: JSON?) -> Int? {
            ports?.array?.first { ($0["name"]?.string ?? "") == port }?["port"]?.integer.map { Int(clamping: $0) }
        }
        var found: [Place] = []
        for slice in slices {
            guard let number = number(slice["ports"]) else { continue }
            for endpoint in slice["endpoints"]?.array ?? [] where endpoint.at("conditions", "ready") != false {
                found += (endpoint["addresses"]?.array ?? []).compactMap(\.string).map { Place(host: $0, port: number) }
            }
        }
        for subset in subsets {
            guard let number = number(subset["ports"]) else { continue }
            found += (subset["addresses"]?.array ?? []).compactMap { $0["ip"]?.string }.map { Place(host: $0, port: number) }
        }
        var seen: Set<Place> = []
        return found.filter { seen.insert($0).inserted }
    }
}
