import Facts
public import JSON
import YAML

/// How unknown and repeated fields of a request are treated (`fieldValidation`).
public enum FieldValidation: String, Sendable, Hashable {
    case ignore = "Ignore"
    case warn = "Warn"
    case strict = "Strict"
}

/// A request body as an object of a resource.
public struct DecodedObject: Sendable {
    /// The object in canonical form, with `kind` and `apiVersion` first.
    public var object: JSON
    /// What the server warns of.
    public var warnings: [String]
    /// `metadata.managedFields` as the document had them: an empty list, which the canonical form leaves out, means to forget them.
    public var managedFields: JSON?
}

/// Reads request bodies (`k8s.io/apiserver/pkg/endpoints/handlers`, `runtime/serializer/json`).
public struct ObjectDecoder: Sendable {
    private let schema: Schema
    private let limits: JSON.Limits

    /// Makes a decoder of the built-in types for bodies up to `maximumBytes`.
    public init(schema: Schema = .builtin, maximumBytes: Int = 3 << 20) {
        self.schema = schema
        limits = JSON.Limits(depth: 512, bytes: maximumBytes, repairsStrings: true)
    }

    /// The formats that are read.
    public enum Format: Sendable, Hashable {
        case json
        case yaml
        case protobuf

        /// The format of a `Content-Type`; none means JSON.
        ///
        /// - Throws: 415 for one that is not read.
        public init(contentType: String?) throws(KubeStatus) {
            let contentType = contentType ?? ""
            switch contentType.isEmpty ? "application/json" : MediaType.type(contentType) {
            case "application/json": self = .json
            case "application/yaml": self = .yaml
            case "application/vnd.kubernetes.protobuf": self = .protobuf
            default: throw .unsupportedMediaType(KubeStatus.mediaTypes)
            }
        }
    }

    /// Reads a body without looking at its type: for options and reviews of other groups.
    ///
    /// - Throws: the bare parse error.
    public func document(
        _ body: [UInt8], _ format: Format, expected: GroupVersionKind? = nil, isTyped: Bool = false, duplicates: inout [String]
    ) throws(DecodeFailure) -> JSON {
        switch format {
        case .json:
            var limits = limits
            limits.mergesRepeatedNames = isTyped
            do { return try JSON.parse(body, limits: limits, duplicates: &duplicates) } catch {
                if case .tooLarge(let limit) = error.reason { throw .tooLarge(limit) }
                throw .syntax(error.goMessage)
            }
        case .yaml:
            do { return try YAMLDecoder.decode(body, repeatedKeys: .refused, limits: .init(bytes: limits.bytes, depth: 256)) } catch {
                if case .duplicateKey = error.reason {
                    duplicates.append("\u{0}" + error.description.replacing("yaml: ", with: ""))
                    if let last = try? YAMLDecoder.decode(body, repeatedKeys: .lastWins) { return last }
                }
                if case .tooLarge(let limit) = error.reason { throw .tooLarge(limit) }
                throw .syntax("error converting YAML to JSON: \(error)")
            }
        case .protobuf:
            guard body.count <= limits.bytes else { throw .tooLarge(limits.bytes) }
            do { return try ProtobufReader().object(body, expected: expected) } catch {
                switch error {
                case .envelope(let text): throw .envelope(text)
                case .content(let type, let text): throw .content(type, text)
                }
            }
        }
    }

    /// Why a body could not be read at all.
    public enum DecodeFailure: Error, Sendable, Hashable {
        /// No JSON or YAML.
        case syntax(String)
        /// No protobuf that says what it holds.
        case envelope(String)
        /// Protobuf of a type that could not be read.
        case content(GroupVersionKind, String)
        case tooLarge(Int)
    }

    /// Reads the object of a create or update; `equals` are kinds that are read as if they were the expected one.
    ///
    /// - Throws: 400 in the server's words, 413, or 415.
    public func decode(
        _ body: [UInt8], contentType: String?, as expected: GroupVersionKind, or equals: [GroupVersionKind] = [],
        validation: FieldValidation
    ) throws(KubeStatus) -> DecodedObject {
        let format = try Format(contentType: contentType)
        var duplicates: [String] = []
        let document = try parsed(body, format, as: expected, isTyped: true, duplicates: &duplicates)
        try checkType(document, expected, equals, body)
        return try canonical(document, as: expected, validation: validation, duplicates: duplicates)
    }

