import IPAddress

/// IAM's condition operators.
enum ConditionOperator {
    /// Whether a condition holds: `found` are the key's values, `nil` when the key is absent.
    static func holds(_ name: String, _ found: [String]?, _ wanted: [String]) -> Bool {
        var base = name
        let quantifier: String?
        if let colon = base.firstIndex(of: ":") {
            quantifier = String(base[..<colon])
            base = String(base[base.index(after: colon)...])
        } else {
            quantifier = nil
        }
        if base == "Null" { return wanted.contains { ($0.lowercased() == "true") == (found == nil) } }
        let isOptional = base.hasSuffix("IfExists")
        if isOptional { base = String(base.dropLast("IfExists".count)) }
        guard let test = tests[base] else { return false }
        guard let found, !found.isEmpty else {
            // An absent key fails positive operators, and satisfies negated, optional and ForAllValues ones.
            return isOptional || test.isNegated || quantifier == "ForAllValues"
        }
        func one(_ value: String) -> Bool {
            test.isNegated ? wanted.allSatisfy { !test.matches(value, $0) } : wanted.contains { test.matches(value, $0) }
        }
        return quantifier == "ForAllValues" || (test.isNegated && quantifier == nil) ? found.allSatisfy(one) : found.contains(where: one)
    }

    private struct Test: Sendable {
        let isNegated: Bool
        let matches: @Sendable (_ found: String, _ wanted: String) -> Bool
    }

    private static let tests: [String: Test] = {
        func number(_ compare: @escaping @Sendable (Double, Double) -> Bool) -> @Sendable (String, String) -> Bool {
            { left, right in
                guard let left = Double(left), let right = Double(right) else { return false }
                return compare(left, right)
            }
        }
        let equal: @Sendable (String, String) -> Bool = { $0 == $1 }
        let caseless: @Sendable (String, String) -> Bool = { $0.lowercased() == $1.lowercased() }
        let like: @Sendable (String, String) -> Bool = { Wildcard.matches($0, $1) }
        let address: @Sendable (String, String) -> Bool = { found, wanted in
            guard let address = IPAddress(found) else { return false }
            return CIDRBlock(wanted)?.contains(address) ?? (IPAddress(wanted) == address)
        }
        var tests: [String: Test] = [:]
        for (name, matches) in [
            ("StringEquals", equal), ("StringEqualsIgnoreCase", caseless), ("StringLike", like), ("ArnEquals", like), ("ArnLike", like),
        ] {
            tests[name] = Test(isNegated: false, matches: matches)
        }
        for (name, matches) in [
            ("StringNotEquals", equal), ("StringNotEqualsIgnoreCase", caseless), ("StringNotLike", like), ("ArnNotEquals", like),
            ("ArnNotLike", like),
            ("NumericNotEquals", number { $0 == $1 }), ("NotIpAddress", address),
        ] { tests[name] = Test(isNegated: true, matches: matches) }
        tests["Bool"] = Test(isNegated: false, matches: caseless)
        tests["IpAddress"] = Test(isNegated: false, matches: address)
        tests["NumericEquals"] = Test(isNegated: false, matches: number { $0 == $1 })
        tests["NumericLessThan"] = Test(isNegated: false, matches: number { $0 < $1 })
        tests["NumericLessThanEquals"] = Test(isNegated: false, matches: number { $0 <= $1 })
        tests["NumericGreaterThan"] = Test(isNegated: false, matches: number { $0 > $1 })
        tests["NumericGreaterThanEquals"] = Test(isNegated: false, matches: number { $0 >= $1 })
        return tests
    }()
}
