import JSON

/// What makes the objects of a custom resource: how they are read, converted, checked and shown in one version
/// (`apiextensions-apiserver/pkg/apiserver/customresource_handler.go`, `pkg/registry/customresource`).
public final class CustomResource: Sendable {
    /// The name of the definition: `widgets.example.com`.
    public let definition: String
    /// Group, version and kind that this serves.
    public let kind: GroupVersionKind
    /// The kind of lists.
    public let listKind: String
    /// The version that this serves.
    public let version: CustomResourceVersion
    /// All versions, by name.
    private let versions: [String: CustomResourceVersion]
    /// The version that objects are stored in.
    private let storage: CustomResourceVersion
    /// Whether the definition is being deleted.
    public let isTerminating: Bool
    /// What a client of this version is warned of; `nil` for nothing.
    public let deprecationWarning: String?
    /// `spec.conversion.webhook.clientConfig` of definitions that are converted by a webhook.
    public let conversionWebhook: JSON?
    /// Objects stored before this revision were stored under another schema, and are read through the present one.
    public let schemaRevision: Int64

    /// Puts a version of a definition together.
    init(
        definition: String, kind: GroupVersionKind, listKind: String, version: CustomResourceVersion, all: [CustomResourceVersion],
        storage: CustomResourceVersion, isTerminating: Bool, conversionWebhook: JSON?, schemaRevision: Int64
    ) {
        self.conversionWebhook = conversionWebhook
        self.definition = definition
        self.kind = kind
        self.listKind = listKind
        self.version = version
        self.storage = storage
        self.isTerminating = isTerminating
        self.schemaRevision = schemaRevision
        versions = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
        guard version.isDeprecated else {
            deprecationWarning = nil
            return
        }
        let better = all.filter { $0.isServed && !$0.isDeprecated }.map(\.name).sorted(by: CustomResourceVersion.precedes).first
        let standard = "\(kind.apiVersion) \(kind.kind) is deprecated"
        deprecationWarning = version.deprecationWarning ?? better.map { "\(standard); use \(kind.group)/\($0) \(kind.kind)" } ?? standard
    }

    /// Group, version and kind in the store.
    public var storageKind: GroupVersionKind { GroupVersionKind(group: kind.group, version: storage.name, kind: kind.kind) }

    // MARK: Reading

    /// A parsed body as an object of this version: pruned and defaulted, with `unknown field` notes.
    ///
    /// - Throws: 400 for another version or unreadable metadata, 422 for another kind, in strict mode 400 for notes.
    func decoded(_ document: JSON, validation: FieldValidation, notes duplicates: [String]) throws(KubeStatus) -> DecodedObject {
        func handled(_ text: String) -> KubeStatus {
            .badRequest("\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(kind.kind): \(text)")
        }
        let apiVersion = document["apiVersion"]?.string ?? ""
        let given = GroupVersionKind(apiVersion: apiVersion, kind: document["kind"]?.string ?? "")
        let isOurs = given?.group == kind.group && given?.kind == kind.kind
        var pruning = SchemaPruning()
        var object = document
        do throws(DecodingError) {
            if isOurs {
                let schema = versions[given?.version ?? ""]?.schema
                object = try pruning.resource(document, schema)
                if let schema { object = schema.defaulted(object) }
            } else {
                // Of another kind only the metadata is read.
                object["metadata"] = try pruning.resource(["metadata": document["metadata"] ?? [:]], nil)["metadata"]
            }
        } catch {
            throw handled(error.message)
        }
        let unknown = pruning.unknownFields.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let notes = duplicates + unknown.map { "unknown field \"\($0)\"" }
        if validation == .strict, !notes.isEmpty { throw handled("strict decoding error: \(notes.joined(separator: ", "))") }
        let warnings = validation == .warn ? notes : []
        if apiVersion != kind.apiVersion {
            var status = KubeStatus.badRequest(
                "the API version in the data (\(apiVersion)) does not match the expected API version (\(kind.apiVersion))")
            status.warnings = warnings
            throw status
        }
        guard isOurs else {
            throw .invalid(
                group: kind.group, kind: given?.kind ?? "", name: document.objectName,
                [.invalid("kind", .string(given?.kind ?? ""), "must be \(kind.kind)")])
        }
        return DecodedObject(
            object: object.sortingKeys(), warnings: warnings, managedFields: document.at("metadata", "managedFields"))
    }

