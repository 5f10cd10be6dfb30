import JSON

extension FieldErrorList {
    private static let fieldPaths = [
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
        "status.hostIPs", "status.podIP", "status.podIPs",
    ]
    private static let volumeFieldPaths = [
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
    ]
    private static let resourcePaths = [
        "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory",
    ]
    /// Fields that the downward API knows at all (`ConvertDownwardAPIFieldLabel`).
    private static let convertible: Set<String> = [
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
        "spec.restartPolicy", "spec.serviceAccountName", "spec.schedulerName", "status.phase", "status.hostIP", "status.hostIPs",
        "status.podIP", "status.podIPs", "spec.host",
    ]

    /// `ValidateEnv`.
    mutating func environment(_ variables: [JSON], _ at: FieldPath, _ context: PodContext) {
        for (index, variable) in variables.enumerated() {
            let path = at[index]
            let name = variable.text("name")
            if name.isEmpty {
                required(path / "name")
            } else {
                invalid(path / "name", .string(name), each: FormatChecks.environmentName(name))
            }
            if let source = variable.present("valueFrom") {
                environmentSource(source, hasValue: !variable.text("value").isEmpty, path / "valueFrom", context)
            }
        }
    }

    private mutating func environmentSource(_ source: JSON, hasValue: Bool, _ at: FieldPath, _ context: PodContext) {
        var count = 0
        if let reference = source.present("fieldRef") {
            count += 1
            fieldSelector(reference, Self.fieldPaths, at / "fieldRef")
        }
        if let reference = source.present("resourceFieldRef") {
            count += 1
            resourceSelector(reference, at / "resourceFieldRef", isVolume: false)
        }
        for field in ["configMapKeyRef", "secretKeyRef"] {
            guard let reference = source.present(field) else { continue }
            count += 1
            dns1123Subdomain(reference.text("name"), at / field / "name")
            configKey(reference.text("key"), at / field / "key")
        }
        if let reference = source.present("fileKeyRef") {
            count += 1
            fileKey(reference, at / "fileKeyRef", context)
        }
        if count == 0 {
            invalid(at, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`")
        } else if hasValue {
            invalid(at, "", "may not be specified when `value` is not empty")
        } else if count > 1 {
            invalid(at, "", "may not have more than one field specified at a time")
        }
    }

    private mutating func configKey(_ key: String, _ at: FieldPath) {
        if key.isEmpty { required(at) } else { invalid(at, .string(key), each: FormatChecks.configKey(key)) }
    }

    private mutating func fileKey(_ reference: JSON, _ at: FieldPath, _ context: PodContext) {
        let key = reference.text("key")
        if key.isEmpty { required(at / "key") } else { invalid(at / "key", .string(key), each: FormatChecks.environmentName(key)) }
        let volume = reference.text("volumeName")
        if volume.isEmpty {
            required(at / "volumeName")
        } else if let source = context.volumes[volume] {
            if source.present("emptyDir") == nil {
                invalid(at / "volumeName", .string(volume), "must be an emptyDir volume")
            }
        } else {
            notFound(at / "volumeName", .string(volume))
        }
        let path = reference.text("path")
        if path.isEmpty { required(at / "path") } else { localNonReservedPath(path, at / "path") }
    }

    /// `validateObjectFieldSelector`.
    mutating func fieldSelector(_ reference: JSON, _ expressions: [String], _ at: FieldPath) {
        let version = reference.text("apiVersion")
        let path = reference.text("fieldPath")
        if version.isEmpty { return required(at / "apiVersion") }
        if path.isEmpty { return required(at / "fieldPath") }
        var base = path
        var subscriptText: String?
        if path.hasSuffix("']"), let start = path.firstRange(of: "['") {
            base = String(path[..<start.lowerBound])
            subscriptText = String(path[start.upperBound...].dropLast(2))
        }
        guard version == "v1" else {
            return invalid(
                at / "fieldPath", .string(path),
                "error converting fieldPath: unsupported pod version: \(version)")
        }
        let isKnown = subscriptText == nil ? Self.convertible.contains(base) : ["metadata.annotations", "metadata.labels"].contains(base)
        guard isKnown else {
            let reason =
                subscriptText == nil ? "field label not supported: \(path)" : "field label does not support subscript: \(path)"
            return invalid(at / "fieldPath", .string(path), "error converting fieldPath: \(reason)")
        }
        if let subscriptText {
            qualifiedName(base == "metadata.annotations" ? subscriptText.lowercased() : subscriptText, at)
        } else if !expressions.contains(base) {
            notSupported(at / "fieldPath", .string(base), expressions)
        }
    }

    static let downwardFieldPaths = volumeFieldPaths

    /// `validateContainerResourceFieldSelector`.
    mutating func resourceSelector(_ reference: JSON, _ at: FieldPath, isVolume: Bool) {
        let resource = reference.text("resource")
        let isHugePages = resource.hasPrefix("requests.hugepages-") || resource.hasPrefix("limits.hugepages-")
        if isVolume, reference.text("containerName").isEmpty {
            required(at / "containerName")
        } else if resource.isEmpty {
            required(at / "resource")
        } else if !Self.resourcePaths.contains(resource), !isHugePages {
            notSupported(at / "resource", .string(resource), Self.resourcePaths)
        }
        let divisor = reference.text("divisor")
        guard !divisor.isEmpty, divisor != "0" else { return }
        let sizes = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"]
        let list = sizes.joined(separator: ", ")
        func refuse(_ text: String) { invalid(at / "divisor", .string(resource), text) }
        switch resource {
        case "limits.cpu", "requests.cpu":
            if divisor != "1", divisor != "1m" { refuse("only divisor's values 1m and 1 are supported with the cpu resource") }
        case "limits.memory", "requests.memory":
            if !sizes.contains(divisor) { refuse("only divisor's values \(list) are supported with the memory resource") }
        case "limits.ephemeral-storage", "requests.ephemeral-storage":
            if !sizes.contains(divisor) { refuse("only divisor's values \(list) are supported with the local ephemeral storage resource") }
        default:
            if isHugePages, !sizes.contains(divisor) { refuse("only divisor's values \(list) are supported with the hugepages resource") }
        }
    }

    /// `ValidateEnvFrom`.
    mutating func environmentSources(_ sources: [JSON], _ at: FieldPath) {
        for (index, source) in sources.enumerated() {
            let path = at[index]
            let prefix = source.text("prefix")
            if !prefix.isEmpty { invalid(path / "prefix", .string(prefix), each: FormatChecks.environmentName(prefix)) }
            var count = 0
            for field in ["configMapRef", "secretRef"] {
                guard let reference = source.present(field) else { continue }
                count += 1
                let name = reference.text("name")
                if name.isEmpty {
                    required(path / field / "name")
                } else {
                    invalid(path / field / "name", .string(name), each: NameForm.subdomain.problems(name, isPrefix: true))
                }
            }
            if count == 0 {
                invalid(at, "", "must specify one of: `configMapRef` or `secretRef`")
            } else if count > 1 {
                invalid(at, "", "may not have more than one field specified at a time")
            }
        }
    }
}
