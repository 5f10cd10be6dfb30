import JSON
import KubeAPI
import Store

/// ResourceQuotas bound what a namespace may hold, and count it as it comes (`plugin/pkg/admission/resourcequota`).
struct ResourceQuotaAdmission: AdmissionPlugin {
    static let name = "ResourceQuota"

    /// How often a count is tried again when another request was faster.
    private static let attempts = 4

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) async throws(KubeStatus) {
        guard !attributes.request.namespace.isEmpty, let usage = QuotaUsage(attributes) else { return }
        for _ in 0..<Self.attempts {
            var transaction = Transaction(conditions: [], writes: [])
            let delta = usage.delta
            for (quota, modified) in view.entries("", "resourcequotas", namespace: attributes.request.namespace)
            where usage.isBound(by: quota) {
                let hard = PodResources.list(quota.at("status", "hard"))
                var used = PodResources.list(quota.at("status", "used"))
                if let missing = usage.missing(hard) {
                    throw attributes.forbidden("failed quota: \(quota.objectName): must specify \(missing)")
                }
                let unknown = hard.keys.filter { usage.counts($0) && used[$0] == nil }.sorted()
                if !unknown.isEmpty {
                    throw attributes.forbidden(
                        "status unknown for quota: \(quota.objectName), resources: \(unknown.joined(separator: ","))")
                }
                let requested = delta.filter { hard[$0.key] != nil && $0.value != .zero }
                guard !requested.isEmpty else { continue }
                let exceeded = requested.filter { name, amount in (used[name] ?? .zero) + amount > hard[name] ?? .zero }.keys.sorted()
                if !exceeded.isEmpty {
                    func text(_ list: PodResources.List) -> String {
                        exceeded.compactMap { name in list[name].map { "\(name)=\($0.text)" } }.joined(separator: ",")
                    }
                    throw attributes.forbidden(
                        "exceeded quota: \(quota.objectName), requested: \(text(requested)), used: \(text(used)), limited: \(text(hard))")
                }
                for (name, amount) in requested { used[name] = (used[name] ?? .zero) + amount }
                guard let resource = view.cluster.resources.lookup(group: "", version: "v1", resource: "resourcequotas") else { continue }
                var counted = quota
                let amounts = used.sorted { $0.key < $1.key }.map { JSONObject.Member(key: $0.key, value: .string($0.value.text)) }
                counted.set(.object(JSONObject(unique: amounts)), at: ["status", "used"])
                let key = view.cluster.key(resource, namespace: attributes.request.namespace, name: quota.objectName)
                transaction.conditions.append(.modified(key, modified))
                transaction.writes.append(.put(key, StoredObject.value(counted)))
            }
            guard !attributes.isDryRun, !transaction.writes.isEmpty else { return }
            do {
                try await view.cluster.store.commit(transaction)
                return
            } catch {
                guard case .conflict = error else { throw .of(error) }
            }
        }
        throw attributes.forbidden(
            "unable to update the quota: the object has been modified; please apply your changes to the latest version")
    }
}

/// What a request adds to the counted resources of its namespace (`pkg/quota/v1/evaluator`).
struct QuotaUsage: Sendable {
    /// What is added, by name of the counted resource.
    private(set) var delta: PodResources.List
    private let object: JSON
    private let isPod: Bool

    /// Resources that are counted under their own names besides `count/…`.
    private static let plainNames: Set<String> = [
        "configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets", "services",
    ]
    private static let one = QuantityValue(1)

    /// The usage of a request; `nil` when it changes nothing that is counted.
    init?(_ attributes: AdmissionAttributes) {
        let resource = attributes.resource
        guard attributes.subresource.isEmpty, resource.isNamespaced, attributes.operation != .delete, resource.resource != "events" else {
            return nil
        }
        let isCore = resource.group.isEmpty
        let mayGrow = isCore && ["services", "persistentvolumeclaims"].contains(resource.resource)
        guard attributes.operation == .create || mayGrow else { return nil }
        var usage = QuotaUsage(of: attributes.object, resource)
        if attributes.operation == .update, let old = attributes.old {
            for (name, before) in Self.usage(old, resource) { usage.delta[name] = (usage.delta[name] ?? .zero) - before }
        }
        if usage.delta.allSatisfy({ $0.value == .zero }) { return nil }
        self = usage
    }

