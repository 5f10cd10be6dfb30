import JSON

/// What containers are checked against.
struct PodContext {
    /// The pod's valid volumes by name.
    var volumes: [String: JSON]
    /// Names of the pod's resource claims.
    var claims: Set<String>
    var gracePeriod: Int64?
    var restartPolicy: String
    /// Whether the pod's users are the host's.
    var sharesUsers: Bool
}

extension FieldErrorList {
    /// `validateContainers`.
    mutating func containers(_ containers: [JSON], _ at: FieldPath, _ context: PodContext) {
        if containers.isEmpty { return required(at) }
        var names: Set<String> = []
        for (index, container) in containers.enumerated() {
            let path = at[index]
            containerCommon(container, path, context)
            if !names.insert(container.text("name")).inserted { duplicate(path / "name", container["name"] ?? "") }
            lifecycleAndProbes(container, path, context)
            restartRules(container, path)
        }
        uniqueHostPorts(containers, at)
    }

    /// `validateInitContainers`.
    mutating func initContainers(_ spec: JSON, _ at: FieldPath, _ context: PodContext) {
        let containers = spec.items("initContainers")
        guard !containers.isEmpty else { return }
        var names = Set(spec.items("containers").map { $0.text("name") })
        for (index, container) in containers.enumerated() {
            let path = at[index]
            containerCommon(container, path, context)
            restartRules(container, path)
            let name = container.text("name")
            if names.contains(name) {
                duplicate(path / "name", .string(name))
            } else if !name.isEmpty {
                names.insert(name)
            }
            uniqueHostPorts([container], at)
            if container["restartPolicy"] == "Always" {
                lifecycleAndProbes(container, path, context)
            } else {
                for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] where container.present(field) != nil {
                    forbidden(path / field, "may not be set for init containers without restartPolicy=Always")
                }
            }
        }
    }

    /// `validateEphemeralContainers`.
    mutating func ephemeralContainers(_ spec: JSON, _ at: FieldPath, _ context: PodContext) {
        let containers = spec.items("ephemeralContainers")
        guard !containers.isEmpty else { return }
        let others = Set((spec.items("containers") + spec.items("initContainers")).map { $0.text("name") })
        var names = others
        for (index, container) in containers.enumerated() {
            let path = at[index]
            containerCommon(container, path, context)
            imageIsTrimmed(container, path)
            if !names.insert(container.text("name")).inserted { duplicate(path / "name", container["name"] ?? "") }
            let target = container.text("targetContainerName")
            if !target.isEmpty, !others.contains(target) { notFound(path / "targetContainerName", .string(target)) }
            let text = "cannot be set for an Ephemeral Container"
            for field in [
                "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe",
                "startupProbe",
                "lifecycle",
            ] where !container[field].isEmptyCollection {
                forbidden(path / field, text)
            }
            for (position, mount) in container.items("volumeMounts").enumerated() {
                for field in ["subPath", "subPathExpr"] where !mount.text(field).isEmpty {
                    forbidden((path / "volumeMounts")[position] / field, text)
                }
            }
        }
    }

    /// `validateContainerCommon`.
    private mutating func containerCommon(_ container: JSON, _ at: FieldPath, _ context: PodContext) {
        let name = container.text("name")
        if name.isEmpty { required(at / "name") } else { dns1123Label(name, at / "name") }
        if container.text("image").isEmpty { required(at / "image") }
        oneOf(
            container.text("terminationMessagePolicy"), ["File", "FallbackToLogsOnError"], at / "terminationMessagePolicy",
            requiredWhenEmpty: true)
        containerPorts(container.items("ports"), at / "ports")
        environment(container.items("env"), at / "env", context)
        environmentSources(container.items("envFrom"), at / "envFrom")
        volumeMounts(container, at / "volumeMounts", context)
        volumeDevices(container, at / "volumeDevices", context)
        oneOf(container.text("imagePullPolicy"), ["Always", "IfNotPresent", "Never"], at / "imagePullPolicy", requiredWhenEmpty: true)
        resourceRequirements(container["resources"] ?? [:], context.claims, at / "resources")
        resizePolicies(container.items("resizePolicy"), at / "resizePolicy", context)
        containerSecurityContext(container.present("securityContext"), at / "securityContext", context)
    }

    private mutating func containerPorts(_ ports: [JSON], _ at: FieldPath) {
        var names: Set<String> = []
        for (index, port) in ports.enumerated() {
            let path = at[index]
            let name = port.text("name")
            if !name.isEmpty {
                let problems = FormatChecks.portName(name)
                if !problems.isEmpty {
                    invalid(path / "name", .string(name), each: problems)
                } else if !names.insert(name).inserted {
                    duplicate(path / "name", .string(name))
                }
            }
            let number = port.number("containerPort") ?? 0
            if number == 0 { required(path / "containerPort") } else { self.port(number, path / "containerPort") }
            if let host = port.number("hostPort"), host != 0 { self.port(host, path / "hostPort") }
            if let host = port["hostIP"]?.string, !host.isEmpty { address(host, path / "hostIP") }
            oneOf(port.text("protocol"), ["SCTP", "TCP", "UDP"], path / "protocol", requiredWhenEmpty: true)
        }
    }

    private mutating func uniqueHostPorts(_ containers: [JSON], _ at: FieldPath) {
        var seen: Set<String> = []
        for (index, container) in containers.enumerated() {
            for (position, port) in container.items("ports").enumerated() {
                guard let host = port.number("hostPort"), host != 0 else { continue }
                let text = "\(port.text("protocol"))/\(port.text("hostIP"))/\(host)"
                if !seen.insert(text).inserted { duplicate((at[index] / "ports")[position] / "hostPort", .string(text)) }
            }
        }
    }

    private mutating func lifecycleAndProbes(_ container: JSON, _ at: FieldPath, _ context: PodContext) {
        if let lifecycle = container.present("lifecycle") {
            for hook in ["postStart", "preStop"] {
                if let action = lifecycle.present(hook) { handler(action, at / "lifecycle" / hook, context, isProbe: false) }
            }
            if let signal = lifecycle["stopSignal"]?.string, !signal.hasPrefix("SIG") {
                invalid(at / "lifecycle" / "stopSignal", .string(signal), "must be a valid signal")
            }
        }
        for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
            guard let probe = container.present(kind) else { continue }
            let path = at / kind
            handler(probe, path, context, isProbe: true)
            for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
                nonnegative(probe.number(field), path / field)
            }
            if let grace = probe.number("terminationGracePeriodSeconds"), grace <= 0 {
                invalid(path / "terminationGracePeriodSeconds", .integer(grace), "must be greater than 0")
            }
            if kind == "readinessProbe" {
                if let grace = probe.present("terminationGracePeriodSeconds") {
                    invalid(path / "terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")
                }
            } else if probe.number("successThreshold") ?? 0 != 1 {
                invalid(path / "successThreshold", .integer(probe.number("successThreshold") ?? 0), "must be 1")
            }
        }
    }

    /// `validateHandler`.
    private mutating func handler(_ handler: JSON, _ at: FieldPath, _ context: PodContext, isProbe: Bool) {
        var count = 0
        for kind in isProbe ? ["exec", "httpGet", "tcpSocket", "grpc"] : ["exec", "httpGet", "tcpSocket", "sleep"] {
            guard let action = handler.present(kind) else { continue }
            guard count == 0 else {
                forbidden(at / kind, "may not specify more than 1 handler type")
                continue
            }
            count += 1
            let path = at / kind
            switch kind {
            case "exec": if action.items("command").isEmpty { required(path / "command") }
            case "httpGet":
                if action.text("path").isEmpty { required(path / "path") }
                portNumberOrName(action["port"], path / "port")
                oneOf(action.text("scheme"), ["HTTP", "HTTPS"], path / "scheme")
                for header in action.items("httpHeaders") {
                    invalid(path / "httpHeaders", header["name"] ?? "", each: FormatChecks.headerName(header.text("name")))
                }
            case "sleep":
                let seconds = action.number("seconds") ?? 0
                if let grace = context.gracePeriod, seconds < 0 || seconds > grace {
                    invalid(path, .integer(seconds), "must be non-negative and less than terminationGracePeriodSeconds (\(grace))")
                }
            default: portNumberOrName(action["port"], path / "port")
            }
        }
        if count == 0 { required(at, "must specify a handler type") }
    }

    private mutating func resizePolicies(_ policies: [JSON], _ at: FieldPath, _ context: PodContext) {
        var names: Set<String> = []
        for (index, policy) in policies.enumerated() {
            let name = policy.text("resourceName")
            if !names.insert(name).inserted { duplicate(at[index], .string(name)) }
            oneOf(name, ["cpu", "memory"], at, requiredWhenEmpty: true)
            let restart = policy.text("restartPolicy")
            oneOf(restart, ["NotRequired", "RestartContainer"], at, requiredWhenEmpty: true)
            if context.restartPolicy == "Never", restart != "NotRequired" {
                invalid(at, .string(restart), "must be 'NotRequired' when `restartPolicy` is 'Never'")
            }
        }
    }

    /// `validateContainerRestartPolicy`.
    private mutating func restartRules(_ container: JSON, _ at: FieldPath) {
        let rules = container.items("restartPolicyRules")
        if let policy = container["restartPolicy"]?.string {
            oneOf(policy, ["Always", "Never", "OnFailure"], at / "restartPolicy")
        } else if !rules.isEmpty {
            required(at / "restartPolicy", "must specify restartPolicy when restart rules are used")
        }
        if rules.count > 20 { tooLong(at / "restartPolicyRules", 20) }
        for (index, rule) in rules.enumerated() {
            let path = (at / "restartPolicyRules")[index]
            oneOf(rule.text("action"), ["Restart", "RestartAllContainers"], path / "action")
            guard let codes = rule.present("exitCodes") else {
                required(path / "exitCodes", "must be specified")
                continue
            }
            oneOf(codes.text("operator"), ["In", "NotIn"], path / "exitCodes" / "operator")
            if codes.items("values").count > 255 { tooLong(path / "exitCodes" / "values", 255) }
        }
    }
}
