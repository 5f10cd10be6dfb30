import JSON

/// Checks of the volume kinds that pods and persistent volumes share.
extension FieldErrorList {
    /// Fields that a kind of volume cannot do without.
    private static let requiredFields: [String: [String]] = [
        "awsElasticBlockStore": ["volumeID"], "gcePersistentDisk": ["pdName"], "glusterfs": ["endpoints", "path"],
        "azureFile": ["secretName", "shareName"], "vsphereVolume": ["volumePath"], "photonPersistentDisk": ["pdID"],
        "portworxVolume": ["volumeID"], "scaleIO": ["gateway", "system", "volumeName"], "flexVolume": ["driver"], "cinder": ["volumeID"],
        "azureDisk": ["diskName", "diskURI"],
    ]

    /// Checks a source by its kind.
    mutating func commonSource(_ kind: String, _ source: JSON, _ at: FieldPath, isPersistent: Bool) {
        for field in Self.requiredFields[kind] ?? [] where source.text(field).isEmpty { required(at / field) }
        switch kind {
        case "hostPath": hostPath(source, at)
        case "gitRepo":
            if source.text("repository").isEmpty { required(at / "repository") }
            localDescendingPath(source.text("directory"), at / "directory")
        case "gcePersistentDisk", "awsElasticBlockStore":
            if let partition = source.number("partition"), !(0...255 ~= partition) {
                invalid(at / "partition", .integer(partition), FormatChecks.range(1, 255))
            }
        case "nfs":
            if source.text("server").isEmpty { required(at / "server") }
            if source.text("path").isEmpty { required(at / "path") }
            if !source.text("path").hasPrefix("/") { invalid(at / "path", source["path"] ?? "", "must be an absolute path") }
        case "rbd":
            if source.items("monitors").isEmpty { required(at / "monitors") }
            if source.text("image").isEmpty { required(at / "image") }
        case "cephfs": if source.items("monitors").isEmpty { required(at / "monitors") }
        case "flocker": flocker(source, at)
        case "fc": fibreChannel(source, at)
        case "flexVolume": flexOptions(source, at)
        case "azureFile":
            if isPersistent, source["secretNamespace"]?.string == "" { required(at / "secretNamespace") }
        case "azureDisk": azureDisk(source, at)
        case "quobyte": quobyte(source, at)
        case "storageos": storageOS(source, at, isPersistent: isPersistent)
        case "cinder": secretReference(source.present("secretRef"), at / "secretRef", needsNamespace: isPersistent)
        case "glusterfs":
            if let namespace = source["endpointsNamespace"]?.string {
                if namespace.isEmpty {
                    invalid(
                        at / "endpointsNamespace", "", "if the endpointnamespace is set, it must be a valid namespace name")
                } else {
                    name(namespace, .label, at / "endpointsNamespace")
                }
            }
        default: break
        }
    }

