import JSON

/// What came of one case.
enum VectorOutcome: Sendable {
    case passed
    /// It behaved otherwise than stated.
    case failed(String)
    /// What it asks is not in this runner.
    case notRun(String)

    /// Passed when there are no differences.
    init(_ differences: [String]) { self = differences.isEmpty ? .passed : .failed(differences.joined(separator: "; ")) }
}

/// The outcomes of a file, added up.
struct VectorTally: Sendable {
    private(set) var passed = 0
    private(set) var failures: [(id: String, message: String)] = []
    private(set) var notRun: [(id: String, reason: String)] = []

    mutating func add(_ id: String, _ outcome: VectorOutcome) {
        switch outcome {
        case .passed: passed += 1
        case .failed(let message): failures.append((id, message))
        case .notRun(let reason): notRun.append((id, reason))
        }
    }
}

/// Collects what differs from a case's expectation.
struct Differences {
    private(set) var texts: [String] = []

    /// Compares where the expectation says something.
    mutating func compare(_ what: String, _ expected: JSON?, _ actual: JSON?) {
        guard let expected else { return }
        if let path = Differences.firstDifference(expected, actual) {
            texts.append("\(what)\(path): expected \(expected), got \(actual ?? .null)")
        }
    }

    mutating func require(_ holds: Bool, _ message: @autoclosure () -> String) {
        if !holds { texts.append(message()) }
    }

    /// The path where `actual` lacks something of `expected`: members of objects are a subset, everything else is equal.
    private static func firstDifference(_ expected: JSON, _ actual: JSON?) -> String? {
        guard case .object(let members) = expected else { return expected.isEquivalent(to: actual ?? .null) ? nil : "" }
        guard case .object(let found)? = actual else { return "" }
        for member in members {
            if let path = firstDifference(member.value, found[member.key]) { return ".\(member.key)\(path)" }
        }
        return nil
    }
}
