/// The members of a JSON object in the order of the document.
///
/// Look-up is a linear search: Kubernetes objects have few members per level, and a hash table costs more to build than it saves.
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
    }

    /// The members in order. Keys are unique.
    public private(set) var members: [Member]

    /// An object without members.
    public init() { members = [] }

    /// Makes an object of pairs. A repeated key keeps its first place and takes the last value.
    public init(_ pairs: some Sequence<(String, JSON)>) {
        members = []
        for (key, value) in pairs { self[key] = value }
    }

    /// Makes an object of members whose keys are known to be unique.
    init(unique members: [Member]) { self.members = members }

    /// The value of a member. Setting appends or replaces in place; setting `nil` removes.
    public subscript(key: String) -> JSON? {
        get {
            for member in members where member.key == key { return member.value }
            return nil
        }
        _modify {
            if let index = members.firstIndex(where: { $0.key == key }) {
                var value: JSON? = members[index].value
                members[index].value = .null
                defer { if let value { members[index].value = value } else { members.remove(at: index) } }
                yield &value
            } else {
                var value: JSON?
                defer { if let value { members.append(Member(key: key, value: value)) } }
                yield &value
            }
        }
    }

    /// The names of the members in order.
    public var keys: [String] { members.map(\.key) }
    /// How many members there are.
    public var count: Int { members.count }
    /// Whether there are no members.
    public var isEmpty: Bool { members.isEmpty }
    /// Whether there is a member of this name.
    public func contains(_ key: String) -> Bool { members.contains { $0.key == key } }

    /// Removes a member and answers its value.
    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSON? {
        guard let index = members.firstIndex(where: { $0.key == key }) else { return nil }
        return members.remove(at: index).value
    }

    /// Puts the members in the order of `areInIncreasingOrder` applied to their names.
    public mutating func sortKeys(by areInIncreasingOrder: (String, String) -> Bool = { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
        members.sort { areInIncreasingOrder($0.key, $1.key) }
    }
}

extension JSONObject: Sequence {
    public func makeIterator() -> Array<Member>.Iterator { members.makeIterator() }
}

/// Equality and hashing do not see the order of members, as in JSON.
extension JSONObject: Hashable {
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        for (index, member) in left.members.enumerated() {
            let other = right.members[index]
            let value = other.key == member.key ? other.value : right[member.key]
            guard value == member.value else { return false }
        }
        return true
    }

    public func hash(into hasher: inout Hasher) {
        var combined = 0
        for member in members {
            var inner = Hasher()
            inner.combine(member)
            combined ^= inner.finalize()
        }
        hasher.combine(combined)
        hasher.combine(count)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements.map { ($0.0, $0.1) }) }
}