    /// What an object takes of the counted resources.
    init(of object: JSON, _ resource: ResourceType) {
        self.object = object
        isPod = resource.group.isEmpty && resource.resource == "pods"
        delta = Self.usage(object, resource)
    }

    // MARK: Amounts

    private static func usage(_ object: JSON, _ resource: ResourceType) -> PodResources.List {
        var result: PodResources.List = ["count/\(resource.qualifiedName)": one]
        guard resource.group.isEmpty else { return result }
        // What has ended is still stored, but no longer one of the pods.
        if plainNames.contains(resource.resource), resource.resource != "pods" || !hasEnded(object) { result[resource.resource] = one }
        switch resource.resource {
        case "pods": result.merge(pod(object)) { $1 }
        case "services": result.merge(service(object)) { $1 }
        case "persistentvolumeclaims": result.merge(claim(object)) { $1 }
        default: break
        }
        return result
    }

    /// Whether a pod has ended and so holds nothing any more.
    static func hasEnded(_ pod: JSON) -> Bool { ["Failed", "Succeeded"].contains(pod.at("status", "phase")?.string ?? "") }

    private static func pod(_ pod: JSON) -> PodResources.List {
        guard !hasEnded(pod) else { return [:] }
        var result: PodResources.List = [:]
        let spec = pod["spec"] ?? [:]
        for (name, amount) in PodResources.total(spec, "requests") {
            result["requests.\(name)"] = amount
            if ["cpu", "memory", "ephemeral-storage"].contains(name) || name.hasPrefix("hugepages-") { result[name] = amount }
        }
        for (name, amount) in PodResources.total(spec, "limits") where ["cpu", "memory", "ephemeral-storage"].contains(name) {
            result["limits.\(name)"] = amount
        }
        return result
    }

    private static func service(_ service: JSON) -> PodResources.List {
        let ports = service.at("spec", "ports")?.array ?? []
        switch service.at("spec", "type")?.string {
        case "NodePort": return ["services.nodeports": QuantityValue(Int64(ports.count))]
        case "LoadBalancer":
            let allocates = service.at("spec", "allocateLoadBalancerNodePorts") != false
            let count = allocates ? ports.count : ports.filter { ($0["nodePort"]?.integer ?? 0) != 0 }.count
            return ["services.loadbalancers": one, "services.nodeports": QuantityValue(Int64(count))]
        default: return [:]
        }
    }

    private static func claim(_ claim: JSON) -> PodResources.List {
        func amount(_ path: [String]) -> QuantityValue { claim.value(at: path)?.string.flatMap { QuantityValue($0) } ?? .zero }
        let size = max(amount(["spec", "resources", "requests", "storage"]), amount(["status", "allocatedResources", "storage"]))
        var result: PodResources.List = ["requests.storage": size]
        let annotated = claim.at("metadata", "annotations", "volume.beta.kubernetes.io/storage-class")?.string
        let storageClass = annotated ?? claim.at("spec", "storageClassName")?.string ?? ""
        if !storageClass.isEmpty {
            result["\(storageClass).storageclass.storage.k8s.io/requests.storage"] = size
            result["\(storageClass).storageclass.storage.k8s.io/persistentvolumeclaims"] = one
        }
        return result
    }

    // MARK: Quotas

    /// Whether a quota of these resources has to do with the object.
    func isNamed(by names: [String]) -> Bool { names.contains(where: counts) }

    /// Whether objects of a resource count towards a name (the evaluators' `MatchingResources`).
    static func tracks(_ name: String, _ resource: ResourceType) -> Bool {
        if name == "count/\(resource.qualifiedName)" { return true }
        guard resource.group.isEmpty else { return false }
        if plainNames.contains(name) { return name == resource.resource }
        switch resource.resource {
        case "pods": return isOfPods(name)
        case "services": return name == "services.nodeports" || name == "services.loadbalancers"
        case "persistentvolumeclaims": return name == "requests.storage" || name.contains(".storageclass.storage.k8s.io/")
        default: return false
        }
    }

    /// Whether this kind of object counts towards a resource.
    func counts(_ name: String) -> Bool { delta[name] != nil || isPod && (name == "pods" || Self.isOfPods(name)) }

