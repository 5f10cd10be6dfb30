import EKSSim
import JSON
import Testing
import World

/// What a new cluster has in `kube-system`.
@Suite struct SystemWorkloadTests {
    private static func names(_ harness: Harness, _ path: String, of cluster: String = "demo") async throws -> [String] {
        let list = try await harness.kubernetes("GET", path, token: harness.token(for: cluster), cluster: cluster).json
        return (list["items"]?.array ?? []).compactMap { $0.at("metadata", "name")?.string }.sorted()
    }

    @Test func aNewClusterHasTheNetworkAddOns() async throws {
        try await Harness.run { harness in
            #expect(try await Self.names(harness, "/apis/apps/v1/namespaces/kube-system/daemonsets") == ["aws-node", "kube-proxy"])
            #expect(try await Self.names(harness, "/apis/apps/v1/namespaces/kube-system/deployments") == ["coredns"])
            #expect(try await Self.names(harness, "/apis/policy/v1/namespaces/kube-system/poddisruptionbudgets") == ["coredns"])
            let maps = try await Self.names(harness, "/api/v1/namespaces/kube-system/configmaps")
            #expect(Set(maps).isSuperset(of: ["amazon-vpc-cni", "coredns", "kube-proxy", "kube-proxy-config"]))
            let service = try await harness.kubernetes("GET", "/api/v1/namespaces/kube-system/services/kube-dns", token: harness.token())
                .json
            #expect(service.at("spec", "clusterIP") == "10.100.0.10")
            #expect(service.at("metadata", "managedFields")?[0]?["manager"] == "eks")
            let agent = try await harness.kubernetes(
                "GET", "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node", token: harness.token()
            ).json
            let containers = agent.at("spec", "template", "spec", "containers")?.array ?? []
            #expect(containers.map { $0["name"] } == ["aws-node", "aws-eks-nodeagent"])
            let image = containers.first?["image"]?.string ?? ""
            #expect(image.hasPrefix("602401143452.dkr.ecr.\(harness.region).amazonaws.com/amazon-k8s-cni:v1."))
            let environment = containers.first?["env"]?.array ?? []
            #expect(environment.contains(["name": "WARM_ENI_TARGET", "value": "1"]))
            #expect(environment.contains(["name": "CLUSTER_NAME", "value": "demo"]))
        }
    }

    @Test func withoutNodesDNSWaits() async throws {
        try await Harness.run { harness in
            await harness.simulator.world.advance(by: .seconds(5))
            let pods =
                try await harness.kubernetes("GET", "/api/v1/namespaces/kube-system/pods", token: harness.token()).json["items"]?.array
                ?? []
            #expect(pods.count == 2)
            #expect(pods.allSatisfy { $0.at("status", "phase") == "Pending" && $0.at("metadata", "labels", "k8s-app") == "kube-dns" })
        }
    }

    @Test func whatItsOwnerDeletesStaysAway() async throws {
        try await Harness.run { harness in
            let path = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node"
            try await harness.expect(200, "DELETE", path, token: harness.token())
            await harness.simulator.world.advance(by: .seconds(60))
            try await harness.expect(404, "GET", path, token: harness.token())
        }
    }
}
