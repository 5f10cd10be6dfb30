import AWSServices
import JSON
import KubeAPI
import KubeAPIServer
import KubeControllers
import Store
import VPCCNI
import VPCModel
import World

/// CNINodes, and the trunks of nodes whose agents ask for them (controllers/core/node_controller.go, pkg/node/manager, pkg/provider/branch).
extension VPCResourceController {
    /// The release of the controller that events name.
    private static let version = "v1.7.7"
    private static let finalizer = "networking.k8s.aws/resource-cleanup"
    static let branchFeature = "SecurityGroupsForPods"
    static let networkFeature = "CustomNetworking"
    /// What EC2 takes until a new trunk is attached.
    private static let trunkTime = Duration.seconds(3)
    /// Until a node is tried again that got no trunk.
    private static let retry = Duration.seconds(30)
    private static let path = "/apis/vpcresources.k8s.aws/v1alpha1/cninodes"

    // MARK: CNINodes

    /// Makes the CNINodes that are due: one for each Node, as of its making.
    func completeCNINodes() async {
        let store = cluster.store
        let nodesCollection = cluster.collection(group: "", "nodes")
        let own = cluster.collection(group: Self.group, "cninodes")
        let revisions = (nodes: store.revision(of: nodesCollection), own: store.revision(of: own))
        if let completed, completed == revisions { return }
        guard cluster.resources.lookup(group: Self.group, version: "v1alpha1", resource: "cninodes") != nil,
            let range = try? store.range(nodesCollection, prefix: "", at: nil, after: nil, limit: 0)
        else { return }
        for entry in range.entries where store.get(Key(own, entry.name)) == nil {
            if let node = try? JSON(parsing: entry.value), !node.isBeingDeleted { await makeCNINode(of: node) }
        }
        completed = (revisions.nodes, store.revision(of: own))
    }

    private func makeCNINode(of node: JSON, features: JSON? = nil) async {
        let os = node.at("metadata", "labels", "kubernetes.io/os") ?? ""
        var spec: JSON = ["tags": BranchNetwork.tags(cluster: ec2.record.name)]
        spec["features"] = features
        let object: JSON = [
            "apiVersion": "vpcresources.k8s.aws/v1alpha1", "kind": "CNINode",
            "metadata": [
                "name": .string(node.objectName), "labels": ["kubernetes.io/os": os], "finalizers": [.string(Self.finalizer)],
                "ownerReferences": [
                    [
                        "apiVersion": "v1", "kind": "Node", "name": .string(node.objectName), "uid": .string(node.objectUID),
                        "controller": true,
                    ]
                ],
            ],
            "spec": spec,
        ]
        let made = features == nil ? node.at("metadata", "creationTimestamp")?.string.flatMap { Instant(rfc3339: $0) } : nil
        _ = await session?.send("POST", Self.path, object, at: made)
    }

    /// Adds a feature to a node's CNINode, or gives it another value, as the agent does.
    func addFeature(_ feature: String, _ value: String, to node: String, as agent: ComponentSession) async {
        if object(Self.group, "cninodes", node) == nil, let node = object("", "nodes", node) { await makeCNINode(of: node) }
        guard let own = object(Self.group, "cninodes", node) else { return }
        var features = own.at("spec", "features")?.array ?? []
        let known = features.firstIndex { $0["name"]?.string == feature }
        guard known.map({ (features[$0]["value"]?.string ?? "") != value }) ?? true else { return }
        var wanted: JSON = ["name": .string(feature)]
        if !value.isEmpty { wanted["value"] = .string(value) }
        if let known { features[known] = wanted } else { features.append(wanted) }
        _ = await agent.merge("\(Self.path)/\(node)", ["spec": ["features": .array(features)]])
    }

    private static func value(of feature: String, in cniNode: JSON) -> String? {
        cniNode.at("spec", "features")?.array?.first { $0["name"]?.string == feature }.map { $0["value"]?.string ?? "" }
    }

    // MARK: Nodes

