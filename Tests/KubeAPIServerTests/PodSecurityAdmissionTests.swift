import JSON
import Testing

/// What the labels of a namespace let pods be when they come, and when they are changed.
@Suite("Pod Security looks at what pods become")
struct PodSecurityAdmissionTests {
    private static let pods = "/api/v1/namespaces/safe/pods"

    private static func container(_ name: String, privileged: Bool = false) -> JSON {
        ["name": .string(name), "image": "app:1", "securityContext": ["privileged": .bool(privileged)]]
    }

    /// A namespace with a privileged pod that came before its labels.
    private func cluster() async throws -> Cluster {
        let cluster = try await Cluster()
        _ = await cluster.send("POST", "/api/v1/namespaces", ["metadata": ["name": "safe"]])
        let made = await cluster.send(
            "POST", Self.pods, ["metadata": ["name": "old"], "spec": ["containers": [Self.container("c", privileged: true)]]])
        #expect(made.status == 201, "\(made.text)")
        let labels: JSON = ["pod-security.kubernetes.io/enforce": "baseline"]
        _ = await cluster.send(
            "PATCH", "/api/v1/namespaces/safe", ["metadata": ["labels": labels]], type: "application/merge-patch+json")
        return cluster
    }

    private func patch(_ cluster: Cluster, _ path: String, _ change: JSON) async -> Cluster.Answer {
        await cluster.send("PATCH", Self.pods + path, change, type: "application/strategic-merge-patch+json")
    }

    @Test("a pod that is there may be labelled, but not get another image while it is more than its namespace allows")
    func updates() async throws {
        let cluster = try await cluster()
        #expect(await patch(cluster, "/old", ["metadata": ["labels": ["a": "b"]]]).status == 200)
        #expect(await patch(cluster, "/old", ["spec": ["activeDeadlineSeconds": 60]]).status == 200)
        let refused = await patch(cluster, "/old", ["spec": ["containers": [["name": "c", "image": "app:2"]]]])
        #expect(refused.status == 403)
        #expect(
            refused.message
                == "pods \"old\" is forbidden: violates PodSecurity \"baseline:latest\": privileged (container \"c\" must not set "
                + "securityContext.privileged=true)")
    }

    @Test("ephemeral containers are looked at, and what a kubelet says of a pod is not")
    func subresources() async throws {
        let cluster = try await cluster()
        let made = await cluster.send("POST", Self.pods, ["metadata": ["name": "new"], "spec": ["containers": [Self.container("c")]]])
        #expect(made.status == 201, "\(made.text)")
        let debug = await patch(
            cluster, "/new/ephemeralcontainers", ["spec": ["ephemeralContainers": [Self.container("d", privileged: true)]]])
        #expect(debug.status == 403)
        #expect(debug.message.contains("privileged (container \"d\" must not set securityContext.privileged=true)"))
        #expect(
            await patch(cluster, "/new/ephemeralcontainers", ["spec": ["ephemeralContainers": [Self.container("e")]]]).status == 200)
        #expect(await patch(cluster, "/old/status", ["status": ["message": "fine"]]).status == 200)
    }
}
