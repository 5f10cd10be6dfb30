import IPAddress
import JSON
import Store
import VPCModel
import World

/// A region's resources with the changes of one request over them. What is read shows the changes; nobody else sees them until the commit.
struct ResourceDraft: Sendable {
    let account: String
    let region: String
    let world: World
    /// How long what takes its time takes: an instance to start, a gateway to be there.
    let delay: Duration
    /// Whether instances become nodes, so that node groups wait for them.
    let nodesJoin: Bool
    /// What others keep in the store.
    let records: Records
    private let base: RegionState
    /// `nil` for what is removed.
    private(set) var changes: [ResourceKind: [String: JSON?]] = [:]
    private(set) var nextNumber: Int64
    /// `nil` for the pools of subnets that are removed.
    private(set) var pools: [SubnetBlock: SubnetPool?] = [:]
    /// What is committed along with the changes, in collections of others.
    private(set) var joined = Transaction(writes: [])
    /// The refusal when one of the joined conditions does not hold.
    private(set) var conflict = AWSError(500, "InternalError", "An internal error has occurred")
    /// What starts once the changes are committed.
    private(set) var timers: [(delay: Duration, label: String, action: Step)] = []

    /// What happens later to the resources of the region.
    typealias Step = @Sendable (RegionResources) async -> Void

    init(base: RegionState, account: String, region: String, records: Records, world: World, delay: Duration, nodesJoin: Bool) {
        self.nodesJoin = nodesJoin
        self.base = base
        self.records = records
        self.delay = delay
        self.account = account
        self.region = region
        self.world = world
        nextNumber = base.nextNumber
    }

    // MARK: Reading

    /// A resource; `nil` when there is none of the id.
    func get(_ kind: ResourceKind, _ id: String) -> JSON? {
        if let changed = changes[kind]?[id] { return changed }
        return base.tables[kind]?.rows[id]
    }

    /// A resource that has to be there.
    ///
    /// - Throws: EC2's refusal of the id.
    func require(_ kind: ResourceKind, _ id: String) throws(AWSError) -> JSON {
        guard let found = get(kind, id) else { throw kind.isID(id) ? kind.notFound(id) : kind.malformed(id) }
        return found
    }

    /// All resources of a kind, oldest first.
    func list(_ kind: ResourceKind) -> [JSON] {
        let table = base.tables[kind]
        guard let changed = changes[kind] else { return (table?.order ?? []).compactMap { table?.rows[$0.id] } }
        var found = (table?.order ?? []).compactMap { changed[$0.id] ?? table?.rows[$0.id] }
        let new = changed.filter { table?.rows[$0.key] == nil }.compactMap(\.value)
        found += new.sorted { ($0[RegionState.number]?.integer ?? 0) < ($1[RegionState.number]?.integer ?? 0) }
        return found
    }

    /// How many resources of a kind there are.
    func count(_ kind: ResourceKind) -> Int {
        let rows = base.tables[kind]?.rows ?? [:]
        let changed = changes[kind] ?? [:]
        return changed.reduce(rows.count) { count, change in
            count + (change.value == nil ? 0 : 1) - (rows[change.key] == nil ? 0 : 1)
        }
    }

    /// The resources of a kind that belong to another one: whose member has the value.
    func list(_ kind: ResourceKind, _ member: String, _ value: String) -> [JSON] {
        list(kind).filter { $0[member]?.string == value }
    }

    /// A document of another collection, as it will be after the commit.
    func document(_ collection: String, _ name: String) -> JSON? {
        let key = Key(collection, name)
        for write in joined.writes.reversed() {
            switch write {
            case .put(key, .bytes(let bytes)): return try? JSON(parsing: bytes)
            case .delete(key, _): return nil
            default: continue
            }
        }
        return records.get(collection, name)?.json
    }

    /// A user, role or instance profile of the account.
    func principal(_ kind: String, _ name: String) -> JSON? { document(Records.collection(account, "global", "iam", kind), name) }

    // MARK: Changing

    /// An id that nothing has had yet: the prefix and 17 hexadecimal digits.
    func newID(_ prefix: String) -> String { prefix + world.random.hex(17) }

    /// A number that nothing in the region has had yet.
    mutating func takeNumber() -> Int64 {
        defer { nextNumber += 1 }
        return nextNumber
    }

    /// Makes or replaces a resource.
    mutating func put(_ kind: ResourceKind, _ id: String, _ json: JSON) {
        var json = json
        if let number = get(kind, id)?[RegionState.number] {
            json[RegionState.number] = number
        } else {
            json[RegionState.number] = .integer(takeNumber())
        }
        changes[kind, default: [:]][id] = .some(json)
    }

    /// Changes a resource that has to be there.
    mutating func update(_ kind: ResourceKind, _ id: String, _ body: (inout JSON) -> Void) throws(AWSError) {
        var json = try require(kind, id)
        body(&json)
        put(kind, id, json)
    }

    /// Removes a resource, if it is there.
    mutating func remove(_ kind: ResourceKind, _ id: String) { changes[kind, default: [:]][id] = .some(nil) }

    /// What a subnet has to give of its IPv4 or IPv6 block; `nil` when it has no such block.
    func pool(_ name: SubnetBlock) -> SubnetPool? {
        if let changed = pools[name] { return changed }
        return base.pools[name]
    }

    /// Sets or ends what a subnet has to give.
    mutating func setPool(_ name: SubnetBlock, _ pool: SubnetPool?) { pools[name] = .some(pool) }

    /// Commits writes of others along with the changes, if their conditions hold; else all is refused with `conflict`.
    mutating func join(_ transaction: Transaction, conflict: AWSError) {
        joined.conditions += transaction.conditions
        joined.writes += transaction.writes
        self.conflict = conflict
    }

    /// Runs `action` on the world's clock, from the commit on.
    mutating func schedule(after delay: Duration, _ label: String, action: @escaping Step) {
        timers.append((delay, label, action))
    }

    /// The ARN of a resource of EC2.
    func arn(_ kind: ResourceKind, _ id: String) -> String { "arn:aws:ec2:\(region):\(account):\(kind.word)/\(id)" }
}

extension ResourceDraft {
    /// Makes a resource once per client token: a call repeated with the same token and parameters is answered with what it made.
    ///
    /// - Parameters:
    ///   - answer: the member of the answer that shows the resource.
    ///   - keepsToken: whether the answer shows the token, too.
    /// - Throws: `IdempotentParameterMismatch` for another call with the token, what `make` throws.
    mutating func once(
        _ request: EC2Request, _ kind: ResourceKind, answer: String, keepsToken: Bool,
        _ make: (inout ResourceDraft) throws(AWSError) -> String
    ) throws(AWSError) -> JSON {
        let token = request.string("ClientToken") ?? ""
        var reply: JSON = [:]
        if keepsToken, !token.isEmpty { reply["clientToken"] = .string(token) }
        guard !token.isEmpty else {
            let id = try make(&self)
            reply[answer] = try require(kind, id)
            return reply
        }
        if let earlier = list(kind, "_token", token).first {
            guard earlier["_request"] == request.input else {
                throw AWSError(
                    400, "IdempotentParameterMismatch",
                    "The client token '\(token)' has already been used with different parameters.")
            }
            reply[answer] = earlier
            return reply
        }
        let id = try make(&self)
        try update(kind, id) {
            $0["_token"] = .string(token)
            $0["_request"] = request.input
        }
        reply[answer] = try require(kind, id)
        return reply
    }
}
