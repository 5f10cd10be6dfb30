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

    private let validating = CollectionCache<[WebhookHook]>()
    private let mutating = CollectionCache<[WebhookHook]>()

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

    func validating(_ cluster: ClusterState) -> [WebhookHook] { Self.hooks(validating, "validatingwebhookconfigurations", cluster) }

    func mutating(_ cluster: ClusterState) -> [WebhookHook] { Self.hooks(mutating, "mutatingwebhookconfigurations", cluster) }

    private static func hooks(_ cache: CollectionCache<[WebhookHook]>, _ resource: String, _ cluster: ClusterState) -> [WebhookHook] {
        cache.value(of: [cluster.collection(group: group, resource)], in: cluster.store) { objects in
            objects[0].flatMap { configuration in
                (configuration["webhooks"]?.array ?? []).enumerated().map {
                    WebhookHook($0.element, configuration.objectName, $0.offset)
                }
            }
        }
    }
}
