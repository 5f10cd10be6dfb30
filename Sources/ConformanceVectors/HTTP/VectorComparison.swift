import JSON

/// Compares a recorded answer with the present one, both normalised.
enum VectorComparison {
    private static let maximumShown = 300

    /// The document with the lists whose order means nothing sorted: managed fields, the causes of a conflict, and what a vector names.
    static func canonical(_ value: JSON, sorting pointers: [String] = []) -> JSON {
        var result = ordered(value)
        for pointer in pointers {
            guard let elements = VectorPointer.value(result, pointer)?.array else { continue }
            result.set(.array(sorted(elements)), at: VectorPointer.tokens(pointer))
        }
        return result
    }

    private static func sorted(_ elements: [JSON], by key: (JSON) -> JSON = { $0 }) -> [JSON] {
        elements.map { (key($0).sortingKeys().text, $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private static func ordered(_ value: JSON) -> JSON {
        switch value {
        case .array(let elements): return .array(elements.map(ordered))
        case .object(var object):
            object.mapValues { key, child in
                child = ordered(child)
                guard key == "managedFields", let entries = child.array else { return }
                child = .array(
                    sorted(entries) { entry in
                        .array(["operation", "manager", "subresource", "apiVersion", "fieldsV1"].map { entry[$0] ?? .null })
                    })
            }
            var result = JSON.object(object)
            if object["kind"] == "Status", object["reason"] == "Conflict", let causes = result.at("details", "causes")?.array {
                result.set(.array(sorted(causes)), at: ["details", "causes"])
            }
            return result
        default: return value
        }
    }

    /// Where the two differ, each with its path.
    static func differences(_ expected: JSON, _ actual: JSON, path: String = "") -> [String] {
        switch (expected, actual) {
        case (.object(let left), .object(let right)):
            var texts: [String] = []
            for member in left {
                if let found = right[member.key] {
                    texts += differences(member.value, found, path: "\(path)/\(member.key)")
                } else {
                    texts.append("\(path)/\(member.key): missing, expected \(shown(member.value))")
                }
            }
            for member in right where left[member.key] == nil { texts.append("\(path)/\(member.key): unexpected \(shown(member.value))") }
            return texts
        case (.array(let left), .array(let right)):
            var texts: [String] = []
            if left.count != right.count { texts.append("\(path): expected \(left.count) elements got \(right.count)") }
            for (index, (a, b)) in zip(left, right).enumerated() { texts += differences(a, b, path: "\(path)/\(index)") }
            return texts
        default:
            return expected.isEquivalent(to: actual) ? [] : ["\(path): expected \(shown(expected)) got \(shown(actual))"]
        }
    }

    private static func shown(_ value: JSON) -> String {
        let text = value.text
        return text.utf8.count <= maximumShown ? text : text.prefix(maximumShown) + "..."
    }
}
