import JSON
import World

/// `UpdateClusterVersion`: the control plane goes exactly one minor version up.
extension EKSServices {
    func updateClusterVersion(_ request: Request) async throws(AWSError) -> JSON {
        let document = try document(request)
        let cluster = ClusterRecord(json: document.json)
        if let earlier = earlierUpdate(request, cluster) { return earlier }
        let wanted = request.body["version"]?.string ?? ""
        guard EKSVersions.exists(wanted) else { throw invalid("unsupported Kubernetes version", cluster: cluster.name) }
        guard EKSVersions.minor(wanted) == EKSVersions.minor(cluster.version).map({ $0 + 1 }) else {
            throw invalid(
                "Unsupported Kubernetes minor version update from \(cluster.version) to \(wanted)", cluster: cluster.name)
        }
        try requireNodesNear(wanted, request, cluster)
        let platform = cluster.json["platformVersion"] ?? "eks.1"
        let change = Change(
            type: "VersionUpdate", parameters: [("Version", wanted), ("PlatformVersion", platform.string ?? "")],
            result: ["version": .string(wanted), "platformVersion": platform])
        return try await begin(change, request, document)
    }

    /// Kubelets may be three minor versions behind the control plane, not more.
    private func requireNodesNear(_ wanted: String, _ request: Request, _ cluster: ClusterRecord) throws(AWSError) {
        let groups = network(request).present.list(.nodegroup, "clusterName", cluster.name).filter { group in
            (EKSVersions.minor(group["version"]?.string ?? "") ?? 0) + 3 < (EKSVersions.minor(wanted) ?? 0)
        }
        guard !groups.isEmpty else { return }
        let names = groups.compactMap { $0["nodegroupName"]?.string }.joined(separator: ", ")
        throw AWSError(
            400, "InvalidRequestException",
            "Nodegroups \(names) must be updated to match cluster version \(cluster.version) before updating cluster version",
            members: ["clusterName": cluster.name])
    }
}
