public import JSON

/// The kinds of patch, by `Content-Type`.
public enum PatchType: Sendable, Hashable {
    /// JSON patch (RFC 6902).
    case json
    /// JSON merge patch (RFC 7386).
    case merge
    /// Strategic merge patch.
    case strategicMerge
    /// Server-side apply.
    case apply

    /// What custom resources can be patched with, in the order in which errors name it.
    public static let customTypes = ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"]

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
    private let type: PatchType
    private let document: JSON

    /// Reads a body.
    ///
    /// - Throws: 400 for what is no patch, 413 for too many operations, 415 for server-side apply, which is an `ApplyConfiguration`.
    public init(_ body: [UInt8], type: PatchType) throws(KubeStatus) {
        self.type = type
        guard type != .apply else { throw .unsupportedPatchType }
        let prefix = type == .strategicMerge ? "" : "error decoding patch: "
        do { document = try JSON(parsing: body, limits: JSON.Limits(depth: 256, bytes: 3 << 20)) } catch {
            if case .tooLarge(let limit) = error.reason { throw .requestEntityTooLarge(limit: limit) }
            throw .badRequest(prefix + error.goMessage)
        }
        func mismatch(_ value: JSON, _ target: String) -> KubeStatus {
            .badRequest("\(prefix)json: cannot unmarshal \(Self.goKind(value)) into Go \(target)")
        }
        switch (type, document) {
        case (.json, .array(let operations)):
            for operation in operations where !operation.isNull {
                guard case .object(let members) = operation else { throw mismatch(operation, "value of type handlers.jsonPatchOp") }
                for name in ["op", "path", "from"] {
                    guard let value = members[name], !value.isNull, value.string == nil else { continue }
                    throw mismatch(value, "struct field jsonPatchOp.\(name) of type string")
                }
            }
            guard operations.count <= JSONPatch.maximumOperations else {
                throw .tooLarge("The allowed maximum operations in a JSON patch is \(JSONPatch.maximumOperations), got \(operations.count)")
            }
        case (.json, .null), (.strategicMerge, .object), (.merge, .object), (.strategicMerge, .null): break
        case (.merge, .null): throw .badRequest("Invalid JSON Patch")
        case (.json, _): throw mismatch(document, "value of type []handlers.jsonPatchOp")
        default: throw mismatch(document, "value of type map[string]interface {}")
        }
    }

    /// The patched object, not yet checked against its type.
    ///
    /// - Throws: 422 for a JSON patch that does not apply and for a patched object of another kind; for a strategic merge patch 400 when a
    ///   directive has a wrong form, 422 for lists of lists, 500 otherwise, as kube-apiserver answers.
    public func apply(to object: JSON, kind: GroupVersionKind) throws(KubeStatus) -> JSON {
        let patched: JSON
        switch type {
        case .json:
            do { patched = try JSONPatch.apply(document.array ?? [], to: object) } catch { throw .patchNotApplicable }
        case .merge: patched = MergePatch.apply(document, to: object)
        case .strategicMerge:
            // Its result is never decoded, so what it says of its kind does not matter.
            do { return try StrategicMergePatch.apply(document, to: object, type: Schema.builtin.index(kind)) } catch { throw error.status }
        case .apply: throw .unsupportedPatchType
        }
        if let problem = Self.kindProblem(patched, kind) { throw refusal(patched, problem) }
        return VersionConversion.convert(patched, to: kind)
    }

    /// What is wrong with the `apiVersion` and `kind` of a patched object.
    private static func kindProblem(_ object: JSON, _ expected: GroupVersionKind) -> String? {
        for name in ["apiVersion", "kind"] {
            guard let value = object[name], !value.isNull, value.string == nil else { continue }
            return
                "couldn't get version/kind; json parse error: json: cannot unmarshal \(goKind(value)) into Go struct field .\(name) of type string"
        }
        let apiVersion = object["apiVersion"]?.string ?? ""
        let name = object["kind"]?.string ?? ""
        let given = GroupVersionKind(
            apiVersion: apiVersion.isEmpty ? expected.apiVersion : apiVersion, kind: name.isEmpty ? expected.kind : name)
        guard let given else { return "unexpected GroupVersion string: \(apiVersion)" }
        guard given != expected else { return nil }
        guard RegisteredKinds.contains(given) else {
            return
                "no kind \"\(given.kind)\" is registered for version \"\(given.apiVersion)\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        }
        guard given.kind != expected.kind else { return nil }
        let internalGroup = expected.group.isEmpty ? "core" : String(expected.group.prefix { $0 != "." })
        return "converting (\(given.version).\(given.kind)) to (\(internalGroup).\(expected.kind)): unknown conversion"
    }

    /// The refusal of a patched object that does not fit its type; `status` is the decoder's.
    public func failure(_ status: KubeStatus, _ patched: JSON) -> KubeStatus {
        guard let colon = status.message.firstRange(of: "cannot be handled as a ")?.upperBound,
            let end = status.message[colon...].firstRange(of: ": ")?.upperBound
        else { return status }
        let detail = String(status.message[end...])
        guard type == .strategicMerge else { return refusal(patched, detail) }
        guard let words = Self.conversionWords(detail) else { return status }
        return .invalidPatchResult(GoText.printed(document), words)
    }

    private func refusal(_ patched: JSON, _ detail: String) -> KubeStatus {
        guard type == .json else { return .invalidPatchResult(Self.sorted(patched, where: document).text, detail) }
        let paths = (document.array ?? []).flatMap { [$0["path"]?.string, $0["from"]?.string] }.compactMap(\.self)
        var shown = patched
        for tokens in Set(paths.map { JSONPatch.tokens($0).dropLast() }) { Self.sort(&shown, along: tokens) }
        return .invalidPatchResult(shown.text, detail)
    }

    /// How `encoding/json` names the kind of a value.
    private static func goKind(_ value: JSON) -> String {
        switch value {
        case .bool: "bool"
        case .integer: "number"
        default: value.typeName
        }
    }

    /// evanphx/json-patch writes the objects that it had to open with their members in byte order, and all others as they came.
    private static func sort(_ value: inout JSON, along tokens: ArraySlice<String>) {
        switch value {
        case .object(var object):
            value = .null
            object.sortKeys()
            if let token = tokens.first, object.contains(token) { sort(&object[token, default: .null], along: tokens.dropFirst()) }
            value = .object(object)
        case .array(var elements):
            guard let token = tokens.first, let index = Int(token) else { return }
            let place = index < 0 ? index + elements.count : index
            guard elements.indices.contains(place) else { return }
            value = .null
            sort(&elements[place], along: tokens.dropFirst())
            value = .array(elements)
        default: break
        }
    }

    private static func sorted(_ value: JSON, where patch: JSON) -> JSON {
        guard case .object(var object) = value, case .object(let changes) = patch else { return value.sortingKeys() }
        object.sortKeys()
        object.mapValues { name, member in
            if let change = changes[name] { member = sorted(member, where: change) }
        }
        return .object(object)
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
