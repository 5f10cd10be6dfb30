import JSON
import Store
import World

/// What EC2 and Auto Scaling keep of one account in one region: in memory for reading, in the store for good.
///
/// Changes go through one at a time, each as one transaction: what a change has checked still holds when it is committed.
final class RegionResources: Sendable {
    let account: String
    let region: String
    let world: World
    private let delay: Duration
    private let records: Records
    private let provisioner: any ClusterProvisioner
    private let collections: [ResourceKind: String]
    private let turnstile = Turnstile()
    private let state = Lock(RegionState())

    init(account: String, region: String, records: Records, world: World, delay: Duration, provisioner: any ClusterProvisioner) {
        self.provisioner = provisioner
        self.account = account
        self.region = region
        self.records = records
        self.world = world
        self.delay = delay
        collections = Dictionary(
            uniqueKeysWithValues: ResourceKind.allCases.map { ($0, "aws/\(account)/\(region)/\($0.rawValue)") })
    }

    /// Whether the network that a region starts with was not made yet.
    var isFresh: Bool { records.store.get(Key(DefaultNetwork.index, "\(account)/\(region)")) == nil }

    /// The committed resources, for reading. Changes to it are lost.
    var present: ResourceDraft {
        ResourceDraft(
            base: current(), account: account, region: region, records: records, world: world, delay: delay,
            nodesJoin: provisioner.runsNodes)
    }

    /// Runs `body` on a draft and commits what it changed.
    ///
    /// - Throws: what `body` throws, and then nothing is changed; the store's failure.
    @discardableResult
    func change<Value: Sendable>(
        _ body: (inout ResourceDraft) throws(AWSError) -> Value
    ) async throws(AWSError) -> Value {
        await turnstile.enter()
        defer { turnstile.leave() }
        var draft = present
        let value = try body(&draft)
        try await commit(draft)
        for timer in draft.timers { world.timers.schedule(after: timer.delay, timer.label) { await timer.action(self) } }
        if provisioner.runsNodes, draft.changes[.instance] != nil || draft.changes[.nodegroup] != nil {
            world.timers.schedule(after: .zero, "instances of \(account) in \(region)") { [provisioner, account, region] in
                await provisioner.instancesChanged(account: account, region: region)
            }
        }
        return value
    }

    /// Tells that who nodes are may be another one now.
    func noteMappings() {
        guard provisioner.runsNodes else { return }
        world.timers.schedule(after: .zero, "mappings of \(account) in \(region)") { [provisioner, account, region] in
            await provisioner.instancesChanged(account: account, region: region)
        }
    }

    private func commit(_ draft: ResourceDraft) async throws(AWSError) {
        var writes = draft.joined.writes
        for (kind, rows) in draft.changes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let collection = collections[kind] ?? kind.rawValue
            for (id, json) in rows.sorted(by: { $0.key < $1.key }) {
                let key = Key(collection, id)
                if let json { writes.append(.put(key, .bytes(json.serialized()))) } else { writes.append(.delete(key, last: nil)) }
            }
        }
        guard !writes.isEmpty else { return }
        let outcome = try await records.apply(Transaction(conditions: draft.joined.conditions, writes: writes))
        guard let revision = outcome.revision else { throw draft.conflict }
        state.withLock { state in
            for (kind, rows) in draft.changes {
                for (id, json) in rows { state.tables[kind, default: RegionState.Table()].apply(id, json) }
                let known = state.tables[kind]?.revision ?? 0
                state.tables[kind]?.revision = max(known, revision)
            }
            for (name, pool) in draft.pools { state.pools[name] = pool }
            state.nextNumber = max(state.nextNumber, draft.nextNumber)
        }
    }

    /// The state, read anew where somebody else has written.
    private func current() -> RegionState {
        state.withLock { state in
            var isStale = false
            for (kind, collection) in collections {
                // The revision is read before the entries: at worst the table is newer than its mark and is read once more.
                let revision = records.store.revision(of: collection)
                guard state.tables[kind]?.revision != revision else { continue }
                let table = RegionState.Table(records.list(collection), revision: revision)
                state.nextNumber = max(state.nextNumber, (table.order.last?.number ?? 0) + 1)
                state.tables[kind] = table
                isStale = isStale || [.subnet, .networkInterface, .cidrReservation].contains(kind)
            }
            if isStale { state.makePools() }
            return state
        }
    }
}

/// The regions' resources, made when first asked for.
final class RegionTable: Sendable {
    private let records: Records
    private let world: World
    private let delay: Duration
    private let provisioner: any ClusterProvisioner
    private let regions = Lock<[String: RegionResources]>([:])

    /// Makes the table; `delay` is how long what takes its time takes.
    init(records: Records, world: World, delay: Duration, provisioner: any ClusterProvisioner) {
        self.provisioner = provisioner
        self.records = records
        self.world = world
        self.delay = delay
    }

    /// Goes on with what was under way when an earlier run ended.
    func resume() async {
        for resources in all { _ = try? await resources.change { draft throws(AWSError) in EC2Lifecycle.resume(&draft) } }
    }

    /// Tells that who the nodes of an account are may be others now: in one region, or everywhere.
    func noteMappings(of account: String, in region: String? = nil) {
        for resources in all where resources.account == account && (region ?? resources.region) == resources.region {
            resources.noteMappings()
        }
    }

    /// Every account's resources in every region that has some.
    var all: [RegionResources] {
        records.list(DefaultNetwork.index).compactMap { place in
            let parts = place.name.split(separator: "/").map(String.init)
            return parts.count == 2 ? resources(parts[0], parts[1]) : nil
        }
    }

    /// What an account has in a region.
    func resources(_ account: String, _ region: String) -> RegionResources {
        regions.withLock { regions in
            let name = "\(account)/\(region)"
            if let known = regions[name] { return known }
            let made = RegionResources(
                account: account, region: region, records: records, world: world, delay: delay, provisioner: provisioner)
            regions[name] = made
            return made
        }
    }
}
