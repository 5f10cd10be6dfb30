import JSON

/// The resource controller's admission webhooks for pods (amazon-vpc-resource-controller-k8s, webhooks/core).
public enum PodWebhooks {
    /// The resource, and the annotation, of a branch interface.
    public static let branchResource = "vpc.amazonaws.com/pod-eni"
    /// The annotation with the groups of a pod on Fargate.
    public static let fargateGroups = "fargate.amazonaws.com/pod-sg"
    private static let fargateProfile = "eks.amazonaws.com/fargate-profile"
    private static let controllers: Set<String> = [
        "eks:vpc-resource-controller", "system:serviceaccount:kube-system:vpc-resource-controller",
        "system:serviceaccount:kube-system:eks-vpc-resource-controller",
    ]

    /// What becomes of a new pod.
    public struct Mutation: Sendable {
        /// The pod, changed or not.
        public let pod: JSON
        /// The groups of the policies that are for it.
        public let groups: [String]
        /// What the answer says; `nil` when the pod was changed.
        public let message: String?
    }

    /// Gives a new pod that a policy is for a branch interface, as a resource of its first container; on Fargate, the groups.
    public static func mutate(
        _ pod: JSON, namespace: String, policies: [SecurityGroupPolicy], serviceAccountLabels: JSONObject?
    ) -> Mutation {
        guard pod.at("spec", "hostNetwork")?.bool != true else {
            return Mutation(pod: pod, groups: [], message: "SGP not supported on Pod running on HostNetwork")
        }
        let labels = pod.at("metadata", "labels")?.object
        let isOnFargate = labels?[fargateProfile] != nil
        guard isOnFargate || !isForWindows(pod) else { return Mutation(pod: pod, groups: [], message: "") }
        let groups = SecurityGroupPolicy.groups(
            of: policies, namespace: namespace, podLabels: labels, serviceAccountLabels: serviceAccountLabels)
        var changed = pod
        if isOnFargate {
            let isAnnotated = pod.at("metadata", "annotations", fargateGroups) != nil
            guard isAnnotated || !groups.isEmpty else { return Mutation(pod: pod, groups: [], message: "Fargate pod not matching any SGP") }
            // Only this webhook may set it.
            let value = groups.isEmpty ? Optional.none : JSON.string(groups.joined(separator: ","))
            changed["metadata", default: [:]]["annotations", default: [:]][fargateGroups] = value
        } else {
            guard !groups.isEmpty else { return Mutation(pod: pod, groups: [], message: "Pod didn't match any SGP") }
            for list in ["limits", "requests"] {
                var containers = changed.at("spec", "containers")?.array ?? []
                guard !containers.isEmpty else { break }
                containers[0]["resources", default: [:]][list, default: [:]][branchResource] = "1"
                changed["spec", default: [:]]["containers"] = .array(containers)
            }
        }
        return Mutation(pod: changed, groups: groups, message: nil)
    }

    private static func isForWindows(_ pod: JSON) -> Bool {
        ["kubernetes.io/os", "beta.kubernetes.io/os"].contains { pod.at("spec", "nodeSelector", $0)?.string == "windows" }
    }

    /// Why a new pod is refused; `nil` when it is not.
    public static func refusal(ofNew pod: JSON) -> String? {
        pod.at("metadata", "annotations", branchResource) == nil ? nil : "pod cannot be created with \(branchResource) annotation"
    }

    /// Why a change of a pod is refused; `nil` when it is not.
    public static func refusal(of pod: JSON, old: JSON, user: String) -> String? {
        func isChanged(_ annotation: String) -> Bool {
            (pod.at("metadata", "annotations", annotation)?.string ?? "") != (old.at("metadata", "annotations", annotation)?.string ?? "")
        }
        if isChanged(fargateGroups) { return "annotation is not set by mutating webhook" }
        return isChanged(branchResource) && !controllers.contains(user) ? "annotation is not set by vpc-resource-controller" : nil
    }
}
