import JSON

/// Checks of `metadata` (`k8s.io/apimachinery/pkg/api/validation/objectmeta.go`).
extension FieldErrorList {
    private static let metadataPath = FieldPath("metadata")
    private static let finalizerNames: Set<String> = ["orphan", "foregroundDeletion", "kubernetes"]

    /// `ValidateObjectMeta` of a new object.
    mutating func metadata(_ object: JSON, _ form: NameForm, isNamespaced: Bool) {
        let metadata = object["metadata"] ?? [:]
        let at = Self.metadataPath
        let prefix = metadata.text("generateName")
        if !prefix.isEmpty { invalid(at / "generateName", .string(prefix), each: form.problems(prefix, isPrefix: true)) }
        let name = metadata.text("name")
        if name.isEmpty {
            required(at / "name", "name or generateName is required")
        } else {
            self.name(name, form, at / "name")
        }
        if isNamespaced {
            let namespace = metadata.text("namespace")
            if namespace.isEmpty { required(at / "namespace") } else { self.name(namespace, .label, at / "namespace") }
        } else if !metadata.text("namespace").isEmpty {
            forbidden(at / "namespace", "not allowed on this type")
        }
        nonnegative(metadata.number("generation"), at / "generation")
        commonMetadata(metadata)
    }

    /// Labels, annotations, owners and finalizers.
    private mutating func commonMetadata(_ metadata: JSON) {
        let at = Self.metadataPath
        labels(metadata["labels"], at / "labels")
        annotations(metadata["annotations"], at / "annotations")
        owners(metadata.items("ownerReferences"), at / "ownerReferences")
        let finalizers = metadata.texts("finalizers")
        for finalizer in finalizers { qualifiedName(finalizer, at / "finalizers") }
        if finalizers.contains("orphan"), finalizers.contains("foregroundDeletion") {
            invalid(at / "finalizers", JSON(strings: finalizers), "finalizer orphan and foregroundDeletion cannot be both set")
        }
        for (index, finalizer) in finalizers.enumerated() { standardFinalizer(finalizer, (at / "finalizers")[index]) }
    }

    /// A finalizer without a domain is one of Kubernetes' own.
    mutating func standardFinalizer(_ finalizer: String, _ path: FieldPath) {
        guard !finalizer.contains("/"), !Self.finalizerNames.contains(finalizer) else { return }
        invalid(path, .string(finalizer), "name is neither a standard finalizer name nor is it fully qualified")
    }

    private mutating func owners(_ owners: [JSON], _ at: FieldPath) {
        var controller: String?
        for owner in owners {
            let apiVersion = owner.text("apiVersion")
            if apiVersion.split(separator: "/", omittingEmptySubsequences: false).last?.isEmpty ?? true {
                invalid(at / "apiVersion", .string(apiVersion), "version must not be empty")
            }
            for field in ["kind", "name", "uid"] where owner.text(field).isEmpty { invalid(at / field, "", "must not be empty") }
            if apiVersion == "v1", owner["kind"] == "Event" {
                invalid(at, owner, "/v1, Kind=Event is disallowed from being an owner")
            }
            guard owner.flag("controller") else { continue }
            let name = "\(owner.text("kind"))/\(owner.text("name"))"
            guard let first = controller else {
                controller = name
                continue
            }
            invalid(
                at, .array(owners),
                "Only one reference can have Controller set to true. Found \"true\" in references for \(first) and \(name)")
        }
    }

    /// `ValidateObjectMetaUpdate`.
    mutating func metadataUpdate(_ new: JSON, _ old: JSON) {
        let before = old["metadata"] ?? [:]
        let after = new["metadata"] ?? [:]
        let at = Self.metadataPath
        if before.present("deletionTimestamp") != nil {
            let known = Set(before.texts("finalizers"))
            let added = Set(after.texts("finalizers")).subtracting(known).sorted()
            if !added.isEmpty {
                let list = added.map { GoText.quoted($0) }.joined(separator: ", ")
                forbidden(
                    at / "finalizers",
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{\(list)}")
            }
        }
        for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            immutable(after.present(field), before.present(field), at / field)
        }
        commonMetadata(after)
    }
}
