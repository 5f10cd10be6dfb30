import JSON

/// One step of a field path, as FieldsV1 writes it: `f:NAME`, `k:{"KEY":VALUE}`, `v:VALUE` or `i:INDEX`
/// (`sigs.k8s.io/structured-merge-diff/fieldpath`).
public struct FieldPathElement: Sendable, Hashable {
    /// The text in FieldsV1.
    public let text: String

    /// Takes a text that is already canonical.
    init(canonical text: String) { self.text = text }

    /// A field or map key.
    public static func field(_ name: String) -> FieldPathElement { FieldPathElement(canonical: "f:" + name) }

    /// Reads a text, which a client may have written in another form than the server would.
    ///
    /// `nil` for what is no path element.
    public init?(parsing text: String) {
        switch text.prefix(2) {
        case "f:": self.text = text
        case "v:":
            guard let value = try? JSON(parsing: String(text.dropFirst(2))) else { return nil }
            self.text = "v:" + value.text
        case "k:":
            guard case .object(var keys)? = try? JSON(parsing: String(text.dropFirst(2))) else { return nil }
            keys.sortKeys()
            self.text = "k:" + JSON.object(keys).text
        case "i:":
            guard let index = Int(text.dropFirst(2)) else { return nil }
            self.text = "i:\(index)"
        default: return nil
        }
    }

    /// Whether both have the same bytes.
    public static func == (left: FieldPathElement, right: FieldPathElement) -> Bool { left.order(right) == 0 }

    /// Feeds the bytes to a hasher.
    public func hash(into hasher: inout Hasher) { for byte in text.utf8 { hasher.combine(byte) } }

    /// Negative when this comes before `other` in FieldsV1, 0 when both are the same.
    func order(_ other: FieldPathElement) -> Int {
        var place = 0
        var isInsideString = false
        var hasEscapes = false
        let done: Int?? = text.utf8.withContiguousStorageIfAvailable { left in
            other.text.utf8.withContiguousStorageIfAvailable { right in
                let shared = min(left.count, right.count)
                while place < shared, left[place] == right[place] {
                    if left[place] == UInt8(ascii: "\"") { isInsideString.toggle() }
                    if left[place] == UInt8(ascii: "\\") { hasEscapes = true }
                    place += 1
                }
                if place == shared { return left.count - right.count }
                guard place > 0 else { return Self.rank(left[0]) - Self.rank(right[0]) }
                guard left[0] != UInt8(ascii: "f") else { return Int(left[place]) - Int(right[place]) }
                // Inside a text without escapes the order of bytes is that of the values: a closing quote comes before what goes on.
                if isInsideString, !hasEscapes, Self.isPlain(left[place]), Self.isPlain(right[place]) {
                    return Int(left[place]) - Int(right[place])
                }
                return nil
            } ?? nil
        }
        if let done, let order = done { return order }
        return orderOfValues(other)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || (byte >= UInt8(ascii: "-") && byte != UInt8(ascii: "\\"))
    }

    /// Fields before keys before values before indices.
    private static func rank(_ first: UInt8) -> Int {
        switch first {
        case UInt8(ascii: "f"): 0
        case UInt8(ascii: "k"): 1
        case UInt8(ascii: "v"): 2
        default: 3
        }
    }

    /// The order of keys and values by what they hold: numbers by their size, not their digits.
    private func orderOfValues(_ other: FieldPathElement) -> Int {
        let left = content
        let right = other.content
        if case .object(let left) = left, case .object(let right) = right {
            for (one, two) in zip(left, right) {
                if one.key != two.key { return one.key.utf8.lexicographicallyPrecedes(two.key.utf8) ? -1 : 1 }
                let order = Self.order(one.value, two.value)
                if order != 0 { return order }
            }
            return left.count - right.count
        }
        return Self.order(left, right)
    }

    private static func order(_ left: JSON, _ right: JSON) -> Int {
        if let left = left.double, let right = right.double { return left == right ? 0 : left < right ? -1 : 1 }
        if let left = left.string, let right = right.string {
            return left == right ? 0 : left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
        }
        let ranks = (rank(left), rank(right))
        if ranks.0 != ranks.1 { return ranks.0 - ranks.1 }
        return left == right ? 0 : left.text.utf8.lexicographicallyPrecedes(right.text.utf8) ? -1 : 1
    }

    /// Numbers before texts before truths (`value.Compare`).
    private static func rank(_ value: JSON) -> Int {
        switch value {
        case .integer, .number: 0
        case .string: 1
        case .bool: 2
        case .array: 3
        case .object: 4
        case .null: 5
        }
    }

    /// What a key or value holds.
    private var content: JSON { (try? JSON(parsing: String(text.dropFirst(2)))) ?? .string(text) }

    /// The element as paths show it: `.name`, `[name="c"]`, `[="x"]`, `[0]`.
    public var shown: String {
        switch text.first {
        case "f": return "." + text.dropFirst(2)
        case "k":
            let keys = content.object?.members ?? []
            return "[" + keys.map { "\($0.key)=\(Self.shown($0.value))" }.joined(separator: ",") + "]"
        case "v": return "[=\(Self.shown(content))]"
        default: return "[\(text.dropFirst(2))]"
        }
    }

    private static func shown(_ value: JSON) -> String {
        if case .string(let text) = value { return GoText.quoted(text) }
        return value.text
    }
}
