public import JSON

/// An IAM policy document, parsed: identity, trust, session and boundary policies have the same form.
public struct PolicyDocument: Sendable {
    /// Why a document is refused (`MalformedPolicyDocument`).
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        case notJSON
        case syntax(String)

        /// The text for messages.
        public var description: String {
            switch self {
            case .notJSON: "This policy contains invalid Json"
            case .syntax(let text): text
            }
        }
    }

    /// One statement.
    public struct Statement: Sendable {
        /// `Sid`, or its place.
        public let name: String
        /// Whether it allows; otherwise it denies.
        public let isAllow: Bool
        /// Actions, and whether they are excluded (`NotAction`).
        public let actions: (patterns: [String], isNegated: Bool)
        /// Resources; `nil` in trust policies.
        public let resources: (patterns: [String], isNegated: Bool)?
        /// Principals by kind (`AWS`, `Service`, `Federated`; `*` for everybody); `nil` in identity policies.
        public let principals: (members: [(kind: String, values: [String])], isNegated: Bool)?
        /// Condition operators with their keys and values.
        public let conditions: [(operator: String, key: String, values: [String])]
        /// Whether `${…}` is filled in: only in documents of version 2012-10-17.
        public let hasVariables: Bool
    }

    /// The statements in order.
    public let statements: [Statement]

    /// The policy without a statement: it allows nothing.
    public static let nobody = PolicyDocument(statements: [])

    private init(statements: [Statement]) { self.statements = statements }

    /// Reads a document.
    ///
    /// - Parameter isTrust: whether it is a role's trust policy, which names principals and no resources.
    /// - Throws: `Problem`.
    public init(parsing text: String, isTrust: Bool = false) throws(Problem) {
        guard let json = try? JSON(parsing: text, limits: JSON.Limits(depth: 32, bytes: 1 << 17)), json.object != nil else {
            throw .notJSON
        }
        try self.init(json: json, isTrust: isTrust)
    }

    /// Reads a parsed document.
    ///
    /// - Throws: `Problem`.
    public init(json: JSON, isTrust: Bool = false) throws(Problem) {
        if let version = json["Version"]?.string, version != "2012-10-17", version != "2008-10-17" {
            throw .syntax("The policy must contain a valid version string")
        }
        let items: [JSON]
        switch json["Statement"] {
        case .array(let many)?: items = many
        case .object(let one)?: items = [.object(one)]
        default: throw .syntax("Syntax errors in policy.")
        }
        var statements: [Statement] = []
        let hasVariables = json["Version"]?.string == "2012-10-17"
        for (index, item) in items.enumerated() { statements.append(try Self.statement(item, index, isTrust, hasVariables)) }
        self.statements = statements
    }

    private static func statement(_ item: JSON, _ index: Int, _ isTrust: Bool, _ hasVariables: Bool) throws(Problem) -> Statement {
        guard let effect = item["Effect"]?.string, effect == "Allow" || effect == "Deny" else {
            throw .syntax("Missing required field Effect or invalid value")
        }
        guard let actions = choice(item, "Action", "NotAction") else { throw .syntax("Policy statement must contain actions.") }
        for action in actions.patterns where action != "*" && !action.contains(":") {
            throw .syntax("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        }
        let resources = choice(item, "Resource", "NotResource")
        let principals = try self.principals(item)
        if isTrust {
            guard principals != nil else { throw .syntax("Missing required field Principal") }
            guard resources == nil else { throw .syntax("Has prohibited field Resource") }
        } else {
            guard principals == nil else { throw .syntax("Policy document should not specify a principal.") }
            guard resources != nil else { throw .syntax("Policy statement must contain resources.") }
        }
        var conditions: [(operator: String, key: String, values: [String])] = []
        for member in item["Condition"]?.object?.members ?? [] {
            guard ConditionOperator(member.key) != nil else { throw .syntax("Invalid Condition type : \(member.key).") }
            for test in member.value.object?.members ?? [] { conditions.append((member.key, test.key, strings(test.value))) }
        }
        return Statement(
            name: item["Sid"]?.string ?? "statement \(index + 1)", isAllow: effect == "Allow", actions: actions, resources: resources,
            principals: principals, conditions: conditions, hasVariables: hasVariables)
    }

    private static func choice(_ item: JSON, _ key: String, _ negated: String) -> (patterns: [String], isNegated: Bool)? {
        if let value = item[key] { return (strings(value), false) }
        return item[negated].map { (strings($0), true) }
    }

    private static func principals(_ item: JSON) throws(Problem) -> (members: [(kind: String, values: [String])], isNegated: Bool)? {
        for (key, isNegated) in [("Principal", false), ("NotPrincipal", true)] {
            switch item[key] {
            case .string("*")?: return ([("*", ["*"])], isNegated)
            case .object(let members)?: return (members.map { ($0.key, strings($0.value)) }, isNegated)
            case nil: continue
            default: throw .syntax("Invalid principal in policy")
            }
        }
        return nil
    }

    private static func strings(_ value: JSON) -> [String] {
        switch value {
        case .string(let text): [text]
        case .array(let items): items.flatMap(strings)
        case .bool(let flag): [flag ? "true" : "false"]
        case .integer(let number): [String(number)]
        case .number(let text): [text]
        default: []
        }
    }
}
