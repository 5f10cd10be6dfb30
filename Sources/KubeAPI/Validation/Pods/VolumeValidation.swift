import JSON

/// Checks of a pod's volumes (`ValidateVolumes`).
extension FieldErrorList {
    /// The kinds of volumes in the order in which they are looked at.
    private static let sources = [
        "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs", "flocker",
        "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc", "flexVolume", "configMap", "azureFile",
        "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral",
        "image",
    ]
    /// Where an error's path is not the field's name.
    private static let sourcePaths = ["gcePersistentDisk": "persistentDisk"]
    private static let refusalPaths = ["cephfs": "cephFS", "downwardAPI": "downwarAPI"]

    /// Checks volumes; the valid ones by name.
    mutating func volumes(_ volumes: [JSON], _ at: FieldPath, _ scope: PodScope) -> [String: JSON] {
        var valid: [String: JSON] = [:]
        let claims = Set(volumes.filter { $0.present("ephemeral") != nil }.map { "\(scope.podName)-\($0.text("name"))" })
        for (index, volume) in volumes.enumerated() {
            let path = at[index]
            let name = volume.text("name")
            var problems = FieldErrorList()
            problems.volumeSource(volume, path, scope)
            if name.isEmpty { problems.required(path / "name") } else { problems.dns1123Label(name, path / "name") }
            if valid[name] != nil { problems.duplicate(path / "name", .string(name)) }
            if problems.isEmpty { valid[name] = volume } else { append(contentsOf: problems) }
            if !scope.podName.isEmpty, let claim = volume.at("persistentVolumeClaim", "claimName")?.string, claims.contains(claim) {
                invalid(
                    path / "persistentVolumeClaim" / "claimName", .string(claim),
                    "must not reference a PVC that gets created for an ephemeral volume")
            }
        }
        return valid
    }

    private mutating func volumeSource(_ volume: JSON, _ at: FieldPath, _ scope: PodScope) {
        var count = 0
        for kind in Self.sources {
            guard let source = volume.present(kind) else { continue }
            guard count == 0 else {
                forbidden(at / (Self.refusalPaths[kind] ?? kind), "may not specify more than 1 volume type")
                continue
            }
            count += 1
            let path = at / (Self.sourcePaths[kind] ?? kind)
            switch kind {
            case "emptyDir":
                if let limit = source["sizeLimit"]?.string, let amount = QuantityValue(limit), amount < .zero {
                    forbidden(path / "sizeLimit", "SizeLimit field must be a valid resource quantity")
                }
            case "secret", "configMap":
                let name = kind == "secret" ? "secretName" : "name"
                if source.text(name).isEmpty { required(path / name) }
                fileMode(source, "defaultMode", path)
                for (index, item) in source.items("items").enumerated() { keyToPath(item, (path / "items")[index]) }
            case "downwardAPI":
                fileMode(source, "defaultMode", path)
                for file in source.items("items") { downwardFile(file, path) }
            case "persistentVolumeClaim": if source.text("claimName").isEmpty { required(path / "claimName") }
            case "projected": projected(source, path)
            case "ephemeral": ephemeral(source, volume, path, at, scope)
            case "image":
                if scope.isPod, source.text("reference").isEmpty { required(path / "reference") }
                oneOf(source.text("pullPolicy"), ["Always", "IfNotPresent", "Never"], path / "pullPolicy", requiredWhenEmpty: true)
            case "csi":
                csiDriverName(source.text("driver"), path / "driver")
                if let reference = source.present("nodePublishSecretRef") {
                    let name = reference.text("name")
                    if name.isEmpty { required(path / "nodePublishSecretRef" / "name") } else { dns1123Subdomain(name, path / "name") }
                }
            case "iscsi":
                iscsi(source, path, volumeName: nil)
                if source["initiatorName"]?.string != nil,
                    "\(volume.text("name")):\(source.text("targetPortal"))".utf8.count > 64
                {
                    invalid(
                        at / "name", volume["name"] ?? "",
                        "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified."
                    )
                }
            default: commonSource(kind, source, path, isPersistent: false)
            }
        }
        if count == 0 { required(at, "must specify a volume type") }
    }

    private mutating func ephemeral(_ source: JSON, _ volume: JSON, _ path: FieldPath, _ at: FieldPath, _ scope: PodScope) {
        guard let template = source.present("volumeClaimTemplate") else { return required(path / "volumeClaimTemplate") }
        let place = path / "volumeClaimTemplate"
        let metadata = template["metadata"] ?? [:]
        annotations(metadata["annotations"], place / "metadata" / "annotations")
        labels(metadata["labels"], place / "metadata" / "labels")
        for member in metadata.object?.members ?? [] where member.key != "labels" && member.key != "annotations" && !member.value.isNull {
            forbidden(place / "metadata" / member.key, "cannot be set")
        }
        claimSpec(template["spec"] ?? [:], place / "spec")
        let name = volume.text("name")
        guard !scope.podName.isEmpty, !name.isEmpty else { return }
        let claim = "\(scope.podName)-\(name)"
        invalid(
            at / "name", .string(name), each: NameForm.subdomain.problems(claim).map { "PVC name \(GoText.quoted(claim)): \($0)" })
    }

    private mutating func fileMode(_ source: JSON, _ field: String, _ at: FieldPath) {
        if let mode = source.number(field), !(0...0o777 ~= mode) {
            invalid(at / field, .integer(mode), "must be a number between 0 and 0777 (octal), both inclusive")
        }
    }

