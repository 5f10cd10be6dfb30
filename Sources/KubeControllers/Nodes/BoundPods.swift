import Encoding
import JSON
import KubeAPI
import KubeAPIServer
import Store

/// Pods that nodes have, told from those that wait for one before they are parsed.
enum BoundPods {
    private static let mark = Array("\"nodeName\":\"".utf8)

    /// Whether a stored pod may name a node.
    static func mayBeBound(_ bytes: [UInt8]) -> Bool { bytes.firstRange(ofBytes: mark) != nil }

    /// All of them, in order.
    static func all(_ access: ComponentAccess) -> [(node: String, pod: JSON)] {
        let collection = access.cluster.collection(group: "", "pods")
        let range = try? access.cluster.store.range(collection, prefix: "", at: nil, after: nil, limit: 0)
        return (range?.entries ?? []).compactMap { entry in
            guard mayBeBound(entry.value), let pod = try? JSON(parsing: entry.value), let node = pod.at("spec", "nodeName")?.string else {
                return nil
            }
            return (node, pod)
        }
    }
}
