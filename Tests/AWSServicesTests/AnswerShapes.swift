import Foundation
import JSON
import Testing

/// An element of an XML document.
struct XMLNode {
    let name: String
    var children: [XMLNode] = []
    var text = ""

    /// The first child of a name.
    subscript(name: String) -> XMLNode? { children.first { $0.name == name } }

    /// Reads what the simulator writes: elements with attributes on the outermost one only, no comments.
    static func parse(_ document: String) -> XMLNode? {
        var rest = document[...]
        return element(&rest)
    }

    private static func element(_ rest: inout Substring) -> XMLNode? {
        guard rest.first == "<", let end = rest.firstIndex(of: ">") else { return nil }
        let tag = rest[rest.index(after: rest.startIndex)..<end]
        rest = rest[rest.index(after: end)...]
        var node = XMLNode(name: String(tag.prefix { $0 != " " }))
        while !rest.hasPrefix("</") {
            if rest.first == "<" {
                guard let child = element(&rest) else { return nil }
                node.children.append(child)
            } else {
                guard let next = rest.firstIndex(of: "<") else { return nil }
                node.text += rest[..<next]
                rest = rest[next...]
            }
        }
        guard rest.hasPrefix("</\(node.name)>") else { return nil }
        rest = rest.dropFirst(node.name.count + 3)
        return node
    }
}

/// The answers that AWS' published model knows: every element has to be one of them.
enum AnswerShapes {
    static let ec2 = document("ec2-answers")
    static let autoScaling = document("autoscaling-answers")

    private static func document(_ name: String) -> JSON {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/aws/\(name).json")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return (try? JSON(parsing: text)) ?? .null
    }

    /// Elements of an answer that the model does not have, with their paths.
    static func strangers(_ answer: XMLNode, _ operation: String, in model: JSON) -> [String] {
        let shape = model["operations"]?[operation] ?? [:]
        let known = ["requestId", "return", "ResponseMetadata", "returnCode"]
        return answer.children.filter { !known.contains($0.name) }.flatMap { strangers($0, shape, model, path: operation) }
    }

    private static func strangers(_ node: XMLNode, _ shape: JSON, _ model: JSON, path: String) -> [String] {
        let place = "\(path).\(node.name)"
        guard let member = shape[node.name] else { return [place] }
        return inside(node, member, model, place)
    }

    private static func inside(_ node: XMLNode, _ type: JSON, _ model: JSON, _ place: String) -> [String] {
        if let item = type.array?.first {
            let names = Set(node.children.map(\.name))
            guard names.isSubset(of: ["item", "member"]) else { return ["\(place): \(names.sorted())"] }
            return node.children.flatMap { inside($0, item, model, place) }
        }
        guard let name = type.string, name.hasPrefix("struct:") else { return node.children.isEmpty ? [] : [place] }
        let structure = model["structures"]?[String(name.dropFirst(7))] ?? [:]
        return node.children.flatMap { strangers($0, structure, model, path: place) }
    }
}

extension Simulation {
    /// Calls EC2; an answer whose elements the model does not know is recorded as an issue.
    func ec2(_ action: String, _ parameters: (String, String)..., as key: ClientKey? = nil) async -> Answer {
        await ec2(action, parameters, as: key)
    }

    func ec2(_ action: String, _ parameters: [(String, String)], as key: ClientKey? = nil) async -> Answer {
        let answer = await call("ec2", action, parameters, as: key)
        if answer.status == 200 {
            guard let document = XMLNode.parse(answer.text) else {
                Issue.record("\(action): no XML: \(answer.text)")
                return answer
            }
            let strangers = AnswerShapes.strangers(document, action, in: AnswerShapes.ec2)
            if !strangers.isEmpty { Issue.record("\(action): elements that the model does not have: \(strangers)") }
        }
        return answer
    }

    /// Runs a table of calls and compares the outcomes: `200`, or the code and a part of the message. `$NAME` in a parameter stands for
    /// what an earlier call left under the name.
    func walk(_ steps: [EC2Step]) async -> [String: String] {
        var known: [String: String] = [:]
        for step in steps {
            let parameters = step.parameters.map { ($0.0, Self.filled($0.1, known)) }
            let answer = await ec2(step.action, parameters)
            if step.want == "200" {
                guard answer.status == 200 else {
                    Issue.record("\(step.action) \(parameters): \(answer.text)")
                    // What follows needs what this would have left.
                    return known
                }
            } else {
                let parts = step.want.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                #expect(answer.field("Code") == parts[0], "\(step.action) \(parameters): \(answer.text)")
                if parts.count == 2 {
                    let wanted = Self.filled(parts[1], known)
                    #expect(answer.message == wanted, "\(step.action) \(parameters)")
                }
            }
            for (name, field) in step.keeps { known[name] = answer.field(field) ?? "" }
            for (field, value) in step.shows {
                #expect(answer.fields(field) == value.map { Self.filled($0, known) }, "\(step.action) \(parameters): \(answer.text)")
            }
        }
        return known
    }

    private static func filled(_ text: String, _ known: [String: String]) -> String {
        known.sorted { $0.key.count > $1.key.count }.reduce(text) { $0.replacing("$\($1.key)", with: $1.value) }
    }
}

/// One row of a walk through EC2.
struct EC2Step {
    let action: String
    let parameters: [(String, String)]
    let want: String
    var keeps: [(String, String)] = []
    var shows: [(String, [String])] = []

    /// A call that succeeds, what it leaves under which name, and which texts its elements of a name have.
    static func ok(
        _ action: String, _ parameters: (String, String)..., keep: [(String, String)] = [], show: [(String, [String])] = []
    ) -> EC2Step { EC2Step(action: action, parameters: parameters, want: "200", keeps: keep, shows: show) }

    /// A call that is refused: `Code` or `Code: message`.
    static func no(_ action: String, _ parameters: (String, String)..., because want: String) -> EC2Step {
        EC2Step(action: action, parameters: parameters, want: want)
    }
}
