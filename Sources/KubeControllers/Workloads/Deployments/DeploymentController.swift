import JSON
import KubeAPI
import World

/// Moves each Deployment's pods to its template, by ReplicaSets (`pkg/controller/deployment`).
struct DeploymentController: WorkloadController {
    let context: ControllerContext

    func close() { context.client.close() }

    func sync(_ key: String, _ cache: WorkloadCache) async -> SyncOutcome {
        guard let object = cache.deployments[key]?.json else { return .done }
        let everything = object.at("spec", "selector").map { $0 == [:] } ?? true
        guard !everything, let selector = LabelSelector(object.at("spec", "selector")) else {
            await context.note(
                object, .deployment, "SelectingAll", "This deployment is selecting all pods. A non-empty selector is required.",
                type: "Warning")
            return .done
        }
        let claim = Claim(
            context: context, kind: .deployment, controller: object, selector: selector,
            collection: WorkloadKind.replicaSet.path(namespace: object.objectNamespace))
        guard let claimed = await claim.claim(cache.replicaSets) else { return .failed }
        var rollout = DeploymentRollout(context, DeploymentState(json: object), claimed.map { ReplicaSetState(json: $0.json) })
        do throws(DeploymentRollout.Interruption) {
            return try await rollout.run { set in cache.pods.owned(by: set.uid).contains { !$0.hasEnded } }
        } catch {
            return error == .over ? .done : .failed
        }
    }
}