    /// A body as a document that can be an object.
    private func parsed(
        _ body: [UInt8], _ format: Format, as expected: GroupVersionKind, isTyped: Bool, duplicates: inout [String]
    ) throws(KubeStatus) -> JSON {
        let document: JSON
        do { document = try self.document(body, format, expected: expected, isTyped: isTyped, duplicates: &duplicates) } catch {
            switch error {
            case .envelope(let text): throw unrecognized(expected, text, body)
            case .content(let type, let text):
                throw .badRequest("\(type.kind) in version \"\(type.version)\" cannot be handled as a \(expected.kind): \(text)")
            case .tooLarge(let limit): throw .requestEntityTooLarge(limit: limit)
            case .syntax(let text): throw unrecognized(expected, "couldn't get version/kind; json parse error: \(text)", body)
            }
        }
        guard document.object != nil || document.isNull else {
            let structure =
                "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }"
            let kind = document.typeName == "integer" ? "number" : document.typeName == "boolean" ? "bool" : document.typeName
            throw unrecognized(
                expected, "couldn't get version/kind; json parse error: json: cannot unmarshal \(kind) into Go value of type \(structure)",
                body)
        }
        return document
    }

    /// Reads the object of a create or update of any resource.
    ///
    /// - Throws: 400 in the server's words, 413, 415, or 422 for a custom resource of another kind.
    public func decode(
        _ body: [UInt8], contentType: String?, of resource: ResourceType, validation: FieldValidation
    ) throws(KubeStatus) -> DecodedObject {
        guard let custom = resource.custom else {
            return try decode(body, contentType: contentType, as: resource.groupVersionKind, validation: validation)
        }
        let format = try Format(contentType: contentType)
        guard format != .protobuf else { throw .unsupportedMediaType(["application/json", "application/yaml"]) }
        var duplicates: [String] = []
        let document = try parsed(body, format, as: custom.kind, isTyped: false, duplicates: &duplicates)
        for (name, word) in [("kind", "Kind"), ("apiVersion", "apiVersion")] where (document[name]?.string ?? "").isEmpty {
            throw unrecognized(custom.kind, "Object '\(word)' is missing in '\(String(decoding: body, as: UTF8.self))'", body)
        }
        return try custom.decoded(document, validation: validation, notes: Self.notes(duplicates))
    }

    /// The canonical form of a document of any resource that is already parsed, such as `known` after a patch.
    ///
    /// - Throws: as `decode`.
    public func canonical(
        _ document: JSON, of resource: ResourceType, validation: FieldValidation, known: JSON? = nil
    ) throws(KubeStatus) -> DecodedObject {
        guard let custom = resource.custom else {
            // Only what is stored in this version is known to be canonical in it.
            let known = resource.groupVersionKind == resource.storageKind ? known : nil
            return try canonical(document, as: resource.groupVersionKind, validation: validation, known: known)
        }
        return try custom.decoded(document, validation: validation, notes: [])
    }

    /// A YAML note is a ready text; a JSON one names the path.
    private static func notes(_ duplicates: [String]) -> [String] {
        duplicates.map { $0.hasPrefix("\u{0}") ? String($0.dropFirst()) : "duplicate field \"\($0)\"" }
    }

    /// The canonical form of a document that is already parsed, such as a patched one.
    ///
    /// - Throws: 400 for a document that does not fit the type, or in strict mode for what would be dropped.
    public func canonical(
        _ document: JSON, as expected: GroupVersionKind, validation: FieldValidation, duplicates: [String] = [], known: JSON? = nil
    ) throws(KubeStatus) -> DecodedObject {
        func handled(_ text: String) -> KubeStatus {
            .badRequest("\(expected.kind) in version \"\(expected.version)\" cannot be handled as a \(expected.kind): \(text)")
        }
        guard let type = schema.index(expected) else { throw .unexpected("no type for \(expected)") }
        var canonicalizer = Canonicalizer(schema: schema)
        let fields: JSON
        do { fields = try canonicalizer.canonical(document.isNull ? [:] : document, type: type, known: known) } catch {
            throw handled(error.message)
        }
        var notes = Self.notes(duplicates)
        notes += canonicalizer.unknownFields.map { "unknown field \"\($0)\"" }
        if validation == .strict, !notes.isEmpty { throw handled("strict decoding error: \(notes.joined(separator: ", "))") }
        return DecodedObject(
            object: Self.typed(fields, expected), warnings: validation == .warn ? notes : [],
            managedFields: document.at("metadata", "managedFields"))
    }

