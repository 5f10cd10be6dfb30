import JSON

/// How two objects differ, in each version in which some manager names its fields.
struct VersionedComparison {
    private let manager: FieldManager
    private let old: JSON
    private let new: JSON
    /// By version; `nil` for versions that are not served.
    private var known: [String: TypedComparison?] = [:]

    init(_ manager: FieldManager, _ old: JSON, _ new: JSON) {
        self.manager = manager
        self.old = old
        self.new = new
    }

    /// The difference in a version; `nil` when it is not served, so that its managers are forgotten.
    mutating func of(_ apiVersion: String) -> TypedComparison? {
        if let found = known[apiVersion] { return found }
        var comparison: TypedComparison?
        if let type = manager.types.type(apiVersion) {
            let isOwn = apiVersion == manager.kind.apiVersion
            let before = isOwn ? old : manager.types.convert(old, to: apiVersion)
            let after = isOwn ? new : manager.types.convert(new, to: apiVersion)
            var difference = TypedComparison(before, after, type)
            difference.exclude(manager.ignored)
            comparison = difference
        }
        known[apiVersion] = .some(comparison)
        return comparison
    }
}
