import EKSSim
import Foundation
import HTTP
import JSON
import Testing
import World

/// Security groups for pods on running nodes: from `ENABLE_POD_ENI` to addresses of pods.
@Suite("Security groups for pods")
struct BranchInterfaceTests: NodegroupSuite {
    private static let daemonSet = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node"
    private static let pods = "/api/v1/namespaces/default/pods"
    private static let policies = "/apis/vpcresources.k8s.aws/v1beta1/namespaces/default/securitygrouppolicies"
    private static let cniNodes = "/apis/vpcresources.k8s.aws/v1alpha1/cninodes"
    private static let resource = "vpc.amazonaws.com/pod-eni"

    // MARK: What they do

    /// A cluster with one node of a type, whose agents are told to use branch interfaces.
    private func run(
        _ type: String = "m5.large", isAllowed: Bool = true, environment: [String: String] = ["ENABLE_POD_ENI": "true"],
        on configuration: Configuration = Harness.configuration(), _ body: (Harness) async throws -> Void
    ) async throws {
        try await Harness.run(configuration) { harness in
            try await makeRole(harness, NodeJoinTests.policies)
            if isAllowed { try await allow(harness) }
            try await makeGroup(
                harness,
                ["instanceTypes": [.string(type)], "scalingConfig": ["minSize": 0, "maxSize": 3, "desiredSize": 1]])
            await advance(harness, .seconds(60))
            try await set(harness, environment)
            await advance(harness, .seconds(60))
            try await body(harness)
        }
    }

    private func allow(_ harness: Harness) async throws {
        for policy in ["AmazonEKSClusterPolicy", "AmazonEKSVPCResourceController"] {
            let role = try await harness.eks("GET", "/clusters/demo").json.at("cluster", "roleArn")?.string ?? ""
            let done = try await harness.iam(
                "AttachRolePolicy",
                [
                    ("RoleName", role.split(separator: "/").last.map(String.init) ?? ""),
                    ("PolicyArn", "arn:aws:iam::aws:policy/\(policy)"),
                ])
            #expect(done.status == 200, "\(done.text)")
        }
    }

    private func set(_ harness: Harness, _ environment: [String: String]) async throws {
        func container(_ name: String, _ isWanted: (String) -> Bool) -> JSON {
            let variables = environment.filter { isWanted($0.key) }.sorted { $0.key < $1.key }
            return [
                "name": .string(name), "env": .array(variables.map { ["name": .string($0.key), "value": .string($0.value)] }),
            ]
        }
        // What is about the node's kernel is the init container's.
        let spec: JSON = [
            "containers": [container("aws-node") { !$0.hasPrefix("DISABLE_TCP") }],
            "initContainers": [container("aws-vpc-cni-init") { $0.hasPrefix("DISABLE_TCP") }],
        ]
        let done = try await harness.kubernetes(
            "PATCH", Self.daemonSet, ["spec": ["template": ["spec": spec]]], token: harness.token(),
            type: "application/strategic-merge-patch+json")
        #expect(done.status == 200, "\(done.text)")
    }

    private func get(_ harness: Harness, _ path: String, query: String? = nil) async throws -> JSON {
        try await harness.kubernetes("GET", path, query: query, token: harness.token()).json
    }

    private func group(_ harness: Harness, _ name: String) async throws -> String {
        let vpc = try await harness.eks("GET", "/clusters/demo").json.at("cluster", "resourcesVpcConfig", "vpcId")?.string ?? ""
        let made = try await harness.ec2("CreateSecurityGroup", [("GroupName", name), ("GroupDescription", name), ("VpcId", vpc)])
        return made["groupId"]?.string ?? ""
    }

