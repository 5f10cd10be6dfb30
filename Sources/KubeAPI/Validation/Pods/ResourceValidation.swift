import JSON

/// Names and amounts of resources (`pkg/apis/core/helper`, `ValidateContainerResourceRequirements`).
enum ResourceNames {
    static let container: Set<String> = ["cpu", "memory", "ephemeral-storage"]
    private static let quota: Set<String> = [
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage",
        "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services", "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims", "configmaps", "services.nodeports", "services.loadbalancers",
    ]
    private static let integers: Set<String> = [
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
        "services.nodeports", "services.loadbalancers",
    ]

    static func isHugePages(_ name: String) -> Bool { name.hasPrefix("hugepages-") }
    static func isQuotaHugePages(_ name: String) -> Bool { name.hasPrefix("hugepages-") || name.hasPrefix("requests.hugepages-") }
    static func isNative(_ name: String) -> Bool { !name.contains("/") || name.contains("kubernetes.io/") }
    static func isOvercommitAllowed(_ name: String) -> Bool { isNative(name) && !isHugePages(name) }
    static func isExtended(_ name: String) -> Bool {
        !isNative(name) && !name.hasPrefix("requests.") && QualifiedName.problems("requests.\(name)").isEmpty
    }
    static func isStandardQuota(_ name: String) -> Bool { quota.contains(name) || isQuotaHugePages(name) }
    static func isInteger(_ name: String) -> Bool { integers.contains(name) || isExtended(name) }
    static func isStandard(_ name: String) -> Bool { quota.contains(name) || isQuotaHugePages(name) || name == "storage" }
    static func isStandardContainer(_ name: String) -> Bool { container.contains(name) || isHugePages(name) }
}

extension FieldErrorList {
    /// `validateResourceName`; whether it is fine.
    @discardableResult
    mutating func resourceName(_ name: String, _ at: FieldPath) -> Bool {
        let problems = QualifiedName.problems(name)
        guard problems.isEmpty else {
            invalid(at, .string(name), each: problems)
            return false
        }
        if !name.contains("/"), !ResourceNames.isStandard(name) {
            invalid(at, .string(name), "must be a standard resource type or fully qualified")
            return false
        }
        return true
    }

    /// `validateContainerResourceName`.
    mutating func containerResourceName(_ name: String, _ at: FieldPath) {
        resourceName(name, at)
        if !name.contains("/") {
            if !ResourceNames.isStandardContainer(name) { invalid(at, .string(name), "must be a standard resource for containers") }
        } else if !ResourceNames.isNative(name), !ResourceNames.isExtended(name) {
            invalid(at, .string(name), "doesn't follow extended resource name standard")
        }
    }

    /// `ValidateResourceQuantityValue`.
    mutating func resourceAmount(_ name: String, _ text: String, _ at: FieldPath) {
        guard let amount = QuantityValue(text) else { return }
        if amount < .zero { invalid(at, .string(text), "must be greater than or equal to 0") }
        if ResourceNames.isInteger(name), amount.milliValue % 1000 != 0 { invalid(at, .string(text), "must be an integer") }
    }

    /// `ValidateContainerResourceRequirements`, and with `isPodLevel` `validatePodResourceRequirements`.
    mutating func resourceRequirements(_ requirements: JSON, _ claims: Set<String>, _ at: FieldPath, isPodLevel: Bool = false) {
        let limits = requirements.entries("limits")
        let requests = requirements.entries("requests")
        var hasCompute = false
        var hasHugePages = false
        for (isLimit, list) in [(true, limits), (false, requests)] {
            let path = at / (isLimit ? "limits" : "requests")
            for member in list {
                let name = member.key
                let text = member.value.string ?? ""
                let entry = path.key(name)
                if isPodLevel { podResourceName(name, entry) } else { containerResourceName(name, entry) }
                resourceAmount(name, text, entry)
                if !isLimit { requestFits(name, text, requirements["limits"]?[name]?.string, at) }
                if ResourceNames.isHugePages(name) {
                    hasHugePages = true
                    hugePages(name, text, entry)
                }
                if name == "cpu" || name == "memory" { hasCompute = true }
            }
        }
        if hasHugePages, !hasCompute { forbidden(at, "HugePages require cpu or memory") }
        resourceClaimNames(requirements.items("claims"), claims, at / "claims")
    }

    private mutating func podResourceName(_ name: String, _ at: FieldPath) {
        guard resourceName(name, at) else { return }
        if !PodResources.isPodLevel(name) { notSupported(at, .string(name), ["cpu", "hugepages-", "memory"]) }
    }

    private mutating func requestFits(_ name: String, _ text: String, _ limitText: String?, _ at: FieldPath) {
        guard let amount = QuantityValue(text) else { return }
        let overcommits = ResourceNames.isOvercommitAllowed(name)
        guard let limitText, let limit = QuantityValue(limitText) else {
            if !overcommits { required(at / "limits", "Limit must be set for non overcommitable resources") }
            return
        }
        if amount != limit, !overcommits {
            invalid(at / "requests", .string(text), "must be equal to \(name) limit of \(limitText)")
        } else if amount > limit {
            invalid(at / "requests", .string(text), "must be less than or equal to \(name) limit of \(limitText)")
        }
    }

    private mutating func hugePages(_ name: String, _ text: String, _ at: FieldPath) {
        guard let size = QuantityValue(String(name.dropFirst("hugepages-".count))), size > .zero, let amount = QuantityValue(text) else {
            return
        }
        if amount.nanos < 0 || amount.nanos % size.nanos != 0 {
            invalid(at, .string(text), "\(text) is not positive integer multiple of \(name)")
        }
    }

    private mutating func resourceClaimNames(_ used: [JSON], _ claims: Set<String>, _ at: FieldPath) {
        var names: Set<String> = []
        for (index, claim) in used.enumerated() {
            let name = claim.text("name")
            let path = at[index]
            guard !name.isEmpty else {
                required(path)
                continue
            }
            if names.contains(name) {
                duplicate(path, .string(name))
            } else {
                let request = claim.text("request")
                if !request.isEmpty { dns1123Label(request, path / "request") }
                let key = request.isEmpty ? name : "\(name)/\(request)"
                if names.contains(key) {
                    duplicate(path, .string(key))
                } else if request.isEmpty, names.contains(where: { $0.hasPrefix("\(name)/") }) {
                    duplicate(path, .string(name))
                }
                names.insert(key)
            }
            if !claims.contains(name) {
                let known = claims.isEmpty ? " which is empty" : ": " + claims.sorted().joined(separator: ", ")
                other(
                    .notFound, path, "Not found: \(GoText.quoted(name)): must be one of the names in pod.spec.resourceClaims\(known)")
            }
        }
    }
}
