import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Store
import World

/// How kubelets make their machines nodes, and say how these are.
extension KubeletFleet {
    /// From the registration until the network plugin is up.
    private static let networkDelay = Duration.seconds(2)
    /// Until it is looked again whether a plugin is up that could not start.
    private static let networkRetry = Duration.seconds(5)
    private static let leaseNamespace = "kube-node-lease"

    /// Starts a machine's kubelet, as the user that the machine authenticates as.
    func join(_ machine: NodeMachine, as user: UserInfo) async {
        guard kubelets[machine.name] == nil else { return await change(machine, as: user) }
        await network.add(machine)
        kubelets[machine.name] = connect(machine, as: user)
        guard await !begin(silent: machine) else { return }
        deadlines.set(Self.nodeKey(machine.name), world.now)
        setAlarm(world.now)
    }

    /// A kubelet that is not registered yet.
    func connect(_ machine: NodeMachine, as user: UserInfo) -> Kubelet {
        let client = ComponentClient(
            access, as: user, userAgent: "kubelet/\(machine.kubeletVersion) (linux/\(machine.architecture)) kubernetes")
        return Kubelet(
            machine: machine, user: user, client: client, events: EventSource(client, .core(component: "kubelet", host: machine.name)),
            wording: KubeletWording(kubeletVersion: machine.kubeletVersion))
    }

    /// Takes over what became of a machine: it may have stopped, started or lost its rights, or its network plugin may come up now.
    private func change(_ machine: NodeMachine, as user: UserInfo) async {
        guard let before = kubelets[machine.name] else { return }
        kubelets[machine.name]?.machine = machine
        if before.user != user { replaceUser(machine.name, user) }
        guard await !followPresence(machine, from: before.machine) else { return }
        await network.add(machine)
        guard machine.hasNetwork, let kubelet = kubelets[machine.name], kubelet.isRegistered, kubelet.readySince == nil,
            kubelet.silentSince == nil
        else { return }
        deadlines.set(Self.nodeKey(machine.name), world.now + Self.networkDelay)
        setAlarm(deadlines.next)
    }

    /// Stops a machine's kubelet: the machine is gone.
    func leave(_ name: String) async {
        let kubelet = kubelets.removeValue(forKey: name)
        // What it said is written while it is known.
        await access.events.flush()
        kubelet?.client.close()
        if let kubelet { await network.remove(kubelet.machine) }
        deadlines.set(Self.nodeKey(name), nil)
        deadlines.set(Self.refusalKey(name), nil)
        setAside(name)
    }

    /// Whether a node's kubelet runs and answers.
    func runs(_ node: String) -> Bool { kubelets[node]?.isRegistered ?? false }

    /// Takes over what a registration has changed; the machine may have become another one meanwhile.
    private func keep(_ kubelet: Kubelet) {
        guard let present = kubelets[kubelet.machine.name] else { return }
        var kept = kubelet
        kept.machine = present.machine
        kept.silentSince = present.silentSince
        kubelets[kubelet.machine.name] = kept
    }

    func register(_ name: String) async {
        guard var kubelet = kubelets[name], kubelet.silentSince == nil else { return }
        let now = world.now
        let answer = await kubelet.client.send("POST", "/api/v1/nodes", kubelet.machine.object(at: now))
        let isKnown = answer.status == 409
        guard answer.isSuccess || isKnown else {
            // Refused: tried again, ever slower, as the kubelet does.
            kubelet.attempts += 1
            keep(kubelet)
            deadlines.set(Self.nodeKey(name), now + .seconds(min(1 << min(kubelet.attempts, 6), 60)))
            return
        }
        kubelet.isRegistered = true
        // What is bound to a node that was not there ran on another machine of that name, if it ran.
        if !isKnown { kubelet.isBooting = true }
        kubelet.report.last = now
        await writeLease(&kubelet, at: now)
        if isKnown {
            // Unless it never was ready, the plugin's configuration is on disk: whether what connects its pods comes up again or not.
            let stored = access.cluster.store.get(Key(access.cluster.collection(group: "", "nodes"), name))
            let conditions = stored.flatMap { try? JSON(parsing: $0.value) }?.at("status", "conditions")?.array
            let wasKeptOut = conditions?.contains { $0["type"] == "Ready" && $0["status"] == "False" }
            if kubelet.machine.hasNetwork, wasKeptOut != true { kubelet.readySince = now }
            _ = await network.prepare(kubelet.machine)
            keep(kubelet)
            await report(name, at: now)
            if kubelet.isBooting { await noteBoot(name, kubelet.machine) }
            if kubelet.readySince == nil { deadlines.set(Self.nodeKey(name), now + Self.networkDelay) }
        } else {
            keep(kubelet)
            await note(name, "Starting", "Starting kubelet.")
            await note(name, "NodeHasSufficientMemory", "Node \(name) status is now: NodeHasSufficientMemory")
            await note(name, "NodeHasNoDiskPressure", "Node \(name) status is now: NodeHasNoDiskPressure")
            await note(name, "NodeHasSufficientPID", "Node \(name) status is now: NodeHasSufficientPID")
            await note(name, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")
            deadlines.set(Self.nodeKey(name), now + Self.networkDelay)
        }
        await adopt(name)
        kubelets[name]?.isBooting = false
        await tell(name, nil)
    }

    func becomeReady(_ name: String) async {
        guard let kubelet = kubelets[name], kubelet.readySince == nil, kubelet.machine.hasNetwork, kubelet.silentSince == nil else {
            return
        }
        guard await network.prepare(kubelet.machine) else {
            kubelets[name]?.awaitsNetwork = true
            deadlines.set(Self.nodeKey(name), world.now + Self.networkRetry)
            return
        }
        kubelets[name]?.awaitsNetwork = false
        kubelets[name]?.readySince = world.now
        await report(name, at: world.now)
        await note(name, "NodeReady", "Node \(name) status is now: NodeReady")
    }

    /// Writes the node's status as of a time.
    func report(_ name: String, at time: Instant) async {
        guard let kubelet = kubelets[name], let since = kubelet.readySince else { return }
        kubelets[name]?.report.last = time
        let status = kubelet.machine.status(isReady: true, since: since, at: time)
        _ = await kubelet.client.patch("/api/v1/nodes/\(name)/status", ["status": status])
    }

    func writeLease(_ kubelet: inout Kubelet, at time: Instant) async {
        let name = kubelet.machine.name
        let path = "/apis/coordination.k8s.io/v1/namespaces/\(Self.leaseNamespace)/leases"
        let isFirst = kubelet.lease.last == nil
        kubelet.lease.last = time
        if !isFirst {
            let change: JSON = ["spec": ["renewTime": .string(time.rfc3339Micro)]]
            if await kubelet.client.patch("\(path)/\(name)", change).isSuccess { return }
        }
        let node = await kubelet.client.send("GET", "/api/v1/nodes/\(name)")
        let lease = kubelet.machine.lease(in: Self.leaseNamespace, owner: node.object.objectUID, at: time)
        if await kubelet.client.send("POST", path, lease).status == 409 {
            _ = await kubelet.client.patch("\(path)/\(name)", ["spec": ["renewTime": .string(time.rfc3339Micro)]])
        }
    }

    func note(_ node: String, _ reason: String, _ message: String, type: String = "Normal") async {
        guard let kubelet = kubelets[node] else { return }
        // The kubelet does not know its node's UID and gives the name.
        let reference = ObjectReference(["metadata": ["name": .string(node), "uid": .string(node)]], kind: "Node")
        await recorder.record(kubelet.events, reference, type: type, reason: reason, message: message)
    }
}
