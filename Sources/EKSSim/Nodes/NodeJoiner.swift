import AWSServices
import HTTP
import IAMAuthenticator
import JSON
import KubeAPIServer
import KubeControllers
import RBAC
import VPCCNI
import VPCModel
import World

/// Makes EC2 instances nodes of their clusters, as bootstrapping and kubelet do, and takes those out that end. Who a node is, the cluster's
/// authenticator says of the role of its instance; a role that lacks rights fails as on EKS.
///
/// It keeps nothing: what has joined is in the clusters and in EC2. It looks when instances, node groups or clusters change, and again after
/// a while as long as a node is on its way or cannot get in.
final class NodeJoiner: Sendable {
    /// From the start of an instance until its kubelet runs.
    private static let bootTime = Duration.milliseconds(500)
    /// How often a node that is kept out tries again.
    private static let pause = Duration.seconds(10)
    /// How often what keeps pods on a node is tried again.
    private static let drainPause = Duration.seconds(5)
    /// How often it is looked whether nodes that have just joined are ready.
    private static let glance = Duration.milliseconds(500)

    private struct Place: Sendable, Hashable {
        let account: String
        let region: String
    }

    private struct State: Sendable {
        var armed: [Place: Timers.Handle] = [:]
        var running: Set<Place> = []
        /// Called while it was looking.
        var called: Set<Place> = []
    }

    private let world: World
    private let aws: AWSReference
    private let tokenLife: Duration
    private let state = Lock(State())

    /// `tokenLife` is for how long API servers believe a token without asking again whose it is.
    init(world: World, aws: AWSReference, tokenLife: Duration) {
        self.tokenLife = tokenLife
        self.world = world
        self.aws = aws
    }

    /// Looks at the instances of an account in a region, soon.
    func look(_ account: String, _ region: String, _ planes: ControlPlanes) {
        look(Place(account: account, region: region), planes, after: .zero)
    }

    private func look(_ place: Place, _ planes: ControlPlanes, after delay: Duration) {
        let old = state.withLock { state -> Timers.Handle? in
            if state.running.contains(place) {
                state.called.insert(place)
                return nil
            }
            return state.armed.removeValue(forKey: place)
        }
        if let old { world.timers.cancel(old) }
        if state.withLock({ $0.called.contains(place) }) { return }
        let handle = world.timers.schedule(after: delay, "nodes of \(place.account) in \(place.region)") { [self] in
            await run(place, planes)
        }
        state.withLock { $0.armed[place] = handle }
    }

    private func run(_ place: Place, _ planes: ControlPlanes) async {
        let runs = state.withLock { state in
            state.armed[place] = nil
            return state.running.insert(place).inserted
        }
        guard runs else { return }
        let next = await settle(place, planes)
        let isCalled = state.withLock { state in
            state.running.remove(place)
            return state.called.remove(place) != nil
        }
        if isCalled { look(place, planes, after: .zero) } else if let next { look(place, planes, after: next) }
    }

