import JSON
import VPCCNI
import World

/// The node, its ENIConfigs and its pods, of a case of the VPC CNI's agent.
final class VectorNode: NodeObjects {
    private struct State {
        var isCordoned = false
        var pods: [String: BranchPod] = [:]
        var features: [String: String] = [:]
        var deadLinks: Set<String> = []
    }

    private let metadata: NodeMetadata
    private let configs: [String: ENIConfig]
    private let state = Lock(State())

    init(_ given: JSON) {
        func texts(_ json: JSON?) -> [String: String] {
            Dictionary((json?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }, uniquingKeysWith: { $1 })
        }
        metadata = NodeMetadata(labels: texts(given.at("node", "labels")), annotations: texts(given.at("node", "annotations")))
        configs = Dictionary(
            (given["eniConfigs"]?.object?.members ?? []).map { member in
                let config = member.value
                return (
                    member.key,
                    ENIConfig(subnet: config["subnet"]?.string ?? "", securityGroups: config["securityGroups"]?.strings ?? [])
                )
            }, uniquingKeysWith: { $1 })
    }

    /// `NAME=VALUE` of the CNINode, in order.
    var features: [String] { state.withLock { $0.features.map { "\($0.key)=\($0.value)" }.sorted() } }

    func cordon(_ isOn: Bool) { state.withLock { $0.isCordoned = isOn } }
    func create(_ pod: String, branch: String?) {
        state.withLock { $0.pods[pod] = BranchPod(wantsBranchInterface: branch != nil, annotation: branch) }
    }
    /// The pods' host interfaces are gone.
    func forget(_ pods: [String]) {
        let suffixes = pods.map { HostInterfaceName.suffix(of: PodMetadata(namespace: "default", name: $0)) }
        state.withLock { $0.deadLinks.formUnion(suffixes) }
    }

    func node() -> NodeMetadata { metadata }
    func isCordoned() -> Bool { state.withLock { $0.isCordoned } }
    func eniConfig(_ name: String) -> ENIConfig? { configs[name] }
    func pod(_ namespace: String, _ name: String) -> BranchPod? { state.withLock { $0.pods[name] } }
    func addFeature(_ name: String, _ value: String) { state.withLock { $0.features[name] = value } }
    func hasHostInterface(suffix: String) -> Bool { state.withLock { !$0.deadLinks.contains(suffix) } }
}
