public import JSON

/// The kinds of patch, by `Content-Type`.
public enum PatchType: Sendable, Hashable {
    case json
    case merge
    case strategicMerge
    /// Server-side apply.
    case apply

    /// Reads a `Content-Type`; `nil` for what is no patch.
    public init?(contentType: String?) {
        switch (contentType ?? "").prefix(while: { $0 != ";" }).split(separator: " ").joined() {
        case "application/json-patch+json": self = .json
        case "application/merge-patch+json": self = .merge
        case "application/strategic-merge-patch+json": self = .strategicMerge
        case "application/apply-patch+yaml": self = .apply
        default: return nil
        }
    }
}

/// A patch, read from a request's body (`k8s.io/apiserver/pkg/endpoints/handlers/patch.go`).
public struct ObjectPatch: Sendable {
    private static let maximumOperations = 10_000

    private let type: PatchType
    private let document: JSON

    /// Reads a body.
    ///
    /// - Throws: 400 for what is no patch, 413 for too many operations, 415 for server-side apply, which is not simulated yet.
    public init(_ body: [UInt8], type: PatchType) throws(KubeStatus) {
        self.type = type
        guard type != .apply else { throw .unsupportedPatchType }
        let prefix = type == .strategicMerge ? "" : "error decoding patch: "
        do { document = try JSON(parsing: body, limits: JSON.Limits(depth: 256, bytes: 3 << 20)) } catch {
            if case .tooLarge(let limit) = error.reason { throw .requestEntityTooLarge(limit: limit) }
            throw .badRequest(prefix + error.goMessage)
        }
        let kind = document.typeName == "integer" ? "number" : document.typeName == "boolean" ? "bool" : document.typeName
        switch (type, document) {
        case (.json, .array(let operations)):
            guard operations.count <= Self.maximumOperations else {
                throw .tooLarge("The allowed maximum operations in a JSON patch is \(Self.maximumOperations), got \(operations.count)")
            }
        case (.json, .null), (.strategicMerge, .object), (.merge, .object), (.strategicMerge, .null): break
        case (.merge, .null): throw .badRequest("Invalid JSON Patch")
        case (.json, _): throw .badRequest(prefix + "json: cannot unmarshal \(kind) into Go value of type []handlers.jsonPatchOp")
        default: throw .badRequest(prefix + "json: cannot unmarshal \(kind) into Go value of type map[string]interface {}")
        }
    }

    /// The patched object, not yet checked against its type.
    ///
    /// - Throws: 422 for a JSON patch that does not apply, 500 for a strategic merge patch whose directives are wrong.
    public func apply(to object: JSON, kind: GroupVersionKind) throws(KubeStatus) -> JSON {
        switch type {
        case .json:
            do { return try JSONPatch.apply(document.array ?? [], to: object) } catch { throw .patchNotApplicable }
        case .merge: return MergePatch.apply(document, to: object)
        case .strategicMerge:
            do { return try StrategicMergePatch.apply(document, to: object, type: Schema.builtin.index(kind)) } catch {
                throw .unexpected(error.message)
            }
        case .apply: throw .unsupportedPatchType
        }
    }

    /// The refusal of a patched object that does not fit its type.
    public func failure(_ status: KubeStatus, _ patched: JSON) -> KubeStatus {
        guard let colon = status.message.firstRange(of: "cannot be handled as a ")?.upperBound,
            let end = status.message[colon...].firstRange(of: ": ")?.upperBound
        else { return status }
        let detail = String(status.message[end...])
        if type == .strategicMerge, let words = Self.conversionWords(detail) {
            return .invalidPatchResult(GoText.printed(document), words)
        }
        guard case .object(var members) = patched else { return status }
        members.sortKeys()
        return .invalidPatchResult(JSON.object(members).text, detail)
    }

    /// A strategic merge patch is converted without JSON in between, which has its own words.
    private static func conversionWords(_ detail: String) -> String? {
        guard let from = detail.firstRange(of: "cannot unmarshal "), let into = detail.firstRange(of: " into Go"),
            let of = detail.ranges(of: " of type ").last
        else { return nil }
        let kind = detail[from.upperBound..<into.lowerBound].split(separator: " ").first.map(String.init) ?? ""
        let target = detail[of.upperBound...]
        let goKind = ["number": "int64", "string": "string", "bool": "bool", "array": "slice", "object": "map"][kind] ?? kind
        if target.hasPrefix("map[") { return "cannot restore map from \(goKind)" }
        if target.hasPrefix("[]") { return "cannot restore slice from \(goKind)" }
        if target.contains(".") { return "cannot restore struct from: \(goKind)" }
        return "cannot convert \(goKind) to \(target)"
    }
}

/// JSON merge patch (RFC 7386).
public enum MergePatch {
    /// The patched document.
    public static func apply(_ patch: JSON, to target: JSON) -> JSON {
        guard case .object(let changes) = patch else { return patch }
        var result = target.object.map(JSON.object) ?? [:]
        for change in changes.members {
            if change.value.isNull {
                result[change.key] = nil
            } else {
                result[change.key] = apply(change.value, to: result[change.key] ?? .null)
            }
        }
        return result
    }
}
