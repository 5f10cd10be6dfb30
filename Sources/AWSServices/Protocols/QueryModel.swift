import Facts
import JSON

/// The published model of a query service: which operations it has, and what parameters they take.
///
/// Parameters become a JSON tree: structures are objects, lists arrays, numbers and switches have their types. List members are
/// `Name.1` for EC2 and `Name.member.1` for the others.
struct QueryModel: Sendable {
    static let ec2 = QueryModel((try? JSON(parsing: Facts.ec2Operations)) ?? .null, .ec2)
    static let autoScaling = QueryModel((try? JSON(parsing: Facts.autoScalingOperations)) ?? .null, .query)

    /// How a service words its refusals.
    enum Style: Sendable {
        case ec2, query
    }

    private let operations: JSON
    private let structures: JSON
    private let enums: JSON
    private let style: Style
    private static let depthLimit = 16
    private static let listLimit = 5000

    init(_ document: JSON, _ style: Style) {
        operations = document["operations"] ?? [:]
        structures = document["structures"] ?? [:]
        enums = document["enums"] ?? [:]
        self.style = style
    }

    /// Whether the service has the operation.
    func has(_ operation: String) -> Bool { operations[operation] != nil }

    /// The parameters of a call, checked against the model.
    func parameters(_ operation: String, _ pairs: [(name: String, value: String)]) throws(AWSError) -> JSON {
        var tree = Node()
        for pair in pairs where pair.name != "Action" && pair.name != "Version" && !pair.name.hasPrefix("X-Amz-") {
            let path = pair.name.split(separator: ".", omittingEmptySubsequences: false)
            guard path.count <= Self.depthLimit else { throw unknown(pair.name) }
            tree.insert(path[...], pair.value)
        }
        return try structure(tree, operations[operation] ?? [:], path: "")
    }

    /// Parameters before their types are known.
    private struct Node {
        var value: String?
        var children: [Substring: Node] = [:]
        var order: [Substring] = []

        mutating func insert(_ path: ArraySlice<Substring>, _ text: String) {
            guard let first = path.first else {
                if value == nil { value = text }
                return
            }
            if children[first] == nil { order.append(first) }
            children[first, default: Node()].insert(path.dropFirst(), text)
        }
    }

    private func structure(_ node: Node, _ shape: JSON, path: String) throws(AWSError) -> JSON {
        let members = shape.object?.members ?? []
        var object = JSONObject()
        var seen = 0
        for member in members {
            let isRequired = member.key.hasSuffix("!")
            let name = isRequired ? String(member.key.dropLast()) : member.key
            let place = path.isEmpty ? name : "\(path).\(name)"
            guard let child = node.children[Substring(name)] else {
                if isRequired, style == .query || path.isEmpty { throw missing(place) }
                continue
            }
            seen += 1
            object[name] = try value(child, member.value, path: place)
        }
        if seen < node.order.count || (node.value != nil && !path.isEmpty) {
            let known = Set(members.map { $0.key.hasSuffix("!") ? String($0.key.dropLast()) : $0.key })
            let stranger = node.order.first { !known.contains(String($0)) }
            throw unknown(path.isEmpty ? String(stranger ?? "") : "\(path)\(stranger.map { ".\($0)" } ?? "")")
        }
        return .object(object)
    }

    private func value(_ node: Node, _ shape: JSON, path: String) throws(AWSError) -> JSON {
        switch shape {
        case .array(let items): return try list(node, items.first ?? "string", path: path)
        case .string(let text):
            if text.hasPrefix("struct:") { return try structure(node, structures[String(text.dropFirst(7))] ?? [:], path: path) }
            guard node.children.isEmpty else { throw unknown("\(path).\(node.order.first ?? "")") }
            return try scalar(node.value ?? "", text, path: path)
        default: throw unknown(path)
        }
    }

    private func list(_ node: Node, _ item: JSON, path: String) throws(AWSError) -> JSON {
        let items = style == .query ? node.children["member"] ?? Node() : node
        // An empty list is sent as the bare name.
        if items.order.isEmpty, (node.value ?? "").isEmpty { return [] }
        var numbered: [(index: Int, node: Node)] = []
        for name in items.order {
            guard let index = Int(name), (0...Self.listLimit).contains(index), let child = items.children[name] else {
                throw unknown("\(path).\(name)")
            }
            numbered.append((index, child))
        }
        guard !numbered.isEmpty else { throw unknown(path) }
        numbered.sort { $0.index < $1.index }
        var values: [JSON] = []
        for entry in numbered { values.append(try value(entry.node, item, path: "\(path).\(entry.index)")) }
        return .array(values)
    }

    private func scalar(_ text: String, _ shape: String, path: String) throws(AWSError) -> JSON {
        switch shape {
        case "integer":
            guard let number = Int64(text) else { throw invalid(text, path, "Not a valid integer") }
            return .integer(number)
        case "boolean":
            switch text.lowercased() {
            case "true": return true
            case "false": return false
            default: throw invalid(text, path, "Not a valid boolean")
            }
        case let name where name.hasPrefix("enum:"):
            let values = enums[String(name.dropFirst(5))]?.strings ?? []
            guard values.contains(text) else {
                guard style == .ec2 else {
                    throw QueryForm.violation(
                        text, path, "Member must satisfy enum value set: [\(values.joined(separator: ", "))]")
                }
                throw invalid(text, path, nil)
            }
            return .string(text)
        default: return .string(text)
        }
    }

    // MARK: Refusals

    private func missing(_ name: String) -> AWSError {
        guard style == .ec2 else { return QueryForm.violation(nil, name, "Member must not be null") }
        return AWSError(400, "MissingParameter", "The request must contain the parameter \(name)")
    }

    private func unknown(_ name: String) -> AWSError {
        guard style == .ec2 else { return AWSError(400, "ValidationError", "Unknown parameter: \(name)") }
        return AWSError(400, "UnknownParameter", "The parameter \(name) is not recognized")
    }

    private func invalid(_ text: String, _ name: String, _ reason: String?) -> AWSError {
        guard style == .ec2 else {
            return AWSError(400, "MalformedInput", "\(reason ?? "Invalid value"): \(text) at \(name)")
        }
        let word = name.prefix(1).lowercased() + name.dropFirst()
        return AWSError(
            400, "InvalidParameterValue", "Value (\(text)) for parameter \(word) is invalid.\(reason.map { " \($0)." } ?? "")")
    }
}
