import JSON
import KubeAPI

/// How many pods a PodDisruptionBudget is about, and how many of them have to be healthy (`getExpectedPodCount`).
struct ExpectedPods: Sendable {
    /// Why they cannot be counted.
    struct Failure: Error {
        let message: String
    }

    /// All of them.
    let count: Int64
    /// Those that have to be healthy.
    let healthy: Int64
    /// Pods that nobody manages.
    let unmanaged: [String]

    init(_ budget: JSON, _ pods: [WorkloadPod], _ cache: WorkloadCache) throws(Failure) {
        if let most = budget.at("spec", "maxUnavailable") {
            (count, unmanaged) = try Self.scale(pods, cache)
            healthy = max(0, count - ScaledValue.of(most, count, roundsUp: true))
            return
        }
        let least = budget.at("spec", "minAvailable")
        if let number = least?.integer {
            (count, healthy, unmanaged) = (Int64(pods.count), number, [])
        } else {
            (count, unmanaged) = try Self.scale(pods, cache)
            healthy = ScaledValue.of(least, count, roundsUp: true)
        }
    }

    /// The sum of the sizes of the pods' controllers.
    private static func scale(_ pods: [WorkloadPod], _ cache: WorkloadCache) throws(Failure) -> (Int64, [String]) {
        var sizes: [String: Int64] = [:]
        var unmanaged: [String] = []
        for pod in pods {
            guard let owner = pod.owner else {
                unmanaged.append(pod.name)
                continue
            }
            let (uid, size) = try size(of: owner, pod, cache)
            sizes[uid] = size
        }
        return (sizes.values.reduce(0) { $0.clampedAdding($1) }, unmanaged)
    }

    private static func size(of owner: OwnerReference, _ pod: WorkloadPod, _ cache: WorkloadCache) throws(Failure) -> (String, Int64) {
        let kind = WorkloadKind(owner)
        guard let kind, let object = cache.object(kind, "\(pod.namespace)/\(owner.name)"), object.uid == owner.uid else {
            throw Failure(message: "found no controllers for pod \"\(pod.name)\"")
        }
        switch kind {
        case .daemonSet, .job:
            let group = owner.apiVersion.split(separator: "/").first.map { ".\($0)" } ?? ""
            throw Failure(message: "\(kind.rawValue)\(group) does not implement the scale subresource")
        case .replicaSet:
            if let above = object.owner, WorkloadKind(above) == .deployment,
                let deployment = cache.deployments["\(pod.namespace)/\(above.name)"], deployment.uid == above.uid
            {
                return (above.uid, deployment.json.at("spec", "replicas")?.integer ?? 1)
            }
            return (owner.uid, object.json.at("spec", "replicas")?.integer ?? 1)
        case .deployment, .statefulSet: return (owner.uid, object.json.at("spec", "replicas")?.integer ?? 1)
        }
    }
}
