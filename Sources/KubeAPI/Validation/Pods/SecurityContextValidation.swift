import JSON

/// Checks of security contexts, and of what a pod for another operating system may have.
extension FieldErrorList {
    private mutating func userOrGroup(_ context: JSON, _ field: String, _ at: FieldPath) {
        if let id = context.number(field), !(0...Int64(Int32.max) ~= id) {
            invalid(at / field, .integer(id), FormatChecks.range(0, Int64(Int32.max)))
        }
    }

    /// `validatePodSpecSecurityContext`.
    mutating func podSecurityContext(_ spec: JSON, _ at: FieldPath) {
        guard let context = spec.present("securityContext") else { return }
        for field in ["fsGroup", "runAsUser", "runAsGroup"] { userOrGroup(context, field, at) }
        for (index, group) in context.items("supplementalGroups").enumerated() {
            if let id = group.integer, !(0...Int64(Int32.max) ~= id) {
                invalid((at / "supplementalGroups")[index], .integer(id), FormatChecks.range(0, Int64(Int32.max)))
            }
        }
        if spec.flag("shareProcessNamespace"), spec.flag("hostPID") {
            invalid(at / "shareProcessNamespace", true, "ShareProcessNamespace and HostPID cannot both be enabled")
        }
        sysctls(context.items("sysctls"), spec, at / "sysctls")
        if let policy = context["fsGroupChangePolicy"]?.string { oneOf(policy, ["Always", "OnRootMismatch"], at / "fsGroupChangePolicy") }
        seccompProfile(context.present("seccompProfile"), at / "seccompProfile")
        windowsOptions(context.present("windowsOptions"), at / "windowsOptions")
        appArmorProfile(context.present("appArmorProfile"), at / "appArmorProfile")
        if let policy = context["supplementalGroupsPolicy"]?.string { oneOf(policy, ["Merge", "Strict"], at / "supplementalGroupsPolicy") }
        if let policy = context["seLinuxChangePolicy"]?.string { oneOf(policy, ["MountOption", "Recursive"], at / "seLinuxChangePolicy") }
    }

    private mutating func sysctls(_ sysctls: [JSON], _ spec: JSON, _ at: FieldPath) {
        var names: Set<String> = []
        for (index, sysctl) in sysctls.enumerated() {
            let name = sysctl.text("name")
            let path = at[index] / "name"
            if name.isEmpty {
                required(path)
            } else if !Self.isSysctl(name) {
                invalid(
                    path, .string(name),
                    "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
                )
            } else if names.contains(name) {
                duplicate(path, .string(name))
            }
            let normal = name.replacing("/", with: ".")
            if spec.flag("hostNetwork"), normal.hasPrefix("net.") {
                invalid(path, .string(name), "may not be specified when 'hostNetwork' is true")
            }
            let isIPC =
                normal.hasPrefix("fs.mqueue.") || normal.hasPrefix("kernel.shm") || normal.hasPrefix("kernel.msg") || normal == "kernel.sem"
            if spec.flag("hostIPC"), isIPC { invalid(path, .string(name), "may not be specified when 'hostIPC' is true") }
            names.insert(name)
        }
    }

    private static func isSysctl(_ name: String) -> Bool {
        name.utf8.count <= 253
            && name.split(omittingEmptySubsequences: false) { $0 == "." || $0 == "/" }.allSatisfy {
                NameForm.isLabel(Substring($0.replacing("_", with: "-"))) && $0.first != "_" && $0.last != "_"
            }
    }

    /// `validateSeccompProfileField`.
    private mutating func seccompProfile(_ profile: JSON?, _ at: FieldPath) {
        guard let profile else { return }
        let type = profile.text("type")
        if type.isEmpty {
            required(at / "type", "type is required when seccompProfile is set")
        } else {
            oneOf(type, ["Localhost", "RuntimeDefault", "Unconfined"], at / "type")
        }
        let local = profile["localhostProfile"]?.string
        if type == "Localhost" {
            guard let local else { return required(at / "localhostProfile", "must be set when seccomp type is Localhost") }
            localDescendingPath(local, at / "localhostProfile")
        } else if local != nil {
            invalid(
                at / "localhostProfile", GoForm.json(profile, "core.v1.SeccompProfile"),
                "can only be set when seccomp type is Localhost")
        }
    }

