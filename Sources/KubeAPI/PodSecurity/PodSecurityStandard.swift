public import JSON

/// The Pod Security Standards (`k8s.io/pod-security-admission/policy`): what a pod of a level may not ask for.
public enum PodSecurityStandard {
    /// A level; each allows less than the one before.
    public enum Level: String, Sendable, Hashable, Comparable, CaseIterable {
        case privileged, baseline, restricted

        /// By strictness.
        public static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// What of a pod a level forbids.
    public struct Violation: Sendable, Hashable {
        /// `privileged`, `host namespaces`.
        public let reason: String
        /// Who asks for it: `container "c" must not set …`; may be empty.
        public let detail: String

        /// Reason and detail.
        public var text: String { detail.isEmpty ? reason : "\(reason) (\(detail))" }
    }

    private typealias Check = @Sendable (Subject) -> Violation?

    /// What is wrong with the spec of a pod at a level, in the order of the checks' names, those of the baseline first.
    public static func violations(_ spec: JSON, _ level: Level) -> [Violation] {
        let subject = Subject(spec: spec)
        switch level {
        case .privileged: return []
        case .baseline: return baseline.compactMap { $0.check(subject) }
        case .restricted:
            let kept = baseline.filter { !overridden.contains($0.name) }
            return kept.compactMap { $0.check(subject) } + restricted.compactMap { $0(subject) }
        }
    }

    /// Checks of the baseline that have a stricter form at the level above.
    private static let overridden: Set<String> = ["capabilities", "hostPathVolumes", "seccompProfile"]

    private static let baseline: [(name: String, check: Check)] = [
        ("appArmorProfile", appArmor), ("capabilities", capabilities), ("hostNamespaces", hostNamespaces),
        ("hostPathVolumes", hostPathVolumes), ("hostPorts", hostPorts), ("privileged", privileged), ("procMount", procMount),
        ("seLinuxOptions", seLinux), ("seccompProfile", seccomp), ("sysctls", sysctls), ("windowsHostProcess", hostProcess),
    ]

    private static let restricted: [Check] = [
        escalation, restrictedCapabilities, restrictedVolumes, runAsNonRoot, runAsUser, restrictedSeccomp,
    ]

    // MARK: Baseline

