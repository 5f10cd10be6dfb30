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
        guard Self.minor(wanted) == Self.minor(cluster.version).map({ $0 + 1 }) else {
            throw invalid(
                "Unsupported Kubernetes minor version update from \(cluster.version) to \(wanted)", cluster: cluster.name)
        }
        let platform = cluster.json["platformVersion"] ?? "eks.1"
        let change = Change(
            type: "VersionUpdate", parameters: [("Version", wanted), ("PlatformVersion", platform.string ?? "")],
            result: ["version": .string(wanted), "platformVersion": platform])
        return try await begin(change, request, document)
    }

    private static func minor(_ version: String) -> Int? {
        let parts = version.split(separator: ".")
        return parts.count == 2 ? Int(parts[1]) : nil
    }
}
