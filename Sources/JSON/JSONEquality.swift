/// Equality and hashing see the bytes of strings, not their Unicode canonical form as Swift's `==` does: to Kubernetes, é in one code
/// point and é in two are different texts. The order of members does not count; the text of numbers does.
extension JSON: Hashable {
    /// Whether both are the same value.
    public static func == (left: JSON, right: JSON) -> Bool {
        if case .object(let left) = left, case .object(let right) = right { return left == right }
        if case .array(let left) = left, case .array(let right) = right { return areEqual(left, right) }
        return isSameScalar(left, right)
    }

    // Functions of their own keep the stack frames of nested values small; the standard library's comparison of arrays has larger ones.

    private static func areEqual(_ left: [JSON], _ right: [JSON]) -> Bool {
        guard left.count == right.count else { return false }
        if left.sharesStorage(with: right) { return true }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }

    private static func isSameScalar(_ left: JSON, _ right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        default: false
        }
    }

    /// Whether both are one object or one array in memory: what was taken over unchanged need not be looked at again.
    public func sharesStorage(with other: JSON?) -> Bool {
        switch (self, other) {
        case (.object(let left), .object(let right)?): left.members.sharesStorage(with: right.members)
        case (.array(let left), .array(let right)?): left.sharesStorage(with: right)
        default: false
        }
    }

    /// Feeds the value to a hasher.
    public func hash(into hasher: inout Hasher) {
        if case .object(let object) = self { return object.hash(into: &hasher) }
        if case .array(let elements) = self {
            hasher.combine(elements.count)
            for index in elements.indices { elements[index].hash(into: &hasher) }
            return
        }
        hashScalar(into: &hasher)
    }

    private func hashScalar(into hasher: inout Hasher) {
        switch self {
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .number(let text), .string(let text): hasher.combine(ByteText(text))
        case .null, .array, .object: hasher.combine(0 as UInt8)
        }
    }

    /// Whether both are the same value when numbers count by what they are worth: 1, 1.0 and 1e0 are one.
    public func isEquivalent(to other: JSON) -> Bool {
        if case .object(let left) = self, case .object(let right) = other { return Self.areEquivalent(left, right) }
        if case .array(let left) = self, case .array(let right) = other { return Self.areEquivalent(left, right) }
        if self == other { return true }
        guard let left = double, let right = other.double else { return false }
        return left == right
    }

    private static func areEquivalent(_ left: [JSON], _ right: [JSON]) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where !left[index].isEquivalent(to: right[index]) { return false }
        return true
    }

    private static func areEquivalent(_ left: JSONObject, _ right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.members.indices {
            guard let place = right.position(of: left.members[index].key) else { return false }
            guard left.members[index].value.isEquivalent(to: right.members[place].value) else { return false }
        }
        return true
    }

    /// The same value with the members of every object in byte order of their names, as Go writes maps.
    public func sortingKeys() -> JSON {
        if case .object(let object) = self { return .object(Self.sorted(object)) }
        guard case .array(var elements) = self else { return self }
        for index in elements.indices { elements[index] = elements[index].sortingKeys() }
        return .array(elements)
    }

    private static func sorted(_ object: JSONObject) -> JSONObject {
        var object = object
        object.mapValues { _, value in value = value.sortingKeys() }
        object.sortKeys()
        return object
    }
}

extension Array {
    /// Whether both are copies of which neither was edited: an edited tree shares most of itself with the tree before.
    @inline(__always)
    func sharesStorage(with other: [Element]) -> Bool {
        withUnsafeBufferPointer { left in other.withUnsafeBufferPointer { left.baseAddress == $0.baseAddress && left.count == $0.count } }
    }
}

extension String {
    /// Whether the UTF-8 bytes are equal. Swift's own `==` is true for canonically equivalent texts too.
    @inline(__always)
    func hasSameBytes(as other: String) -> Bool {
        // Texts of different length are seldom equivalent, and only equal ones pay for the second comparison.
        guard utf8.count == other.utf8.count, self == other else { return false }
        let bytes = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { left.elementsEqual($0) }
        }
        return (bytes ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}

/// A text as dictionary key, by its bytes.
struct ByteText: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: ByteText, right: ByteText) -> Bool { left.text.hasSameBytes(as: right.text) }

    func hash(into hasher: inout Hasher) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        if done == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}
