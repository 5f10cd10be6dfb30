import JSON
import KubeAPI

/// Which pods get security groups of their own (vpcresources.k8s.aws/v1beta1 SecurityGroupPolicy).
public struct SecurityGroupPolicy: Sendable, Hashable {
    /// Where its pods are.
    public let namespace: String
    /// The groups.
    public let groups: [String]
    /// Pods by their labels.
    public let podSelector: LabelSelector?
    /// Pods by their service accounts' labels.
    public let serviceAccountSelector: LabelSelector?

    /// Reads an object; `nil` when a selector cannot be read.
    public init?(_ object: JSON) {
        func selector(_ json: JSON?) -> LabelSelector?? {
            guard let json, !json.isNull else { return .some(nil) }
            return (try? LabelSelector(labelSelectorObject: json)).map { .some($0) }
        }
        guard let pods = selector(object.at("spec", "podSelector")), let accounts = selector(object.at("spec", "serviceAccountSelector"))
        else { return nil }
        namespace = object.at("metadata", "namespace")?.string ?? ""
        groups = object.at("spec", "securityGroups", "groupIds")?.strings ?? []
        podSelector = pods
        serviceAccountSelector = accounts
    }

    /// Whether the policy is for a pod: it has a selector, and every one that it has matches. One without groups is for none.
    public func matches(podLabels: JSONObject?, serviceAccountLabels: JSONObject?) -> Bool {
        guard !groups.isEmpty, podSelector != nil || serviceAccountSelector != nil else { return false }
        return podSelector?.matches(podLabels) != false && serviceAccountSelector?.matches(serviceAccountLabels) != false
    }

    /// The groups of all policies that are for a pod, in their order and each once.
    public static func groups(
        of policies: [SecurityGroupPolicy], namespace: String, podLabels: JSONObject?, serviceAccountLabels: JSONObject?
    ) -> [String] {
        var groups: [String] = []
        for policy in policies
        where policy.namespace == namespace && policy.matches(podLabels: podLabels, serviceAccountLabels: serviceAccountLabels) {
            groups += policy.groups.filter { !groups.contains($0) }
        }
        return groups
    }
}