    /// Whether a name is of what the containers of pods ask for.
    private static func isOfPods(_ name: String) -> Bool {
        let plain = ["cpu", "memory", "ephemeral-storage"]
        return plain.contains(name) || plain.contains { name == "requests.\($0)" || name == "limits.\($0)" }
            || name.hasPrefix("hugepages-") || name.hasPrefix("requests.hugepages-")
            || name.hasPrefix("requests.") && name.contains("/")
    }

    /// Whether a quota is about this object: one of its resources, and all of its scopes.
    func isBound(by quota: JSON) -> Bool {
        isNamed(by: (quota.at("status", "hard")?.object?.members ?? []).map(\.key)) && isInScope(of: quota)
    }

    /// Whether the object is in all scopes of a quota.
    func isInScope(of quota: JSON) -> Bool {
        let scopes = (quota.at("spec", "scopes")?.array ?? []).compactMap(\.string)
        let selectors = quota.at("spec", "scopeSelector", "matchExpressions")?.array ?? []
        return scopes.allSatisfy { isInScope($0, "Exists", []) }
            && selectors.allSatisfy { selector in
                isInScope(
                    selector["scopeName"]?.string ?? "", selector["operator"]?.string ?? "",
                    (selector["values"]?.array ?? []).compactMap(\.string))
            }
    }

    private func isInScope(_ scope: String, _ operation: String, _ values: [String]) -> Bool {
        let spec = object["spec"] ?? [:]
        func matches(_ value: String) -> Bool {
            switch operation {
            case "In": values.contains(value)
            case "NotIn": !values.contains(value)
            case "Exists": !value.isEmpty
            case "DoesNotExist": value.isEmpty
            default: false
            }
        }
        if scope == "VolumeAttributesClass" { return !isPod && matches(spec["volumeAttributesClassName"]?.string ?? "") }
        guard isPod else { return false }
        let isTerminating = (spec["activeDeadlineSeconds"]?.integer ?? -1) >= 0
        switch scope {
        case "Terminating": return isTerminating
        case "NotTerminating": return !isTerminating
        case "BestEffort": return PodQuality.of(spec) == .bestEffort
        case "NotBestEffort": return PodQuality.of(spec) != .bestEffort
        case "PriorityClass": return matches(spec["priorityClassName"]?.string ?? "")
        case "CrossNamespacePodAffinity": return Self.reachesOtherNamespaces(spec["affinity"] ?? [:])
        default: return false
        }
    }

    private static func reachesOtherNamespaces(_ affinity: JSON) -> Bool {
        for kind in ["podAffinity", "podAntiAffinity"] {
            let required = affinity.at(kind, "requiredDuringSchedulingIgnoredDuringExecution")?.array ?? []
            let preferred = affinity.at(kind, "preferredDuringSchedulingIgnoredDuringExecution")?.array ?? []
            for term in required + preferred.compactMap({ $0["podAffinityTerm"] })
            where !(term["namespaces"]?.array ?? []).isEmpty || term["namespaceSelector"]?.object != nil {
                return true
            }
        }
        return false
    }

    /// The bounded resources that some containers say nothing about: `requests.cpu for: a,b`; `nil` when there are none.
    func missing(_ hard: PodResources.List) -> String? {
        guard isPod else { return nil }
        let spec = object["spec"] ?? [:]
        // Those that a pod as a whole asks for need not be asked for by each container.
        let whole = Self.names(spec["resources"])
        let names = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]
        var texts: [String] = []
        for name in names.sorted() where hard[name] != nil && !whole.contains(name) {
            let silent = ((spec["containers"]?.array ?? []) + (spec["initContainers"]?.array ?? []))
                .filter { !Self.names($0["resources"]).contains(name) }.map { $0["name"]?.string ?? "" }
            if !silent.isEmpty { texts.append("\(name) for: \(Set(silent).sorted().joined(separator: ","))") }
        }
        return texts.isEmpty ? nil : texts.joined(separator: "; ")
    }

    /// The counted resources that a container or pod speaks of.
    private static func names(_ resources: JSON?) -> Set<String> {
        let requests = resources?["requests"]?.object?.members.map(\.key) ?? []
        let limits = resources?["limits"]?.object?.members.map(\.key) ?? []
        return Set(requests + requests.map { "requests.\($0)" } + limits.map { "limits.\($0)" })
    }
}
