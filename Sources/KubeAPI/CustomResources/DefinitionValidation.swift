public import JSON

/// Checks CustomResourceDefinitions (`apiextensions-apiserver/pkg/apis/apiextensions/validation`).
///
/// The server checks its internal form, in which what all versions have in common stands once, at the top: hence paths such as
/// `spec.validation.openAPIV3Schema`.
public struct DefinitionValidation {
    /// What the versions of a definition share, and what each has for itself.
    struct Hoisted {
        let versions: [JSON]
        private let shared: [String: JSON]

        init(_ spec: JSON) {
            versions = spec["versions"]?.array ?? []
            var shared: [String: JSON] = [:]
            if let first = versions.first {
                for name in ["schema", "subresources", "additionalPrinterColumns", "selectableFields"] {
                    let value = Self.value(first, name)
                    if versions.allSatisfy({ Self.value($0, name) == value }) { shared[name] = value }
                }
            }
            self.shared = shared
        }

        private static func value(_ version: JSON, _ name: String) -> JSON {
            guard let value = version[name], value != [] else { return .null }
            return value
        }

        /// A part that all versions share; `nil` when they do not share it, or there is none.
        func common(_ name: String) -> JSON? { shared[name].ifNotNull }
        /// A part that a version has for itself.
        func own(_ version: JSON, _ name: String) -> JSON? {
            shared[name] == nil ? version[name].ifNotNull : JSON?.none
        }
    }

    /// What an update is measured against.
    private let old: JSON?
    private let spec: JSON
    private let hoisted: Hoisted

    private init(_ object: JSON, old: JSON?) {
        self.old = old
        spec = object["spec"] ?? [:]
        hoisted = Hoisted(spec)
    }

    /// What is wrong with a new definition, after its metadata.
    public static func problems(_ object: JSON) -> [FieldError] {
        let name = object.objectName
        let spec = object["spec"] ?? [:]
        let wanted = "\(spec.at("names", "plural")?.string ?? "").\(spec["group"]?.string ?? "")"
        var errors: [FieldError] = []
        if name != wanted { errors.append(.invalid("metadata.name", .string(name), "must be spec.names.plural+\".\"+spec.group")) }
        return errors + DefinitionValidation(object, old: nil).all(object)
    }

    /// What is wrong with a changed definition, after its metadata.
    public static func problems(_ object: JSON, old: JSON) -> [FieldError] { DefinitionValidation(object, old: old).all(object) }

    /// What is wrong with a changed status, after the metadata.
    public static func statusProblems(_ object: JSON) -> [FieldError] {
        DefinitionNames.problems(object.at("status", "acceptedNames") ?? [:], "status.acceptedNames")
    }

    private func all(_ object: JSON) -> [FieldError] {
        var errors = specProblems()
        if let old {
            let before = old["spec"] ?? [:]
            func immutable(_ path: String...) {
                guard spec.value(at: path) != before.value(at: path) else { return }
                errors.append(.invalid("spec.\(path.joined(separator: "."))", spec.value(at: path) ?? "", "field is immutable"))
            }
            if DefinitionStatus.isTrue("Established", in: old) {
                immutable("scope")
                immutable("names", "kind")
            }
            immutable("group")
            immutable("names", "plural")
        }
        errors += Self.statusProblems(object)
        errors += storedVersions(object)
        errors += approval(object)
        if spec["preserveUnknownFields"] == true, old?.at("spec", "preserveUnknownFields") != true {
            errors.append(
                .invalid(
                    "spec.preserveUnknownFields", true,
                    "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"))
        }
        return errors
    }

    private func specProblems() -> [FieldError] {
        var errors: [FieldError] = []
        let group = spec["group"]?.string ?? ""
        let groupProblems = NameForm.subdomain.problems(group)
        if group.isEmpty {
            errors.append(.required("spec.group"))
        } else if !groupProblems.isEmpty {
            errors.append(.invalid("spec.group", .string(group), groupProblems.joined(separator: ",")))
        } else if !group.contains(".") {
            errors.append(.invalid("spec.group", .string(group), "should be a domain with at least one dot"))
        }
        let scope = spec["scope"]?.string ?? ""
        if scope.isEmpty {
            errors.append(.required("spec.scope"))
        } else if !["Cluster", "Namespaced"].contains(scope) {
            errors.append(.notSupported("spec.scope", .string(scope), ["Cluster", "Namespaced"]))
        }
        errors += versionProblems()
        for name in ["plural", "singular", "kind", "listKind"] where (spec.at("names", name)?.string ?? "").isEmpty {
            errors.append(.required("spec.names.\(name)"))
        }
        errors += DefinitionNames.problems(spec["names"] ?? [:], "spec.names")
        let hasStatus = hoisted.versions.contains { $0.at("subresources", "status")?.object != nil }
        errors += schema(hoisted.common("schema"), "spec.validation", hasStatus: hasStatus)
        errors += DefinitionNames.subresources(hoisted.common("subresources"), "spec.subresources")
        errors += columns(hoisted.common("additionalPrinterColumns"), "spec.additionalPrinterColumns")
        errors += selectable(
            hoisted.common("selectableFields"), hoisted.common("schema") ?? hoisted.versions.first?["schema"], "spec.selectableFields")
        guard let conversion = spec["conversion"], !conversion.isNull else { return errors }
        let before = old?.at("spec", "conversion", "webhook", "conversionReviewVersions")?.strings ?? []
        let requiresKnown = old == nil || before.isEmpty || !Set(before).isDisjoint(with: ["v1", "v1beta1"])
        return errors + DefinitionNames.conversion(conversion, "spec.conversion", requiresKnown: requiresKnown)
    }