    /// Brings the clusters in line with the instances; answers when to look again.
    private func settle(_ place: Place, _ planes: ControlPlanes) async -> Duration? {
        guard let frontDoor = aws.frontDoor else { return nil }
        let clusters = await planes.planes(of: place.account, in: place.region)
        guard !clusters.isEmpty else { return nil }
        await mapRoles(place, clusters, frontDoor)
        let instances = Dictionary(grouping: frontDoor.nodeInstances(account: place.account, region: place.region), by: \.cluster)
        var pauses: [Duration] = []
        var ready: [String] = []
        for plane in clusters {
            guard let controllers = plane.controllers, controllers.hasNodes else { continue }
            let own = instances[plane.record.name] ?? []
            let machines = Dictionary(controllers.joined.map { ($0.machine.name, $0) }) { first, _ in first }
            await leave(own, machines.mapValues(\.machine), controllers)
            for instance in own where instance.isStopped {
                guard var machine = machines[instance.privateDNSName]?.machine, !machine.isStopped else { continue }
                machine.isStopped = true
                try? await controllers.update(machine)
            }
            var admission = NodeAdmission(plane)
            for instance in own where instance.isRunning {
                let known = machines[instance.privateDNSName]
                if let pause = await join(instance, plane, known, &admission, controllers) { pauses.append(pause) }
            }
            if let pause = await attend(own, controllers, place, frontDoor) { pauses.append(pause) }
            let waiting = own.filter { $0.isRunning && !$0.hasJoined }
            guard !waiting.isEmpty else { continue }
            let readyNames = controllers.readyNodes
            ready += waiting.filter { readyNames.contains($0.privateDNSName) }.map(\.id)
            if waiting.contains(where: { !readyNames.contains($0.privateDNSName) }) { pauses.append(Self.glance) }
        }
        if !ready.isEmpty { await frontDoor.noteJoined(ready, account: place.account, region: place.region) }
        return pauses.min()
    }

    /// Does what EKS has to do with nodes that are to be replaced or to go; answers when to look again.
    private func attend(
        _ instances: [NodeInstance], _ controllers: ClusterControllers, _ place: Place, _ frontDoor: AWSFrontDoor
    ) async -> Duration? {
        var cordoned: [String] = []
        var drained: [String] = []
        var isBusy = false
        for instance in instances {
            switch instance.duty {
            case nil: continue
            case .cordon?, .uncordon?:
                let isDone = await controllers.setCordoned(node: instance.privateDNSName, instance.duty == .cordon)
                if isDone { cordoned.append(instance.id) } else { isBusy = true }
            // Where nothing runs, nothing is to be emptied.
            case .drain? where !instance.isRunning: drained.append(instance.id)
            case .drain(let respectsBudgets)?:
                _ = await controllers.setCordoned(node: instance.privateDNSName, true)
                let left = await controllers.drain(node: instance.privateDNSName, respectsBudgets: respectsBudgets)
                if left == 0 { drained.append(instance.id) } else { isBusy = true }
            }
        }
        if !cordoned.isEmpty { await frontDoor.noteCordoned(cordoned, account: place.account, region: place.region) }
        if !drained.isEmpty { await frontDoor.noteDrained(drained, account: place.account, region: place.region) }
        return isBusy ? Self.drainPause : nil
    }

    /// Takes the machines out whose instances are gone; a stopped one's node stays.
    private func leave(_ instances: [NodeInstance], _ machines: [String: NodeMachine], _ controllers: ClusterControllers) async {
        let present = Set(instances.filter { $0.isRunning || $0.isStopped }.map(\.id))
        for (_, machine) in machines.sorted(by: { $0.key < $1.key }) where machine.isInstance && !present.contains(machine.instanceID) {
            try? await controllers.leave(machine.name)
        }
    }

    /// Lets an instance join, or tells its kubelet what has changed; answers when to look at it again, `nil` when nothing is left to do.
    private func join(
        _ instance: NodeInstance, _ plane: ControlPlane, _ known: (machine: NodeMachine, user: UserInfo?)?,
        _ admission: inout NodeAdmission,
        _ controllers: ClusterControllers
    ) async -> Duration? {
        let booted = instance.launched + Self.bootTime
        guard world.now >= booted else { return booted - world.now }
        // In a cluster of IPv6 nodeadm asks the metadata for an IPv6 address, and ends without one.
        guard let address = plane.record.isIPv6 ? instance.ipv6Address : instance.address else { return Self.pause }
        var machine = Self.machine(instance, address, plane.record)
        if let (old, oldUser) = known {
            // How many pods it takes the kubelet was told at its start.
            machine.maximumPods = old.maximumPods
            guard await relabel(old, machine, controllers) else { return Self.pause }
            if old.taints != machine.taints {
                guard await controllers.retaint(node: machine.name, from: old.taints, to: machine.taints) else { return Self.pause }
            }
            let user = await admission.user(of: instance)
            machine.refusedFrom = user == nil ? old.refusedFrom ?? world.now + tokenLife : nil
            let isAnother = user.map { oldUser == nil || Set($0.groups) != Set(oldUser?.groups ?? []) || $0.username != oldUser?.username }
            if isAnother ?? false || Self.differs(machine, old) { try? await controllers.join(machine, as: user ?? oldUser) }
            // Who is refused waits until somebody changes what he is refused by.
            return machine.hasNetwork || user == nil ? nil : Self.pause
        }
        guard instance.canJoin, let mapped = await admission.mapped(instance) else { return Self.pause }
        let user = UserInfo(username: mapped.username, groups: mapped.groups + ["system:authenticated"])
        // What could not be stored is tried again.
        guard (try? await controllers.join(machine, as: user)) != nil else { return Self.pause }
        return machine.hasNetwork ? nil : Self.pause
    }