    /// `ValidateAppArmorProfileField`.
    private mutating func appArmorProfile(_ profile: JSON?, _ at: FieldPath) {
        guard let profile else { return }
        let local = profile["localhostProfile"]?.string
        let path = at / "localhostProfile"
        switch profile.text("type") {
        case "Localhost":
            guard let local else { return required(path, "must be set when AppArmor type is Localhost") }
            if local.first?.isWhitespace ?? false || local.last?.isWhitespace ?? false {
                invalid(path, .string(local), "must not be padded with whitespace")
            } else if local.isEmpty {
                required(path, "must be set when AppArmor type is Localhost")
            }
            if local.utf8.count > 4095 { tooLong(path, 4095) }
        case "RuntimeDefault", "Unconfined":
            if let local { invalid(path, .string(local), "can only be set when AppArmor type is Localhost") }
        case "": required(at / "type", "type is required when appArmorProfile is set")
        case let other: notSupported(at / "type", .string(other), ["Localhost", "RuntimeDefault", "Unconfined"])
        }
    }

    /// `ValidateSecurityContext`.
    mutating func containerSecurityContext(_ context: JSON?, _ at: FieldPath, _ pod: PodContext) {
        guard let context else { return }
        for field in ["runAsUser", "runAsGroup"] { userOrGroup(context, field, at) }
        if let mount = context["procMount"]?.string {
            oneOf(mount, ["Default", "Unmasked"], at / "procMount")
            if pod.sharesUsers, mount == "Unmasked" {
                invalid(at / "procMount", .string(mount), "`hostUsers` must be false to use `Unmasked`")
            }
        }
        seccompProfile(context.present("seccompProfile"), at / "seccompProfile")
        if context["allowPrivilegeEscalation"]?.bool == false {
            let printed = GoForm.json(context, "core.v1.SecurityContext")
            if context.flag("privileged") {
                invalid(at, printed, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
            }
            for capability in context["capabilities"]?.texts("add") ?? [] where capability == "CAP_SYS_ADMIN" {
                invalid(at, printed, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")
            }
        }
        windowsOptions(context.present("windowsOptions"), at / "windowsOptions")
        appArmorProfile(context.present("appArmorProfile"), at / "appArmorProfile")
    }

    /// `validateWindowsSecurityContextOptions`.
    private mutating func windowsOptions(_ options: JSON?, _ at: FieldPath) {
        guard let options else { return }
        if let name = options["gmsaCredentialSpecName"]?.string { dns1123Subdomain(name, at / "gmsaCredentialSpecName") }
        if let spec = options["gmsaCredentialSpec"]?.string {
            if spec.isEmpty { invalid(at / "gmsaCredentialSpec", "", "gmsaCredentialSpec cannot be an empty string") }
            if spec.utf8.count > 64 << 10 {
                invalid(at / "gmsaCredentialSpec", .string(spec), "gmsaCredentialSpec size must be under 64 KiB")
            }
        }
        guard let user = options["runAsUserName"]?.string else { return }
        let path = at / "runAsUserName"
        func refuse(_ text: String) { invalid(path, .string(user), text) }
        let parts = user.split(separator: "\\", omittingEmptySubsequences: false)
        if user.isEmpty { return refuse("runAsUserName cannot be an empty string") }
        if user.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            return refuse("runAsUserName cannot contain control characters")
        }
        if parts.count > 2 { return refuse("runAsUserName cannot contain more than one backslash") }
        let name = parts.last ?? ""
        if parts.count == 2 {
            let domain = parts[0]
            if domain.utf8.count >= 256 { refuse("runAsUserName's Domain length must be under 256 characters") }
            let isNetBIOS = (1...15).contains(domain.count) && !domain.hasPrefix(".") && !domain.contains { "\\/:*?\"<>|".contains($0) }
            let isDNS = NameForm.isSubdomain(domain.lowercased())
            if !isNetBIOS, !isDNS { refuse("runAsUserName's Domain doesn't match the NetBios nor the DNS format") }
        }
        if name.isEmpty { refuse("runAsUserName's User cannot be empty") }
        if name.utf8.count > 104 { refuse("runAsUserName's User length must not be longer than 104 characters") }
        if !name.isEmpty, name.allSatisfy({ $0 == "." || $0 == " " }) {
            refuse("runAsUserName's User cannot contain only periods or spaces")
        }
        if name.contains(where: { "\"/\\:;|=,+*?<>@[]".contains($0) }) {
            refuse("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
        }
    }

    /// `validateWindowsHostProcessPod`.
    mutating func hostProcess(_ spec: JSON, _ at: FieldPath) {
        let pod = spec.at("securityContext", "windowsOptions", "hostProcess")?.bool
        let all = Self.containers(spec, at)
        var count = 0
        for (container, path) in all {
            let own = container.at("securityContext", "windowsOptions", "hostProcess")?.bool
            if let pod, let own, pod != own {
                invalid(
                    path / "securityContext" / "windowsOptions" / "hostProcess", .bool(own),
                    "pod hostProcess value must be identical if both are specified, was \(pod)")
            }
            if own ?? pod ?? false { count += 1 }
        }
        guard count > 0 else { return }
        if count != all.count {
            invalid(at, "", "If pod contains any hostProcess containers then all containers must be HostProcess containers")
        }
        if !spec.flag("hostNetwork") {
            invalid(at / "hostNetwork", false, "hostNetwork must be true if pod contains any hostProcess containers")
        }
    }

    /// `validateOS`, and what the pod's system forbids.
    mutating func operatingSystem(_ spec: JSON, _ at: FieldPath) {
        guard let system = spec.present("os") else { return }
        let name = system.text("name")
        if name.isEmpty { return required(at / "os" / "name", "cannot be empty") }
        let context = spec["securityContext"] ?? [:]
        let place = at / "securityContext"
        switch name {
        case "linux":
            let text = "windows options cannot be set for a linux pod"
            if context.present("windowsOptions") != nil { forbidden(place / "windowsOptions", text) }
            for (container, path) in Self.containers(spec, at) where container["securityContext"]?.present("windowsOptions") != nil {
                forbidden(path / "securityContext" / "windowsOptions", text)
            }
        case "windows": windowsPod(spec, context, at, place)
        default: notSupported(at / "os", .string(name), ["linux", "windows"])
        }
    }

    private mutating func windowsPod(_ spec: JSON, _ context: JSON, _ at: FieldPath, _ place: FieldPath) {
        let text = "cannot be set for a windows pod"
        for field in ["appArmorProfile", "seLinuxOptions"] where context.present(field) != nil { forbidden(place / field, text) }
        if spec.present("hostUsers") != nil { forbidden(at / "hostUsers", text) }
        for field in ["hostPID", "hostIPC"] where spec.flag(field) { forbidden(at / field, text) }
        for field in ["seccompProfile", "fsGroup", "fsGroupChangePolicy"] where context.present(field) != nil {
            forbidden(place / field, text)
        }
        if !context.items("sysctls").isEmpty { forbidden(place / "sysctls", text) }
        if spec.present("shareProcessNamespace") != nil { forbidden(at / "shareProcessNamespace", text) }
        for field in ["runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"]
        where context.present(field) != nil {
            forbidden(place / field, text)
        }
        for (container, path) in Self.containers(spec, at) {
            guard let own = container.present("securityContext") else { continue }
            for field in [
                "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
                "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
            ] where own.present(field) != nil {
                forbidden(path / "securityContext" / field, text)
            }
        }
    }
}