    /// The object with `kind` and `apiVersion` set and first, as the server writes it.
    public static func typed(_ object: JSON, _ kind: GroupVersionKind) -> JSON {
        var members: [JSONObject.Member] = [
            .init(key: "kind", value: .string(kind.kind)), .init(key: "apiVersion", value: .string(kind.apiVersion)),
        ]
        for member in object.object?.members ?? [] where member.key != "kind" && member.key != "apiVersion" { members.append(member) }
        return .object(JSONObject(unique: members))
    }

    /// Checks `apiVersion` and `kind` of a body against what the path wants.
    private func checkType(_ document: JSON, _ expected: GroupVersionKind, _ equals: [GroupVersionKind], _ body: [UInt8]) throws(KubeStatus)
    {
        let apiVersion = document["apiVersion"]?.string ?? ""
        let kind = document["kind"]?.string ?? ""
        for (name, value) in [("apiVersion", document["apiVersion"]), ("kind", document["kind"])] {
            guard let value, !value.isNull, value.string == nil else { continue }
            throw unrecognized(
                expected,
                "couldn't get version/kind; json parse error: json: cannot unmarshal \(value.goKind) into Go struct field .\(name) of type string",
                body)
        }
        let given = GroupVersionKind(
            apiVersion: apiVersion.isEmpty ? expected.apiVersion : apiVersion, kind: kind.isEmpty ? expected.kind : kind)
        guard let given else { throw unrecognized(expected, "unexpected GroupVersion string: \(apiVersion)", body) }
        guard given != expected, !equals.contains(given) else { return }
        guard RegisteredKinds.contains(given) else {
            throw .badRequest(
                "\(given.kind) in version \"\(given.version)\" cannot be handled as a \(expected.kind): no kind \"\(given.kind)\" is registered for "
                    + "version \"\(given.apiVersion)\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"")
        }
        guard given.kind == expected.kind else {
            // It is read as what it says it is before anybody sees that it is not wanted.
            if let type = schema.index(given) {
                var canonicalizer = Canonicalizer(schema: schema)
                do { _ = try canonicalizer.canonical(document, type: type) } catch {
                    throw .badRequest(
                        "\(given.kind) in version \"\(given.version)\" cannot be handled as a \(expected.kind): \(error.message)")
                }
            }
            let internalGroup = expected.group.isEmpty ? "core" : String(expected.group.prefix { $0 != "." })
            throw .badRequest(
                "\(given.kind) in version \"\(given.version)\" cannot be handled as a \(expected.kind): converting (\(given.version).\(given.kind)) to "
                    + "(\(internalGroup).\(expected.kind)): unknown conversion")
        }
        throw .badRequest(
            "the API version in the data (\(given.apiVersion)) does not match the expected API version (\(expected.apiVersion))")
    }

    private func unrecognized(_ expected: GroupVersionKind, _ text: String, _ body: [UInt8]) -> KubeStatus {
        .badRequest("the object provided is unrecognized (must be of type \(expected.kind)): \(text) (\(Self.summary(body)))")
    }

    /// The first bytes of a body, as `summarizeData` shows them.
    private static func summary(_ body: [UInt8], limit: Int = 30) -> String {
        guard let first = body.first else { return "<empty>" }
        let head = body.prefix(limit)
        let text =
            first == UInt8(ascii: "{")
            ? String(decoding: head, as: UTF8.self) : head.map { GoText.hex(UInt32($0), 2) }.joined()
        return body.count > limit ? text + " ..." : text
    }
}

extension JSON {
    /// How `encoding/json` names the kind of a value.
    fileprivate var goKind: String {
        switch self {
        case .integer, .number: "number"
        case .bool: "bool"
        default: typeName
        }
    }
}

/// The kinds that the server's scheme knows: served ones, their lists, and those of other versions (`lifecycle` of `resources.json`).
enum RegisteredKinds {
    private static let retired: Set<GroupVersionKind> = {
        let table = (try? JSON(parsing: Facts.kubernetesResources)) ?? .null
        var kinds: Set<GroupVersionKind> = []
        for row in table["lifecycle"]?.array ?? [] {
            guard let version = row["v"]?.string, let kind = row["kind"]?.string else { continue }
            kinds.insert(GroupVersionKind(group: row["g"]?.string ?? "", version: version, kind: kind))
        }
        return kinds
    }()

    static func contains(_ kind: GroupVersionKind) -> Bool {
        if Schema.builtin.index(kind) != nil || retired.contains(kind) { return true }
        if kind == GroupVersionKind(group: "", version: "v1", kind: "List") { return true }
        guard kind.kind.hasSuffix("List") else { return false }
        return Schema.builtin.index(GroupVersionKind(group: kind.group, version: kind.version, kind: String(kind.kind.dropLast(4)))) != nil
    }
}