    private static func differs(_ new: NodeMachine, _ old: NodeMachine) -> Bool {
        old.hasNetwork != new.hasNetwork || old.labels != new.labels || old.taints != new.taints || old.isStopped != new.isStopped
            || old.boots != new.boots || old.refusedFrom != new.refusedFrom
    }

    /// EKS' node manager puts changed labels of a node group on its nodes; answers `false` when the server refused.
    private func relabel(_ old: NodeMachine, _ new: NodeMachine, _ controllers: ClusterControllers) async -> Bool {
        guard old.labels != new.labels else { return true }
        var labels = JSONObject()
        for key in Set(old.labels.keys).union(new.labels.keys).sorted() where old.labels[key] != new.labels[key] {
            labels[key] = new.labels[key].map(JSON.string) ?? .null
        }
        return await controllers.patch(node: new.name, ["metadata": ["labels": .object(labels)]])
    }

    private static func machine(_ instance: NodeInstance, _ address: String, _ record: ClusterRecord) -> NodeMachine {
        let shape = InstanceShape(instance.type)
        let limits = InstanceLimits.of(instance.type)
        let cores = Int(shape.vCPUs)
        let pods =
            instance.isManagedImage
            ? MaxPods.managedNodeGroup(
                limits, vCPUs: cores, usesPrefixes: instance.pods.usesPrefixes || record.isIPv6,
                usesCustomNetworking: instance.pods.usesCustomNetworking) : MaxPods.nodeadm(limits)
        var labels = instance.labels
        labels["topology.k8s.aws/zone-id"] = instance.zone.id
        var machine = NodeMachine(
            name: instance.privateDNSName, instanceID: instance.id, instanceType: instance.type, region: record.region,
            zone: instance.zone.name, address: address, milliCPU: shape.vCPUs * 1000, memory: shape.memory << 20,
            storage: max(1, instance.diskSize) << 30, maximumPods: Int64(pods), labels: labels,
            taints: instance.taints.map { .init(key: $0.key, value: $0.value, effect: $0.effect) },
            kubeletVersion: "v\(instance.kubeletVersion)-eks-113cf36", architecture: instance.architecture)
        machine.isInstance = true
        machine.hasNetwork = instance.canPull
        machine.boots = instance.boots
        return machine
    }

    // MARK: aws-auth

    /// In mode CONFIG_MAP CreateNodegroup writes the role of the nodes to `aws-auth`, once (EKS User Guide, add-user-role).
    private func mapRoles(_ place: Place, _ clusters: [ControlPlane], _ frontDoor: AWSFrontDoor) async {
        for mapping in frontDoor.unmappedNodeRoles(account: place.account, region: place.region) {
            guard let plane = clusters.first(where: { $0.record.name == mapping.cluster }), let controllers = plane.controllers else {
                continue
            }
            guard await controllers.mapNodeRole(mapping.roleARN) else { continue }
            await frontDoor.noteMapped(mapping, account: place.account, region: place.region)
        }
    }
}