    private func makePolicy(_ harness: Harness, _ name: String, _ spec: JSON) async throws {
        let made = try await harness.kubernetes(
            "POST", Self.policies,
            [
                "apiVersion": "vpcresources.k8s.aws/v1beta1", "kind": "SecurityGroupPolicy", "metadata": ["name": .string(name)],
                "spec": spec,
            ],
            token: harness.token())
        #expect(made.status == 201, "\(made.text)")
    }

    /// Makes a policy for pods `app: db`; answers the group that they get.
    private func makePolicy(_ harness: Harness) async throws -> String {
        let group = try await group(harness, "database")
        try await makePolicy(
            harness, "db", ["podSelector": ["matchLabels": ["app": "db"]], "securityGroups": ["groupIds": [.string(group)]]])
        return group
    }

    @discardableResult
    private func makePod(_ harness: Harness, _ name: String, app: String = "db", _ more: JSON = [:]) async throws -> Harness.Answer {
        var spec: JSON = ["containers": [["name": "c", "image": "nginx"]], "terminationGracePeriodSeconds": 1]
        for member in more.object ?? [:] { spec[member.key] = member.value }
        return try await harness.kubernetes(
            "POST", Self.pods,
            [
                "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name), "labels": ["app": .string(app)]], "spec": spec,
            ], token: harness.token())
    }

    private func events(_ harness: Harness, _ name: String) async throws -> [JSON] {
        try await get(harness, "/api/v1/namespaces/default/events", query: "fieldSelector=involvedObject.name%3D\(name)")["items"]?.array
            ?? []
    }

    private func node(_ harness: Harness) async throws -> JSON {
        try await get(harness, "/api/v1/nodes")["items"]?.array?.first ?? .null
    }

    private func interfaces(_ harness: Harness, _ type: String) async throws -> [JSON] {
        let found = try await harness.ec2(
            "DescribeNetworkInterfaces", [("Filter.1.Name", "interface-type"), ("Filter.1.Value.1", type)])
        return found["networkInterfaceSet"]?.array ?? []
    }

    private func annotation(_ pod: JSON) -> JSON {
        let text = pod.at("metadata", "annotations", Self.resource)?.string ?? ""
        return (try? JSON(parsing: text))?.array?.first ?? .null
    }

    // MARK: Nodes

    @Test("an agent that wants branch interfaces gets a trunk, and its node says how many there may be")
    func trunk() async throws {
        try await run { harness in
            let node = try await node(harness)
            let name = node.at("metadata", "name")?.string ?? ""
            let own = try await get(harness, "\(Self.cniNodes)/\(name)")
            #expect(own.at("spec", "features") == [["name": "SecurityGroupsForPods"]])
            #expect(own.at("metadata", "ownerReferences")?.array?.first?["uid"] == node.at("metadata", "uid"))
            let trunk = try #require(try await interfaces(harness, "trunk").first)
            #expect(trunk["description"] == "aws-k8s-trunk-eni")
            #expect(trunk.at("attachment", "deviceIndex") == "2")
            #expect(trunk.at("attachment", "deleteOnTermination") == "true")
            let tags = Dictionary(
                (trunk["tagSet"]?.array ?? []).map { ($0["key"]?.string ?? "", $0["value"]?.string ?? "") }
            ) { first, _ in first }
            #expect(tags["eks:eni:owner"] == "eks-vpc-resource-controller")
            #expect(tags["cluster.k8s.amazonaws.com/name"] == "demo")
            #expect(tags["node.k8s.amazonaws.com/instance_id"] == trunk.at("attachment", "instanceId")?.string)
            for amounts in ["capacity", "allocatable"] { #expect(node.at("status", amounts, Self.resource) == "9") }
            let reasons = try await events(harness, name).compactMap { $0["reason"]?.string }
            #expect(reasons.contains("ControllerVersionNotice") && reasons.contains("NodeTrunkInitiated"))
            let page = try await harness.simulator.agentPage(cluster: "demo", node: name, "v1/enis")
            #expect(page.contains("\"IsTrunk\":true"))
        }
    }

    @Test("a type that cannot have a trunk is told so")
    func unsupported() async throws {
        try await run("t3.large") { harness in
            let node = try await node(harness)
            #expect(try await interfaces(harness, "trunk").isEmpty)
            #expect(node.at("status", "capacity", Self.resource) == nil)
            let said = try await events(harness, node.at("metadata", "name")?.string ?? "").first { $0["reason"] == "Unsupported" }
            #expect(said?["message"] == "The instance type t3.large is not supported for trunk interface (Security Group for Pods)")
        }
    }

    @Test("without the right to make interfaces there is no trunk until the cluster's role has it")
    func notAllowed() async throws {
        try await run(isAllowed: false) { harness in
            let name = try await node(harness).at("metadata", "name")?.string ?? ""
            #expect(try await interfaces(harness, "trunk").isEmpty)
            let events = try await events(harness, name)
            let said = events.first { $0["reason"] == "TrunkENICreationFailed" }
            #expect(
                said?["message"]
                    == "Failed to create trunk interface: Error Code: UnauthorizedOperation: Please verify the cluster IAM role has AmazonEKSVPCResourceController policy"
            )
            #expect(events.contains { $0["reason"] == "NodeTrunkFailedInit" })
            try await allow(harness)
            await advance(harness, .seconds(31))
            #expect(try await interfaces(harness, "trunk").count == 1)
            #expect(try await node(harness).at("status", "allocatable", Self.resource) == "9")
        }
    }

