/// The members of a JSON object in the order of the document. Names are compared by their bytes.
///
/// Few members are searched one by one: a hash table costs more to build than it saves. Large objects (a ConfigMap may have 100,000
/// keys) carry an index.
public struct JSONObject: Sendable {
    /// One name and its value.
    public struct Member: Sendable, Hashable {
        /// The member's name.
        public var key: String
        /// The member's value.
        public var value: JSON

        /// Makes a member.
        public init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }

        /// Whether names (by their bytes) and values are equal.
        public static func == (left: Member, right: Member) -> Bool { left.key.hasSameBytes(as: right.key) && left.value == right.value }

        /// Feeds name and value to a hasher.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(ByteText(key))
            hasher.combine(value)
        }
    }

    /// The members in order. Keys are unique.
    public private(set) var members: [Member]

    /// Where the members are, once there are more than `searchLimit`.
    private var index: [ByteText: Int]?

    /// How many more edits go without a new index after one was made for a removal: so a run of removals does not make one each.
    private var editsUnindexed: UInt8 = 0

    /// Up to so many members a search is no slower than a hash table.
    static let searchLimit = 16

    /// An object without members.
    public init() { members = [] }

    /// Makes an object of pairs. A repeated key keeps its first place and takes the last value.
    public init(_ pairs: some Sequence<(String, JSON)>) {
        self.init()
        members.reserveCapacity(pairs.underestimatedCount)
        for (key, value) in pairs {
            if let position = positionForEdit(of: key) { members[position].value = value } else { append(Member(key: key, value: value)) }
        }
    }

    /// Makes an object of members whose keys are known to be unique.
    public init(unique members: [Member]) {
        self.members = members
        if members.count > Self.searchLimit { reindex() }
    }

    /// Makes an object of unique members and their index.
    init(unique members: [Member], index: [ByteText: Int]) {
        self.members = members
        self.index = index
    }

    private mutating func reindex() {
        index = nil
        guard members.count > Self.searchLimit else { return }
        var positions = [ByteText: Int](minimumCapacity: members.count)
        for (position, member) in members.enumerated() { positions[ByteText(member.key)] = position }
        index = positions
    }

    private mutating func append(_ member: Member) {
        members.append(member)
        if index != nil {
            index?[ByteText(member.key)] = members.count - 1
        } else if members.count == Self.searchLimit + 1 {
            reindex()
        }
    }

    private mutating func positionForEdit(of key: String) -> Int? {
        if index == nil, members.count > Self.searchLimit {
            if editsUnindexed == 0 { reindex() } else { editsUnindexed -= 1 }
        }
        return position(of: key)
    }

    /// Where a member stands in `members`.
    public func position(of key: String) -> Int? {
        if let index { return index[ByteText(key)] }
        return members.firstIndex { $0.key.hasSameBytes(as: key) }
    }

    /// The value of a member. Setting appends or replaces in place; setting `nil` removes.
    public subscript(key: String) -> JSON? {
        get { position(of: key).map { members[$0].value } }
        _modify {
            if let position = positionForEdit(of: key) {
                var value: JSON? = members[position].value
                // Given up here so that `value` is the only owner while it is edited.
                members[position].value = .null
                defer { if let value { members[position].value = value } else { remove(at: position) } }
                yield &value
            } else {
                var value: JSON?
                defer { if let value { append(Member(key: key, value: value)) } }
                yield &value
            }
        }
    }

    /// The value of a member, or `fallback` where there is none. Editing it adds the member, in place.
    public subscript(key: String, default fallback: @autoclosure () -> JSON) -> JSON {
        get { self[key] ?? fallback() }
        _modify {
            let place = positionForEdit(of: key) ?? members.count
            if place == members.count { append(Member(key: key, value: fallback())) }
            yield &members[place].value
        }
    }

    /// The names of the members in order.
    public var keys: [String] { members.map(\.key) }
    /// How many members there are.
    public var count: Int { members.count }
    /// Whether there are no members.
    public var isEmpty: Bool { members.isEmpty }
    /// Whether there is a member of this name.
    public func contains(_ key: String) -> Bool { position(of: key) != nil }

    /// Removes a member and answers its value. Takes time in proportion to the members; `update` removes many at once.
    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSON? {
        guard let position = positionForEdit(of: key) else { return nil }
        return remove(at: position)
    }

    @discardableResult
    private mutating func remove(at position: Int) -> JSON {
        let removed = members.remove(at: position)
        if position == members.count {
            index?[ByteText(removed.key)] = nil
        } else if index != nil {
            if editsUnindexed == 0 {
                reindex()
                editsUnindexed = 64
            } else {
                index = nil
            }
        }
        return removed.value
    }

    /// Removes the members that satisfy a condition, in one pass.
    public mutating func removeAll(where shouldBeRemoved: (Member) -> Bool) {
        members.removeAll(where: shouldBeRemoved)
        if index != nil { reindex() }
    }

    /// Sets many members, and removes those whose new value is `nil`, in one pass. Of repeated names the last change counts.
    public mutating func update(_ changes: some Sequence<(String, JSON?)>) {
        var removed: Set<ByteText> = []
        for (key, value) in changes {
            if let value {
                removed.remove(ByteText(key))
                self[key] = value
            } else if contains(key) {
                removed.insert(ByteText(key))
            }
        }
        if !removed.isEmpty { removeAll { removed.contains(ByteText($0.key)) } }
    }

    /// Puts the members in the order of `areInIncreasingOrder` applied to their names; without it in byte order, as Go sorts map keys.
    public mutating func sortKeys(by areInIncreasingOrder: (String, String) -> Bool = { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
        members.sort { areInIncreasingOrder($0.key, $1.key) }
        if index != nil { reindex() }
    }

    /// Puts `transform`'s result in place of every value, in place.
    public mutating func mapValues(_ transform: (String, inout JSON) -> Void) {
        for position in members.indices { transform(members[position].key, &members[position].value) }
    }
}

extension JSONObject: Sequence {
    /// Iterates over the members in order.
    public func makeIterator() -> Array<Member>.Iterator { members.makeIterator() }
    /// The number of members.
    public var underestimatedCount: Int { members.count }
}

/// Equality and hashing do not see the order of members, as in JSON.
extension JSONObject: Hashable {
    /// Whether both have the same members.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        if left.members.sharesStorage(with: right.members) { return true }
        for position in left.members.indices {
            let key = left.members[position].key
            let place = right.members[position].key.hasSameBytes(as: key) ? position : right.position(of: key)
            guard let place, left.members[position].value == right.members[place].value else { return false }
        }
        return true
    }

    /// Feeds the members to a hasher, whatever their order.
    public func hash(into hasher: inout Hasher) {
        var combined = 0
        for position in members.indices { combined ^= members[position].hashValue }
        hasher.combine(combined)
        hasher.combine(count)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Members keep the order of the literal. A repeated key keeps its first place and takes the last value.
    public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }
}
