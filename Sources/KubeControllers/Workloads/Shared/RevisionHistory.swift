import JSON
import KubeAPI

/// The revisions of a DaemonSet or a StatefulSet: what its template was (`pkg/controller/daemon/update.go`, `pkg/controller/history`).
struct RevisionHistory: Sendable {
    /// The revision of the present template, and the others, oldest first.
    struct Found: Sendable {
        let current: JSON
        let old: [JSON]

        /// The value of the label by which pods of the present template are told.
        var hash: String { current.at("metadata", "labels", DaemonPods.revisionLabel)?.string ?? "" }
    }

    let context: ControllerContext
    let kind: WorkloadKind
    let owner: JSON

    private var collection: String { "/apis/apps/v1/namespaces/\(owner.objectNamespace)/controllerrevisions" }

    /// What brings a template back (`getPatch`).
    private var data: JSON {
        var template = owner.at("spec", "template") ?? [:]
        template["$patch"] = "replace"
        return ["spec": ["template": template]]
    }

    /// Finds the present revision among those of the owner, or makes it; `nil` when a write was refused.
    func settle(_ revisions: [WorkloadObject]) async -> Found? {
        let data = data
        var current: JSON?
        var old: [JSON] = []
        for revision in revisions.map(\.json).sorted(by: Self.isOlder) {
            // The latest of several that are the same stays the present one.
            if (revision["data"] ?? [:]).isEquivalent(to: data) {
                if let current { old.append(current) }
                current = revision
            } else {
                old.append(revision)
            }
        }
        let number = (old.map(Self.number).max() ?? 0) + 1
        guard let known = current else { return await make(data, number).map { Found(current: $0, old: old) } }
        guard Self.number(known) < number else { return Found(current: known, old: old) }
        var changed = known
        changed["revision"] = .integer(number)
        let answer = await context.client.send("PUT", "\(collection)/\(known.objectName)", changed)
        return answer.isSuccess ? Found(current: answer.object, old: old) : nil
    }

    private func make(_ data: JSON, _ number: Int64) async -> JSON? {
        let hash = TemplateHash.of(owner.at("spec", "template") ?? [:], collisions: owner.at("status", "collisionCount")?.integer)
        var labels = owner.at("spec", "template", "metadata", "labels") ?? [:]
        labels[DaemonPods.revisionLabel] = .string(hash)
        var metadata: JSON = [
            "name": .string("\(owner.objectName)-\(hash)"), "labels": labels, "ownerReferences": [OwnerReference(to: owner, kind).json],
        ]
        metadata["annotations"] = owner.at("metadata", "annotations")
        let revision: JSON = [
            "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "data": data, "revision": .integer(number),
        ]
        let answer = await context.client.send("POST", collection, revision)
        if answer.isSuccess { return answer.object }
        // Another template has this hash: the next attempt takes another one.
        if answer.status == 409 {
            var changed = owner
            changed.set(.integer((owner.at("status", "collisionCount")?.integer ?? 0) + 1), at: ["status", "collisionCount"])
            _ = await context.client.send("PUT", kind.path(namespace: owner.objectNamespace, owner.objectName) + "/status", changed)
        }
        return nil
    }

    /// Deletes old revisions beyond the limit that no pod is of; answers whether all went well.
    func cleanUp(_ old: [JSON], live: Set<String>) async -> Bool {
        var surplus = old.count - Int(clamping: owner.at("spec", "revisionHistoryLimit")?.integer ?? 10)
        for revision in old where surplus > 0 {
            let hash = revision.at("metadata", "labels", DaemonPods.revisionLabel)?.string ?? ""
            guard !live.contains(hash) else { continue }
            let answer = await context.client.send("DELETE", "\(collection)/\(revision.objectName)")
            guard answer.isSuccess || answer.status == 404 else { return false }
            surplus -= 1
        }
        return true
    }

    private static func number(_ revision: JSON) -> Int64 { revision["revision"]?.integer ?? 0 }

    private static func isOlder(_ left: JSON, _ right: JSON) -> Bool {
        (number(left), left.objectName) < (number(right), right.objectName)
    }
}
