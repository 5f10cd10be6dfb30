import JSON
import KubeAPI
import KubeAPIServer
import RBAC
import Store
import World

/// From when on a kubelet is not heard of.
struct KubeletSilence: Sendable, Hashable {
    /// When it renewed its node's lease for the last time.
    let since: Instant
    /// Whether that is because its instance is stopped.
    let isStopped: Bool
}

/// Kubelets that are not heard of: those whose users the cluster does not let in any more, and those whose instances are stopped. Nothing
/// looks for them: they fall silent, and come back, when their machines are changed.
extension KubeletFleet {
    /// The kubelets that are not heard of.
    var silences: [(node: String, silence: KubeletSilence)] {
        kubelets.values.compactMap { kubelet in
            kubelet.silentSince.map { (kubelet.machine.name, KubeletSilence(since: $0, isStopped: kubelet.machine.isStopped)) }
        }.sorted { $0.node < $1.node }
    }

    /// The kubelet is another user from now on.
    func replaceUser(_ name: String, _ user: UserInfo) {
        guard let old = kubelets[name] else { return }
        var new = connect(old.machine, as: user)
        new.isRegistered = old.isRegistered
        new.silentSince = old.silentSince
        new.isBooting = old.isBooting
        new.readySince = old.readySince
        new.awaitsNetwork = old.awaitsNetwork
        new.images = old.images
        new.attempts = old.attempts
        new.lease = old.lease
        new.report = old.report
        kubelets[name] = new
        old.client.close()
    }

    /// Takes up a machine after a restart of the simulator that was not heard of before; answers whether it is such a one.
    func begin(silent machine: NodeMachine) async -> Bool {
        if let from = machine.refusedFrom, from > world.now { deadlines.set(Self.refusalKey(machine.name), from) }
        guard machine.isStopped || machine.refusedFrom.map({ $0 <= world.now }) ?? false else { return false }
        let lease = access.cluster.store.get(
            Key(access.cluster.collection(group: "coordination.k8s.io", "leases"), "kube-node-lease/\(machine.name)"))
        let renewed = lease.flatMap { try? JSON(parsing: $0.value) }?.at("spec", "renewTime")?.string.flatMap { Instant(rfc3339: $0) }
        kubelets[machine.name]?.silentSince = renewed ?? world.now
        await tellSilence(machine.name)
        return true
    }

    /// Follows a machine that stopped or started, or whose user was refused or let in; answers whether it is not heard of now, or starts.
    func followPresence(_ machine: NodeMachine, from before: NodeMachine) async -> Bool {
        let name = machine.name
        if machine.refusedFrom != before.refusedFrom {
            deadlines.set(Self.refusalKey(name), machine.refusedFrom)
            setAlarm(deadlines.next)
        }
        if machine.isStopped {
            if !before.isStopped { await shutDown(name) }
            return true
        }
        if before.isStopped || machine.boots != before.boots {
            await boot(name)
            return true
        }
        guard kubelets[name]?.silentSince != nil else { return false }
        if machine.refusedFrom == nil { await resume(name) }
        return true
    }

    private func tellSilence(_ name: String) async {
        guard let kubelet = kubelets[name], let since = kubelet.silentSince else { return }
        await tell(name, KubeletSilence(since: since, isStopped: kubelet.machine.isStopped))
    }

    private func keys(on node: String) -> [String] { workers.filter { $0.value.sandbox.node == node }.keys.sorted() }

    /// From now on nothing is heard of a kubelet. What it would have written until now is written.
    func silence(_ name: String) async {
        guard var kubelet = kubelets[name], kubelet.silentSince == nil else { return }
        let now = world.now
        if kubelet.isRegistered {
            if let due = kubelet.lease.due(at: now) {
                await writeLease(&kubelet, at: due)
                kubelets[name]?.lease = kubelet.lease
            }
            if let due = kubelet.report.due(at: now) { await report(name, at: due) }
            await writeStatuses()
        }
        kubelets[name]?.silentSince = kubelet.lease.last ?? now
        deadlines.set(Self.nodeKey(name), nil)
        for key in keys(on: name) {
            deadlines.set(key, nil)
            unwritten[key] = nil
        }
        await tellSilence(name)
    }

    /// A machine stops: with its kubelet everything on it is gone, its disk excepted.
    private func shutDown(_ name: String) async {
        await silence(name)
        await dropWorkers(name)
        await tellSilence(name)
    }

    /// Nothing looks after a node's pods until a machine of its name does.
    func setAside(_ name: String) {
        for key in keys(on: name) {
            workers[key] = nil
            deadlines.set(key, nil)
            unwritten[key] = nil
            strays[key] = name
            straysByNode[name, default: []].insert(key)
        }
    }

    private func dropWorkers(_ name: String) async {
        guard let machine = kubelets[name]?.machine else { return }
        setAside(name)
        kubelets[name]?.isRegistered = false
        kubelets[name]?.readySince = nil
        kubelets[name]?.awaitsNetwork = false
        deadlines.set(Self.nodeKey(name), nil)
        await network.remove(machine)
    }

    /// A machine starts: its kubelet finds its node and its pods, and makes them anew.
    private func boot(_ name: String) async {
        if kubelets[name]?.silentSince == nil { await writeStatuses() }
        await dropWorkers(name)
        guard let machine = kubelets[name]?.machine else { return }
        await network.add(machine)
        kubelets[name]?.isBooting = true
        kubelets[name]?.attempts = 0
        // One that is not let in stays unheard of.
        if let from = machine.refusedFrom, from <= world.now { return await tellSilence(name) }
        kubelets[name]?.silentSince = nil
        deadlines.set(Self.nodeKey(name), world.now)
        setAlarm(deadlines.next)
    }

    /// A kubelet is let in again: it says how its node and its pods are.
    private func resume(_ name: String) async {
        guard var kubelet = kubelets[name] else { return }
        let now = world.now
        kubelet.silentSince = nil
        if kubelet.readySince != nil { kubelet.readySince = now }
        kubelets[name] = kubelet
        guard kubelet.isRegistered else {
            deadlines.set(Self.nodeKey(name), now)
            return setAlarm(deadlines.next)
        }
        await writeLease(&kubelet, at: now)
        kubelets[name]?.lease = kubelet.lease
        if kubelet.readySince != nil {
            await report(name, at: now)
        } else {
            let status = kubelet.machine.status(isReady: false, since: now, at: now)
            _ = await kubelet.client.patch("/api/v1/nodes/\(name)/status", ["status": status])
            deadlines.set(Self.nodeKey(name), now)
        }
        await tell(name, nil)
        for key in keys(on: name) { deadlines.set(key, now) }
        await adopt(name)
        setAlarm(deadlines.next)
    }

    /// What a kubelet says of its node after a start of the machine.
    func noteBoot(_ name: String, _ machine: NodeMachine) async {
        await note(name, "Starting", "Starting kubelet.")
        await note(name, "NodeHasSufficientMemory", "Node \(name) status is now: NodeHasSufficientMemory")
        await note(name, "NodeHasNoDiskPressure", "Node \(name) status is now: NodeHasNoDiskPressure")
        await note(name, "NodeHasSufficientPID", "Node \(name) status is now: NodeHasSufficientPID")
        await note(name, "Rebooted", "Node \(name) has been rebooted, boot id: \(machine.bootID)", type: "Warning")
        await note(name, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")
    }
}
