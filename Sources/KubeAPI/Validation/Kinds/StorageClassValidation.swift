import JSON

/// Checks of the `storage.k8s.io` group (`pkg/apis/storage/validation/validation.go`).
extension FieldErrorList {
    private mutating func storageParameters(_ parameters: [JSONObject.Member], _ at: FieldPath, mayBeEmpty: Bool) {
        if parameters.count > 512 { return tooLong(at, 512) }
        if parameters.isEmpty, !mayBeEmpty { return required(at, "must contain at least one key/value pair") }
        var size = 0
        for member in parameters {
            if member.key.isEmpty { invalid(at, "", "field can not be empty.") }
            size += member.key.utf8.count + (member.value.string?.utf8.count ?? 0)
        }
        if size > 256 << 10 { tooLong(at, 256 << 10) }
    }

    private mutating func provisioner(_ name: String, _ at: FieldPath) {
        if name.isEmpty { return required(at) }
        invalid(at, .string(name), each: QualifiedName.problems(name.lowercased()))
    }

    /// `ValidateStorageClass`.
    mutating func storageClass(_ storage: JSON) {
        metadata(storage, .subdomain, isNamespaced: false)
        provisioner(storage.text("provisioner"), FieldPath("provisioner"))
        storageParameters(storage.entries("parameters"), FieldPath("parameters"), mayBeEmpty: true)
        let policy = storage.text("reclaimPolicy")
        if !policy.isEmpty { oneOf(policy, ["Delete", "Retain"], FieldPath("reclaimPolicy")) }
        let mode = storage["volumeBindingMode"]?.string
        if let mode {
            oneOf(mode, ["Immediate", "WaitForFirstConsumer"], FieldPath("volumeBindingMode"))
        } else {
            required(FieldPath("volumeBindingMode"))
        }
        for (index, term) in storage.items("allowedTopologies").enumerated() {
            var keys: Set<String> = []
            for (position, expression) in term.items("matchLabelExpressions").enumerated() {
                let path = (FieldPath("allowedTopologies")[index] / "matchLabelExpressions")[position]
                let values = expression.texts("values")
                if values.isEmpty { required(path / "values") }
                var seen: Set<String> = []
                for (place, value) in values.enumerated() where !seen.insert(value).inserted {
                    duplicate((path / "values")[place], .string(value))
                }
                let key = expression.text("key")
                qualifiedName(key, path / "key")
                if !keys.insert(key).inserted { duplicate(path / "key", .string(key)) }
            }
        }
    }

