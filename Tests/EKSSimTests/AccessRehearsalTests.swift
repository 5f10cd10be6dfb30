import EKSSim
import IAMAuthenticator
import JSON
import Testing

@Suite("access rehearse")
struct AccessRehearsalTests {
    private func rehearse(_ plan: String, on access: ClusterAccess = AccessFixture.access()) async throws -> AccessRehearsal {
        await AccessRehearsal(before: access, after: try AccessPlan(parsing: plan).applied(to: access))
    }

    private func outcome(_ name: String, _ rehearsal: AccessRehearsal) throws -> AccessRehearsal.Outcome {
        try #require(rehearsal.outcomes.first { $0.principal == AccessFixture.role(name) })
    }

    @Test("mode API locks out those whom only aws-auth maps, and nobody else")
    func mode() async throws {
        let rehearsal = try await rehearse("authenticationMode: API")
        #expect(rehearsal.victims == [AccessFixture.role("ops")])
        let ops = try outcome("ops", rehearsal)
        #expect(ops.isLockedOut && ops.after == nil && ops.lost == ["get, list nodes"])
        #expect(ops.before == "ops:{{SessionName}} in [ops], by aws-auth mapRoles[0]" || ops.before?.hasPrefix("ops:") == true)
        #expect(try !outcome("dev", rehearsal).changes)
        #expect(rehearsal.text().contains("locked out"))
    }

    @Test("another group loses what its bindings gave and gains what the other's give")
    func groups() async throws {
        let rehearsal = try await rehearse(
            """
            accessEntries:
              update:
                - principalArn: \(AccessFixture.role("dev"))
                  kubernetesGroups: [ops]
            """)
        let dev = try outcome("dev", rehearsal)
        #expect(dev.gained == ["get, list nodes"] && dev.lost == ["delete pods in namespace \"team-a\""])
        #expect(rehearsal.victims.isEmpty)
    }

    @Test("an entry with a policy, made in one plan, tells what it grants in each namespace that matches")
    func create() async throws {
        let rehearsal = try await rehearse(
            """
            accessEntries:
              create:
                - principalArn: \(AccessFixture.role("nobody"))
                  accessPolicies:
                    - policyArn: AmazonEKSViewPolicy
                      accessScope: {type: namespace, namespaces: ["team-*"]}
            """)
        let nobody = try outcome("nobody", rehearsal)
        #expect(nobody.before == nil && nobody.after?.hasSuffix("by access entry") == true)
        #expect(nobody.gained.contains { $0.contains("pods") && $0.hasSuffix("in namespace \"team-a\"") })
        #expect(nobody.gained.contains { $0.hasSuffix("in namespace \"team-b\"") })
        #expect(!nobody.gained.contains { $0.contains("secrets") })
    }

    @Test("the manifest of aws-auth is a plan; without the line its role is out")
    func manifest() async throws {
        let rehearsal = try await rehearse(
            """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: aws-auth, namespace: kube-system}
            data:
              mapRoles: |
                - rolearn: \(AccessFixture.role("nobody"))
                  username: n
                  groups: [system:masters]
            """)
        #expect(rehearsal.victims == [AccessFixture.role("ops")])
        #expect(try outcome("nobody", rehearsal).gained == ["everything on all resources, all paths"])
    }

    @Test("to be left with nothing is to lose all access, though one may log in")
    func nothingLeft() async throws {
        let rehearsal = try await rehearse(
            """
            accessPolicies:
              disassociate:
                - {principalArn: "\(AccessFixture.role("admin"))", policyArn: AmazonEKSClusterAdminPolicy}
            """)
        let admin = try outcome("admin", rehearsal)
        #expect(admin.losesAll && !admin.isLockedOut && rehearsal.victims == [AccessFixture.role("admin")])
    }

    @Test("leaving CONFIG_MAP shows the creator, who keeps everything")
    func creator() async throws {
        let rehearsal = try await rehearse(
            "authenticationMode: API_AND_CONFIG_MAP", on: AccessFixture.access(mode: .configMap, entries: []))
        let admin = try outcome("admin", rehearsal)
        #expect(admin.before == "kubernetes-admin in [system:masters], by cluster creator")
        #expect(admin.after?.hasSuffix("by access entry") == true && !admin.losesAll && !admin.isLockedOut)
        #expect(rehearsal.victims.isEmpty)
    }

