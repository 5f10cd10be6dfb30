public import JSON

/// JSON patch (RFC 6902) as evanphx/json-patch applies it in kube-apiserver: `replace` of an absent member adds it, `copy` of an absent
/// member adds null, negative indices count from the end, what lies before the first `/` of a path is dropped.
public struct JSONPatch: Sendable {
    /// Why a patch does not apply.
    public enum Failure: Error, Sendable, Hashable {
        /// `op`, `path` or `from` is missing or unknown.
        case notAnOperation
        /// The path leads nowhere in the document as it is at that operation.
        case noSuchPlace(String)
        /// A `test` of this path did not hold.
        case testFailed(String)
        /// The `copy` operations copy more than `maximumCopiedBytes`.
        case copiesTooMuch
        /// The document would be nested deeper than `maximumDepth`.
        case tooDeep(String)

        /// The failure in evanphx/json-patch's words.
        public var text: String {
            switch self {
            case .notAnOperation: "Unexpected kind: unknown"
            case .noSuchPlace(let path): "operation does not apply: doc is missing path: \(GoText.quoted(path)): missing value"
            case .testFailed(let path): "testing value \(path) failed: test failed"
            case .copiesTooMuch:
                "Unable to copy, the accumulated size increase of copy is more than the limit \(JSONPatch.maximumCopiedBytes)"
            case .tooDeep(let path): "operation does not apply: \(GoText.quoted(path)) is nested too deep"
            }
        }
    }

    /// Most operations of one patch (`maxJSONPatchOperations`).
    public static let maximumOperations = 10_000
    /// Most bytes of JSON that all `copy` operations of a patch may copy together (`JSONPatchMaxCopyBytes`).
    public static let maximumCopiedBytes = 3 << 20
    /// Deepest nesting that a patch may build.
    public static let maximumDepth = 512

    private var document: JSON
    /// No less than the document's depth.
    private var depth: Int
    private var copiedBytes = 0

    /// The patched document.
    ///
    /// - Throws: `Failure` of the first operation that does not apply.
    public static func apply(_ operations: [JSON], to document: JSON) throws(Failure) -> JSON {
        var patch = JSONPatch(document: document, depth: Self.depth(document))
        for operation in operations { try patch.apply(operation) }
        return patch.document
    }

    private mutating func apply(_ operation: JSON) throws(Failure) {
        guard let name = operation["op"]?.string, let path = operation["path"]?.string else { throw .notAnOperation }
        let value = operation["value"] ?? .null
        switch name {
        case "add": try add(value, depth: Self.depth(value), at: path)
        case "replace": try replace(value, at: path)
        case "remove": try remove(at: path)
        case "test":
            let found = path.isEmpty ? document : try self.value(at: path)
            guard found == value else { throw .testFailed(path) }
        case "move", "copy":
            guard let from = operation["from"]?.string else { throw .notAnOperation }
            let value = try self.value(at: from)
            let depth = depth - Self.tokens(from).count
            if name == "move" {
                try remove(at: from)
            } else {
                copiedBytes += value.serialized().count
                guard copiedBytes <= Self.maximumCopiedBytes else { throw .copiesTooMuch }
            }
            try add(value, depth: depth, at: path)
        default: throw .notAnOperation
        }
    }

    /// The names and indices of a path; none for a path without `/`, which leads nowhere.
    static func tokens(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst().map {
            String(decoding: $0, as: UTF8.self).replacing("~1", with: "/").replacing("~0", with: "~")
        }
    }

    private static func depth(_ value: JSON) -> Int {
        switch value {
        case .object(let object): 1 + (object.members.lazy.map { depth($0.value) }.max() ?? 0)
        case .array(let elements): 1 + (elements.lazy.map(depth).max() ?? 0)
        default: 0
        }
    }

    private static func index(_ token: String, count: Int) -> Int? {
        guard let index = Int(token) else { return nil }
        let place = index < 0 ? index + count : index
        return (0..<count).contains(place) ? place : nil
    }

    /// The value at a path; null for an absent member of an object that is there.
    private func value(at path: String) throws(Failure) -> JSON {
        let tokens = Self.tokens(path)
        guard !tokens.isEmpty else { throw .noSuchPlace(path) }
        var current = document
        for (position, token) in tokens.enumerated() {
            switch current {
            case .object(let object):
                if let next = object[token] {
                    current = next
                } else {
                    guard position == tokens.count - 1 else { throw .noSuchPlace(path) }
                    return .null
                }
            case .array(let elements):
                guard let place = Self.index(token, count: elements.count) else { throw .noSuchPlace(path) }
                current = elements[place]
            default: throw .noSuchPlace(path)
            }
        }
        return current
    }

    /// Changes, in place, the container that holds the last token of a path.
    private mutating func edit(_ path: String, _ change: (String, inout JSON) -> Bool) throws(Failure) {
        let tokens = Self.tokens(path)
        guard Self.edit(tokens[...], in: &document, change) else { throw .noSuchPlace(path) }
    }

    private static func edit(_ tokens: ArraySlice<String>, in value: inout JSON, _ change: (String, inout JSON) -> Bool) -> Bool {
        guard let token = tokens.first else { return false }
        guard tokens.count > 1 else { return change(token, &value) }
        // Each container is given up in the document, so that the copy taken out is its only owner while it is edited.
        if case .object(var object) = value {
            guard object.contains(token) else { return false }
            value = .null
            defer { value = .object(object) }
            return edit(tokens.dropFirst(), in: &object[token, default: .null], change)
        }
        if case .array(var elements) = value {
            guard let place = index(token, count: elements.count) else { return false }
            value = .null
            defer { value = .array(elements) }
            return edit(tokens.dropFirst(), in: &elements[place], change)
        }
        return false
    }

    private mutating func add(_ new: JSON, depth newDepth: Int, at path: String) throws(Failure) {
        depth = max(depth, Self.tokens(path).count + newDepth)
        guard depth <= Self.maximumDepth else { throw .tooDeep(path) }
        try edit(path) { token, container in
            if case .object(var object) = container {
                container = .null
                object[token] = new
                container = .object(object)
            } else if case .array(var elements) = container {
                // One more place than there are elements: the end.
                guard let place = token == "-" ? elements.count : Self.index(token, count: elements.count + 1) else { return false }
                container = .null
                elements.insert(new, at: place)
                container = .array(elements)
            } else {
                return false
            }
            return true
        }
    }

    private mutating func replace(_ new: JSON, at path: String) throws(Failure) {
        let newDepth = Self.depth(new)
        guard !path.isEmpty else {
            // A document that is neither object nor array is passed over, not refused.
            if newDepth > 0 { (document, depth) = (new, newDepth) }
            return
        }
        depth = max(depth, Self.tokens(path).count + newDepth)
        guard depth <= Self.maximumDepth else { throw .tooDeep(path) }
        try edit(path) { token, container in
            if case .object(var object) = container {
                container = .null
                object[token] = new
                container = .object(object)
            } else if case .array(var elements) = container {
                guard let place = Self.index(token, count: elements.count) else { return false }
                container = .null
                elements[place] = new
                container = .array(elements)
            } else {
                return false
            }
            return true
        }
    }

    private mutating func remove(at path: String) throws(Failure) {
        try edit(path) { token, container in
            if case .object(var object) = container {
                container = .null
                let old = object.removeValue(forKey: token)
                container = .object(object)
                return old != nil
            }
            if case .array(var elements) = container {
                guard let place = Self.index(token, count: elements.count) else { return false }
                container = .null
                elements.remove(at: place)
                container = .array(elements)
                return true
            }
            return false
        }
    }
}
