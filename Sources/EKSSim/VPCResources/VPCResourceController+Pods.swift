import IPAddress
import JSON
import KubeAPI
import KubeAPIServer
import KubeControllers
import Store
import VPCCNI
import World

/// The branch interfaces of pods (controllers/core/pod_controller.go, pkg/provider/branch).
extension VPCResourceController {
    /// What EC2 takes to make a branch interface and to put it on its trunk.
    static let branchTime = Duration.milliseconds(1500)
    /// So often what failed is tried again at once; then only with the next look at all pods.
    private static let tries = 5
    private static let resync = Duration.seconds(1800)

    // MARK: What pods want

    /// Looks at a pod that changed; `nil` when it is gone, or is another one that wants nothing.
    func take(pod key: String, _ pod: JSON?) {
        if let known = wanting[key], known.uid != pod?.objectUID { release(key, known) }
        guard let pod, let node = pod.at("spec", "nodeName")?.string, !node.isEmpty, Self.wants(pod) else { return }
        if wanting[key] == nil {
            wanting[key] = Pod(uid: pod.objectUID, node: node)
            wantingByNode[node, default: []].insert(key)
        }
        let phase = pod.at("status", "phase")?.string
        if phase == "Succeeded" || phase == "Failed" { return end(key) }
        let isGiven = pod.at("metadata", "annotations", PodWebhooks.branchResource) != nil
        guard !isGiven, wanting[key]?.isReleased == false, nodes[node]?.trunk != nil, !deadlines.contains(Duty.allocate(key).key) else {
            return
        }
        due(.allocate(key), world.now + Self.branchTime)
    }

    private static func wants(_ pod: JSON) -> Bool {
        pod.at("spec", "containers")?.array?.contains { $0.at("resources", "requests", PodWebhooks.branchResource) != nil } == true
    }

    /// The pod has ended, though its object stays: its interface goes.
    private func end(_ key: String) {
        guard let pod = wanting[key], !pod.isReleased else { return }
        wanting[key]?.isReleased = true
        giveBack(key, pod)
    }

    private func release(_ key: String, _ pod: Pod) {
        wanting[key] = nil
        wantingByNode[pod.node]?.remove(key)
        if wantingByNode[pod.node]?.isEmpty == true { wantingByNode[pod.node] = nil }
        if !pod.isReleased { giveBack(key, pod) }
    }

    /// The interface of a pod waits for its deletion.
    private func giveBack(_ key: String, _ pod: Pod) {
        due(.allocate(key), nil)
        nodes[pod.node]?.branches.remove(pod.uid, at: world.now)
        due(.delete(pod.node), nodes[pod.node]?.branches.nextDeadline)
    }

    // MARK: Giving

