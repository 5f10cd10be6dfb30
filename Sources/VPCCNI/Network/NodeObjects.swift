/// The Kubernetes API and the host's links, as the agent of one node sees them.
public protocol NodeObjects: Sendable {
    /// The node's labels and annotations.
    func node() async -> NodeMetadata
    /// Whether the node carries the taint `node.kubernetes.io/unschedulable:NoSchedule`.
    func isCordoned() async -> Bool
    /// An ENIConfig by its name.
    func eniConfig(_ name: String) async -> ENIConfig?
    /// A pod; `nil` when there is none.
    func pod(_ namespace: String, _ name: String) async -> BranchPod?
    /// Adds a feature to the node's CNINode, or gives it another value.
    func addFeature(_ name: String, _ value: String) async
    /// Whether the host has an interface whose name ends so.
    func hasHostInterface(suffix: String) async -> Bool
}

/// What of a Node the agent reads.
public struct NodeMetadata: Sendable, Hashable {
    /// Labels.
    public var labels: [String: String]
    /// Annotations.
    public var annotations: [String: String]

    /// Makes the metadata.
    public init(labels: [String: String] = [:], annotations: [String: String] = [:]) {
        self.labels = labels
        self.annotations = annotations
    }

    /// The ENIConfig that the node names (pkg/eniconfig): by the label that beats all, by the annotation, by the label, or `default`.
    public func eniConfigName(_ settings: AgentSettings) -> String {
        labels["vpc.amazonaws.com/externalEniConfig"] ?? annotations[settings.eniConfigAnnotation] ?? labels[settings.eniConfigLabel]
            ?? "default"
    }
}

/// Where the interfaces of custom networking go.
public struct ENIConfig: Sendable, Hashable {
    /// The subnet's id.
    public let subnet: String
    /// Security groups; empty for those of the primary interface.
    public let securityGroups: [String]

    /// Makes a configuration.
    public init(subnet: String, securityGroups: [String] = []) {
        self.subnet = subnet
        self.securityGroups = securityGroups
    }
}

/// What of a pod decides whether it gets a branch interface.
public struct BranchPod: Sendable, Hashable {
    /// Whether its first container has a limit of `vpc.amazonaws.com/pod-eni`.
    public let wantsBranchInterface: Bool
    /// The annotation `vpc.amazonaws.com/pod-eni`, once the resource controller wrote it.
    public let annotation: String?

    /// Makes a description.
    public init(wantsBranchInterface: Bool, annotation: String?) {
        self.wantsBranchInterface = wantsBranchInterface
        self.annotation = annotation
    }
}
