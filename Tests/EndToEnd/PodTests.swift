import Testing

@Suite("Nodes and pods, with the real kubectl")
struct PodTests {
    @Test("nodes join, pods run, and logs, exec and port-forward answer as a simulated kubelet does", .timeLimit(.minutes(60)))
    func walk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/pods_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("managed node groups become nodes, as their roles and mappings let them", .timeLimit(.minutes(60)))
    func nodesWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/nodes_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("deployments, daemon sets, Services and budgets are kept, and a new cluster has what EKS ships", .timeLimit(.minutes(60)))
    func workloadsWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/workloads_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("pods get addresses where ENIConfigs, tags of subnets and the cluster's family say", .timeLimit(.minutes(60)))
    func networkPluginWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/cni_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