    /// Looks at a CNINode that changed; `nil` when it is gone.
    func take(_ name: String, _ cniNode: JSON?) async {
        guard let cniNode else { return forget(name) }
        if cniNode.isBeingDeleted { return await cleanUp(name, cniNode) }
        guard Self.value(of: Self.branchFeature, in: cniNode) != nil else { return forget(name) }
        guard nodes[name] == nil, let node = object("", "nodes", name),
            let instance = node.at("spec", "providerID")?.string?.split(separator: "/").last.map(String.init),
            !ec2.interfaces(of: instance).isEmpty
        else { return }
        let type = node.at("metadata", "labels", "node.kubernetes.io/instance-type")?.string ?? ""
        let limits =
            InstanceLimits.of(type)
            ?? InstanceLimits(type: type, interfaces: 0, addressesPerInterface: 0, hypervisor: "unknown", canTrunk: false)
        nodes[name] = Node(
            name: name, instance: instance, type: limits,
            branches: BranchInterfaces(limit: limits.branchInterfaces ?? 0, cooldown: cooldown))
        // A trunk that is there already, after a restart, needs no time.
        let hasTrunk = trunk(of: instance) != nil
        due(.start(name), hasTrunk ? world.now : world.now + Self.trunkTime)
    }

    private func trunk(of instance: String) -> String? {
        ec2.interfaces(of: instance).first { $0["interfaceType"] == "trunk" }?["networkInterfaceId"]?.string
    }

    private func forget(_ name: String) {
        guard nodes.removeValue(forKey: name) != nil else { return }
        due(.start(name), nil)
        due(.delete(name), nil)
    }

    /// The Node is gone: nothing of it is left in EC2. A CNINode that somebody deleted alone is made anew.
    private func cleanUp(_ name: String, _ cniNode: JSON) async {
        let finalizers = cniNode.at("metadata", "finalizers")?.strings ?? []
        guard finalizers.contains(Self.finalizer) else { return }
        let node = object("", "nodes", name).flatMap { $0.isBeingDeleted ? nil : $0 }
        if node == nil, let known = nodes[name] {
            for branch in known.branches.branches.values.sorted(by: { $0.id < $1.id }) + known.branches.waitingBranches {
                try? await ec2.delete(branch)
            }
            await ec2.deleteLeftovers(of: known.instance)
            forget(name)
        }
        let left = finalizers.filter { $0 != Self.finalizer }
        _ = await session?.merge("\(Self.path)/\(name)", ["metadata": ["finalizers": left.isEmpty ? .null : JSON(strings: left)]])
        guard let node, object(Self.group, "cninodes", name) == nil else { return }
        await makeCNINode(of: node, features: cniNode.at("spec", "features") ?? [])
    }

    // MARK: Trunks

    /// Gives a node its trunk, or takes up the one that it has.
    func startTrunk(_ name: String) async {
        guard var node = nodes[name], node.trunk == nil, let object = object("", "nodes", name) else { return }
        await note(name, "ControllerVersionNotice", "The node is managed by VPC resource controller version \(Self.version)")
        guard node.type.canTrunk == true else {
            let type = object.at("metadata", "labels", "node.kubernetes.io/instance-type")?.string ?? ""
            return await note(
                name, isWarning: true, "Unsupported",
                "The instance type \(type) is not supported for trunk interface (Security Group for Pods)")
        }
        do throws(BranchNetwork.Failure) { try await attachTrunk(&node) } catch {
            var message = "Failed to create trunk interface: Error Code: \(error.refusal.code)"
            if error.refusal.code == "UnauthorizedOperation" {
                message += ": Please verify the cluster IAM role has AmazonEKSVPCResourceController policy"
            }
            await session?.note(object, kind: "Node", isWarning: true, "TrunkENICreationFailed", message)
        }
        guard node.trunk != nil else {
            await note(name, "NodeTrunkFailedInit", "The node failed initializing trunk interface")
            return due(.start(name), world.now + Self.retry)
        }
        guard nodes[name] != nil else { return }
        nodes[name] = node
        await note(name, "NodeTrunkInitiated", "The node has trunk interface initialized successfully")
        await advertise(node, object)
        await interfacesChanged(name)
        due(.delete(name), node.branches.nextDeadline)
        for pod in (wantingByNode[name] ?? []).sorted() { due(.allocate(pod), world.now + Self.branchTime) }
    }

    private func attachTrunk(_ node: inout Node) async throws(BranchNetwork.Failure) {
        guard let place = ec2.place(of: node.instance, config(of: node.name)) else { return }
        if let known = trunk(of: node.instance) {
            node.trunk = known
            return await takeUpBranches(&node, on: known, at: place)
        }
        let taken = Set(
            ec2.interfaces(of: node.instance).compactMap { $0.at("attachment", "deviceIndex")?.integer.map { Int(clamping: $0) } })
        guard let device = BranchInterfaces.trunkDevice(node.type, taken: taken) else { return }
        node.trunk = try await ec2.makeTrunk(on: node.instance, device: device, at: place)
    }

