import JSON

extension FieldErrorList {
    /// `ValidateVolumeMounts`.
    mutating func volumeMounts(_ container: JSON, _ at: FieldPath, _ context: PodContext) {
        let mounts = container.items("volumeMounts")
        guard !mounts.isEmpty else { return }
        let devices = container.items("volumeDevices")
        let deviceNames = Set(devices.map { $0.text("name") })
        let devicePaths = Set(devices.map { $0.text("devicePath") })
        let isPrivileged = container.at("securityContext", "privileged") == true
        var places: Set<String> = []
        for (index, mount) in mounts.enumerated() {
            let path = at[index]
            let name = mount.text("name")
            let place = mount.text("mountPath")
            if name.isEmpty { required(path / "name") }
            let volume = context.volumes[name]
            if volume == nil { notFound(path / "name", .string(name)) }
            if place.isEmpty { required(path / "mountPath") }
            if !places.insert(place).inserted { invalid(path / "mountPath", .string(place), "must be unique") }
            if deviceNames.contains(name) { invalid(path / "name", .string(name), "must not already exist in volumeDevices") }
            if devicePaths.contains(place) {
                invalid(path / "mountPath", .string(place), "must not already exist as a path in volumeDevices")
            }
            let subPath = mount.text("subPath")
            let expression = mount.text("subPathExpr")
            if volume?.present("image") != nil, !expression.isEmpty {
                invalid(path / "subPathExpr", .string(expression), "not allowed in image volume sources")
            }
            if !subPath.isEmpty { localDescendingPath(subPath, at / "subPath") }
            if !expression.isEmpty {
                if !subPath.isEmpty {
                    invalid(path / "subPathExpr", .string(expression), "subPathExpr and subPath are mutually exclusive")
                }
                localDescendingPath(expression, at / "subPathExpr")
            }
            if let propagation = mount["mountPropagation"]?.string {
                oneOf(propagation, ["Bidirectional", "HostToContainer", "None"], at / "mountPropagation")
                if propagation == "Bidirectional", !isPrivileged {
                    forbidden(
                        at / "mountPropagation", "Bidirectional mount propagation is available only to privileged containers")
                }
            }
            recursiveReadOnly(mount, at / "recursiveReadOnly")
        }
    }

    private mutating func recursiveReadOnly(_ mount: JSON, _ at: FieldPath) {
        guard let mode = mount["recursiveReadOnly"]?.string else { return }
        switch mode {
        case "Disabled": break
        case "Enabled", "IfPossible":
            if !mount.flag("readOnly") { forbidden(at, "may only be specified when readOnly is true") }
            if let propagation = mount["mountPropagation"]?.string, propagation != "None" {
                forbidden(at, "may only be specified when mountPropagation is None or not specified")
            }
        default: notSupported(at, .string(mode), ["Disabled", "Enabled", "IfPossible"])
        }
    }

    /// `ValidateVolumeDevices`.
    mutating func volumeDevices(_ container: JSON, _ at: FieldPath, _ context: PodContext) {
        let devices = container.items("volumeDevices")
        guard !devices.isEmpty else { return }
        let mountNames = Set(container.items("volumeMounts").map { $0.text("name") })
        let mountPaths = Set(container.items("volumeMounts").map { $0.text("mountPath") })
        var names: Set<String> = []
        var places: Set<String> = []
        for (index, device) in devices.enumerated() {
            let path = at[index]
            let name = device.text("name")
            let place = device.text("devicePath")
            if name.isEmpty { required(path / "name") }
            if names.contains(name) { invalid(path / "name", .string(name), "must be unique") }
            if let volume = context.volumes[name] {
                if volume.present("persistentVolumeClaim") == nil, volume.present("ephemeral") == nil {
                    invalid(
                        path / "name", .string(name),
                        "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode")
                }
            } else {
                notFound(path / "name", .string(name))
            }
            if place.isEmpty { required(path / "devicePath") }
            if places.contains(place) { invalid(path / "devicePath", .string(place), "must be unique") }
            if place.split(separator: "/").contains("..") {
                invalid(path / "devicePath", .string(place), "can not contain backsteps ('..')")
            } else {
                places.insert(place)
            }
            if mountNames.contains(name) { invalid(path / "name", .string(name), "must not already exist in volumeMounts") }
            if mountPaths.contains(place) {
                invalid(path / "devicePath", .string(place), "must not already exist as a path in volumeMounts")
            }
            if !name.isEmpty { names.insert(name) }
        }
    }

    // MARK: Paths

    /// `validateLocalDescendingPath`: relative, and not up.
    mutating func localDescendingPath(_ target: String, _ at: FieldPath) {
        if target.hasPrefix("/") { invalid(at, .string(target), "must be a relative path") }
        noBacksteps(target, at)
    }

    /// `validatePathNoBacksteps`.
    mutating func noBacksteps(_ target: String, _ at: FieldPath) {
        if target.split(separator: "/").contains("..") { invalid(at, .string(target), "must not contain '..'") }
    }

    /// `ValidateLocalNonReservedPath`.
    mutating func localNonReservedPath(_ target: String, _ at: FieldPath) {
        localDescendingPath(target, at)
        if target.hasPrefix(".."), !target.hasPrefix("../") { invalid(at, .string(target), "must not start with '..'") }
    }
}
