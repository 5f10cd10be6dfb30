public import JSON

/// Checks of `metadata` (`k8s.io/apimachinery/pkg/api/validation/objectmeta.go`).
public enum MetadataValidation {
    private static let annotationLimit = 256 << 10

    /// What is wrong with the metadata of a new object.
    public static func problems(_ object: JSON, nameForm: NameForm, isNamespaced: Bool) -> [FieldError] {
        let metadata = object["metadata"] ?? [:]
        var errors: [FieldError] = []
        let name = metadata["name"]?.string ?? ""
        if let prefix = metadata["generateName"]?.string, !prefix.isEmpty {
            errors += nameForm.problems(prefix, isPrefix: true).map { .invalid("metadata.generateName", .string(prefix), $0) }
        }
        if name.isEmpty {
            errors.append(.required("metadata.name", "name or generateName is required"))
        } else {
            errors += nameForm.problems(name).map { .invalid("metadata.name", .string(name), $0) }
        }
        if isNamespaced, metadata["namespace"]?.string?.isEmpty ?? true { errors.append(.required("metadata.namespace")) }
        return errors + common(metadata)
    }

    /// What is wrong with labels, annotations, owners and finalizers.
    static func common(_ metadata: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        for member in metadata["labels"]?.object?.members ?? [] {
            errors += QualifiedName.problems(member.key).map { .invalid("metadata.labels", .string(member.key), $0) }
            let value = member.value.string ?? ""
            errors += QualifiedName.valueProblems(value).map { .invalid("metadata.labels", .string(value), $0) }
        }
        var size = 0
        for member in metadata["annotations"]?.object?.members ?? [] {
            // Annotation keys may have upper case, but the rule is on the lower-cased key.
            errors += QualifiedName.problems(member.key.lowercased()).map { .invalid("metadata.annotations", .string(member.key), $0) }
            size += member.key.utf8.count + (member.value.string?.utf8.count ?? 0)
        }
        if size > annotationLimit { errors.append(.tooLong("metadata.annotations", annotationLimit)) }
        errors += ownerProblems(metadata)
        for (index, finalizer) in (metadata["finalizers"]?.array ?? []).enumerated() {
            let text = finalizer.string ?? ""
            let field = "metadata.finalizers[\(index)]"
            errors += QualifiedName.problems(text).map { .invalid(field, .string(text), $0) }
            if !text.contains("/"), !["orphan", "foregroundDeletion", "kubernetes"].contains(text), QualifiedName.problems(text).isEmpty {
                errors.append(.invalid(field, .string(text), "name is neither a standard finalizer name nor is it fully qualified"))
            }
        }
        return errors
    }

    private static func ownerProblems(_ metadata: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        var controllers = 0
        for (index, owner) in (metadata["ownerReferences"]?.array ?? []).enumerated() {
            let field = "metadata.ownerReferences[\(index)]"
            if (owner["apiVersion"]?.string ?? "").isEmpty {
                errors.append(.invalid("\(field).apiVersion", owner["apiVersion"] ?? "", "version must not be empty"))
            }
            for name in ["kind", "name", "uid"] where (owner[name]?.string ?? "").isEmpty {
                errors.append(.invalid("\(field).\(name)", owner[name] ?? "", "must not be empty"))
            }
            if owner["controller"]?.bool == true { controllers += 1 }
        }
        if controllers > 1 {
            errors.append(
                .invalid(
                    "metadata.ownerReferences", metadata["ownerReferences"] ?? [],
                    "Only one reference can have Controller set to true. Found \"true\" in references for several owners"))
        }
        return errors
    }

    /// What is wrong with a change of metadata (`ValidateObjectMetaUpdate`).
    public static func updateProblems(_ new: JSON, old: JSON) -> [FieldError] {
        let before = old["metadata"] ?? [:]
        let after = new["metadata"] ?? [:]
        var errors: [FieldError] = []
        if before["deletionTimestamp"] != nil {
            let known = Set(before["finalizers"]?.array?.compactMap(\.string) ?? [])
            let added = (after["finalizers"]?.array?.compactMap(\.string) ?? []).filter { !known.contains($0) }
            if !added.isEmpty {
                let list = added.map { GoText.quoted($0) }.joined(separator: ", ")
                errors.append(
                    .forbidden(
                        "metadata.finalizers",
                        "no new finalizers can be added if the object is being deleted, found new finalizers []string{\(list)}"))
            }
        }
        for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            guard after[field] ?? .null != before[field] ?? .null else { continue }
            errors.append(.invalid("metadata.\(field)", after[field] ?? .null, "field is immutable"))
        }
        return errors + common(after)
    }
}