    @Test(
        "a plan that EKS would refuse is refused in its words",
        arguments: [
            ("authenticationMode: CONFIG_MAP", "Unsupported authentication mode update from API_AND_CONFIG_MAP to CONFIG_MAP"),
            ("accessEntries: {create: [{principalArn: 'arn:aws:iam::111122223333:role/dev'}]}", "already in use on this cluster"),
            ("accessEntries: {create: [{principalArn: 'arn:aws:iam::111122223333:role/none'}]}", "invalid principal"),
            ("accessEntries: {delete: ['arn:aws:iam::111122223333:role/none']}", "could not be found"),
            (
                "accessEntries: {update: [{principalArn: 'arn:aws:iam::111122223333:role/dev', kubernetesGroups: ['system:x']}]}",
                "cannot start with system:"
            ),
            ("accessPolicies: {associate: [{principalArn: 'arn:aws:iam::111122223333:role/dev', policyArn: 'No'}]}", "policyArn"),
        ])
    func refused(_ plan: String, words: String) async throws {
        let plan = try AccessPlan(parsing: plan)
        let problem = #expect(throws: AccessPlan.Problem.self) { try plan.applied(to: AccessFixture.access()) }
        #expect(problem?.description.contains(words) == true)
    }

    @Test(
        "what is no plan is told so",
        arguments: ["", "[]", "mode: API", "authenticationMode: NO", "kind: ConfigMap", "{", "accessEntries: {x: [1]}"])
    func unreadable(_ text: String) {
        #expect(throws: AccessPlan.Problem.self) { try AccessPlan(parsing: text) }
    }

    @Test("an imported cluster is rehearsed by its aws-auth and RBAC alone")
    func imported() async throws {
        let rbac = AccessFixture.access().rbacObjects
        var lists: [String: JSON] = ["namespaces": ["items": [["metadata": ["name": "team-a"]]]]]
        for (resource, objects) in rbac { lists[resource] = ["items": .array(objects)] }
        let access = ClusterAccess(
            importing: lists, awsAuth: ["data": ["mapRoles": .string(AccessFixture.awsAuth["mapRoles"] ?? "")]], clusterName: "real",
            mode: .apiAndConfigMap)
        let rehearsal = try await rehearse("awsAuth: null", on: access)
        #expect(rehearsal.victims == [AccessFixture.role("ops")])
        #expect(AccessLint(access).findings.isEmpty)
    }

    @Test("nodes are somebody too: without the entry of their role they lose what the Node authorizer lets them")
    func nodes() async throws {
        let access = AccessFixture.access(
            mode: .api, entries: [AccessFixture.entry("ops", type: "EC2_LINUX", groups: ["system:nodes"])], awsAuth: nil)
        let rehearsal = try await rehearse("accessEntries: {delete: [\(AccessFixture.role("ops"))]}", on: access)
        #expect(rehearsal.victims == [AccessFixture.role("ops")])
        #expect(try outcome("ops", rehearsal).lost.contains { $0.contains("nodes/status") })
    }

    @Test("entries of a real cluster come from what aws says of them")
    func importedEntries() async throws {
        var access = ClusterAccess(
            importing: ["clusterroles": ["items": []]], awsAuth: nil, clusterName: "imported", mode: .configMap)
        try access.importEntries(
            """
            {"cluster": {"name": "prod", "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/prod", "accessConfig": {"authenticationMode": "API"}}}
            {"accessEntries": ["\(AccessFixture.role("team/dev"))"]}
            {"accessEntry": {"principalArn": "\(AccessFixture.role("team/dev"))", "type": "STANDARD", "kubernetesGroups": ["g {\\"}"],
              "username": "arn:aws:sts::111122223333:assumed-role/dev/{{SessionName}}"}}
            [{"clusterName": "prod", "principalArn": "\(AccessFixture.role("team/dev"))", "associatedAccessPolicies": [
              {"policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", "accessScope": {"type": "cluster", "namespaces": []}}]}]
            """)
        #expect(access.clusterName == "prod" && access.accountID == "111122223333" && access.mode == .api)
        #expect(access.entries.map(\.groups) == [["g {\"}"]])
        let answer = await WhoCan(WhoCan.attributes(verb: "get", resource: "pods", namespace: "x"), in: access)
        #expect(answer.principals.map(\.principal) == [AccessFixture.role("team/dev")])
        #expect(answer.principals.first?.path == ["access entry", "access policy AmazonEKSViewPolicy (cluster)"])
        let rehearsal = try await rehearse("accessEntries: {delete: [\(AccessFixture.role("team/dev"))]}", on: access)
        #expect(rehearsal.victims == [AccessFixture.role("team/dev")])
    }

    @Test(
        "what is no answer about access entries is refused",
        arguments: [
            "{", "text", "{} }", "{\"nodegroups\": []}", "[1]",
            "{\"principalArn\": \"arn:aws:iam::111122223333:role/x\", \"associatedAccessPolicies\": []}",
            "{\"cluster\": {\"accessConfig\": {\"authenticationMode\": \"NONE\"}}}",
        ])
    func notImported(text: String) throws {
        var access = AccessFixture.access()
        #expect(throws: ClusterAccess.ImportProblem.self) { try access.importEntries(text) }
    }
}
