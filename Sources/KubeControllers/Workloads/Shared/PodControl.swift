import JSON
import KubeAPI
import World

/// Makes and deletes a controller's pods, and says so (`controller.RealPodControl`).
struct PodControl: Sendable {
    /// What became of a batch.
    struct Outcome: Sendable {
        var successes = 0
        /// The first refusal.
        var failure: String?
    }

    let context: ControllerContext
    let kind: WorkloadKind
    let expectations = Expectations()

    /// A pod of a template, as a controller asks for it.
    func pod(_ template: JSON, of owner: JSON) -> JSON {
        var metadata: JSON = ["generateName": .string(Self.prefix(owner.objectName))]
        for field in ["labels", "annotations", "finalizers"] { metadata[field] = template.at("metadata", field) }
        metadata["ownerReferences"] = [OwnerReference(to: owner, kind).json]
        return ["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] ?? [:]]
    }

    private static func prefix(_ name: String) -> String {
        let prefix = name + "-"
        return NameForm.subdomain.problems(prefix, isPrefix: true).isEmpty ? prefix : name
    }

    /// Makes pods in batches that double while all goes well, so that a quota is not stormed (`slowStartBatch`).
    func create(_ pods: [JSON], for owner: JSON) async -> Outcome {
        var outcome = Outcome()
        var rest = pods[...]
        var size = 1
        while !rest.isEmpty, outcome.failure == nil {
            let batch = rest.prefix(size)
            for pod in batch {
                let answer = await create(pod, for: owner)
                if answer.isSuccess {
                    outcome.successes += 1
                    continue
                }
                // A namespace that ends takes no pods, and that is no mistake of anybody's.
                if answer.isOfEndingNamespace {
                    expectations.forget(owner.objectUID)
                    return outcome
                }
                expectations.noteCreations(owner.objectUID)
                if outcome.failure == nil { outcome.failure = answer.message }
            }
            rest = rest.dropFirst(batch.count)
            size *= 2
        }
        if !rest.isEmpty { expectations.noteCreations(owner.objectUID, rest.count) }
        return outcome
    }

    private func create(_ pod: JSON, for owner: JSON) async -> ComponentClient.Answer {
        let answer = await context.client.send("POST", "/api/v1/namespaces/\(owner.objectNamespace)/pods", pod)
        if answer.isSuccess {
            await context.note(owner, kind, "SuccessfulCreate", "Created pod: \(answer.object.objectName)")
        } else if !answer.isOfEndingNamespace {
            await context.note(owner, kind, "FailedCreate", "Error creating: \(answer.message)", type: "Warning")
        }
        return answer
    }

    /// Deletes pods. What is gone already is no failure.
    func delete(_ pods: [WorkloadPod], for owner: JSON) async -> Outcome {
        var outcome = Outcome()
        for pod in pods {
            let answer = await context.client.send("DELETE", "/api/v1/namespaces/\(pod.namespace)/pods/\(pod.name)")
            if answer.isSuccess {
                outcome.successes += 1
                await context.note(owner, kind, "SuccessfulDelete", "Deleted pod: \(pod.name)")
                continue
            }
            expectations.noteDeletion(owner.objectUID, of: pod.uid)
            guard answer.status != 404 else { continue }
            await context.note(owner, kind, "FailedDelete", "Error deleting: \(answer.message)", type: "Warning")
            if outcome.failure == nil { outcome.failure = answer.message }
        }
        return outcome
    }
}

extension ComponentClient.Answer {
    /// Whether it refuses because the namespace is being deleted.
    var isOfEndingNamespace: Bool {
        object.at("details", "causes")?.array?.contains { $0["reason"] == "NamespaceTerminating" } ?? false
    }
}
