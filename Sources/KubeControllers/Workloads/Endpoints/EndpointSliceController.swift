import JSON
import KubeAPI
import World

/// Says in EndpointSlices which pods stand behind each Service (`pkg/controller/endpointslice`).
struct EndpointSliceController: WorkloadController {
    let context: ControllerContext
    private let times = ChangeTimes()

    init(_ context: ControllerContext) { self.context = context }

    func close() { context.client.close() }

    func sync(_ key: String, _ cache: WorkloadCache) async -> SyncOutcome {
        // Those of a Service that is gone go with it.
        guard let service = cache.services[key]?.json else {
            times.forget(key)
            return .done
        }
        guard ServicePorts.isManaged(service), !service.isBeingDeleted else { return .done }
        let pods = cache.selected(by: service)
        let slices = cache.slices.owned(by: service.objectUID).map(\.json).filter { slice in
            !slice.isBeingDeleted && slice.at("metadata", "labels", EndpointSlicePlan.managerLabel)?.string == EndpointSlicePlan.manager
        }
        let plan = EndpointSlicePlan(
            service: service, pods: pods, nodes: cache.nodes, changed: times.earliest(key, service, pods)?.rfc3339)
        let steps = plan.steps(slices)
        let path = "/apis/discovery.k8s.io/v1/namespaces/\(service.objectNamespace)/endpointslices"
        var failure: String?
        func note(_ answer: ComponentClient.Answer) {
            guard !answer.isSuccess, answer.status != 404, !answer.isOfEndingNamespace else { return }
            failure = failure ?? answer.message
        }
        for slice in steps.create { note(await context.client.send("POST", path, slice)) }
        for slice in steps.update { note(await context.client.send("PUT", "\(path)/\(slice.objectName)", slice)) }
        for slice in steps.delete { note(await context.client.send("DELETE", "\(path)/\(slice.objectName)")) }
        guard let failure else { return .done }
        await context.note(
            ObjectReference(service, kind: "Service"), "FailedToUpdateEndpointSlices",
            "Error updating Endpoint Slices for Service \(key): \(failure)", type: "Warning")
        return .failed
    }
}