    private func versionProblems() -> [FieldError] {
        var errors: [FieldError] = []
        let versions = hoisted.versions
        if hoisted.common("schema")?["openAPIV3Schema"] ?? .null == .null {
            for (index, version) in versions.enumerated() where version.at("schema", "openAPIV3Schema") ?? .null == .null {
                errors.append(.required("spec.versions[\(index)].schema.openAPIV3Schema"))
            }
        }
        for (index, version) in versions.enumerated() {
            let path = "spec.versions[\(index)]"
            let name = version["name"]?.string ?? ""
            let problems = NameForm.label1035.problems(name)
            if !problems.isEmpty { errors.append(.invalid("\(path).name", .string(name), problems.joined(separator: ","))) }
            errors += DefinitionNames.deprecation(version, path)
            errors += schema(
                hoisted.own(version, "schema"), "\(path).schema", hasStatus: version.at("subresources", "status")?.object != nil)
            errors += DefinitionNames.subresources(hoisted.own(version, "subresources"), "\(path).subresources")
            errors += columns(hoisted.own(version, "additionalPrinterColumns"), "\(path).additionalPrinterColumns")
            errors += selectable(hoisted.own(version, "selectableFields"), version["schema"], "\(path).selectableFields")
        }
        let names = versions.map { $0["name"]?.string ?? "" }
        if Set(names).count != names.count {
            errors.append(.invalid("spec.versions", shownVersions, "must contain unique version names"))
        }
        if versions.count(where: { $0["storage"] == true }) != 1 {
            errors.append(.invalid("spec.versions", shownVersions, "must have exactly one version marked as storage version"))
        }
        if let first = names.first {
            let problems = NameForm.label1035.problems(first)
            if !problems.isEmpty { errors.append(.invalid("spec.version", .string(first), problems.joined(separator: ","))) }
        }
        return errors
    }

    /// The versions as the internal type is printed: without what they share.
    private var shownVersions: JSON {
        .array(
            hoisted.versions.map { version in
                [
                    "Name": version["name"] ?? "", "Served": version["served"] ?? false, "Storage": version["storage"] ?? false,
                    "Deprecated": version["deprecated"] ?? false, "DeprecationWarning": version["deprecationWarning"] ?? .null,
                    "Schema": hoisted.own(version, "schema") ?? .null, "Subresources": hoisted.own(version, "subresources") ?? .null,
                    "AdditionalPrinterColumns": hoisted.own(version, "additionalPrinterColumns") ?? .null,
                    "SelectableFields": hoisted.own(version, "selectableFields") ?? .null,
                ]
            })
    }

    private func columns(_ columns: JSON?, _ path: String) -> [FieldError] {
        (columns?.array ?? []).enumerated().flatMap { DefinitionNames.column($1, "\(path)[\($0)]") }
    }

    private func selectable(_ fields: JSON?, _ schema: JSON?, _ path: String) -> [FieldError] {
        guard let fields = fields?.array, !fields.isEmpty else { return [] }
        return DefinitionNames.selectableFields(fields, schema?["openAPIV3Schema"] ?? [:], path)
    }

    /// What may stand at the root of a schema beside a status subresource, in the server's names.
    private static let rootMembers: [(name: String, goName: String)] = [
        ("description", "Description"), ("type", "Type"), ("format", "Format"), ("title", "Title"), ("maximum", "Maximum"),
        ("exclusiveMaximum", "ExclusiveMaximum"), ("minimum", "Minimum"), ("exclusiveMinimum", "ExclusiveMinimum"),
        ("maxLength", "MaxLength"), ("minLength", "MinLength"), ("pattern", "Pattern"), ("maxItems", "MaxItems"),
        ("minItems", "MinItems"), ("uniqueItems", "UniqueItems"), ("multipleOf", "MultipleOf"), ("required", "Required"),
        ("items", "Items"), ("properties", "Properties"), ("externalDocs", "ExternalDocs"), ("example", "Example"),
        ("x-kubernetes-preserve-unknown-fields", "XPreserveUnknownFields"), ("x-kubernetes-validations", "XValidations"),
    ]

