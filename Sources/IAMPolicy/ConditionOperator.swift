import IPAddress

/// IAM's condition operators, with `IfExists` and the set quantifiers.
struct ConditionOperator {
    /// How several values of one key count.
    enum Quantifier: String {
        case forAllValues = "ForAllValues"
        case forAnyValue = "ForAnyValue"
    }

    /// What `Null` and `IfExists` do with an absent key.
    private enum Presence {
        case required, optional, asked
    }

    private let test: Test
    private let quantifier: Quantifier?
    private let presence: Presence

    /// Reads an operator's name; `nil` when IAM has none of that name.
    init?(_ name: String) {
        var base = name[...]
        if let colon = base.firstIndex(of: ":") {
            guard let quantifier = Quantifier(rawValue: String(base[..<colon])) else { return nil }
            self.quantifier = quantifier
            base = base[base.index(after: colon)...]
        } else {
            quantifier = nil
        }
        if base == "Null" {
            presence = .asked
            test = Test(isNegated: false) { _, _ in false }
            return
        }
        let isOptional = base.hasSuffix("IfExists")
        if isOptional { base = base.dropLast("IfExists".count) }
        guard let test = Self.tests[String(base)] else { return nil }
        self.test = test
        presence = isOptional ? .optional : .required
    }

    /// Whether a condition holds: `found` are the key's values, `nil` when the request has no such key.
    func holds(_ found: [String]?, _ wanted: [PolicyPattern]) -> Bool {
        if presence == .asked { return wanted.contains { ($0.text.lowercased() == "true") == (found ?? []).isEmpty } }
        guard let found, !found.isEmpty else {
            if presence == .optional || quantifier == .forAllValues { return true }
            return test.isNegated && quantifier == nil
        }
        func one(_ value: String) -> Bool {
            test.isNegated ? wanted.allSatisfy { !test.matches(value, $0) } : wanted.contains { test.matches(value, $0) }
        }
        let isForAll = quantifier == .forAllValues || (test.isNegated && quantifier == nil)
        return isForAll ? found.allSatisfy(one) : found.contains(where: one)
    }

    private struct Test: Sendable {
        let isNegated: Bool
        let matches: @Sendable (_ found: String, _ wanted: PolicyPattern) -> Bool
    }

    private static let tests: [String: Test] = {
        var tests: [String: Test] = [:]
        func add(_ name: String, negated: String? = nil, _ matches: @escaping @Sendable (String, PolicyPattern) -> Bool) {
            tests[name] = Test(isNegated: false, matches: matches)
            if let negated { tests[negated] = Test(isNegated: true, matches: matches) }
        }
        add("StringEquals", negated: "StringNotEquals") { $0 == $1.text }
        add("StringEqualsIgnoreCase", negated: "StringNotEqualsIgnoreCase") { $0.lowercased() == $1.text.lowercased() }
        add("StringLike", negated: "StringNotLike") { $1.matches($0) }
        add("ArnLike", negated: "ArnNotLike") { $1.matchesARN($0) }
        add("ArnEquals", negated: "ArnNotEquals") { $1.matchesARN($0) }
        add("Bool") { $0.lowercased() == $1.text.lowercased() }
        add("BinaryEquals") { $0 == $1.text }
        add("IpAddress", negated: "NotIpAddress") { found, wanted in
            guard let address = IPAddress(found) else { return false }
            return CIDRBlock(wanted.text)?.contains(address) ?? (IPAddress(wanted.text) == address)
        }
        for (kind, read) in [("Numeric", { Double($0) }), ("Date", PolicyDate.seconds)] as [(String, @Sendable (String) -> Double?)] {
            func compare(_ holds: @escaping @Sendable (Double, Double) -> Bool) -> @Sendable (String, PolicyPattern) -> Bool {
                { found, wanted in
                    guard let found = read(found), let wanted = read(wanted.text) else { return false }
                    return holds(found, wanted)
                }
            }
            add("\(kind)Equals", negated: "\(kind)NotEquals", compare { $0 == $1 })
            add("\(kind)LessThan", compare { $0 < $1 })
            add("\(kind)LessThanEquals", compare { $0 <= $1 })
            add("\(kind)GreaterThan", compare { $0 > $1 })
            add("\(kind)GreaterThanEquals", compare { $0 >= $1 })
        }
        return tests
    }()
}
