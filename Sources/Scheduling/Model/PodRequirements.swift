public import JSON
import KubeAPI

/// A port of the node that a pod takes.
struct HostPort: Sendable, Hashable {
    let address: String
    let transport: String
    let port: Int64

    static let anyAddress = "0.0.0.0"

    /// Whether both cannot be taken on one node: `0.0.0.0` takes all addresses.
    func conflicts(with other: HostPort) -> Bool {
        port == other.port && transport == other.transport
            && (address == other.address || address == Self.anyAddress || other.address == Self.anyAddress)
    }
}

/// Everything about a pod that decides where it may and would rather run. Pods of one template have equal requirements, and are
/// treated together.
public struct PodRequirements: Sendable, Hashable {
    let namespace: String
    let labels: JSONObject
    let priority: Int64
    let requests: ResourceAmounts
    /// CPU (thousandths) and memory with upstream's assumption for containers that ask for none: pods without requests spread too.
    let assumedCPU: Int64
    let assumedMemory: Int64
    let nodes: NodeSelection
    let tolerations: [Toleration]
    let ports: [HostPort]
    let affinity: PodAffinity
    let antiAffinity: PodAffinity
    let spread: [SpreadConstraint]
    /// Images of all containers, with tag.
    let images: [String]
    let containerCount: Int
    /// Names of PersistentVolumeClaims in the pod's namespace.
    let claims: [String]
    /// Elastic Block Store volumes named in the pod itself, and whether the pod only reads them.
    let disks: [Disk]
    let owner: Owner?

    struct Disk: Sendable, Hashable {
        let id: String
        let isReadOnly: Bool
    }

    /// The controller whose selector spreads the pod by default.
    struct Owner: Sendable, Hashable {
        let kind: String
        let name: String

        init?(of pod: JSON) {
            let controller = pod.at("metadata", "ownerReferences")?.array?.first { $0["controller"]?.bool == true }
            guard let controller else { return nil }
            kind = controller["kind"]?.string ?? ""
            name = controller["name"]?.string ?? ""
        }
    }

    private static let assumedMilliCPU: Int64 = 100
    private static let assumedBytes: Int64 = 200 << 20

    /// Reads a Pod object.
    public init(_ pod: JSON) {
        let spec = pod["spec"] ?? [:]
        namespace = pod.objectNamespace
        labels = pod.at("metadata", "labels")?.object ?? [:]
        priority = spec["priority"]?.integer ?? 0
        requests = ResourceAmounts(PodResources.total(spec, "requests"))
        let assumed = ResourceAmounts(PodResources.total(Self.withAssumedRequests(spec), "requests"))
        assumedCPU = assumed.milliCPU
        assumedMemory = assumed.memory
        nodes = NodeSelection(spec)
        tolerations = spec.items("tolerations").map(Toleration.init)
        affinity = PodAffinity(spec.at("affinity", "podAffinity"), namespace: pod.objectNamespace)
        antiAffinity = PodAffinity(spec.at("affinity", "podAntiAffinity"), namespace: pod.objectNamespace)
        let labels = labels
        spread = spec.items("topologySpreadConstraints").map { SpreadConstraint($0, labels: labels) }
        let containers = spec.items("containers")
        let initContainers = spec.items("initContainers")
        let sidecars = initContainers.filter { $0["restartPolicy"] == "Always" }
        ports = (containers + sidecars).flatMap { $0.items("ports") }.compactMap(Self.hostPort)
        images = (initContainers + containers).compactMap { $0["image"]?.string.map(Self.normalized) }
        containerCount = containers.count + initContainers.count
        let name = pod.objectName
        claims = spec.items("volumes").compactMap { volume in
            if let claim = volume.at("persistentVolumeClaim", "claimName")?.string { return claim }
            return volume.present("ephemeral") == nil ? nil : "\(name)-\(volume["name"]?.string ?? "")"
        }
        disks = spec.items("volumes").compactMap { volume in
            volume.at("awsElasticBlockStore", "volumeID")?.string.map {
                Disk(id: $0, isReadOnly: volume.at("awsElasticBlockStore", "readOnly")?.bool ?? false)
            }
        }
        owner = Owner(of: pod)
    }

    /// Whether the metadata of a pod says the same; its specification is not looked at.
    func agrees(with pod: JSON) -> Bool { labels == pod.at("metadata", "labels")?.object ?? [:] && owner == Owner(of: pod) }

    private static func withAssumedRequests(_ spec: JSON) -> JSON {
        var spec = spec
        for list in ["containers", "initContainers"] {
            for index in spec.items(list).indices {
                for (name, amount) in [("cpu", "\(assumedMilliCPU)m"), ("memory", "\(assumedBytes)")]
                where spec[list]?[index]?.at("resources", "requests", name) == nil {
                    spec[list]?[index]?.set(.string(amount), at: ["resources", "requests", name])
                }
            }
        }
        return spec
    }

    private static func hostPort(_ port: JSON) -> HostPort? {
        guard let number = port["hostPort"]?.integer, number > 0 else { return nil }
        let address = port["hostIP"]?.string ?? ""
        return HostPort(
            address: address.isEmpty ? HostPort.anyAddress : address, transport: port["protocol"]?.string ?? "TCP", port: number)
    }

    /// An image name without tag or digest means `latest`.
    private static func normalized(_ image: String) -> String {
        let last = image.split(separator: "/").last ?? ""
        return last.contains(":") || last.contains("@") ? image : image + ":latest"
    }

    /// Whether neither CPU nor memory is asked for.
    var isBestEffort: Bool { requests.milliCPU == 0 && requests.memory == 0 }

    /// Whether pods elsewhere matter to where this one goes, or the other way round.
    var hasPodAffinity: Bool { !(affinity.isEmpty && antiAffinity.isEmpty) }
}
