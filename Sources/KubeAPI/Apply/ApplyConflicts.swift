import JSON

/// The fields of other managers that an apply would change (`merge.Conflicts`).
struct ApplyConflicts: Error, Sendable {
    /// One manager's fields.
    struct Conflict: Sendable {
        let identity: ManagedFields.Identity
        var paths: [[FieldPathElement]]
    }

    private(set) var conflicts: [Conflict] = []

    var isEmpty: Bool { conflicts.isEmpty }

    mutating func add(_ identity: ManagedFields.Identity, _ fields: FieldSet) {
        var paths: [[FieldPathElement]] = []
        fields.forEach { paths.append($0) }
        conflicts.append(Conflict(identity: identity, paths: paths))
        conflicts.sort { $0.identity.text.utf8.lexicographicallyPrecedes($1.identity.text.utf8) }
    }

    /// Without the paths of a set.
    func subtracting(_ fields: FieldSet) -> ApplyConflicts {
        var result = self
        for place in result.conflicts.indices { result.conflicts[place].paths.removeAll { fields.contains($0[...]) } }
        result.conflicts.removeAll { $0.paths.isEmpty }
        return result
    }

    /// 409 with a cause per field (`NewConflictError`).
    var status: KubeStatus {
        var causes: [JSON] = []
        var lines: [String] = []
        for conflict in conflicts {
            let manager = Self.shown(conflict.identity)
            lines.append("conflicts with \(manager):")
            for path in conflict.paths {
                let field = path.map(\.shown).joined()
                lines.append("- \(field)")
                causes.append([
                    "reason": "FieldManagerConflict", "message": .string("conflict with \(manager)"), "field": .string(field),
                ])
            }
        }
        var message = "Apply failed with \(causes.count) conflicts: " + lines.joined(separator: "\n")
        if causes.count == 1, let only = conflicts.first, let path = only.paths.first {
            message = "Apply failed with 1 conflict: conflict with \(Self.shown(only.identity)): " + path.map(\.shown).joined()
        }
        return KubeStatus(code: 409, reason: "Conflict", message: message, details: ["causes": .array(causes)])
    }

    private static func shown(_ identity: ManagedFields.Identity) -> String {
        var text = GoText.quoted(identity.manager)
        if !identity.subresource.isEmpty { text += " with subresource \(GoText.quoted(identity.subresource))" }
        if identity.operation == .update { text += " using \(identity.apiVersion)" }
        return text
    }
}
