import JSON
import KubeAPI
import World

/// When that came about which leads to a change of endpoints (`EndpointsLastChangeTriggerTime`): from it the delay of the network's programming is
/// measured.
final class ChangeTimes: Sendable {
    static let annotation = "endpoints.kubernetes.io/last-change-trigger-time"

    private struct Known: Sendable {
        var service: Instant?
        var pods: [String: Instant] = [:]
    }

    private let known = Lock<[String: Known]>([:])

    /// The earliest of the times that are new since the last look; `nil` when none is.
    func earliest(_ key: String, _ service: JSON, _ pods: [WorkloadPod]) -> Instant? {
        let made = service.at("metadata", "creationTimestamp")?.string.flatMap(Instant.init(rfc3339:))
        return known.withLock { known in
            let before = known[key] ?? Known()
            var now = Known(service: made)
            var times: [Instant] = []
            if let made, before.service.map({ made > $0 }) ?? true { times.append(made) }
            for pod in pods {
                guard let time = pod.readyChange else { continue }
                now.pods[pod.name] = time
                if before.pods[pod.name].map({ time > $0 }) ?? true { times.append(time) }
            }
            known[key] = now
            return times.min()
        }
    }

    /// Forgets a Service that is gone.
    func forget(_ key: String) { known.withLock { $0[key] = nil } }
}