    private static let defaultCapabilities: Set<String> = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
        "SETUID", "SYS_CHROOT",
    ]
    private static let safeSysctls: Set<String> = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    ]

    private static let appArmor: Check = { subject in
        let found = subject.setters(["appArmorProfile", "type"]) { $0 == "Unconfined" }
        guard !found.isEmpty else { return nil }
        return Violation(
            reason: "forbidden AppArmor profile", detail: "\(found.text) must not set AppArmor profile type to \"Unconfined\"")
    }

    private static func added(_ container: JSON) -> [String] {
        container.at("securityContext", "capabilities")?.texts("add") ?? []
    }

    private static let capabilities: Check = { subject in
        let bad = subject.containers.filter { !added($0).allSatisfy(defaultCapabilities.contains) }
        guard !bad.isEmpty else { return nil }
        let names = Set(bad.flatMap(added)).subtracting(defaultCapabilities)
        return Violation(
            reason: "non-default capabilities",
            detail: "\(Subject.named(bad)) must not include \(Subject.quoted(names)) in securityContext.capabilities.add")
    }

    private static let hostNamespaces: Check = { subject in
        let used = ["hostNetwork", "hostPID", "hostIPC"].filter { subject.spec.flag($0) }
        return used.isEmpty
            ? nil : Violation(reason: "host namespaces", detail: used.map { "\($0)=true" }.joined(separator: ", "))
    }

    private static let hostPathVolumes: Check = { subject in
        let names = subject.spec.items("volumes").filter { $0.present("hostPath") != nil }.map { $0.text("name") }
        guard !names.isEmpty else { return nil }
        return Violation(
            reason: "hostPath volumes",
            detail: "\(names.count == 1 ? "volume" : "volumes") \(names.map(GoText.quoted).joined(separator: ", "))")
    }

    private static let hostPorts: Check = { subject in
        func ports(_ container: JSON) -> [Int64] { container.items("ports").compactMap { $0.number("hostPort") }.filter { $0 != 0 } }
        let bad = subject.containers.filter { !ports($0).isEmpty }
        guard !bad.isEmpty else { return nil }
        let numbers = Set(bad.flatMap(ports).map(String.init)).sorted()
        return Violation(
            reason: "hostPort",
            detail: "\(Subject.named(bad)) \(bad.count == 1 ? "uses" : "use") \(numbers.count == 1 ? "hostPort" : "hostPorts") "
                + numbers.joined(separator: ", "))
    }

    private static let privileged: Check = { subject in
        let bad = subject.containers.filter { $0.at("securityContext", "privileged") == true }
        return bad.isEmpty
            ? nil
            : Violation(reason: "privileged", detail: "\(Subject.named(bad)) must not set securityContext.privileged=true")
    }

    private static let procMount: Check = { subject in
        func mount(_ container: JSON) -> String { container.at("securityContext", "procMount")?.string ?? "Default" }
        let bad = subject.containers.filter { mount($0) != "Default" }
        guard !bad.isEmpty else { return nil }
        return Violation(
            reason: "procMount",
            detail: "\(Subject.named(bad)) must not set securityContext.procMount to \(Subject.quoted(Set(bad.map(mount))))")
    }

    private static let seLinux: Check = { subject in
        let types: Set<String> = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"]
        func isBad(_ options: JSON) -> Bool {
            !types.contains(options.text("type")) || !options.text("user").isEmpty || !options.text("role").isEmpty
        }
        let found = subject.setters(["seLinuxOptions"], isBad)
        guard !found.isEmpty else { return nil }
        let bad = Set(found.values.map { $0.text("type") }.filter { !types.contains($0) })
        var parts: [String] = []
        if !bad.isEmpty { parts.append("\(bad.count == 1 ? "type" : "types") \(Subject.quoted(bad))") }
        for field in ["user", "role"] where found.values.contains(where: { !$0.text(field).isEmpty }) {
            parts.append("\(field) may not be set")
        }
        return Violation(
            reason: "seLinuxOptions",
            detail: "\(found.text) set forbidden securityContext.seLinuxOptions: \(parts.joined(separator: "; "))")
    }

    private static let seccomp: Check = { subject in
        let found = subject.setters(["seccompProfile", "type"]) { !["RuntimeDefault", "Localhost"].contains($0.string ?? "") }
        guard !found.isEmpty else { return nil }
        let types = Set(found.values.compactMap(\.string))
        return Violation(
            reason: "seccompProfile",
            detail: "\(found.text) must not set securityContext.seccompProfile.type to \(Subject.quoted(types))")
    }

    private static let sysctls: Check = { subject in
        let names = (subject.spec.at("securityContext", "sysctls")?.array ?? []).map { $0.text("name") }.filter {
            !safeSysctls.contains($0)
        }
        return names.isEmpty
            ? nil
            : Violation(reason: names.count == 1 ? "forbidden sysctl" : "forbidden sysctls", detail: names.joined(separator: ", "))
    }

    private static let hostProcess: Check = { subject in
        let found = subject.setters(["windowsOptions", "hostProcess"]) { $0 == true }
        return found.isEmpty
            ? nil
            : Violation(reason: "hostProcess", detail: "\(found.text) must not set securityContext.windowsOptions.hostProcess=true")
    }

    // MARK: Restricted

    private static let escalation: Check = { subject in
        guard !subject.isWindows else { return nil }
        let bad = subject.containers.filter { $0.at("securityContext", "allowPrivilegeEscalation") != false }
        return bad.isEmpty
            ? nil
            : Violation(
                reason: "allowPrivilegeEscalation != false",
                detail: "\(Subject.named(bad)) must set securityContext.allowPrivilegeEscalation=false")
    }

    private static let restrictedCapabilities: Check = { subject in
        guard !subject.isWindows else { return nil }
        let keeping = subject.containers.filter { container in
            !(container.at("securityContext", "capabilities")?.texts("drop").contains("ALL") ?? false)
        }
        let adding = subject.containers.filter { added($0).contains { $0 != "NET_BIND_SERVICE" } }
        var parts: [String] = []
        if !keeping.isEmpty { parts.append("\(Subject.named(keeping)) must set securityContext.capabilities.drop=[\"ALL\"]") }
        if !adding.isEmpty {
            let names = Set(adding.flatMap(added)).subtracting(["NET_BIND_SERVICE"])
            parts.append("\(Subject.named(adding)) must not include \(Subject.quoted(names)) in securityContext.capabilities.add")
        }
        return parts.isEmpty ? nil : Violation(reason: "unrestricted capabilities", detail: parts.joined(separator: "; "))
    }

    private static let restrictedVolumes: Check = { subject in
        let allowed: Set<String> = [
            "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
        ]
        var names: [String] = []
        var types: Set<String> = []
        for volume in subject.spec.items("volumes") {
            let sources = (volume.object?.members ?? []).filter { $0.key != "name" && !$0.value.isNull }.map(\.key)
            guard let type = sources.first, !sources.contains(where: allowed.contains) else { continue }
            names.append(volume.text("name"))
            types.insert(type)
        }
        guard !names.isEmpty else { return nil }
        let (volumes, use) = names.count == 1 ? ("volume", "uses") : ("volumes", "use")
        return Violation(
            reason: "restricted volume types",
            detail: "\(volumes) \(names.map(GoText.quoted).joined(separator: ", ")) \(use) restricted volume "
                + "\(types.count == 1 ? "type" : "types") \(Subject.quoted(types))")
    }

    private static let runAsNonRoot: Check = { subject in
        subject.demand(
            ["runAsNonRoot"], reason: "runAsNonRoot != true", isGood: { $0 == true },
            bad: { "\($0.text) must not set securityContext.runAsNonRoot=false" },
            missing: "must set securityContext.runAsNonRoot=true")
    }

    private static let runAsUser: Check = { subject in
        let found = subject.setters(["runAsUser"]) { $0 == 0 }
        return found.isEmpty ? nil : Violation(reason: "runAsUser=0", detail: "\(found.text) must not set runAsUser=0")
    }

    private static let restrictedSeccomp: Check = { subject in
        guard !subject.isWindows else { return nil }
        return subject.demand(
            ["seccompProfile", "type"], reason: "seccompProfile",
            isGood: { ["RuntimeDefault", "Localhost"].contains($0.string ?? "") },
            bad: { found in
                let types = Subject.quoted(Set(found.values.compactMap(\.string)))
                return "\(found.text) must not set securityContext.seccompProfile.type to \(types)"
            }, missing: "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"")
    }
}

