extension JSON {
    /// The value at a path of member names, for reading: `pod.at("metadata", "labels", "app")`.
    public func at(_ path: String...) -> JSON? { value(at: path) }

    /// The value at a path of member names; this value itself for the empty path.
    public func value(at path: some Sequence<String>) -> JSON? {
        var current = self
        for key in path {
            guard let next = current[key] else { return nil }
            current = next
        }
        return current
    }

    /// Sets the value at a path of member names, in place; what is missing or no object on the way becomes an object. `nil` removes,
    /// without making anything on the way.
    public mutating func set(_ value: JSON?, at path: [String]) {
        guard let value else {
            remove(at: path)
            return
        }
        set(value, at: path[...])
    }

    private mutating func set(_ value: JSON, at path: ArraySlice<String>) {
        guard let key = path.first else {
            self = value
            return
        }
        self[key, default: [:]].set(value, at: path.dropFirst())
    }

    /// Removes the member at a path of names, in place, and answers its value. The empty path removes nothing.
    @discardableResult
    public mutating func remove(at path: [String]) -> JSON? { remove(at: path[...]) }

    private mutating func remove(at path: ArraySlice<String>) -> JSON? {
        guard let key = path.first else { return nil }
        if path.count > 1 { return self[key]?.remove(at: path.dropFirst()) ?? nil }
        return self[key].take()
    }
}

/// A path through objects and arrays (RFC 6901).
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    /// Member names and array indices, without escapes.
    public var tokens: [String]

    /// Makes a pointer of tokens.
    public init(_ tokens: [String]) { self.tokens = tokens }

    /// Parses a pointer; `nil` unless it is empty or begins with `/`, and when a `~` is not followed by 0 or 1.
    public init?(parsing text: String) {
        guard !text.isEmpty else {
            tokens = []
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        tokens = []
        for part in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            var token: [UInt8] = []
            var isEscape = false
            for byte in part {
                switch (isEscape, byte) {
                case (true, UInt8(ascii: "0")): token.append(UInt8(ascii: "~"))
                case (true, UInt8(ascii: "1")): token.append(UInt8(ascii: "/"))
                case (true, _): return nil
                case (false, UInt8(ascii: "~")): break
                case (false, _): token.append(byte)
                }
                isEscape = !isEscape && byte == UInt8(ascii: "~")
            }
            guard !isEscape else { return nil }
            tokens.append(String(decoding: token, as: UTF8.self))
        }
    }

    /// The pointer's text, escaped.
    public var description: String {
        var bytes: [UInt8] = []
        for token in tokens {
            bytes.append(UInt8(ascii: "/"))
            for byte in token.utf8 {
                switch byte {
                case UInt8(ascii: "~"): bytes.append(contentsOf: "~0".utf8)
                case UInt8(ascii: "/"): bytes.append(contentsOf: "~1".utf8)
                default: bytes.append(byte)
                }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A token as an array index: decimal digits without leading zeros, else `nil` (`-`, the place after the last, has no index).
    public static func index(_ token: String) -> Int? {
        guard token.utf8.allSatisfy({ $0 &- 0x30 < 10 }), token == "0" || token.utf8.first != UInt8(ascii: "0") else { return nil }
        return Int(token)
    }
}

extension JSON {
    /// The value a pointer leads to, or `nil`.
    public func value(at pointer: JSONPointer) -> JSON? {
        var current = self
        for token in pointer.tokens {
            let next: JSON?
            switch current {
            case .object(let object): next = object[token]
            case .array: next = JSONPointer.index(token).flatMap { current[$0] }
            default: next = nil
            }
            guard let next else { return nil }
            current = next
        }
        return current
    }
}