    private mutating func keyToPath(_ item: JSON, _ at: FieldPath) {
        if item.text("key").isEmpty { required(at / "key") }
        if item.text("path").isEmpty { required(at / "path") }
        localNonReservedPath(item.text("path"), at / "path")
        fileMode(item, "mode", at)
    }

    private mutating func downwardFile(_ file: JSON, _ at: FieldPath) {
        if file.text("path").isEmpty { required(at / "path") }
        localNonReservedPath(file.text("path"), at / "path")
        if let reference = file.present("fieldRef") {
            fieldSelector(reference, Self.downwardFieldPaths, at / "fieldRef")
            if file.present("resourceFieldRef") != nil {
                invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
            }
        } else if let reference = file.present("resourceFieldRef") {
            resourceSelector(reference, at / "resourceFieldRef", isVolume: true)
        } else {
            required(at, "one of fieldRef and resourceFieldRef is required")
        }
        fileMode(file, "mode", at)
    }

    private mutating func projected(_ source: JSON, _ at: FieldPath) {
        fileMode(source, "defaultMode", at)
        var paths: Set<String> = []
        func isTaken(_ path: String) -> Bool { !path.isEmpty && !paths.insert(path).inserted }
        let conflict = "conflicting duplicate paths"
        for (index, projection) in source.items("sources").enumerated() {
            let place = (at / "sources")[index]
            var count = 0
            for kind in ["secret", "configMap"] {
                guard let part = projection.present(kind) else { continue }
                count += 1
                if part.text("name").isEmpty { required(place / kind / "name") }
                for (position, item) in part.items("items").enumerated() {
                    keyToPath(item, (place / kind / "items")[position])
                    if isTaken(item.text("path")) { invalid(at, part["name"] ?? "", conflict) }
                }
            }
            if let part = projection.present("downwardAPI") {
                count += 1
                for file in part.items("items") {
                    downwardFile(file, place / "downwardAPI")
                    if isTaken(file.text("path")) { invalid(at, file["path"] ?? "", conflict) }
                }
            }
            if let part = projection.present("serviceAccountToken") {
                count += 1
                serviceAccountToken(part, place / "serviceAccountToken", at)
            }
            if let part = projection.present("clusterTrustBundle") {
                count += 1
                clusterTrustBundle(part, place / "clusterTrustBundle")
                if isTaken(part.text("path")) { invalid(at, part["path"] ?? "", conflict) }
            }
            if let part = projection.present("podCertificate") {
                count += 1
                podCertificate(part, place / "podCertificate")
            }
            if count > 1 { forbidden(place, "may not specify more than 1 volume type per source") }
        }
    }

    private mutating func serviceAccountToken(_ token: JSON, _ at: FieldPath, _ volume: FieldPath) {
        let seconds = token.number("expirationSeconds") ?? 0
        if seconds < 600 { invalid(at / "expirationSeconds", .integer(seconds), "may not specify a duration less than 10 minutes") }
        if seconds > 1 << 32 { invalid(at / "expirationSeconds", .integer(seconds), "may not specify a duration larger than 2^32 seconds") }
        let path = token.text("path")
        if path.isEmpty { required(volume / "path") } else { localNonReservedPath(path, volume / "path") }
    }

    private mutating func clusterTrustBundle(_ bundle: JSON, _ at: FieldPath) {
        let name = bundle["name"]?.string
        let signer = bundle["signerName"]?.string
        switch (name, signer) {
        case (.some, .some):
            invalid(at, GoForm.json(bundle, "core.v1.ClusterTrustBundleProjection"), "only one of name and signerName may be used")
        case (let name?, nil):
            if name.isEmpty { required(at / "name", "must be a valid object name") }
            let parts = name.split(separator: ":").map(String.init)
            invalid(
                at / "name", .string(name),
                each: NameForm.subdomain.problems(parts.last ?? "").map { "not a valid clustertrustbundlename: \($0)" })
            if let selector = bundle.present("labelSelector") {
                invalid(at / "labelSelector", selector, "labelSelector must be unset if name is specified")
            }
        case (nil, let signer?):
            if signer.isEmpty { required(at / "signerName", "must be a valid signer name") }
            signerName(signer, at / "signerName")
            labelSelector(bundle["labelSelector"], at / "labelSelector")
        case (nil, nil): required(at, "either name or signerName must be specified")
        }
        if bundle.text("path").isEmpty { required(at / "path") }
        localNonReservedPath(bundle.text("path"), at / "path")
    }

    private mutating func podCertificate(_ certificate: JSON, _ at: FieldPath) {
        signerName(certificate.text("signerName"), at / "signerName")
        oneOf(
            certificate.text("keyType"), ["ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096"], at / "keyType")
        if let seconds = certificate.number("maxExpirationSeconds") {
            if seconds < 3600 {
                invalid(at / "maxExpirationSeconds", .integer(seconds), "if provided, maxExpirationSeconds must be >= 3600")
            }
            if seconds > 7_862_400 {
                invalid(at / "maxExpirationSeconds", .integer(seconds), "if provided, maxExpirationSeconds must be <= 7862400")
            }
        }
        let paths = ["credentialBundlePath", "keyPath", "certificateChainPath"].filter { !certificate.text($0).isEmpty }
        if paths.isEmpty { required(at, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath") }
        for field in paths { localNonReservedPath(certificate.text(field), at / field) }
    }
}
