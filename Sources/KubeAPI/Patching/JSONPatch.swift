public import JSON

/// JSON patch (RFC 6902) as evanphx/json-patch applies it in kube-apiserver: `replace` of an absent member adds it, negative indices count
/// from the end, the first `/` of a path may be missing.
public enum JSONPatch {
    /// Why a patch does not apply.
    public enum Failure: Error, Sendable, Hashable {
        case notAnOperation
        case noSuchPlace(String)
        case testFailed(String)
    }

    /// The patched document.
    ///
    /// - Throws: `Failure` of the first operation that does not apply.
    public static func apply(_ operations: [JSON], to document: JSON) throws(Failure) -> JSON {
        var result = document
        for operation in operations {
            guard let name = operation["op"]?.string, let path = operation["path"]?.string else { throw .notAnOperation }
            let tokens = tokens(path)
            switch name {
            case "add": try add(operation["value"] ?? .null, at: tokens[...], in: &result, path)
            case "replace": try replace(operation["value"] ?? .null, at: tokens, in: &result, path)
            case "remove": _ = try remove(at: tokens[...], in: &result, path)
            case "test":
                guard value(at: tokens, in: result) ?? .null == operation["value"] ?? .null else { throw .testFailed(path) }
            case "move", "copy":
                guard let from = operation["from"]?.string else { throw .notAnOperation }
                guard let value = value(at: Self.tokens(from), in: result) else { throw .noSuchPlace(from) }
                if name == "move" { _ = try remove(at: Self.tokens(from)[...], in: &result, from) }
                try add(value, at: tokens[...], in: &result, path)
            default: throw .notAnOperation
            }
        }
        return result
    }

    /// What lies before the first `/` is dropped.
    private static func tokens(_ path: String) -> [String] {
        path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
            String($0).replacing("~1", with: "/").replacing("~0", with: "~")
        }
    }

    private static func index(_ token: String, count: Int) -> Int? {
        guard let index = Int(token) else { return nil }
        let place = index < 0 ? index + count : index
        return (0..<count).contains(place) ? place : nil
    }

    private static func value(at tokens: [String], in document: JSON) -> JSON? {
        var current = document
        for token in tokens {
            switch current {
            case .object(let object):
                guard let next = object[token] else { return nil }
                current = next
            case .array(let elements):
                guard let place = index(token, count: elements.count) else { return nil }
                current = elements[place]
            default: return nil
            }
        }
        return current
    }

    /// Changes the container that holds the last token.
    private static func edit<Result>(
        _ tokens: ArraySlice<String>, in value: inout JSON, _ path: String, _ change: (String, inout JSON) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let token = tokens.first else { throw .noSuchPlace(path) }
        guard tokens.count > 1 else { return try change(token, &value) }
        switch value {
        case .object(var object):
            guard var child = object[token] else { throw .noSuchPlace(path) }
            value = .null
            let result = try edit(tokens.dropFirst(), in: &child, path, change)
            object[token] = child
            value = .object(object)
            return result
        case .array(var elements):
            guard let place = index(token, count: elements.count) else { throw .noSuchPlace(path) }
            let result = try edit(tokens.dropFirst(), in: &elements[place], path, change)
            value = .array(elements)
            return result
        default: throw .noSuchPlace(path)
        }
    }

    private static func add(_ new: JSON, at tokens: ArraySlice<String>, in document: inout JSON, _ path: String) throws(Failure) {
        guard !tokens.isEmpty else { return document = new }
        try edit(tokens, in: &document, path) { (token: String, container: inout JSON) throws(Failure) in
            switch container {
            case .object(var object):
                object[token] = new
                container = .object(object)
            case .array(var elements):
                if token == "-" {
                    elements.append(new)
                } else {
                    // One more place than there are elements: the end.
                    guard let place = index(token, count: elements.count + 1) else { throw .noSuchPlace(path) }
                    elements.insert(new, at: place)
                }
                container = .array(elements)
            default: throw .noSuchPlace(path)
            }
        }
    }

    private static func replace(_ new: JSON, at tokens: [String], in document: inout JSON, _ path: String) throws(Failure) {
        guard !tokens.isEmpty else { return document = new }
        try edit(tokens[...], in: &document, path) { (token: String, container: inout JSON) throws(Failure) in
            switch container {
            case .object(var object):
                object[token] = new
                container = .object(object)
            case .array(var elements):
                guard let place = index(token, count: elements.count) else { throw .noSuchPlace(path) }
                elements[place] = new
                container = .array(elements)
            default: throw .noSuchPlace(path)
            }
        }
    }

    private static func remove(at tokens: ArraySlice<String>, in document: inout JSON, _ path: String) throws(Failure) -> JSON {
        try edit(tokens, in: &document, path) { (token: String, container: inout JSON) throws(Failure) -> JSON in
            switch container {
            case .object(var object):
                guard let old = object.removeValue(forKey: token) else { throw .noSuchPlace(path) }
                container = .object(object)
                return old
            case .array(var elements):
                guard let place = index(token, count: elements.count) else { throw .noSuchPlace(path) }
                let old = elements.remove(at: place)
                container = .array(elements)
                return old
            default: throw .noSuchPlace(path)
            }
        }
    }
}
