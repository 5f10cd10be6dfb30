/// A regular expression of RE2's syntax, as Go's `regexp` reads it: time in proportion to the text, whatever the pattern.
///
/// Patterns of custom resource schemas and `matches` of CEL come from clients; a backtracking engine would let them stop the server.
public struct RegularExpression: Sendable {
    /// Why a pattern is none, in Go's words (`regexp/syntax.Error`).
    public struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
        /// `missing closing )` …
        public let reason: String
        /// The part of the pattern that is wrong.
        public let expression: String
        /// `error parsing regexp: missing closing ): ` and the part in back quotes.
        public var description: String { "error parsing regexp: \(reason): `\(expression)`" }
    }

    /// The pattern's text.
    public let pattern: String
    private let program: [RegularExpressionInstruction]

    /// Reads a pattern.
    ///
    /// - Throws: `ParseError`.
    public init(_ pattern: String) throws(ParseError) {
        self.pattern = pattern
        var parser = RegularExpressionParser(pattern)
        var compiler = RegularExpressionCompiler(pattern)
        program = try compiler.compile(try parser.parse())
    }

    /// Whether the pattern matches somewhere in a text (`Regexp.MatchString`).
    public func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var current = StateSet(capacity: program.count)
        var next = StateSet(capacity: program.count)
        for position in 0...scalars.count {
            let before = position > 0 ? scalars[position - 1] : nil
            let after = position < scalars.count ? scalars[position] : nil
            // The match may begin anywhere.
            if follow(0, into: &current, before, after) { return true }
            guard let after else { return false }
            next.removeAll()
            let beyond = position + 1 < scalars.count ? scalars[position + 1] : nil
            for state in current.members {
                guard case .character(let set) = program[state], set.contains(after) else { continue }
                if follow(state + 1, into: &next, after, beyond) { return true }
            }
            swap(&current, &next)
        }
        return false
    }

    /// The parts of a text that the pattern matches, from left to right without overlap, at most so many (`Regexp.FindAllString`). Of
    /// matches that begin at the same place, the one that the pattern prefers.
    public func allMatches(in text: String, limit: Int = .max) -> [String] {
        let scalars = Array(text.unicodeScalars)
        var found: [String] = []
        var start = 0
        var end = -1
        while found.count < limit, start <= scalars.count, let range = firstMatch(in: scalars, from: start) {
            // An empty match right behind another one is none.
            if !range.isEmpty || range.lowerBound != end {
                found.append(String(String.UnicodeScalarView(scalars[range])))
            }
            end = range.upperBound
            start = range.isEmpty ? range.upperBound + 1 : range.upperBound
        }
        return found
    }

    private func firstMatch(in scalars: [Unicode.Scalar], from start: Int) -> Range<Int>? {
        var current = ThreadList(capacity: program.count)
        var next = ThreadList(capacity: program.count)
        var match: Range<Int>?
        for position in start...scalars.count {
            let before = position > 0 ? scalars[position - 1] : nil
            let after = position < scalars.count ? scalars[position] : nil
            // The leftmost match wins: none begins later once there is one.
            if match == nil { follow(0, began: position, into: &current, before, after) }
            if current.threads.isEmpty { break }
            next.removeAll()
            let beyond = position + 1 < scalars.count ? scalars[position + 1] : nil
            for thread in current.threads {
                if case .match = program[thread.state] {
                    // Threads behind this one are less preferred.
                    match = thread.start..<position
                    break
                }
                guard let after, case .character(let set) = program[thread.state], set.contains(after) else { continue }
                follow(thread.state + 1, began: thread.start, into: &next, after, beyond)
            }
            swap(&current, &next)
        }
        return match
    }

    private func follow(
        _ state: Int, began start: Int, into list: inout ThreadList, _ before: Unicode.Scalar?, _ after: Unicode.Scalar?
    ) {
        var pending = [state]
        while let state = pending.popLast() {
            guard list.visited.insert(state) else { continue }
            switch program[state] {
            case .character, .match: list.threads.append((state, start))
            case .jump(let target): pending.append(target)
            case .split(let first, let second):
                pending.append(second)
                pending.append(first)
            case .assertion(let assertion): if assertion.holds(before, after) { pending.append(state + 1) }
            }
        }
    }

    /// Adds what is reached from a state without reading; whether that is the end.
    private func follow(_ start: Int, into set: inout StateSet, _ before: Unicode.Scalar?, _ after: Unicode.Scalar?) -> Bool {
        var pending = [start]
        while let state = pending.popLast() {
            guard set.insert(state) else { continue }
            switch program[state] {
            case .character: break
            case .match: return true
            case .jump(let target): pending.append(target)
            case .split(let first, let second):
                pending.append(second)
                pending.append(first)
            case .assertion(let assertion): if assertion.holds(before, after) { pending.append(state + 1) }
            }
        }
        return false
    }
}

