import JSON

extension FieldErrorList {
    /// `ValidatePodSpec`.
    mutating func podSpec(_ spec: JSON, _ at: FieldPath, _ scope: PodScope) {
        let grace = spec.number("terminationGracePeriodSeconds")
        if grace == nil { required(at / "terminationGracePeriodSeconds") }
        let context = PodContext(
            volumes: volumes(spec.items("volumes"), at / "volumes", scope),
            claims: Set(spec.items("resourceClaims").map { $0.text("name") }),
            gracePeriod: grace, restartPolicy: spec.text("restartPolicy"), sharesUsers: spec["hostUsers"]?.bool ?? true)
        podClaims(spec.items("resourceClaims"), at / "resourceClaims")
        containers(spec.items("containers"), at / "containers", context)
        initContainers(spec, at / "initContainers", context)
        ephemeralContainers(spec, at / "ephemeralContainers", context)
        podResources(spec, at / "resources", context)
        hostPorts(spec, at, scope)
        oneOf(spec.text("restartPolicy"), ["Always", "OnFailure", "Never"], at / "restartPolicy", requiredWhenEmpty: true)
        oneOf(
            spec.text("dnsPolicy"), ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], at / "dnsPolicy",
            requiredWhenEmpty: true)
        labels(spec["nodeSelector"], at / "nodeSelector")
        podSecurityContext(spec, at / "securityContext")
        affinity(spec["affinity"], at / "affinity")
        dnsConfig(spec, at / "dnsConfig")
        for (index, gate) in spec.items("readinessGates").enumerated() {
            qualifiedName(gate.text("conditionType"), (at / "readinessGates")[index] / "conditionType")
        }
        schedulingGates(spec.items("schedulingGates"), at / "schedulingGates")
        topologySpread(spec.items("topologySpreadConstraints"), at / "topologySpreadConstraints")
        hostProcess(spec, at)
        hostUsers(spec, at)
        namesOfSpec(spec, at)
        operatingSystem(spec, at)
    }

    private mutating func namesOfSpec(_ spec: JSON, _ at: FieldPath) {
        for (field, form) in [("serviceAccountName", NameForm.subdomain), ("nodeName", .subdomain)] where !spec.text(field).isEmpty {
            name(spec.text(field), form, at / field)
        }
        if let seconds = spec.number("activeDeadlineSeconds"), !(1...Int64(Int32.max) ~= seconds) {
            invalid(at / "activeDeadlineSeconds", .integer(seconds), FormatChecks.range(1, Int64(Int32.max)))
        }
        if !spec.text("hostname").isEmpty { dns1123Label(spec.text("hostname"), at / "hostname") }
        if !spec.text("subdomain").isEmpty { dns1123Label(spec.text("subdomain"), at / "subdomain") }
        tolerations(spec.items("tolerations"), at / "tolerations")
        for (index, alias) in spec.items("hostAliases").enumerated() {
            let path = (at / "hostAliases")[index]
            address(alias.text("ip"), path / "ip")
            for (position, host) in alias.texts("hostnames").enumerated() { dns1123Subdomain(host, (path / "hostnames")[position]) }
        }
        if !spec.text("priorityClassName").isEmpty { dns1123Subdomain(spec.text("priorityClassName"), at / "priorityClassName") }
        if let runtime = spec["runtimeClassName"]?.string { dns1123Subdomain(runtime, at / "runtimeClassName") }
        if let policy = spec["preemptionPolicy"]?.string {
            oneOf(policy, ["PreemptLowerPriority", "Never"], at / "preemptionPolicy", requiredWhenEmpty: true)
        }
        if let overhead = spec.present("overhead") { resourceRequirements(["limits": overhead], [], at / "overhead") }
    }

    private mutating func hostPorts(_ spec: JSON, _ at: FieldPath, _ scope: PodScope) {
        guard spec.flag("hostNetwork") else { return }
        for (index, container) in spec.items("containers").enumerated() {
            for (position, port) in container.items("ports").enumerated() {
                let host = port.number("hostPort") ?? 0
                guard scope.isPod || host != 0, host != port.number("containerPort") ?? 0 else { continue }
                invalid(
                    ((at / "containers")[index] / "ports")[position] / "hostPort", .integer(host),
                    "must match `containerPort` when `hostNetwork` is true")
            }
        }
    }

    private mutating func dnsConfig(_ spec: JSON, _ at: FieldPath) {
        let config = spec.present("dnsConfig")
        if spec["dnsPolicy"] == "None" {
            guard let config else { return required(at, "must provide `dnsConfig` when `dnsPolicy` is None") }
            if config.items("nameservers").isEmpty {
                return required(at / "nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
            }
        }
        guard let config else { return }
        let servers = config.texts("nameservers")
        if servers.count > 3 { invalid(at / "nameservers", JSON(strings: servers), "must not have more than 3 nameservers") }
        for (index, server) in servers.enumerated() { address(server, (at / "nameservers")[index]) }
        let searches = config.texts("searches")
        if searches.count > 32 { invalid(at / "searches", JSON(strings: searches), "must not have more than 32 search paths") }
        if searches.joined(separator: " ").utf8.count > 2048 {
            invalid(
                at / "searches", JSON(strings: searches), "must not have more than 2048 characters (including spaces) in the search list")
        }
        for (index, search) in searches.enumerated() where search != "." {
            let domain = search.hasSuffix(".") ? String(search.dropLast()) : search
            invalid((at / "searches")[index], .string(domain), each: FormatChecks.subdomainWithUnderscore(domain))
        }
        for (index, option) in config.items("options").enumerated() where option.text("name").isEmpty {
            required((at / "options")[index], "must not be empty")
        }
    }

    private mutating func schedulingGates(_ gates: [JSON], _ at: FieldPath) {
        var seen: Set<String> = []
        for (index, gate) in gates.enumerated() {
            let name = gate.text("name")
            qualifiedName(name, at[index])
            if !seen.insert(name).inserted { duplicate(at[index], .string(name)) }
        }
    }

    private mutating func hostUsers(_ spec: JSON, _ at: FieldPath) {
        guard spec["hostUsers"]?.bool == false else { return }
        let text = "when `hostUsers` is false"
        if spec.flag("hostNetwork") { forbidden(at / "hostNetwork", text) }
        if spec.flag("hostPID") { forbidden(at / "hostPID", text) }
        if spec.flag("hostIPC") { forbidden(at / "hostIPC", text) }
    }

    private mutating func podClaims(_ claims: [JSON], _ at: FieldPath) {
        var names: Set<String> = []
        for (index, claim) in claims.enumerated() {
            let path = at[index]
            let name = claim.text("name")
            if name.isEmpty {
                required(path / "name")
            } else if !names.insert(name).inserted {
                duplicate(path / "name", .string(name))
            } else {
                dns1123Label(name, path / "name")
            }
            let sources = ["resourceClaimName", "resourceClaimTemplateName"].filter { claim.present($0) != nil }
            if sources.count == 2 {
                invalid(
                    path, GoForm.json(claim, "core.v1.PodResourceClaim"),
                    "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")
            } else if sources.isEmpty {
                invalid(
                    path, GoForm.json(claim, "core.v1.PodResourceClaim"),
                    "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
            }
            for field in sources { dns1123Subdomain(claim.text(field), path / field) }
        }
    }

    private mutating func podResources(_ spec: JSON, _ at: FieldPath, _ context: PodContext) {
        guard let resources = spec.present("resources") else { return }
        if resources.present("claims") != nil { forbidden(at / "claims", "claims cannot be set for Resources at pod-level") }
        resourceRequirements(resources, context.claims, at, isPodLevel: true)
        let asked = PodResources.list(resources["requests"])
        for (name, amount) in PodResources.aggregate(spec, "requests").sorted(by: { $0.key < $1.key })
        where amount > asked[name] ?? .zero && (asked[name] != nil || PodResources.isPodLevel(name)) {
            invalid(
                (at / "requests").key(name), .string((asked[name] ?? .zero).text),
                "must be greater than or equal to aggregate container requests of \(amount.text)")
        }
        let limits = PodResources.list(resources["limits"])
        for (index, container) in spec.items("containers").enumerated() {
            for (name, amount) in PodResources.list(container.at("resources", "limits")).sorted(by: { $0.key < $1.key }) {
                guard let limit = limits[name], amount > limit else { continue }
                invalid(
                    (at / "containers")[index].key(name) / "limits", .string(amount.text),
                    "must be less than or equal to pod limits of \(limit.text)")
            }
        }
    }
}