    /// Gives a pod its branch interface, and says so on the pod.
    func allocate(_ key: String) async {
        guard let wanted = wanting[key], !wanted.isReleased, let node = nodes[wanted.node], let trunk = node.trunk,
            let place = ec2.place(of: node.instance, config(of: node.name)), node.branches.branches[wanted.uid] == nil,
            let pod = object("", "pods", key), pod.objectUID == wanted.uid,
            pod.at("metadata", "annotations", PodWebhooks.branchResource) == nil
        else { return }
        let groups = groups(of: pod)
        if groups.isEmpty {
            await session?.note(
                pod, kind: "Pod", isWarning: true, "SecurityGroupRequested",
                "Pod will get the instance security group as the pod didn't match any Security Group from SecurityGroupPolicy")
        } else {
            await session?.note(
                pod, kind: "Pod", "SecurityGroupRequested",
                "Pod will get the following Security Groups [\(groups.joined(separator: " "))]")
        }
        // Interfaces that wait for their deletion count; there is room when one is gone.
        guard node.branches.canCreate, let vlan = node.branches.nextVLAN else { return due(.allocate(key), world.now + cooldown) }
        let branch: BranchInterfaces.Branch
        do throws(BranchNetwork.Failure) {
            branch = try await ec2.makeBranch(
                on: trunk, of: node.instance, vlan: vlan, groups: groups.isEmpty ? place.groups : groups, at: place)
        } catch {
            await session?.note(
                pod, kind: "Pod", isWarning: true, "BranchAllocationFailed", "failed to allocate branch ENI to pod: \(error.message)")
            return retry(key)
        }
        nodes[wanted.node]?.branches.add(branch, to: wanted.uid)
        nodes[wanted.node]?.owners[branch.id] = key
        let answer = await session?.merge(
            "/api/v1/namespaces/\(pod.objectNamespace)/pods/\(pod.objectName)",
            [
                "metadata": [
                    "uid": .string(wanted.uid), "annotations": .object([PodWebhooks.branchResource: .string(branch.annotation)]),
                ]
            ])
        guard answer?.isSuccess == true else {
            await session?.note(
                pod, kind: "Pod", isWarning: true, "BranchENIAnnotationFailed",
                "failed to annotate pod with branch ENI details: \(answer?.message ?? "")")
            // Nobody has used it: it need not wait.
            nodes[wanted.node]?.branches.remove(wanted.uid, at: world.now - cooldown)
            due(.delete(wanted.node), nodes[wanted.node]?.branches.nextDeadline)
            return retry(key)
        }
        wanting[key]?.failures = 0
        await session?.note(pod, kind: "Pod", "ResourceAllocated", "Allocated \(branch.annotation) to the pod")
    }

    private func retry(_ key: String) {
        guard let failures = wanting[key]?.failures else { return }
        wanting[key]?.failures = failures + 1
        due(.allocate(key), world.now + ((failures + 1) % (Self.tries + 1) == 0 ? Self.resync : Self.branchTime))
    }

    /// The groups that the policies of its namespace give a pod.
    private func groups(of pod: JSON) -> [String] {
        let namespace = pod.objectNamespace
        let collection = cluster.collection(group: Self.group, "securitygrouppolicies")
        let range = try? cluster.store.range(collection, prefix: "\(namespace)/", at: nil, after: nil, limit: 0)
        let policies = (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }.compactMap(SecurityGroupPolicy.init)
        let account = object("", "serviceaccounts", "\(namespace)/\(pod.at("spec", "serviceAccountName")?.string ?? "")")
        return SecurityGroupPolicy.groups(
            of: policies, namespace: namespace, podLabels: pod.at("metadata", "labels")?.object,
            serviceAccountLabels: account?.at("metadata", "labels")?.object)
    }

    // MARK: Taking away

    /// Deletes the interfaces of a node that have waited long enough.
    func deleteDue(_ name: String) async {
        while let branch = nodes[name]?.branches.due(at: world.now).first {
            do throws(BranchNetwork.Failure) {
                try await ec2.delete(branch)
                nodes[name]?.branches.deleted(branch)
                nodes[name]?.owners[branch.id] = nil
            } catch {
                nodes[name]?.branches.notDeleted(branch)
            }
        }
        due(.delete(name), nodes[name]?.branches.nextDeadline)
    }

    // MARK: Shown

    /// The trunk of a node with its branch interfaces; `nil` for a node without one.
    func shown(_ name: String) -> JSON? {
        guard let node = nodes[name], let trunk = node.trunk else { return nil }
        func row(_ branch: BranchInterfaces.Branch, _ state: JSON) -> JSON {
            [
                "id": .string(branch.id), "address": .string(branch.address.description), "vlan": .integer(Int64(branch.vlan)),
                "pod": .string(node.owners[branch.id] ?? ""), "state": state,
            ]
        }
        let used = node.branches.branches.values.sorted { $0.vlan < $1.vlan }.map { row($0, "used") }
        let rows = used + node.branches.waitingBranches.map { row($0, "cooling") }
        return ["id": .string(trunk), "limit": .integer(Int64(node.branches.limit)), "branches": .array(rows)]
    }
}