/// States without repetition, in the order of their addition.
private struct StateSet {
    private(set) var members: [Int] = []
    private var isMember: [Bool]

    init(capacity: Int) { isMember = [Bool](repeating: false, count: capacity) }

    mutating func insert(_ state: Int) -> Bool {
        guard !isMember[state] else { return false }
        isMember[state] = true
        members.append(state)
        return true
    }

    mutating func removeAll() {
        for state in members { isMember[state] = false }
        members.removeAll(keepingCapacity: true)
    }
}

/// Where a search for the preferred match stands, the most preferred first.
private struct ThreadList {
    var threads: [(state: Int, start: Int)] = []
    var visited: StateSet

    init(capacity: Int) { visited = StateSet(capacity: capacity) }

    mutating func removeAll() {
        threads.removeAll(keepingCapacity: true)
        visited.removeAll()
    }
}

/// One step of a compiled pattern.
enum RegularExpressionInstruction: Sendable {
    case character(ScalarSet)
    case assertion(RegularExpressionAssertion)
    case split(Int, Int)
    case jump(Int)
    case match
}

/// What has to hold between two characters.
enum RegularExpressionAssertion: Sendable, Hashable {
    case beginText, endText, beginLine, endLine, wordBoundary, noWordBoundary

    func holds(_ before: Unicode.Scalar?, _ after: Unicode.Scalar?) -> Bool {
        switch self {
        case .beginText: before == nil
        case .endText: after == nil
        case .beginLine: before == nil || before == "\n"
        case .endLine: after == nil || after == "\n"
        case .wordBoundary: Self.isWord(before) != Self.isWord(after)
        case .noWordBoundary: Self.isWord(before) == Self.isWord(after)
        }
    }

    private static func isWord(_ scalar: Unicode.Scalar?) -> Bool { scalar.map(ScalarSet.word.contains) ?? false }
}

/// A parsed pattern.
indirect enum RegularExpressionNode: Sendable {
    case empty
    case set(ScalarSet)
    case assertion(RegularExpressionAssertion)
    case sequence([RegularExpressionNode])
    case alternatives([RegularExpressionNode])
    case repetition(RegularExpressionNode, minimum: Int, maximum: Int?, isLazy: Bool)
}

/// Turns a parsed pattern into steps.
struct RegularExpressionCompiler {
    private static let sizeLimit = 50_000
    private let pattern: String
    private var program: [RegularExpressionInstruction] = []

    init(_ pattern: String) { self.pattern = pattern }

    mutating func compile(_ node: RegularExpressionNode) throws(RegularExpression.ParseError) -> [RegularExpressionInstruction] {
        try emit(node)
        try append(.match)
        return program
    }

    private mutating func append(_ instruction: RegularExpressionInstruction) throws(RegularExpression.ParseError) {
        guard program.count < Self.sizeLimit else {
            throw RegularExpression.ParseError(reason: "expression too large", expression: pattern)
        }
        program.append(instruction)
    }

    private mutating func emit(_ node: RegularExpressionNode) throws(RegularExpression.ParseError) {
        switch node {
        case .empty: break
        case .set(let set): try append(.character(set))
        case .assertion(let assertion): try append(.assertion(assertion))
        case .sequence(let parts): for part in parts { try emit(part) }
        case .alternatives(let parts): try emit(alternatives: parts)
        case .repetition(let part, let minimum, let maximum, let isLazy):
            for _ in 0..<minimum { try emit(part) }
            guard let maximum else { return try emit(star: part, isLazy) }
            // What may be left out leaves out everything after it too.
            var exits: [Int] = []
            for _ in minimum..<max(minimum, maximum) {
                exits.append(program.count)
                try append(.match)
                try emit(part)
            }
            for exit in exits { program[exit] = isLazy ? .split(program.count, exit + 1) : .split(exit + 1, program.count) }
        }
    }

    private mutating func emit(alternatives parts: [RegularExpressionNode]) throws(RegularExpression.ParseError) {
        var ends: [Int] = []
        for (index, part) in parts.enumerated() {
            guard index < parts.count - 1 else {
                try emit(part)
                break
            }
            let split = program.count
            try append(.match)
            try emit(part)
            ends.append(program.count)
            try append(.match)
            program[split] = .split(split + 1, program.count)
        }
        for end in ends { program[end] = .jump(program.count) }
    }

    private mutating func emit(star part: RegularExpressionNode, _ isLazy: Bool) throws(RegularExpression.ParseError) {
        let split = program.count
        try append(.match)
        try emit(part)
        try append(.jump(split))
        program[split] = isLazy ? .split(program.count, split + 1) : .split(split + 1, program.count)
    }
}