    /// `ValidateStorageClassUpdate`.
    mutating func storageClassUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
            immutable(new[field], old[field], FieldPath(field))
        }
    }

    /// `ValidateCSIDriver`.
    mutating func csiDriver(_ driver: JSON) {
        metadata(driver, .subdomain, isNamespaced: false)
        if driver.objectName.utf8.count > 63 { tooLong(FieldPath("name"), 63) }
        let spec = driver["spec"] ?? [:]
        let at = FieldPath("spec")
        for field in ["attachRequired", "podInfoOnMount", "storageCapacity"] where spec.present(field) == nil { required(at / field) }
        if let policy = spec["fsGroupPolicy"]?.string { oneOf(policy, ["File", "None", "ReadWriteOnceWithFSType"], at / "fsGroupPolicy") }
        var audiences: Set<String> = []
        for (index, request) in spec.items("tokenRequests").enumerated() {
            let path = (at / "tokenRequests")[index]
            let audience = request.text("audience")
            if !audiences.insert(audience).inserted { duplicate(path / "audience", .string(audience)) }
            guard let seconds = request.number("expirationSeconds") else { continue }
            if seconds < 600 { invalid(path / "expirationSeconds", .integer(seconds), "may not specify a duration less than 10 minutes") }
            if seconds > 1 << 32 {
                invalid(path / "expirationSeconds", .integer(seconds), "may not specify a duration larger than 2^32 seconds")
            }
        }
        for (index, mode) in spec.texts("volumeLifecycleModes").enumerated() {
            oneOf(mode, ["Ephemeral", "Persistent"], (at / "volumeLifecycleModes")[index])
        }
        if spec.present("seLinuxMount") == nil { required(at / "seLinuxMount") }
    }

    /// `ValidateCSIDriverUpdate`.
    mutating func csiDriverUpdate(_ new: JSON, _ old: JSON) {
        csiDriver(new)
        metadataUpdate(new, old)
        for field in ["attachRequired", "volumeLifecycleModes"] {
            immutable(new.at("spec", field), old.at("spec", field), FieldPath("spec") / field)
        }
    }

    /// `ValidateCSINode`.
    mutating func csiNode(_ node: JSON) {
        metadata(node, .subdomain, isNamespaced: false)
        var names: Set<String> = []
        for (index, driver) in (node["spec"]?.items("drivers") ?? []).enumerated() {
            let at = (FieldPath("spec") / "drivers")[index]
            csiDriverName(driver.text("name"), at / "name")
            let id = driver.text("nodeID")
            if id.isEmpty { required(at / "nodeID", id) }
            if id.utf8.count > 256 { invalid(at / "nodeID", .string(id), "must be 256 characters or less") }
            if let count = driver["allocatable"]?.number("count"), count < 0 {
                invalid(at / "allocatable" / "count", .integer(count), "must be greater than or equal to 0")
            }
            if !names.insert(driver.text("name")).inserted { duplicate(at / "name", driver["name"] ?? "") }
            var keys: Set<String> = []
            for key in driver.texts("topologyKeys") {
                if key.isEmpty { required(at / "topologyKeys", key) }
                if !keys.insert(key).inserted { duplicate(at / "topologyKeys", .string(key)) }
                qualifiedName(key, at / "topologyKeys")
            }
        }
    }

    /// `ValidateVolumeAttachment`.
    mutating func volumeAttachment(_ attachment: JSON) {
        metadata(attachment, .subdomain, isNamespaced: false)
        let spec = attachment["spec"] ?? [:]
        let at = FieldPath("spec")
        csiDriverName(spec.text("attacher"), at / "attacher")
        let name = spec.at("source", "persistentVolumeName")?.string
        let inline = spec["source"]?.present("inlineVolumeSpec")
        let path = at / "source"
        if name == nil, inline == nil {
            required(path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        } else if name != nil, inline != nil {
            forbidden(path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        } else if let name {
            if name.isEmpty { required(path / "persistentVolumeName", "must specify non empty persistentVolumeName") }
            dns1123Subdomain(name, path / "persistentVolumeName")
        }
        dns1123Subdomain(spec.text("nodeName"), at / "nodeName")
    }

    /// `ValidateVolumeAttachmentUpdate`.
    mutating func volumeAttachmentUpdate(_ new: JSON, _ old: JSON) {
        volumeAttachment(new)
        metadataUpdate(new, old)
        if new["spec"] != old["spec"] {
            invalid(FieldPath("spec"), GoForm.json(new["spec"], "storage.v1.VolumeAttachmentSpec"), Self.immutable)
        }
    }

    /// `ValidateCSIStorageCapacity`.
    mutating func csiStorageCapacity(_ capacity: JSON) {
        metadata(capacity, .subdomain, isNamespaced: true)
        labelSelector(capacity["nodeTopology"], FieldPath("nodeTopology"))
        dns1123Subdomain(capacity.text("storageClassName"), FieldPath("storageClassName"))
        for field in ["capacity", "maximumVolumeSize"] {
            if let text = capacity[field]?.string, let amount = QuantityValue(text), amount < .zero {
                invalid(FieldPath(field), .string(text), "must be greater than or equal to 0")
            }
        }
    }

    /// `ValidateVolumeAttributesClass`.
    mutating func volumeAttributesClass(_ attributes: JSON) {
        metadata(attributes, .subdomain, isNamespaced: false)
        provisioner(attributes.text("driverName"), FieldPath("driverName"))
        storageParameters(attributes.entries("parameters"), FieldPath("parameters"), mayBeEmpty: false)
    }
}
