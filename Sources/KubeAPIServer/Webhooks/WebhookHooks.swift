import JSON
import KubeAPI

/// One webhook of a configuration.
struct WebhookHook: Sendable {
    /// The configuration's name.
    let configuration: String
    let name: String
    /// What tells it from others when it is called again.
    let key: String
    let match: AdmissionMatch
    let conditions: MatchConditions
    let client: JSON
    let failsOpen: Bool
    let timeout: Int64
    /// Whether it may be asked about dry runs.
    let isDryRunSafe: Bool
    /// The first version of AdmissionReview in its list that this server speaks.
    let version: String
    let canReinvoke: Bool

    init(_ webhook: JSON, _ configuration: String, _ index: Int) {
        self.configuration = configuration
        name = webhook["name"]?.string ?? ""
        key = "\(configuration)/\(name)/\(index)"
        match = AdmissionMatch(webhook: webhook)
        conditions = MatchConditions(webhook["matchConditions"])
        client = webhook["clientConfig"] ?? [:]
        failsOpen = webhook["failurePolicy"] == "Ignore"
        timeout = webhook["timeoutSeconds"]?.integer ?? 10
        isDryRunSafe = ["None", "NoneOnDryRun"].contains(webhook["sideEffects"]?.string ?? "")
        version = (webhook["admissionReviewVersions"]?.array ?? []).compactMap(\.string).first { ["v1", "v1beta1"].contains($0) } ?? "v1"
        canReinvoke = webhook["reinvocationPolicy"] == "IfNeeded"
    }
}

/// The webhooks of a cluster, by the names of their configurations.
final class WebhookHooks: Sendable {
    private static let group = "admissionregistration.k8s.io"
    private static let exempt: Set<String> = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"]

    /// The hooks of one kind of configuration.
    private struct Hooks: Sendable {
        /// Those that are asked over the network.
        var called: [WebhookHook] = []
        /// Those of EKS' own control plane, which are answered in process.
        var own: [WebhookHook] = []
    }

    /// Where EKS' control plane answers its own webhooks.
    private static let controlPlane = "https://127.0.0.1:9443/"

    private let validating = CollectionCache<Hooks>()
    private let mutating = CollectionCache<Hooks>()

    /// Whether no webhook is asked about a resource, lest one keep itself from being mended.
    static func isExempt(_ resource: ResourceType) -> Bool {
        PolicyHooks.isExempt(resource) || resource.group == group && exempt.contains(resource.resource)
    }

    /// Whether a request may have to wait for a webhook: of admission for a write, of conversion for anything.
    func mayWait(_ cluster: ClusterState, _ info: RequestInfo) -> Bool {
        if let resource = cluster.resources.lookup(group: info.group, version: info.version, resource: info.resource),
            ObjectConversion.isNeeded(resource)
        {
            return true
        }
        guard !["get", "list", "watch"].contains(info.verb) else { return false }
        return !validating(cluster).isEmpty || !mutating(cluster).isEmpty
    }

    func validating(_ cluster: ClusterState) -> [WebhookHook] { validatingHooks(cluster).called }

    func mutating(_ cluster: ClusterState) -> [WebhookHook] { mutatingHooks(cluster).called }

    /// A webhook of EKS' own control plane; `nil` when its configuration is gone or leads elsewhere.
    func own(_ name: String, isMutating: Bool, _ cluster: ClusterState) -> WebhookHook? {
        (isMutating ? mutatingHooks(cluster) : validatingHooks(cluster)).own.first { $0.name == name }
    }

    private func validatingHooks(_ cluster: ClusterState) -> Hooks { Self.hooks(validating, "validatingwebhookconfigurations", cluster) }

    private func mutatingHooks(_ cluster: ClusterState) -> Hooks { Self.hooks(mutating, "mutatingwebhookconfigurations", cluster) }

    private static func hooks(_ cache: CollectionCache<Hooks>, _ resource: String, _ cluster: ClusterState) -> Hooks {
        cache.value(of: [cluster.collection(group: group, resource)], in: cluster.store) { objects in
            var hooks = Hooks()
            for configuration in objects[0] {
                for (index, webhook) in (configuration["webhooks"]?.array ?? []).enumerated() {
                    let hook = WebhookHook(webhook, configuration.objectName, index)
                    let isOwn = BranchAdmission.webhooks.contains(hook.name) && hook.client["url"]?.string?.hasPrefix(controlPlane) == true
                    if isOwn { hooks.own.append(hook) } else { hooks.called.append(hook) }
                }
            }
            return hooks
        }
    }
}