    private func schema(_ validation: JSON?, _ path: String, hasStatus: Bool) -> [FieldError] {
        guard let schema = validation?["openAPIV3Schema"], schema.object != nil else { return [] }
        let place = "\(path).openAPIV3Schema"
        var errors: [FieldError] = []
        if hasStatus {
            let allowed = Set(Self.rootMembers.map(\.name))
            if let type = schema["type"]?.string, type != "object", !type.isEmpty {
                errors.append(
                    .invalid(
                        "\(place).type", .string(type),
                        "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled"))
            }
            if let other = schema.object?.members.first(where: { !allowed.contains($0.key) && !$0.value.isNull }), !other.key.isEmpty {
                let names = Self.rootMembers.map(\.goName).joined(separator: " ")
                errors.append(
                    .invalid(
                        place, schema, "only [\(names)] fields are allowed at the root of the schema if the status subresource is enabled"))
            }
        }
        if schema["nullable"] == true { errors.append(.forbidden("\(place).nullable", "nullable cannot be true at the root")) }
        var isComplete = false
        if !StructuralRules.hasUnsupportedMembers(schema) {
            let structural = StructuralRules.problems(schema, place)
            let defaults = structural.isEmpty ? DefinitionDefaultRules.problems(StructuralSchema(schema), place) : []
            errors += structural + defaults
            isComplete = structural.isEmpty && defaults.isEmpty
        }
        return errors + DefinitionSchemaRules.problems(schema, place, isComplete: isComplete, known: knownRules)
    }

    /// The rules that the definition had before.
    private var knownRules: Set<String> {
        var rules: Set<String> = []
        func gather(_ schema: JSON) {
            for rule in schema["x-kubernetes-validations"]?.array ?? [] { rules.insert(rule["rule"]?.string ?? "") }
            SchemaDocument.children(schema).forEach(gather)
        }
        for version in old?.at("spec", "versions")?.array ?? [] { gather(version.at("schema", "openAPIV3Schema") ?? .null) }
        return rules
    }

    private func storedVersions(_ object: JSON) -> [FieldError] {
        let path = "status.storedVersions"
        let stored = object.at("status", "storedVersions")?.strings ?? []
        guard !stored.isEmpty else { return [.invalid(path, .null, "must have at least one stored version")] }
        var missing = stored
        var errors: [FieldError] = []
        for version in hoisted.versions {
            let name = version["name"]?.string ?? ""
            let isThere = missing.contains(name)
            if version["storage"] == true, !isThere {
                errors.append(.invalid(path, JSON(strings: stored), "must have the storage version \(name)"))
            }
            missing.removeAll { $0 == name }
        }
        for name in missing {
            errors.append(
                .invalid(
                    "\(path)[\(stored.lastIndex(of: name) ?? 0)]", .string(name),
                    "missing from spec.versions; \(name) was previously a storage version, and must remain in spec.versions until a storage "
                        + "migration ensures no data remains persisted in \(name) and removes \(name) from status.storedVersions"))
        }
        return errors
    }

    private func approval(_ object: JSON) -> [FieldError] {
        guard APIApproval.isProtected(spec["group"]?.string ?? "") else { return [] }
        let now = APIApproval(object)
        if let old, APIApproval(old).state == now.state { return [] }
        let field = "metadata.annotations[\(APIApproval.annotation)]"
        switch now.state {
        case .missing: return [.required(field, now.reason)]
        case .invalid: return [.invalid(field, .string(now.value), now.reason)]
        case .approved, .bypassed: return []
        }
    }
}

/// Whether a definition in one of Kubernetes' own groups says who approved it (`apihelpers.GetAPIApprovalState`).
struct APIApproval {
    enum State: Sendable, Hashable {
        case missing, invalid, approved, bypassed
    }

    static let annotation = "api-approved.kubernetes.io"
    private static let proposal = "https://github.com/kubernetes/enhancements/pull/1111"

    let state: State
    let value: String
    let reason: String

    init(_ object: JSON) {
        value = object.at("metadata", "annotations", Self.annotation)?.string ?? ""
        let name = GoText.quoted(Self.annotation)
        let address = value.firstRange(of: "://")
        if value.isEmpty {
            state = .missing
            reason = "protected groups must have approval annotation \(name), see \(Self.proposal)"
        } else if value.hasPrefix("unapproved") {
            state = .bypassed
            reason = "not approved: \(GoText.quoted(value))"
        } else if let address, address.lowerBound > value.startIndex, address.upperBound < value.endIndex {
            state = .approved
            reason = "approved in \(value)"
        } else {
            state = .invalid
            reason =
                "protected groups must have approval annotation \(name) with either a URL or a reason starting with \"unapproved\", see "
                + Self.proposal
        }
    }

    /// Whether a group is one of Kubernetes' own.
    static func isProtected(_ group: String) -> Bool {
        ["k8s.io", "kubernetes.io"].contains { group == $0 || group.hasSuffix(".\($0)") }
    }
}
