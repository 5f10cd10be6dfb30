import JSON
import KubeAPI
import World

/// A binding of an admission policy.
struct PolicyBinding: Sendable {
    let name: String
    let match: AdmissionMatch
    let paramRef: JSON?
    let actions: [String]
    let actionList: JSON

    init(_ binding: JSON) {
        name = binding.objectName
        match = AdmissionMatch(resources: binding.at("spec", "matchResources"))
        paramRef = binding.at("spec", "paramRef")
        actionList = binding.at("spec", "validationActions") ?? []
        actions = actionList.array?.compactMap(\.string) ?? []
    }
}

/// An admission policy with its bindings.
struct PolicyHook<Policy: Sendable>: Sendable {
    let name: String
    let policy: Policy
    let match: AdmissionMatch
    let failsOpen: Bool
    let paramKind: JSON?
    let bindings: [PolicyBinding]
}

/// The admission policies of a cluster, compiled; policies without bindings do nothing.
final class PolicyHooks: Sendable {
    /// What no policy is asked about, lest one keep itself from being mended.
    private static let exempt: Set<String> = [
        "validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
    ]
    private static let group = "admissionregistration.k8s.io"

    private let validating = CollectionCache<[PolicyHook<ValidatingPolicy>]>()
    private let mutating = CollectionCache<[PolicyHook<MutatingPolicy>]>()

    static func isExempt(_ resource: ResourceType) -> Bool { resource.group == group && exempt.contains(resource.resource) }

    func validating(_ cluster: ClusterState) -> [PolicyHook<ValidatingPolicy>] {
        Self.hooks(validating, "validating", cluster, ValidatingPolicy.init)
    }

    func mutating(_ cluster: ClusterState) -> [PolicyHook<MutatingPolicy>] {
        Self.hooks(mutating, "mutating", cluster, MutatingPolicy.init)
    }

    private static func hooks<Policy>(
        _ cache: CollectionCache<[PolicyHook<Policy>]>, _ kind: String, _ cluster: ClusterState, _ compile: (JSON) -> Policy
    ) -> [PolicyHook<Policy>] {
        let collections = ["\(kind)admissionpolicies", "\(kind)admissionpolicybindings"].map { cluster.collection(group: group, $0) }
        return cache.value(of: collections, in: cluster.store) { objects in
            let bindings = Dictionary(grouping: objects[1]) { $0.at("spec", "policyName")?.string ?? "" }
            return objects[0].compactMap { policy in
                guard let own = bindings[policy.objectName] else { return nil }
                return PolicyHook(
                    name: policy.objectName, policy: compile(policy),
                    match: AdmissionMatch(resources: policy.at("spec", "matchConstraints")),
                    failsOpen: policy.at("spec", "failurePolicy") == "Ignore", paramKind: policy.at("spec", "paramKind"),
                    bindings: own.map(PolicyBinding.init))
            }
        }
    }
}

/// Why a policy or binding cannot be used as it is.
struct PolicyMisconfiguration: Error {
    let text: String
}

/// Finds the parameters of bindings (`CollectParams` of `policy/generic`).
struct PolicyParameters: Sendable {
    let view: AdmissionView

    /// The resource of a policy's parameters; `nil` when it has none.
    func resource(_ paramKind: JSON?) throws(PolicyMisconfiguration) -> ResourceType? {
        guard let paramKind, !paramKind.isNull else { return nil }
        let apiVersion = paramKind["apiVersion"]?.string ?? ""
        let name = paramKind["kind"]?.string ?? ""
        if let kind = GroupVersionKind(apiVersion: apiVersion, kind: name), let resource = view.cluster.resources.lookup(kind: kind) {
            return resource
        }
        throw PolicyMisconfiguration(text: "failed to find resource referenced by paramKind: '\(apiVersion), Kind=\(name)'")
    }

    /// The parameters of a binding, each to be evaluated with; one that is `nil` when there is nothing to look for.
    func objects(
        _ resource: ResourceType?, _ reference: JSON?, namespace: String
    ) throws(PolicyMisconfiguration) -> [JSON?] {
        guard let resource, let reference, !reference.isNull else { return [nil] }
        let given = reference["namespace"]?.string ?? ""
        var place = ""
        if resource.isNamespaced {
            place = given.isEmpty ? namespace : given
            guard !place.isEmpty else {
                throw PolicyMisconfiguration(
                    text: "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
            }
        } else if !given.isEmpty {
            throw PolicyMisconfiguration(text: "paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        }
        let group = resource.storageKind.group
        let found: [JSON]
        if let name = reference["name"]?.string, !name.isEmpty {
            found = view.object(group, resource.resource, namespace: place, name).map { [$0] } ?? []
        } else {
            let selector: LabelSelector
            do { selector = try LabelSelector(labelSelectorObject: reference["selector"] ?? [:]) } catch {
                throw PolicyMisconfiguration(text: "\(error)")
            }
            found = view.objects(group, resource.resource, namespace: place).filter {
                selector.matches($0.at("metadata", "labels")?.object)
            }
        }
        guard !found.isEmpty || reference["parameterNotFoundAction"] != "Deny" else {
            throw PolicyMisconfiguration(text: "no params found for policy binding with `Deny` parameterNotFoundAction")
        }
        return found.map { resource.served($0) }
    }
}
