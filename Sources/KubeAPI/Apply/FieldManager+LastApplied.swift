import JSON

extension FieldManager {
    /// The manager for which the annotation of client-side apply counts.
    private static let kubectl = "kubectl"
    private static let annotation = "kubectl.kubernetes.io/last-applied-configuration"
    /// Most bytes of annotations that an object may have.
    private static let maximumAnnotationBytes = 256 << 10

    /// What stays in conflict when kubectl takes over what it applied client-side: fields that still are as it wrote them are its own
    /// (`lastappliedmanager.go`). `nil` when there is nothing to take over.
    func conflictsBesidesLastApplied(_ conflicts: ApplyConflicts, _ live: JSON, _ manager: String, _ type: MergeType) -> ApplyConflicts? {
        guard manager == Self.kubectl, let text = Self.lastApplied(live), let last = try? JSON(parsing: text),
            last["apiVersion"]?.string == kind.apiVersion, let fields = try? TypedFieldSet.checked(last, type)
        else { return nil }
        let difference = TypedComparison(last, live, type)
        return conflicts.subtracting(fields.subtracting(difference.touched).subtracting(difference.removed))
    }

    /// Keeps the annotation up to date, for clients that still apply client-side (`lastappliedupdater.go`).
    func noteLastApplied(_ applied: inout Applied, _ live: JSON, _ request: ApplyRequest) {
        guard request.manager == Self.kubectl, Self.lastApplied(applied.object ?? live) != nil else { return }
        var config = request.config
        if case .object(var annotations)? = config.at("metadata", "annotations") {
            annotations[Self.annotation] = nil
            config.set(.object(annotations), at: ["metadata", "annotations"])
        }
        let text = config.sortingKeys().text + "\n"
        var object = applied.object ?? live
        var annotations = object.at("metadata", "annotations")?.object ?? JSONObject()
        annotations[Self.annotation] = .string(text)
        // What does not fit is left out, and with it the old one, which is no longer true.
        let bytes = annotations.reduce(0) { $0 + $1.key.utf8.count + ($1.value.string?.utf8.count ?? 0) }
        if bytes > Self.maximumAnnotationBytes { annotations[Self.annotation] = nil }
        object.set(.object(annotations), at: ["metadata", "annotations"])
        if applied.object != nil || object != live { applied.object = object }
    }

    private static func lastApplied(_ object: JSON) -> String? {
        guard let text = object.at("metadata", "annotations", annotation)?.string, !text.isEmpty else { return nil }
        return text
    }
}