extension PodSecurityStandard {
    /// The pod that is checked.
    private struct Subject: Sendable {
        let spec: JSON

        /// Who set a field of a security context to a forbidden value.
        struct Setters: Sendable {
            var pod: JSON?
            var containers: [(container: JSON, value: JSON)] = []

            var isEmpty: Bool { pod == nil && containers.isEmpty }
            var values: [JSON] { (pod.map { [$0] } ?? []) + containers.map(\.value) }
            /// `pod and containers "a", "b"`
            var text: String {
                ((pod == nil ? [] : ["pod"]) + (containers.isEmpty ? [] : [Subject.named(containers.map(\.container))]))
                    .joined(separator: " and ")
            }
        }

        var isWindows: Bool { spec.at("os", "name") == "windows" }

        /// All containers, those that begin first.
        var containers: [JSON] { spec.items("initContainers") + spec.items("containers") + spec.items("ephemeralContainers") }

        func setters(_ path: [String], _ isForbidden: (JSON) -> Bool) -> Setters {
            func value(_ owner: JSON) -> JSON? {
                guard let value = owner.value(at: ["securityContext"] + path), !value.isNull, isForbidden(value) else { return nil }
                return value
            }
            return Setters(pod: value(spec), containers: containers.compactMap { container in value(container).map { (container, $0) } })
        }

        /// A field that the pod or each container has to set: who set it wrong is told, else who did not set it.
        func demand(
            _ path: [String], reason: String, isGood: (JSON) -> Bool, bad: (Setters) -> String, missing: String
        ) -> Violation? {
            let found = setters(path) { !isGood($0) }
            if !found.isEmpty { return Violation(reason: reason, detail: bad(found)) }
            let field = ["securityContext"] + path
            if spec.value(at: field).map({ !$0.isNull }) ?? false { return nil }
            let silent = containers.filter { $0.value(at: field).map(\.isNull) ?? true }
            return silent.isEmpty ? nil : Violation(reason: reason, detail: "pod or \(Subject.named(silent)) \(missing)")
        }

        /// `container "a"`, `containers "a", "b"`
        static func named(_ containers: [JSON]) -> String {
            "\(containers.count == 1 ? "container" : "containers") "
                + containers.map { GoText.quoted($0.text("name")) }.joined(separator: ", ")
        }

        static func quoted(_ texts: Set<String>) -> String { texts.sorted().map(GoText.quoted).joined(separator: ", ") }
    }
}
