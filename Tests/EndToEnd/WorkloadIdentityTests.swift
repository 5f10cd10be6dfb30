import Testing

/// Identities from elsewhere with the real `aws`, boto3 and `kubectl`: pods in AWS, users of a provider in a cluster.
@Suite("Workload identity, with the real clients")
struct WorkloadIdentityTests {
    @Test("IRSA, EKS Pod Identity and ArgoCD's way into another cluster, with every refusal on the way", .timeLimit(.minutes(60)))
    func workloadIdentity() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/workload_identity.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
        #expect(outcome.output.contains("every step behaved as stated"))
    }

    @Test("users of an OpenID Connect provider, of HTTPS and of another cluster, with every refusal", .timeLimit(.minutes(60)))
    func openIDConnect() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/oidc.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