    @Test("agents that want none ask for none; CNINodes are there all the same for who looks")
    func off() async throws {
        try await run(environment: [:]) { harness in
            #expect(try await interfaces(harness, "trunk").isEmpty)
            let before = harness.simulator.world.timers.pending.count
            await advance(harness, .seconds(3600))
            #expect(harness.simulator.world.timers.pending.count <= before)
            let items = try await get(harness, Self.cniNodes)["items"]?.array ?? []
            #expect(items.count == 1)
            #expect(items.first?.at("spec", "features") == nil)
            let node = try await node(harness)
            #expect(items.first?.at("metadata", "creationTimestamp") == node.at("metadata", "creationTimestamp"))
        }
    }

    @Test("a node that comes later gets its trunk, too")
    func later() async throws {
        try await run { harness in
            let scaled = try await harness.eks(
                "POST", "/clusters/demo/node-groups/main/update-config", ["scalingConfig": ["minSize": 0, "maxSize": 3, "desiredSize": 2]])
            #expect(scaled.status == 200, "\(scaled.text)")
            await advance(harness, .seconds(60))
            #expect(try await interfaces(harness, "trunk").count == 2)
            let nodes = try await get(harness, "/api/v1/nodes")["items"]?.array ?? []
            #expect(nodes.map { $0.at("status", "allocatable", Self.resource) } == ["9", "9"])
        }
    }