    // MARK: Versions

    /// An object in the version of the store, with that version's defaults: it would get them when it is read.
    func stored(_ object: JSON) -> JSON {
        guard storage !== version else { return object }
        let converted = converted(object, to: storage)
        return storage.schema?.defaulted(converted) ?? converted
    }

    /// A stored object in the version that this serves, as the schemas are now.
    func served(_ object: JSON) -> JSON { converted(presented(object), to: version) }

    /// A stored object through the schema of the version that it was stored in.
    private func presented(_ object: JSON) -> JSON {
        // What was stored when another version was the storage version is still of that version.
        let given = object["apiVersion"]?.string.flatMap { GroupVersionKind(apiVersion: $0, kind: kind.kind) }?.version
        let source = given.flatMap { versions[$0] } ?? storage
        let kept = pruned(object, source)
        return source.schema?.defaulted(kept) ?? kept
    }

    /// A stored object as it would be stored now: in the present storage version, with its defaults.
    func current(_ object: JSON) -> JSON {
        let converted = converted(presented(object), to: storage)
        return storage.schema?.defaulted(converted) ?? converted
    }

    /// The version of an `apiVersion`, if it is served.
    func servedVersion(_ apiVersion: String) -> CustomResourceVersion? {
        guard let given = GroupVersionKind(apiVersion: apiVersion, kind: kind.kind), given.group == kind.group,
            let version = versions[given.version], version.isServed
        else { return nil }
        return version
    }

    /// An object in the version of an `apiVersion`; unchanged for one that there is not.
    func convert(_ object: JSON, to apiVersion: String) -> JSON { servedVersion(apiVersion).map { converted(object, to: $0) } ?? object }

    /// Conversion `None` changes the version's name; the target's schema decides what is left.
    private func converted(_ object: JSON, to target: CustomResourceVersion) -> JSON {
        let apiVersion = "\(kind.group)/\(target.name)"
        guard object["apiVersion"]?.string != apiVersion else { return object }
        var object = object
        object["apiVersion"] = .string(apiVersion)
        return pruned(object, target)
    }

    private func pruned(_ object: JSON, _ version: CustomResourceVersion) -> JSON {
        var pruning = SchemaPruning()
        // Stored metadata is readable: it was read before.
        return (try? pruning.resource(object, version.schema)) ?? object
    }

    // MARK: Checking

    /// What is wrong with a new or changed object of this version, besides its metadata.
    func problems(_ object: JSON, old: JSON?) -> [FieldError] {
        guard let schema = version.schema else { return [] }
        var errors = SchemaValidation.problems(object, schema, old: old)
        if let scale = version.scale { errors += scale.specProblems(object) + scale.statusProblems(object) }
        errors += EmbeddedResourceValidation.problems(object, schema)
        // What was wrong before may stay wrong.
        if old.map({ ListTypeValidation.problems($0, schema).isEmpty }) ?? true { errors += ListTypeValidation.problems(object, schema) }
        return errors + ruleProblems(object, old, after: errors)
    }

    /// What is wrong with a changed status.
    func statusProblems(_ object: JSON, old: JSON) -> [FieldError] {
        guard let schema = version.schema else { return [] }
        var errors: [FieldError] = []
        if let status = object["status"], let part = schema.property("status") {
            errors += SchemaValidation.problems(status, part, field: "status", old: old["status"])
        }
        if let scale = version.scale { errors += scale.statusProblems(object) }
        errors += EmbeddedResourceValidation.problems(object, schema)
        if ListTypeValidation.problems(old, schema).isEmpty { errors += ListTypeValidation.problems(object, schema) }
        return errors + ruleProblems(object, old, after: errors)
    }

    /// Rules are not asked about objects of a wrong form.
    private func ruleProblems(_ object: JSON, _ old: JSON?, after errors: [FieldError]) -> [FieldError] {
        guard !version.rules.isEmpty else { return [] }
        let blocking: Set<FieldError.Kind> = [.notSupported, .required, .tooLong, .tooMany, .typeInvalid]
        guard !errors.contains(where: { blocking.contains($0.kind) }) else {
            return [
                .invalid(
                    "<nil>", .null,
                    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
                        + "validation")
            ]
        }
        return version.rules.problems(object, old: old)
    }

    /// Paths of the fields that objects can be selected by, besides name and namespace.
    var selectableFields: [(name: String, path: [String])] { version.selectableFields }
}
