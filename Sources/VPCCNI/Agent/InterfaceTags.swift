import JSON

/// The tags that the agent puts on interfaces.
enum InterfaceTags {
    static let instance = "node.k8s.amazonaws.com/instance_id"
    static let createdAt = "node.k8s.amazonaws.com/createdAt"
    static let cluster = "cluster.k8s.amazonaws.com/name"
    private static let reserved = "k8s.amazonaws.com"

    /// Tags of every managed interface.
    static func wanted(_ settings: AgentSettings, instanceID: String) -> [String: String] {
        var tags = [instance: instanceID]
        if !settings.clusterName.isEmpty {
            tags[cluster] = settings.clusterName
            tags["eks:eni:owner"] = "amazon-vpc-cni"
        }
        return tags.merging(settings.additionalTags) { _, added in added }
    }

    /// `ADDITIONAL_ENI_TAGS`: an object of texts, without the keys that the agent keeps for itself; nothing when it is not that.
    static func additional(_ text: String) -> [String: String] {
        guard let members = (try? JSON(parsing: text))?.object?.members else { return [:] }
        var tags: [String: String] = [:]
        for member in members {
            guard let value = member.value.string else { return [:] }
            if !member.key.contains(reserved) { tags[member.key] = value }
        }
        return tags
    }
}
