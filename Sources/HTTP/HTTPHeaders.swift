/// Header fields in order. Names compare without case (RFC 9110) and keep the case they were given.
public struct HTTPHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence {
    /// One field.
    public struct Field: Sendable, Hashable {
        /// The field's name as given.
        public var name: String
        /// The field's value.
        public var value: String

        /// Makes a field.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The fields in order.
    public private(set) var fields: [Field]

    /// Makes fields of pairs.
    public init(_ pairs: [(String, String)] = []) { fields = pairs.map { Field(name: $0.0, value: $0.1) } }

    /// Makes fields of pairs.
    public init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

    /// The first field's value; setting replaces all fields of the name, or removes them.
    public subscript(name: String) -> String? {
        get {
            for field in fields where HTTPHeaders.equal(field.name, name) { return field.value }
            return nil
        }
        set {
            fields.removeAll { HTTPHeaders.equal($0.name, name) }
            if let newValue { fields.append(Field(name: name, value: newValue)) }
        }
    }

    /// The values of all fields of a name, in order.
    public func all(_ name: String) -> [String] { fields.filter { HTTPHeaders.equal($0.name, name) }.map(\.value) }

    /// Whether any field's name begins with an ASCII `prefix`, without case.
    public func containsName(withPrefix prefix: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
        return fields.contains { field in
            guard field.name.utf8.count >= wanted.count else { return false }
            return zip(field.name.utf8, wanted).allSatisfy { HTTPHeaders.equal($0, $1) }
        }
    }

    /// Makes room for so many fields.
    public mutating func reserveCapacity(_ count: Int) { fields.reserveCapacity(count) }

    /// Appends a field, keeping others of the same name.
    public mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// The fields in order.
    public func makeIterator() -> Array<Field>.Iterator { fields.makeIterator() }

    /// ASCII comparison without case.
    public static func equal(_ left: String, _ right: String) -> Bool {
        let left = left.utf8
        let right = right.utf8
        guard left.count == right.count else { return false }
        for (a, b) in zip(left, right) where !equal(a, b) { return false }
        return true
    }

    @inline(__always)
    private static func equal(_ a: UInt8, _ b: UInt8) -> Bool { a == b || (a ^ b == 0x20 && (a | 0x20) >= 0x61 && (a | 0x20) <= 0x7A) }
}
