import EKSSim
import IAMAuthenticator
import Testing

@Suite("access lint")
struct AccessLintTests {
    private func rules(_ access: ClusterAccess) -> [String] { AccessLint(access).findings.map { "\($0.rule) \($0.subject)" } }

    @Test("an access that does what it says has no finding")
    func clean() {
        #expect(AccessLint(AccessFixture.access()).findings.isEmpty)
        #expect(AccessLint(AccessFixture.access()).text() == "nothing found\n")
    }

    @Test("entries of principals that are gone or were made again, that grant nothing, or whose scope matches nothing")
    func entries() {
        let nowhere = AccessEntryState.Association(
            policyARN: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", scope: "namespace", namespaces: ["prod-*"])
        let access = AccessFixture.access(
            entries: [
                AccessFixture.entry("gone", groups: ["dev"]), AccessFixture.entry("dev", groups: ["dev"]), AccessFixture.entry("nobody"),
                AccessFixture.entry("admin", groups: ["unbound"], associations: [nowhere]),
            ], ids: [AccessFixture.role("dev"): "AROAOLD"])
        #expect(
            rules(access) == [
                "entry-principal-deleted \(AccessFixture.role("gone"))", "entry-principal-recreated \(AccessFixture.role("dev"))",
                "entry-grants-nothing \(AccessFixture.role("nobody"))", "group-unbound \(AccessFixture.role("admin"))",
                "scope-matches-nothing \(AccessFixture.role("admin"))",
            ])
        let fix = AccessLint(access).findings.first?.fix
        #expect(fix == "aws eks delete-access-entry --cluster-name demo --principal-arn \(AccessFixture.role("gone"))")
        #expect(AccessLint(access).hasErrors)
    }

    @Test("lines of aws-auth that can never match, each with the reason")
    func neverMatching() {
        let arns = [
            "arn:aws:iam::\(AccessFixture.account):role/teams/dev", "arn:aws:sts::\(AccessFixture.account):assumed-role/dev/s",
            "arn:aws:iam::\(AccessFixture.account):role/*", "dev", "arn:aws:s3:::bucket", AccessFixture.role("missing"),
        ]
        let text = arns.map { "- rolearn: '\($0)'\n  username: u\n  groups: [dev]\n" }.joined()
        let findings = AccessLint(AccessFixture.access(entries: [], awsAuth: ["mapRoles": text])).findings
        #expect(findings.map(\.rule) == Array(repeating: "line-never-matches", count: arns.count))
        #expect(findings.first?.message == "callers' roles come without their path: write \(AccessFixture.role("dev"))")
        #expect(findings.last?.message == "IAM has no such role")
    }

    @Test("hidden lines, reserved names, unreadable sections, a map that nothing reads")
    func lines() {
        let twice = "- {rolearn: '\(AccessFixture.role("ops"))', username: a, groups: [ops]}\n"
        let hidden = AccessFixture.access(entries: [], awsAuth: ["mapRoles": twice + twice])
        #expect(rules(hidden) == ["line-hidden aws-auth mapRoles[0] \(AccessFixture.role("ops"))"])
        let entry = AccessFixture.access(awsAuth: ["mapRoles": "- {rolearn: '\(AccessFixture.role("dev"))', username: a, groups: [dev]}\n"])
        #expect(rules(entry) == ["line-hidden aws-auth mapRoles[0] \(AccessFixture.role("dev"))"])
        let reserved =
            "- {rolearn: '\(AccessFixture.role("ops"))', username: 'system:admin', "
            + "groups: ['system:masters', 'eks:x', unbound]}\n"
        #expect(
            AccessLint(AccessFixture.access(entries: [], awsAuth: ["mapRoles": reserved])).findings.map(\.rule)
                == ["reserved-username", "group-system-masters", "reserved-group", "group-unbound"])
        #expect(
            AccessLint(AccessFixture.access(entries: [], awsAuth: ["mapRoles": "- ["])).findings.map(\.rule) == ["aws-auth-unreadable"])
        #expect(AccessLint(AccessFixture.access(mode: .api)).findings.map(\.rule) == ["aws-auth-ignored"])
        #expect(AccessLint(AccessFixture.access(mode: .configMap)).findings.map(\.rule).contains("entries-ignored"))
    }
}
