import Testing

/// The product's main job with the real `aws` and `kubectl`, and what must survive a crash.
@Suite("End to end, with the real clients")
struct MainJobTests {
    @Test("the main job: update-kubeconfig, kubectl, aws-auth, access entries, refused tokens, why", .timeLimit(.minutes(60)))
    func mainJob() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/demo.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
        #expect(outcome.output.contains("every step behaved as stated"))
    }

    @Test("the AWS side with the real clients, check by check", .timeLimit(.minutes(60)))
    func awsWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/aws_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("a cluster's network and node group with the real aws, made and taken down", .timeLimit(.minutes(60)))
    func networkWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/network_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("security groups for pods, from the cluster's role to branch interfaces and back", .timeLimit(.minutes(60)))
    func branchWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/branch_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("a cluster's endpoint from the internet, from subnets, a bastion and a peered network, in each setting", .timeLimit(.minutes(60)))
    func vantageWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/vantage_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("what kubectl creates, changes, waits for, drains, debugs and shows, command by command", .timeLimit(.minutes(60)))
    func kubectlWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/kubectl_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("proxies of Services, pods and nodes", .timeLimit(.minutes(60)))
    func proxyWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/proxy_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("limits of watches, of writes in flight and of time", .timeLimit(.minutes(60)))
    func limitsWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/limits_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("certificates from request to use", .timeLimit(.minutes(60)), arguments: ["upstream", "eks"])
    func certificatesWalk(profile: String) async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/certificates_walk.sh '\(Shell.binary)'", environment: ["PROFILE": profile])
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("every smallest fix that why names, pasted as it stands, lets the refused command pass", .timeLimit(.minutes(60)))
    func whyFixes() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/why_fixes.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("who-can, access rehearse, access lint, why in every form, token inspect", .timeLimit(.minutes(60)))
    func accessWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/access_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("control plane logs: the audit log, the authenticator's, and the Logs API that they are read with", .timeLimit(.minutes(60)))
    func auditWalk() async throws {
        let outcome = try await Shell.run("Tests/EndToEnd/audit_walk.sh '\(Shell.binary)'")
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    @Test("kill -9 under write load loses no acknowledged write", .timeLimit(.minutes(60)))
    func killUnderLoad() async throws {
        let outcome = try await Shell.run("python3 Tests/EndToEnd/kill_under_load.py '\(Shell.binary)' --seeds 3")
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