    /// After a restart: what is on the trunk is of the pods that say so, or of nobody.
    private func takeUpBranches(_ node: inout Node, on trunk: String, at place: BranchNetwork.Place) async {
        var left = Dictionary(await ec2.branches(on: trunk, at: place).map { ($0.id, $0) }) { first, _ in first }
        for key in (wantingByNode[node.name] ?? []).sorted() {
            guard let pod = wanting[key], !pod.isReleased,
                let text = object("", "pods", key)?.at("metadata", "annotations", PodWebhooks.branchResource)?.string,
                let branch = BranchInterfaces.Branch(annotation: text), left.removeValue(forKey: branch.id) != nil
            else { continue }
            node.branches.add(branch, to: pod.uid)
            node.owners[branch.id] = key
        }
        for branch in left.values.sorted(by: { $0.id < $1.id }) { node.branches.discard(branch) }
    }

    /// The ENIConfig of a node with custom networking.
    func config(of node: String) -> ENIConfig? {
        let labelled = object("", "nodes", node)?.at("metadata", "labels", "vpc.amazonaws.com/eniConfig")?.string
        let name = labelled ?? object(Self.group, "cninodes", node).flatMap { Self.value(of: Self.networkFeature, in: $0) } ?? ""
        guard !name.isEmpty, let config = object("crd.k8s.amazonaws.com", "eniconfigs", name),
            let subnet = config.at("spec", "subnet")?.string
        else { return nil }
        return ENIConfig(subnet: subnet, securityGroups: config.at("spec", "securityGroups")?.strings ?? [])
    }

    /// Says in the Node's status how many branch interfaces it takes. The kubelet takes over what it allots of that.
    private func advertise(_ node: Node, _ object: JSON) async {
        let capacity = BranchInterfaces.capacity(node.type, hasTrunk: true)
        let amounts = JSON.object(JSONObject(capacity.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))
        let known = object.at("status", "capacity", PodWebhooks.branchResource)?.string
        guard let wanted = capacity[PodWebhooks.branchResource], known != wanted else { return }
        _ = await session?.merge("/api/v1/nodes/\(node.name)/status", ["status": ["capacity": amounts, "allocatable": amounts]])
        // Agents before 1.15 asked by a label, which says from then on that there is a trunk.
        let label = "vpc.amazonaws.com/has-trunk-attached"
        guard let value = object.at("metadata", "labels", label)?.string, value != "true" else { return }
        _ = await session?.merge("/api/v1/nodes/\(node.name)", ["metadata": ["labels": .object([label: "true"])]])
    }

    /// An event about a node by its name, so that `kubectl describe` shows it.
    func note(_ node: String, isWarning: Bool = false, _ reason: String, _ message: String) async {
        let reference: JSON = ["metadata": ["name": .string(node), "uid": .string(node)]]
        await session?.note(reference, kind: "Node", isWarning: isWarning, reason, message)
    }

    // MARK: Settings

    /// Whole seconds as Go writes a duration: `1m0s`.
    private static func goText(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        return (hours > 0 ? "\(hours)h" : "") + (seconds >= 60 ? "\(minutes)m" : "") + "\(seconds % 60)s"
    }

    /// Takes over the cool-down of `kube-system/amazon-vpc-cni` when it is another one.
    func followSettings() async {
        guard !nodes.isEmpty else { return }
        let collection = cluster.collection(group: "", "configmaps")
        let revision = cluster.store.revision(of: collection)
        guard settingsRevision != revision else { return }
        let isFirst = settingsRevision == nil
        settingsRevision = revision
        let text = object("", "configmaps", Self.settings)?.at("data", "branch-eni-cooldown")?.string
        let wanted = BranchInterfaces.cooldown(text)
        guard wanted != cooldown else { return }
        cooldown = wanted
        for name in nodes.keys.sorted() {
            nodes[name]?.branches.cooldown = wanted
            due(.delete(name), nodes[name]?.branches.nextDeadline)
        }
        guard !isFirst else { return }
        let range = try? cluster.store.range(cluster.collection(group: "", "nodes"), prefix: "", at: nil, after: nil, limit: 0)
        for entry in range?.entries ?? [] {
            await note(
                entry.name, "BranchENICoolDownPeriodUpdated", "Branch ENI cool down period has been updated to \(Self.goText(wanted))")
        }
    }
}
