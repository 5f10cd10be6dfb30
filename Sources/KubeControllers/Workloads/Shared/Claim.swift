import JSON
import KubeAPI

/// Takes in what a controller's selector selects and nobody manages, and lets go what it does not select any more
/// (`controller_ref_manager.go`).
struct Claim: Sendable {
    let context: ControllerContext
    let kind: WorkloadKind
    let controller: JSON
    let selector: LabelSelector
    /// Where the claimed objects are: `/api/v1/namespaces/NAMESPACE/pods`.
    let collection: String

    /// The objects of the controller among its own and the orphans; `nil` when an adoption failed.
    func claim<Element: Owned>(_ index: OwnedIndex<Element>) async -> [Element]? {
        var claimed: [Element] = []
        for element in index.owned(by: controller.objectUID) {
            if selector.matches(element.labels) {
                claimed.append(element)
            } else if !controller.isBeingDeleted {
                guard await release(element) else { return nil }
            }
        }
        guard !controller.isBeingDeleted else { return claimed }
        let orphans = index.orphans(in: controller.objectNamespace).filter { selector.matches($0.labels) && !$0.isBeingDeleted }
        guard !orphans.isEmpty else { return claimed }
        // Asked anew, since what was seen may be old: one that is being deleted adopts nobody.
        let fresh = await context.client.send("GET", kind.path(namespace: controller.objectNamespace, controller.objectName))
        guard fresh.isSuccess, fresh.object.objectUID == controller.objectUID, !fresh.object.isBeingDeleted else { return nil }
        for element in orphans {
            guard let isAdopted = await adopt(element) else { return nil }
            if isAdopted { claimed.append(element) }
        }
        return claimed.sorted { $0.name < $1.name }
    }

    /// Answers `nil` when it failed for another reason than that the object is gone.
    private func adopt(_ element: some Owned) async -> Bool? {
        let change: JSON = [
            "metadata": ["ownerReferences": [OwnerReference(to: controller, kind).json], "uid": .string(element.uid)]
        ]
        let answer = await context.client.patch("\(collection)/\(element.name)", change)
        return answer.isSuccess ? true : answer.status == 404 ? false : nil
    }

    private func release(_ element: some Owned) async -> Bool {
        let change: JSON = [
            "metadata": [
                "ownerReferences": [["$patch": "delete", "uid": .string(controller.objectUID)]], "uid": .string(element.uid),
            ]
        ]
        let answer = await context.client.patch("\(collection)/\(element.name)", change)
        // Gone, or without such an owner already.
        return answer.isSuccess || answer.status == 404 || answer.status == 422
    }
}