    @Test("with custom networking the interfaces of pods are where the node's ENIConfig says, with its groups or the policy's")
    func customNetworking() async throws {
        try await run("m5.xlarge", environment: [:]) { harness in
            let node = try await node(harness)
            let zone = node.at("metadata", "labels", "topology.kubernetes.io/zone")?.string ?? ""
            let vpc = try await harness.eks("GET", "/clusters/demo").json.at("cluster", "resourcesVpcConfig", "vpcId")?.string ?? ""
            _ = try await harness.ec2("AssociateVpcCidrBlock", [("VpcId", vpc), ("CidrBlock", "100.64.0.0/16")])
            let subnet =
                try await harness.ec2("CreateSubnet", [("VpcId", vpc), ("CidrBlock", "100.64.0.0/20"), ("AvailabilityZone", zone)])
                .at("subnet", "subnetId")?.string ?? ""
            let own = try await group(harness, "pods")
            let made = try await harness.kubernetes(
                "POST", "/apis/crd.k8s.amazonaws.com/v1alpha1/eniconfigs",
                [
                    "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": ["name": .string(zone)],
                    "spec": ["subnet": .string(subnet), "securityGroups": [.string(own)]],
                ], token: harness.token())
            #expect(made.status == 201, "\(made.text)")
            try await set(
                harness,
                [
                    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true", "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone",
                    "ENABLE_POD_ENI": "true",
                ])
            await advance(harness, .seconds(60))
            let name = node.at("metadata", "name")?.string ?? ""
            #expect(
                try await get(harness, "\(Self.cniNodes)/\(name)").at("spec", "features")
                    == [["name": "CustomNetworking", "value": .string(zone)], ["name": "SecurityGroupsForPods"]])
            let trunk = try #require(try await interfaces(harness, "trunk").first)
            #expect(trunk["subnetId"]?.string == subnet)
            #expect((trunk["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string } == [own])
            let group = try await makePolicy(harness)
            try await makePod(harness, "db")
            await advance(harness, .seconds(20))
            let branch = try #require(try await interfaces(harness, "branch").first)
            #expect(branch["subnetId"]?.string == subnet)
            #expect((branch["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string } == [group])
            let pod = try await get(harness, "\(Self.pods)/db")
            #expect(pod.at("status", "podIP")?.string?.hasPrefix("100.64.") == true)
            #expect(annotation(pod)["subnetCidr"] == "100.64.0.0/20")
        }
    }

    // MARK: Pods

    @Test("a pod that a policy is for waits for its branch interface, and has its address and the policy's groups")
    func pod() async throws {
        try await run { harness in
            let group = try await makePolicy(harness)
            let made = try await makePod(harness, "db")
            #expect(made.json.at("spec", "containers")?.array?.first?.at("resources", "limits", Self.resource) == "1")
            #expect(made.json.at("spec", "containers")?.array?.first?.at("resources", "requests", Self.resource) == "1")
            await advance(harness, .seconds(1))
            #expect(try await get(harness, "\(Self.pods)/db").at("status", "phase") == "Pending")
            await advance(harness, .seconds(20))
            let pod = try await get(harness, "\(Self.pods)/db")
            #expect(pod.at("status", "phase") == "Running")
            let branch = annotation(pod)
            #expect(branch["privateIp"] == pod.at("status", "podIP"))
            #expect(branch["vlanId"] == 1)
            let interface = try #require(try await interfaces(harness, "branch").first)
            #expect(interface["networkInterfaceId"] == branch["eniId"])
            #expect(interface["macAddress"] == branch["ifAddress"])
            #expect(interface["description"] == "aws-k8s-branch-eni")
            #expect(interface["status"] == "in-use")
            #expect((interface["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string } == [group])
            let trunk = try #require(try await interfaces(harness, "trunk").first)
            #expect(interface["subnetId"] == trunk["subnetId"])
            let bound = try await harness.ec2("DescribeTrunkInterfaceAssociations")["interfaceAssociationSet"]?.array?.first
            #expect(bound?["associationId"] == branch["associationID"])
            #expect(bound?["trunkInterfaceId"] == trunk["networkInterfaceId"])
            #expect(bound?["vlanId"] == "1")
            let events = try await events(harness, "db")
            func message(_ reason: String) -> String? { events.first { $0["reason"]?.string == reason }?["message"]?.string }
            #expect(message("SecurityGroupRequested") == "Pod will get the following Security Groups [\(group)]")
            #expect(
                message("ResourceAllocated")
                    == "Allocated \(pod.at("metadata", "annotations", Self.resource)?.string ?? "") to the pod")
            #expect(message("FailedCreatePodSandBox")?.hasSuffix("add cmd: failed to assign an IP address to container") == true)
        }
    }

    @Test("pods that no policy is for, and pods of the node's network, are left alone")
    func others() async throws {
        try await run { harness in
            _ = try await makePolicy(harness)
            for (name, more) in [("web", [:]), ("host", ["hostNetwork": true])] as [(String, JSON)] {
                let made = try await makePod(harness, name, app: name == "web" ? "web" : "db", more)
                #expect(made.status == 201, "\(made.text)")
                #expect(made.json.at("spec", "containers")?.array?.first?.at("resources", "limits") == nil)
            }
            await advance(harness, .seconds(5))
            #expect(try await get(harness, "\(Self.pods)/web").at("status", "phase") == "Running")
            #expect(try await interfaces(harness, "branch").isEmpty)
        }
    }

    @Test("without the webhook's configuration pods get nothing")
    func noWebhook() async throws {
        try await run { harness in
            _ = try await makePolicy(harness)
            try await harness.expect(
                200, "DELETE",
                "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/vpc-resource-mutating-webhook", token: harness.token())
            #expect(try await makePod(harness, "db").json.at("spec", "containers")?.array?.first?.at("resources", "limits") == nil)
        }
    }

    @Test("nobody but the controller says which branch interface a pod has")
    func forged() async throws {
        try await run { harness in
            _ = try await makePolicy(harness)
            try await makePod(harness, "db")
            let annotated: JSON = ["metadata": ["annotations": .object([Self.resource: "[]"])]]
            let changed = try await harness.kubernetes(
                "PATCH", "\(Self.pods)/db", annotated, token: harness.token(), type: "application/merge-patch+json")
            #expect(changed.status == 403)
            #expect(
                changed.json["message"]
                    == "admission webhook \"vpod.vpc.k8s.aws\" denied the request: annotation is not set by vpc-resource-controller")
        }
    }

    @Test("a node takes as many as its type allows; the next pod does not fit")
    func capacity() async throws {
        try await run { harness in
            _ = try await makePolicy(harness)
            for number in 0..<10 { try await makePod(harness, "db-\(number)") }
            await advance(harness, .seconds(30))
            #expect(try await interfaces(harness, "branch").count == 9)
            let vlans = try await interfaces(harness, "branch").compactMap { interface in
                interface["tagSet"]?.array?.first { $0["key"] == "vpcresources.k8s.aws/vlan-id" }?["value"]?.string
            }
            #expect(Set(vlans) == Set((1...9).map(String.init)))
            let pods = try await get(harness, Self.pods)["items"]?.array ?? []
            let pending = pods.filter { $0.at("status", "phase") == "Pending" }
            #expect(pending.count == 1)
            let condition = pending.first?.at("status", "conditions")?.array?.first { $0["type"] == "PodScheduled" }
            #expect(condition?["message"]?.string?.contains("Insufficient vpc.amazonaws.com/pod-eni") == true)
        }
    }

    @Test("the interface of a pod that is gone stays a minute, and counts; then it is deleted")
    func cooldown() async throws {
        try await run { harness in
            _ = try await makePolicy(harness)
            for number in 0..<9 { try await makePod(harness, "db-\(number)") }
            await advance(harness, .seconds(30))
            try await harness.expect(200, "DELETE", "\(Self.pods)/db-0", token: harness.token())
            await advance(harness, .seconds(5))
            #expect(try await get(harness, "\(Self.pods)/db-0")["code"] == 404)
            try await makePod(harness, "next")
            await advance(harness, .seconds(50))
            // The scheduler has room, the trunk has none.
            #expect(try await get(harness, "\(Self.pods)/next").at("spec", "nodeName") != nil)
            #expect(annotation(try await get(harness, "\(Self.pods)/next")) == .null)
            #expect(try await interfaces(harness, "branch").count == 9)
            await advance(harness, .seconds(10))
            #expect(try await interfaces(harness, "branch").count == 8)
            await advance(harness, .seconds(20))
            #expect(try await get(harness, "\(Self.pods)/next").at("status", "phase") == "Running")
            #expect(annotation(try await get(harness, "\(Self.pods)/next"))["vlanId"] == 1)
        }
    }

    @Test("the interface of a pod that has ended goes, though the pod stays")
    func ended() async throws {
        try await run { harness in
            _ = try await makePolicy(harness)
            try await makePod(
                harness, "job",
                [
                    "restartPolicy": "Never", "containers": [["name": "c", "image": "busybox", "command": ["sleep", "5"]]],
                ])
            await advance(harness, .seconds(30))
            #expect(try await get(harness, "\(Self.pods)/job").at("status", "phase") == "Succeeded")
            #expect(try await interfaces(harness, "branch").count == 1)
            await advance(harness, .seconds(60))
            #expect(try await interfaces(harness, "branch").isEmpty)
        }
    }

    @Test("what EC2 refuses is said on the pod, and tried again")
    func refused() async throws {
        try await run { harness in
            try await makePolicy(
                harness, "wrong", ["podSelector": [:], "securityGroups": ["groupIds": ["sg-0123456789abcdef0"]]])
            try await makePod(harness, "db")
            await advance(harness, .seconds(20))
            let said = try await events(harness, "db").first { $0["reason"] == "BranchAllocationFailed" }?["message"]?.string ?? ""
            #expect(
                said.hasPrefix(
                    "failed to allocate branch ENI to pod: creating network interface, operation error EC2: CreateNetworkInterface"))
            #expect(said.hasSuffix("api error InvalidGroup.NotFound: The security group 'sg-0123456789abcdef0' does not exist"))
            #expect(try await interfaces(harness, "branch").isEmpty)
            #expect(try await get(harness, "\(Self.pods)/db").at("status", "phase") == "Pending")
        }
    }

    // MARK: Enforcing modes

    private static let probed: JSON = [
        "containers": [
            [
                "name": "c", "image": "nginx",
                "readinessProbe": ["httpGet": ["path": "/healthz", "port": 8080]],
            ]
        ]
    ]

    private func isReady(_ harness: Harness) async throws -> Bool {
        let pod = try await get(harness, "\(Self.pods)/db")
        return pod.at("status", "conditions")?.array?.first { $0["type"] == "Ready" }?["status"] == "True"
    }

    @Test("strict: the kubelet's probes pass the pod's groups, and the kernel has to let the answers in")
    func strict() async throws {
        let environment = ["ENABLE_POD_ENI": "true", "DISABLE_TCP_EARLY_DEMUX": "true"]
        try await run(environment: environment) { harness in
            let group = try await makePolicy(harness)
            try await makePod(harness, "db", Self.probed)
            await advance(harness, .seconds(40))
            let pod = try await get(harness, "\(Self.pods)/db")
            #expect(pod.at("status", "phase") == "Running")
            #expect(try await !isReady(harness))
            let said = try await events(harness, "db").first { $0["reason"] == "Unhealthy" }
            #expect(
                said?["message"]?.string
                    == "Readiness probe failed: Get \"http://\(pod.at("status", "podIP")?.string ?? ""):8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            )
            let nodes = try await harness.eks("GET", "/clusters/demo").json.at(
                "cluster", "resourcesVpcConfig", "clusterSecurityGroupId")?.string
            _ = try await harness.ec2(
                "AuthorizeSecurityGroupIngress",
                [
                    ("GroupId", group), ("IpPermissions.1.IpProtocol", "tcp"), ("IpPermissions.1.FromPort", "8080"),
                    ("IpPermissions.1.ToPort", "8080"), ("IpPermissions.1.Groups.1.GroupId", nodes ?? ""),
                ])
            await advance(harness, .seconds(11))
            #expect(try await isReady(harness))
        }
    }

    @Test("strict: without the kernel's setting no probe over TCP is answered, whatever the groups say")
    func earlyDemux() async throws {
        try await run { harness in
            let group = try await makePolicy(harness)
            _ = try await harness.ec2(
                "AuthorizeSecurityGroupIngress",
                [("GroupId", group), ("IpPermissions.1.IpProtocol", "-1"), ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0")])
            try await makePod(harness, "db", Self.probed)
            await advance(harness, .seconds(40))
            #expect(try await !isReady(harness))
        }
    }

    @Test("standard: what the node and its pods exchange passes no group")
    func standard() async throws {
        try await run(environment: ["ENABLE_POD_ENI": "true", "POD_SECURITY_GROUP_ENFORCING_MODE": "standard"]) { harness in
            _ = try await makePolicy(harness)
            try await makePod(harness, "db", Self.probed)
            await advance(harness, .seconds(20))
            #expect(try await isReady(harness))
        }
    }

    @Test("a liveness probe that nothing answers restarts its container")
    func liveness() async throws {
        try await run { harness in
            _ = try await makePolicy(harness)
            try await makePod(
                harness, "db",
                ["containers": [["name": "c", "image": "nginx", "livenessProbe": ["tcpSocket": ["port": 80], "periodSeconds": 5]]]])
            await advance(harness, .seconds(30))
            let pod = try await get(harness, "\(Self.pods)/db")
            #expect(pod.at("status", "containerStatuses")?.array?.first?["restartCount"] == 1)
            let events = try await events(harness, "db")
            #expect(events.contains { $0["message"] == "Container c failed liveness probe, will be restarted" })
            let address = pod.at("status", "podIP")?.string ?? ""
            #expect(events.contains { $0["message"]?.string == "Liveness probe failed: dial tcp \(address):80: i/o timeout" })
        }
    }

    // MARK: What stays and what goes

    @Test("after a restart the interfaces are those of their pods, and one whose pod went meanwhile is deleted")
    func restart() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "branches-\(UUID().uuidString).sqlite").path()
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file + end) } }
        var configuration = Harness.configuration()
        configuration.state = .file(file)
        try await run(on: configuration) { harness in
            _ = try await makePolicy(harness)
            for name in ["stays", "goes"] { try await makePod(harness, name) }
            await advance(harness, .seconds(30))
            #expect(try await interfaces(harness, "branch").count == 2)
            try await harness.expect(200, "DELETE", "\(Self.pods)/goes", token: harness.token())
            await advance(harness, .seconds(5))
        }
        try await Harness.run(configuration) { harness in
            await advance(harness, .seconds(10))
            let left = try await interfaces(harness, "branch")
            let pod = try await get(harness, "\(Self.pods)/stays")
            #expect(left.map { $0["networkInterfaceId"] } == [annotation(pod)["eniId"]])
            #expect(try await interfaces(harness, "trunk").count == 1)
            try await makePod(harness, "new")
            await advance(harness, .seconds(20))
            #expect(annotation(try await get(harness, "\(Self.pods)/new"))["vlanId"] == 2)
            #expect(try await get(harness, "\(Self.pods)/new").at("status", "phase") == "Running")
        }
    }

    @Test("nothing is left of a node that goes")
    func nodeGoes() async throws {
        try await run { harness in
            _ = try await makePolicy(harness)
            try await makePod(harness, "db")
            await advance(harness, .seconds(20))
            #expect(try await interfaces(harness, "branch").count == 1)
            let scaled = try await harness.eks(
                "POST", "/clusters/demo/node-groups/main/update-config", ["scalingConfig": ["minSize": 0, "maxSize": 3, "desiredSize": 0]])
            #expect(scaled.status == 200, "\(scaled.text)")
            await advance(harness, .seconds(300))
            #expect(try await interfaces(harness, "branch").isEmpty)
            #expect(try await interfaces(harness, "trunk").isEmpty)
            #expect(try await harness.ec2("DescribeTrunkInterfaceAssociations")["interfaceAssociationSet"]?.array == nil)
            #expect(try await get(harness, Self.cniNodes)["items"] == [])
        }
    }
}
