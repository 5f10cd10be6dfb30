import JSON

/// Checks of persistent volumes and claims.
extension FieldErrorList {
    private static let accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]

    private mutating func accessModes(_ modes: [String], _ at: FieldPath) {
        for mode in modes { oneOf(mode, Self.accessModes, at) }
        let known = modes.filter { Self.accessModes.contains($0) }
        if known.contains("ReadWriteOncePod"), known.contains(where: { $0 != "ReadWriteOncePod" }) {
            forbidden(at, "may not use ReadWriteOncePod with other access modes")
        }
    }

    /// `ValidatePersistentVolume`.
    mutating func persistentVolume(_ volume: JSON) {
        metadata(volume, .subdomain, isNamespaced: false)
        volumeSpec(volume["spec"] ?? [:], FieldPath("spec"), name: volume.objectName)
    }

    /// `ValidatePersistentVolumeSpec`.
    private mutating func volumeSpec(_ spec: JSON, _ at: FieldPath, name: String) {
        let modes = spec.texts("accessModes")
        if modes.isEmpty { required(at / "accessModes") }
        accessModes(modes, at / "accessModes")
        let capacity = spec.entries("capacity")
        if capacity.isEmpty { required(at / "capacity") }
        if capacity.count > 1 || spec.at("capacity", "storage") == nil {
            notSupported(at / "capacity", capacity.isEmpty ? .null : spec["capacity"] ?? .null, ["storage"])
        }
        for member in capacity {
            guard let text = member.value.string, let amount = QuantityValue(text) else { continue }
            let path = (at / "capacity").key(member.key)
            if amount.value < 0 { invalid(path, .integer(amount.value), "must be a valid resource quantity") }
            if amount <= .zero { invalid(path, .string(text), "must be greater than zero") }
        }
        let policy = spec.text("persistentVolumeReclaimPolicy")
        if !policy.isEmpty { oneOf(policy, ["Delete", "Recycle", "Retain"], at / "persistentVolumeReclaimPolicy") }
        if let affinity = spec.present("nodeAffinity") {
            if let selector = affinity.present("required") {
                nodeSelector(selector, at / "nodeAffinity" / "required")
            } else {
                required(at / "nodeAffinity" / "required", "must specify required node constraints")
            }
        }
        volumeSources(spec, at, name: name)
        if let path = spec.at("hostPath", "path")?.string, policy == "Recycle",
            path.split(separator: "/").allSatisfy({ $0 == "." }), path.hasPrefix("/")
        {
            forbidden(at / "persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
        }
        if !spec.text("storageClassName").isEmpty { dns1123Subdomain(spec.text("storageClassName"), at / "storageClassName") }
        if let mode = spec["volumeMode"]?.string { oneOf(mode, ["Block", "Filesystem"], at / "volumeMode") }
        guard let attributes = spec["volumeAttributesClassName"]?.string else { return }
        if attributes.isEmpty {
            required(at / "volumeAttributesClassName", "an empty string is disallowed")
        } else {
            dns1123Subdomain(attributes, at / "volumeAttributesClassName")
        }
        if spec.present("csi") == nil { required(at / "csi", "has to be specified when using volumeAttributesClassName") }
    }

    private static let volumeSourceOrder = [
        "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs", "iscsi",
        "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "scaleIO",
        "local",
        "storageos", "csi",
    ]

    private mutating func volumeSources(_ spec: JSON, _ at: FieldPath, name: String) {
        var count = 0
        for kind in Self.volumeSourceOrder {
            guard let source = spec.present(kind) else { continue }
            guard count == 0 || kind == "flexVolume" else {
                forbidden(at / (kind == "cephfs" ? "cephFS" : kind), "may not specify more than 1 volume type")
                continue
            }
            count += 1
            let path = at / (kind == "gcePersistentDisk" ? "persistentDisk" : kind)
            switch kind {
            case "iscsi": iscsi(source, path, volumeName: name)
            case "local":
                if source.text("path").isEmpty { required(path / "path") } else { noBacksteps(source.text("path"), path / "path") }
                if spec.present("nodeAffinity") == nil { required(at / "nodeAffinity", "Local volume requires node affinity") }
            case "csi": csiVolume(source, path)
            default: commonSource(kind, source, path, isPersistent: true)
            }
        }
        if count == 0 { required(at, "must specify a volume type") }
    }

    private mutating func csiVolume(_ source: JSON, _ at: FieldPath) {
        csiDriverName(source.text("driver"), at / "driver")
        if source.text("volumeHandle").isEmpty { required(at / "volumeHandle") }
        for field in ["controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"] {
            guard let reference = source.present(field) else { continue }
            let path = at / field
            let name = reference.text("name")
            if name.isEmpty { required(path / "name") } else { dns1123Subdomain(name, path / "name") }
            let namespace = reference.text("namespace")
            if namespace.isEmpty { required(path / "namespace") } else { dns1123Label(namespace, path / "namespace") }
        }
    }

    /// `ValidatePersistentVolumeUpdate`.
    mutating func persistentVolumeUpdate(_ new: JSON, _ old: JSON) {
        persistentVolume(new)
        var spec = new["spec"] ?? [:]
        let before = old["spec"] ?? [:]
        if before.present("csi") != nil, before.at("csi", "controllerExpandSecretRef") == nil {
            spec.remove(at: ["csi", "controllerExpandSecretRef"])
        }
        func sources(_ spec: JSON) -> JSON {
            var result: JSON = [:]
            for kind in GoForm.persistentVolumeSources { result[kind] = spec.present(kind) }
            return result
        }
        if sources(spec) != sources(before) {
            let difference = GoForm.difference(sources(before), sources(spec), "core.v1.PersistentVolumeSpec")
            forbidden(
                FieldPath("spec") / "persistentvolumesource",
                "spec.persistentvolumesource is immutable after creation\n\(difference)")
        }
        immutable(spec["volumeMode"], before["volumeMode"], FieldPath("volumeMode"))
        if let affinity = before.present("nodeAffinity"), spec.present("nodeAffinity") != affinity {
            invalid(
                FieldPath("nodeAffinity"), GoForm.json(spec["nodeAffinity"], "core.v1.VolumeNodeAffinity"),
                "field is immutable, except for updating from beta label to GA")
        }
        if before.present("volumeAttributesClassName") != nil, spec.present("volumeAttributesClassName") == nil {
            forbidden(FieldPath("spec") / "volumeAttributesClassName", "update from non-nil value to nil is forbidden")
        }
    }

    /// `ValidatePersistentVolumeClaimSpec`.
    mutating func claimSpec(_ spec: JSON, _ at: FieldPath) {
        let modes = spec.texts("accessModes")
        if modes.isEmpty { required(at / "accessModes", "at least 1 access mode is required") }
        labelSelector(spec["selector"], at / "selector")
        accessModes(modes, at / "accessModes")
        let path = (at / "resources").key("storage")
        if let text = spec.at("resources", "requests", "storage")?.string {
            if let amount = QuantityValue(text), amount <= .zero { invalid(path, .string(text), "must be greater than zero") }
        } else {
            required(path)
        }
        if !spec.text("storageClassName").isEmpty { dns1123Subdomain(spec.text("storageClassName"), at / "storageClassName") }
        if let mode = spec["volumeMode"]?.string { oneOf(mode, ["Block", "Filesystem"], at / "volumeMode") }
        let source = spec.present("dataSource")
        let reference = spec.present("dataSourceRef")
        if let source { dataSource(source, at / "dataSource") }
        if let reference {
            dataSource(reference, at / "dataSourceRef")
            let namespace = reference.text("namespace")
            if !namespace.isEmpty { name(namespace, .label, at / "dataSourceRef" / "namespace") }
        }
        if let source, let reference {
            if !reference.text("namespace").isEmpty {
                invalid(at, [:], "may not be specified when dataSourceRef.namespace is specified")
            } else if ["apiGroup", "kind", "name"].contains(where: { source[$0] != reference[$0] }) {
                invalid(at, [:], "must match dataSourceRef")
            }
        }
        let attributes = spec.text("volumeAttributesClassName")
        if !attributes.isEmpty { dns1123Subdomain(attributes, at / "volumeAttributesClassName") }
    }

    private mutating func dataSource(_ source: JSON, _ at: FieldPath) {
        if source.text("name").isEmpty { required(at / "name") }
        if source.text("kind").isEmpty { required(at / "kind") }
        let group = source.text("apiGroup")
        if group.isEmpty, source["kind"] != "PersistentVolumeClaim" {
            invalid(at, source["kind"] ?? "", "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
        }
        if !group.isEmpty { dns1123Subdomain(group, at / "apiGroup") }
    }

    /// `ValidatePersistentVolumeClaim`.
    mutating func claim(_ claim: JSON) {
        metadata(claim, .subdomain, isNamespaced: true)
        claimSpec(claim["spec"] ?? [:], FieldPath("spec"))
    }

    /// `ValidatePersistentVolumeClaimUpdate`.
    mutating func claimUpdate(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        claim(new)
        var spec = new["spec"] ?? [:]
        var before = old["spec"] ?? [:]
        if before.text("volumeName").isEmpty { before["volumeName"] = spec["volumeName"] }
        let annotation = "volume.beta.kubernetes.io/storage-class"
        let oldClass = old.at("metadata", "annotations", annotation)?.string
        let newClass = new.at("metadata", "annotations", annotation)?.string
        let name = spec["storageClassName"]?.string
        if let oldClass, before.present("storageClassName") == nil, name == oldClass, newClass == nil || newClass == oldClass {
            spec["storageClassName"] = nil
        } else {
            if oldClass ?? "" != newClass ?? "" {
                invalid(FieldPath("metadata") / "annotations" / annotation, .string(newClass ?? ""), Self.immutable)
            }
            if name != nil, before.present("storageClassName") == nil, oldClass == nil || name == oldClass {
                spec["storageClassName"] = before["storageClassName"]
            }
        }
        if new.at("status", "phase") == "Bound" {
            if spec.at("resources", "requests") != nil {
                spec.set(before.at("resources", "requests", "storage"), at: ["resources", "requests", "storage"])
            }
            if spec.present("volumeAttributesClassName") != nil { spec["volumeAttributesClassName"] = before["volumeAttributesClassName"] }
        }
        if spec != before {
            forbidden(
                FieldPath("spec"),
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
                    + GoForm.difference(before, spec, "core.v1.PersistentVolumeClaimSpec"))
        }
        claimSizeUpdate(new, old)
        immutable(new.at("spec", "volumeMode"), old.at("spec", "volumeMode"), FieldPath("volumeMode"))
        let path = FieldPath("spec") / "volumeAttributesClassName"
        if old.at("spec", "volumeAttributesClassName")?.string != nil {
            switch new.at("spec", "volumeAttributesClassName")?.string {
            case nil: forbidden(path, "update from non-nil value to nil is forbidden")
            case ""?: forbidden(path, "update from non-nil value to an empty string is forbidden")
            default: break
            }
        }
    }

    private mutating func claimSizeUpdate(_ new: JSON, _ old: JSON) {
        func amount(_ object: JSON, _ path: [String]) -> QuantityValue {
            object.value(at: path)?.string.flatMap { QuantityValue($0) } ?? .zero
        }
        let size = amount(new, ["spec", "resources", "requests", "storage"])
        let present = amount(old, ["status", "capacity", "storage"])
        if size < amount(old, ["spec", "resources", "requests", "storage"]), size <= present {
            forbidden(FieldPath("spec") / "resources" / "requests" / "storage", "field can not be less than status.capacity")
        }
    }
}