    private mutating func hostPath(_ source: JSON, _ at: FieldPath) {
        if source.text("path").isEmpty { return required(at / "path") }
        noBacksteps(source.text("path"), at / "path")
        if let type = source["type"]?.string {
            oneOf(
                type, ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"], at / "type")
        }
    }

    private mutating func secretReference(_ reference: JSON?, _ at: FieldPath, needsNamespace: Bool) {
        guard let reference else { return }
        if reference.text("name").isEmpty { required(at / "name") }
        if needsNamespace, reference.text("namespace").isEmpty { required(at / "namespace") }
    }

    private mutating func flocker(_ source: JSON, _ at: FieldPath) {
        let name = source.text("datasetName")
        let uuid = source.text("datasetUUID")
        if name.isEmpty, uuid.isEmpty { required(at, "one of datasetName and datasetUUID is required") }
        if !name.isEmpty, !uuid.isEmpty { invalid(at, "resource", "datasetName and datasetUUID can not be specified simultaneously") }
        if name.contains("/") { invalid(at / "datasetName", .string(name), "must not contain '/'") }
    }

    private mutating func fibreChannel(_ source: JSON, _ at: FieldPath) {
        let names = source.items("targetWWNs")
        let ids = source.items("wwids")
        if names.isEmpty, ids.isEmpty { required(at / "targetWWNs", "must specify either targetWWNs or wwids, but not both") }
        if !names.isEmpty, !ids.isEmpty {
            invalid(at / "targetWWNs", .array(names), "targetWWNs and wwids can not be specified simultaneously")
        }
        guard !names.isEmpty else { return }
        guard let lun = source.number("lun") else { return required(at / "lun", "lun is required if targetWWNs is specified") }
        if !(0...255 ~= lun) { invalid(at / "lun", .integer(lun), FormatChecks.range(0, 255)) }
    }

    private mutating func flexOptions(_ source: JSON, _ at: FieldPath) {
        for member in source.entries("options") {
            let domain = "." + (member.key.split(separator: "/", maxSplits: 1).first ?? "").lowercased()
            if domain.hasSuffix(".kubernetes.io") || domain.hasSuffix(".k8s.io") {
                invalid(
                    (at / "options").key(member.key), .string(member.key), "kubernetes.io and k8s.io namespaces are reserved")
            }
        }
    }

    private mutating func azureDisk(_ source: JSON, _ at: FieldPath) {
        if let mode = source["cachingMode"]?.string { oneOf(mode, ["None", "ReadOnly", "ReadWrite"], at / "cachingMode") }
        guard let kind = source["kind"]?.string else { return }
        oneOf(kind, ["Dedicated", "Managed", "Shared"], at / "kind")
        let uri = source.text("diskURI")
        if kind == "Managed", !uri.hasPrefix("/subscriptions/") {
            notSupported(
                at / "diskURI", .string(uri),
                ["/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"])
        }
        if kind != "Managed", !uri.hasPrefix("https://") {
            notSupported(
                at / "diskURI", .string(uri), ["https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"])
        }
    }

    private mutating func quobyte(_ source: JSON, _ at: FieldPath) {
        let pairs = "must be a host:port pair or multiple pairs separated by commas"
        let registry = source.text("registry")
        if registry.isEmpty {
            required(at / "registry", pairs)
        } else if source.text("tenant").utf8.count >= 65 {
            required(at / "tenant", "must be a UUID and may not exceed a length of 64 characters")
        } else {
            for pair in registry.split(separator: ",", omittingEmptySubsequences: false)
            where pair.split(separator: ":", omittingEmptySubsequences: false).count != 2 {
                invalid(at / "registry", .string(registry), pairs)
            }
        }
        if source.text("volume").isEmpty { required(at / "volume") }
    }

    private mutating func storageOS(_ source: JSON, _ at: FieldPath, isPersistent: Bool) {
        let name = source.text("volumeName")
        if name.isEmpty { required(at / "volumeName") } else { dns1123Label(name, at / "volumeName") }
        let namespace = source.text("volumeNamespace")
        if !namespace.isEmpty { dns1123Label(namespace, at / "volumeNamespace") }
        secretReference(source.present("secretRef"), at / "secretRef", needsNamespace: isPersistent)
    }

    /// An iSCSI target; with a name it is a persistent volume's.
    mutating func iscsi(_ source: JSON, _ at: FieldPath, volumeName: String?) {
        let isPersistent = volumeName != nil
        let portal = source.text("targetPortal")
        if portal.isEmpty { required(at / "targetPortal") }
        let initiator = source["initiatorName"]?.string
        if let volumeName, initiator != nil, "\(volumeName):\(portal)".utf8.count > 64 {
            invalid(
                at / "targetportal", .string(portal),
                "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.")
        }
        let unknown = isPersistent ? "must be valid format" : "must be valid format starting with iqn, eui, or naa"
        let name = source.text("iqn")
        if name.isEmpty { required(at / "iqn") } else { qualifiedISCSIName(name, at / "iqn", unknown) }
        if let lun = source.number("lun"), !(0...255 ~= lun) { invalid(at / "lun", .integer(lun), FormatChecks.range(0, 255)) }
        if source.flag("chapAuthDiscovery") || source.flag("chapAuthSession"), source.present("secretRef") == nil {
            required(at / "secretRef")
        }
        if isPersistent, let reference = source.present("secretRef"), reference.text("name").isEmpty {
            required(at / "secretRef" / "name")
        }
        if let initiator { qualifiedISCSIName(initiator, at / "initiatorname", unknown) }
    }

    private mutating func qualifiedISCSIName(_ name: String, _ at: FieldPath, _ unknown: String) {
        func isAlphanumeric(_ text: Substring, _ count: Int) -> Bool {
            text.utf8.count == count && text.unicodeScalars.allSatisfy(FormatChecks.isWord)
        }
        switch name.prefix(3) {
        case "iqn":
            let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
            let date = parts.count == 3 ? parts[1].split(separator: "-", omittingEmptySubsequences: false) : []
            let isDated = date.count == 2 && date[0].count == 4 && date[1].count == 2 && date.joined().allSatisfy(\.isNumber)
            if !isDated || parts.last?.isEmpty ?? true { invalid(at, .string(name), "must be valid format") }
        case "eui": if !isAlphanumeric(name.dropFirst(4), 16) { invalid(at, .string(name), "must be valid format") }
        case "naa": if !isAlphanumeric(name.dropFirst(4), 32) { invalid(at, .string(name), "must be valid format") }
        default: invalid(at, .string(name), unknown)
        }
    }

    /// `ValidateCSIDriverName`.
    mutating func csiDriverName(_ name: String, _ at: FieldPath) {
        if name.isEmpty { return required(at) }
        if name.utf8.count > 63 { tooLong(at, 63) }
        invalid(at, .string(name), each: NameForm.subdomain.problems(name.lowercased()))
    }
}
