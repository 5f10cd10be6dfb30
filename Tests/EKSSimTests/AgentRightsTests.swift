import EKSSim
import HTTP
import JSON
import Testing
import World

/// Whose rights agents of the VPC CNI have, and how their nodes and pods look as long as these do not suffice.
@Suite("The rights of the VPC CNI's agents")
struct AgentRightsTests: NodegroupSuite {
    private static let account = "/api/v1/namespaces/kube-system/serviceaccounts/aws-node"
    /// A node's role without AmazonEKS_CNI_Policy.
    private static let nodePolicies = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"]
    private static let agentRole = "arn:aws:iam::111122223333:role/cni"

    private func makeAgentRole(_ harness: Harness, trust: JSON) async throws {
        let document: JSON = ["Version": "2012-10-17", "Statement": [trust]]
        let made = try await harness.iam("CreateRole", [("RoleName", "cni"), ("AssumeRolePolicyDocument", document.text)])
        #expect(made.status == 200, "\(made.text)")
        let done = try await harness.iam(
            "AttachRolePolicy", [("RoleName", "cni"), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")])
        #expect(done.status == 200, "\(done.text)")
    }

    /// Trust in a service account of `kube-system`, after making the cluster's provider known to IAM.
    private func webIdentity(_ harness: Harness, account: String, isNew: Bool = true) async throws -> JSON {
        let issuer = try await harness.eks("GET", "/clusters/demo").json.at("cluster", "identity", "oidc", "issuer")?.string ?? ""
        if isNew {
            let made = try await harness.iam(
                "CreateOpenIDConnectProvider", [("Url", issuer), ("ClientIDList.member.1", "sts.amazonaws.com")])
            #expect(made.status == 200, "\(made.text)")
        }
        let provider = issuer.replacing("https://", with: "")
        let claims = JSONObject([
            ("\(provider):sub", JSON.string("system:serviceaccount:kube-system:\(account)")),
            ("\(provider):aud", JSON.string("sts.amazonaws.com")),
        ])
        return [
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": ["Federated": JSON.string("arn:aws:iam::111122223333:oidc-provider/\(provider)")],
            "Condition": ["StringEquals": JSON.object(claims)],
        ]
    }

    private func annotate(_ harness: Harness) async throws {
        let change: JSON = ["metadata": ["annotations": ["eks.amazonaws.com/role-arn": .string(Self.agentRole)]]]
        let done = try await harness.kubernetes(
            "PATCH", Self.account, change, token: harness.token(), type: "application/merge-patch+json")
        #expect(done.status == 200, "\(done.text)")
    }

    private func pods(_ harness: Harness, _ app: String) async throws -> [JSON] {
        let list = try await harness.kubernetes(
            "GET", "/api/v1/namespaces/kube-system/pods", query: "labelSelector=k8s-app%3D\(app)", token: harness.token())
        return list.json["items"]?.array ?? []
    }

    private func agents(_ harness: Harness) async throws -> [JSON] {
        try await pods(harness, "aws-node").compactMap { pod in
            pod.at("status", "containerStatuses")?.array?.first { $0["name"] == "aws-node" }
        }
    }

    private func log(_ harness: Harness) async throws -> String {
        let node = try await nodes(harness).keys.sorted().first ?? ""
        return try await harness.simulator.agentPage(cluster: "demo", node: node, "ipamd.log")
    }

    /// What `kubectl logs` says of one of the agents' pods.
    private func output(_ harness: Harness, previous: Bool = false) async throws -> [String] {
        let name = try await pods(harness, "aws-node").first?.at("metadata", "name")?.string ?? ""
        let answer = try await harness.kubernetes(
            "GET", "/api/v1/namespaces/kube-system/pods/\(name)/log", query: "container=aws-node&previous=\(previous)",
            token: harness.token())
        return answer.text.split(separator: "\n").map { String($0.split(separator: "msg=").last ?? "") }
    }

    /// The smallest fix of the newest request of a name that was refused.
    private func fix(_ harness: Harness, _ summary: String) -> String {
        let traces = harness.simulator.world.traces.recent(limit: 1000).map(\.snapshot)
        return traces.first { $0.summary == summary }?.steps.last { $0.verdict == .fail }?.fix ?? ""
    }

    /// What the events of a reason say.
    private func events(_ harness: Harness, _ reason: String) async throws -> [String] {
        let list = try await harness.kubernetes("GET", "/api/v1/namespaces/kube-system/events", token: harness.token()).json
        return (list["items"]?.array ?? []).filter { $0["reason"]?.string == reason }.compactMap { $0["message"]?.string }
    }

    @Test("without AmazonEKS_CNI_Policy agents do not answer: probes fail, containers start again, until the policy is attached")
    func nodeRole() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.nodePolicies)
            try await makeGroup(harness)
            await advance(harness, .seconds(50))
            #expect(try await Array(nodes(harness).values) == [false, false])
            #expect(try await agents(harness).map { [$0["ready"], $0["restartCount"]] } == [[false, 0], [false, 0]])
            #expect(
                try await log(harness).contains(
                    "is not authorized to perform: ec2:DescribeNetworkInterfaces because no identity-based policy allows"))
            let statement = fix(harness, "ec2:DescribeNetworkInterfaces")
            #expect(statement.contains("put-role-policy --role-name nodes") && statement.contains("ec2:DescribeNetworkInterfaces"))
            let daemonSet = try await harness.kubernetes(
                "GET", "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node", token: harness.token())
            #expect(daemonSet.json.at("status", "numberReady") == 0 && daemonSet.json.at("status", "numberUnavailable") == 2)
            let failures = try await events(harness, "Unhealthy")
            #expect(
                failures.contains {
                    $0.hasPrefix("Readiness probe failed: {\"level\":\"info\",\"ts\":\"")
                        && $0.hasSuffix("\"msg\":\"timeout: failed to connect service \\\":50051\\\" within 5s\"}")
                }, "\(failures)")
            let waits = [
                "Installed /host/opt/cni/bin/aws-cni", "Installed /host/opt/cni/bin/egress-cni", "\"Starting IPAM daemon... \"",
                "\"Checking for IPAM connectivity... \"",
            ]
            #expect(try await output(harness) == waits)
            // Three failed probes, ten seconds apart, the first after a minute.
            await advance(harness, .seconds(45))
            let restarted = try await agents(harness)
            #expect(restarted.map { $0["restartCount"] } == [1, 1])
            #expect(restarted.allSatisfy { $0.at("lastState", "terminated", "exitCode") == 2 })
            #expect(try await events(harness, "Killing").contains("Container aws-node failed liveness probe, will be restarted"))
            try await attach(harness, "AmazonEKS_CNI_Policy")
            await advance(harness, .seconds(20))
            #expect(try await Array(nodes(harness).values) == [false, false])
            await advance(harness, .seconds(90))
            #expect(try await Array(nodes(harness).values) == [true, true])
            #expect(try await agents(harness).allSatisfy { $0["ready"] == true })
            #expect(try await output(harness, previous: true) == waits)
            let copied = ["\"Copying config file... \"", "\"Successfully copied CNI plugin binary and config file.\""]
            #expect(try await output(harness) == waits + copied)
            #expect(try await pods(harness, "kube-dns").allSatisfy { $0.at("status", "phase") == "Running" })
            #expect(try await group(harness)["status"] == "ACTIVE")
        }
    }

    @Test("without the right to pull images no agent runs, until there is one")
    func images() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"])
            try await makeGroup(harness)
            await advance(harness, .seconds(30))
            #expect(try await Array(nodes(harness).values) == [false, false])
            #expect(try await agents(harness).allSatisfy { $0["ready"] == false })
            #expect(try await harness.simulator.pools(cluster: "demo", node: nil)["nodes"]?.array?.isEmpty == true)
            try await attach(harness, "AmazonEC2ContainerRegistryPullOnly")
            await advance(harness, .seconds(30))
            #expect(try await Array(nodes(harness).values) == [true, true])
            #expect(try await agents(harness).allSatisfy { $0["ready"] == true })
        }
    }

    @Test("a policy that is taken away leaves pods the addresses that are there")
    func taken() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness, ["scalingConfig": ["minSize": 1, "maxSize": 1, "desiredSize": 1]])
            await advance(harness, .seconds(60))
            let detached = try await harness.iam(
                "DetachRolePolicy", [("RoleName", "nodes"), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")])
            #expect(detached.status == 200)
            let template: JSON = [
                "metadata": ["labels": ["k8s-app": "web"]], "spec": ["containers": [["name": "c", "image": "i"]]],
            ]
            let made = try await harness.kubernetes(
                "POST", "/apis/apps/v1/namespaces/kube-system/deployments",
                [
                    "metadata": ["name": "web"],
                    "spec": ["replicas": 20, "selector": ["matchLabels": ["k8s-app": "web"]], "template": template],
                ], token: harness.token())
            #expect(made.status == 201, "\(made.text)")
            await advance(harness, .seconds(60))
            // Two interfaces of nine addresses, of which DNS has two.
            let addresses = try await pods(harness, "web").compactMap { $0.at("status", "podIP")?.string }
            #expect(addresses.count == 16)
            #expect(try await log(harness).contains("is not authorized to perform: ec2:CreateNetworkInterface on resource: arn:aws:ec2:"))
            #expect(
                try await events(harness, "FailedCreatePodSandBox").contains { $0.contains("failed to assign an IP address to container") })
            try await attach(harness, "AmazonEKS_CNI_Policy")
            await advance(harness, .seconds(60))
            #expect(try await pods(harness, "web").allSatisfy { $0.at("status", "phase") == "Running" })
        }
    }

    @Test("IRSA: the role of the service account has the rights, whatever the node's role lacks, and its trust decides")
    func serviceAccountRole() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.nodePolicies)
            try await makeAgentRole(harness, trust: webIdentity(harness, account: "other"))
            try await annotate(harness)
            try await makeGroup(harness)
            await advance(harness, .seconds(60))
            #expect(try await Array(nodes(harness).values) == [false, false])
            let refusal =
                "get identity: get credentials: failed to refresh cached credentials, failed to retrieve credentials, operation error STS: "
                + "AssumeRoleWithWebIdentity, https response error StatusCode: 403, RequestID: "
            let log = try await log(harness)
            #expect(log.contains(refusal))
            #expect(log.contains("api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"))
            let trust: JSON = [
                "Version": "2012-10-17", "Statement": [try await webIdentity(harness, account: "aws-node", isNew: false)],
            ]
            let changed = try await harness.iam(
                "UpdateAssumeRolePolicy", [("RoleName", "cni"), ("PolicyDocument", trust.text)])
            #expect(changed.status == 200, "\(changed.text)")
            await advance(harness, .seconds(120))
            #expect(try await Array(nodes(harness).values) == [true, true])
            // Sessions end after an hour and are made anew.
            await advance(harness, .seconds(7200))
            let detached = try await harness.iam(
                "DetachRolePolicy", [("RoleName", "cni"), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")])
            #expect(detached.status == 200)
            try await makeGroup(harness, ["nodegroupName": "more"])
            await advance(harness, .seconds(60))
            #expect(try await nodes(harness).values.filter { !$0 }.count == 2)
            let node = try await nodes(harness).filter { !$0.value }.keys.sorted().first ?? ""
            #expect(
                try await harness.simulator.agentPage(cluster: "demo", node: node, "ipamd.log").contains(
                    "User: arn:aws:sts::111122223333:assumed-role/cni/"))
        }
    }

    @Test("EKS Pod Identity: the role of the association has the rights, if the node's role may fetch its credentials")
    func association() async throws {
        try await Harness.run { harness in
            // Without AmazonEKSWorkerNodePolicy's last right.
            try await makeRole(harness, ["AmazonEC2ContainerRegistryPullOnly"])
            let document: JSON = [
                "Version": "2012-10-17", "Statement": [["Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"]],
            ]
            _ = try await harness.iam(
                "PutRolePolicy", [("RoleName", "nodes"), ("PolicyName", "join"), ("PolicyDocument", document.text)])
            try await makeAgentRole(
                harness,
                trust: [
                    "Effect": "Allow", "Principal": ["Service": "pods.eks.amazonaws.com"], "Action": ["sts:AssumeRole", "sts:TagSession"],
                ])
            let made = try await harness.eks(
                "POST", "/clusters/demo/pod-identity-associations",
                ["namespace": "kube-system", "serviceAccount": "aws-node", "roleArn": .string(Self.agentRole)])
            #expect(made.status == 200, "\(made.text)")
            try await makeGroup(harness)
            await advance(harness, .seconds(60))
            #expect(try await Array(nodes(harness).values) == [false, false])
            #expect(
                try await log(harness).contains("is not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:")
            )
            #expect(fix(harness, "pod-identity-agent:/v1/credentials").contains("eks-auth:AssumeRoleForPodIdentity"))
            try await attach(harness, "AmazonEKSWorkerNodePolicy")
            await advance(harness, .seconds(120))
            #expect(try await Array(nodes(harness).values) == [true, true])
        }
    }

    @Test("a deleted agent leaves new pods without addresses until another one runs")
    func deleted() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness, ["scalingConfig": ["minSize": 1, "maxSize": 1, "desiredSize": 1]])
            await advance(harness, .seconds(60))
            let before = try await pods(harness, "kube-dns").compactMap { $0.at("status", "podIP")?.string }
            let path = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node"
            let shipped = try await harness.kubernetes("GET", path, token: harness.token()).json
            try await harness.expect(200, "DELETE", path, token: harness.token())
            await advance(harness, .seconds(30))
            let pod: JSON = [
                "metadata": ["name": "late", "labels": ["k8s-app": "late"]], "spec": ["containers": [["name": "c", "image": "i"]]],
            ]
            let made = try await harness.kubernetes("POST", "/api/v1/namespaces/kube-system/pods", pod, token: harness.token())
            #expect(made.status == 201, "\(made.text)")
            await advance(harness, .seconds(15))
            #expect(try await pods(harness, "late").first?.at("status", "podIP") == nil)
            #expect(
                try await events(harness, "FailedCreatePodSandBox").contains {
                    $0.contains("dial tcp 127.0.0.1:50051: connect: connection refused")
                })
            // Its configuration is still on the disk.
            #expect(try await Array(nodes(harness).values) == [true])
            var wanted: JSON = ["apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": ["name": "aws-node"]]
            wanted["spec"] = shipped["spec"]
            let again = try await harness.kubernetes(
                "POST", "/apis/apps/v1/namespaces/kube-system/daemonsets", wanted, token: harness.token())
            #expect(again.status == 201, "\(again.text)")
            await advance(harness, .seconds(30))
            let address = try await pods(harness, "late").first?.at("status", "podIP")?.string
            #expect(address != nil && !before.contains(address ?? ""))
            #expect(try await pods(harness, "kube-dns").compactMap { $0.at("status", "podIP")?.string } == before)
        }
    }

    @Test("an instance that has a lost one's name starts what is bound to it anew, its agent too")
    func sameName() async throws {
        try await Harness.run { harness in
            try await makeRole(harness, Self.policies)
            try await makeGroup(harness, ["scalingConfig": ["minSize": 1, "maxSize": 1, "desiredSize": 1]])
            await advance(harness, .seconds(60))
            let name = try await nodes(harness).keys.first ?? ""
            let node = try await harness.kubernetes("GET", "/api/v1/nodes/\(name)", token: harness.token()).json
            let id = node.at("spec", "providerID")?.string?.split(separator: "/").last.map(String.init) ?? ""
            let ended = try await harness.ec2Answer("TerminateInstances", [("InstanceId.1", id)])
            #expect(ended.status == 200, "\(ended.text)")
            await advance(harness, .seconds(20))
            #expect(try await nodes(harness) == [name: true])
            let later = try await harness.kubernetes("GET", "/api/v1/nodes/\(name)", token: harness.token()).json
            #expect(later.at("metadata", "uid") != node.at("metadata", "uid"))
            #expect(try await agents(harness).map { [$0["ready"], $0["restartCount"]] } == [[true, 1]])
            let addresses = try await pods(harness, "kube-dns").compactMap { $0.at("status", "podIP")?.string }
            // What its kubelet says again is not said by the lost one's.
            _ = try await events(harness, "Pulled")
            let refused = harness.simulator.world.traces.recent(limit: 4000).map(\.snapshot).filter { $0.status == 401 }
            #expect(refused.isEmpty, "\(refused.map(\.summary))")
            let held = try await harness.simulator.pools(cluster: "demo", node: nil).at("nodes")?.array?.first?["used"]
            #expect(addresses.count == 2 && held == 2)
        }
    }
}
