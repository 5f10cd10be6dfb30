public import JSON

/// Why a selector is not one.
public enum SelectorError: Error, Sendable, Hashable {
    /// The text breaks the grammar, or a key or value breaks the rules for labels; in the server's words.
    case malformed(String)

    /// The message of the 400.
    public var message: String {
        switch self {
        case .malformed(let message): message
        }
    }
}

/// A label selector (`k8s.io/apimachinery/pkg/labels`).
public struct LabelSelector: Sendable, Hashable {
    /// How a label is compared. The first seven are the binary operators, by the text that selectors and errors show.
    public enum Operator: String, Sendable, Hashable {
        case isIn = "in"
        case notIn = "notin"
        case equals = "="
        case doubleEquals = "=="
        case notEquals = "!="
        case greaterThan = "gt"
        case lessThan = "lt"
        case exists
        case doesNotExist = "!"
    }

    /// One condition.
    public struct Requirement: Sendable, Hashable {
        /// The label's key.
        public let key: String
        /// How it is compared.
        public let `operator`: Operator
        /// What it is compared with.
        public let values: [String]
    }

    /// All have to hold; by key.
    public let requirements: [Requirement]

    /// Whether everything is selected.
    public var isEmpty: Bool { requirements.isEmpty }

    /// Parses the text of `labelSelector` (`labels.Parse`); the empty text selects everything.
    ///
    /// - Throws: `SelectorError`.
    public init(parsing text: String) throws(SelectorError) {
        var parser = LabelSelectorParser(text)
        self.init(try parser.requirements())
    }

    /// Reads a `metav1.LabelSelector` (`LabelSelectorAsSelector`); an empty one selects everything.
    ///
    /// - Throws: `SelectorError` for an unknown operator, a wrong number of values, or what cannot be a label.
    public init(labelSelectorObject selector: JSON) throws(SelectorError) {
        var found: [Requirement] = []
        for member in selector["matchLabels"]?.object ?? [:] {
            found.append(try Requirement(key: member.key, .equals, [member.value.string ?? ""]))
        }
        for expression in selector["matchExpressions"]?.array ?? [] {
            let kind: Operator
            switch expression["operator"]?.string ?? "" {
            case "In": kind = .isIn
            case "NotIn": kind = .notIn
            case "Exists": kind = .exists
            case "DoesNotExist": kind = .doesNotExist
            case let name: throw .malformed("\(GoText.quoted(name)) is not a valid label selector operator")
            }
            let values = expression["values"]?.array?.compactMap(\.string) ?? []
            found.append(try Requirement(key: expression["key"]?.string ?? "", kind, values))
        }
        self.init(found)
    }

    /// Reads a `metav1.LabelSelector`; `nil` for an absent one, which selects nothing, and for a malformed one.
    public init?(_ selector: JSON?) {
        guard let selector, !selector.isNull, let parsed = try? LabelSelector(labelSelectorObject: selector) else { return nil }
        self = parsed
    }

    private init(_ requirements: [Requirement]) {
        self.requirements = requirements.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    /// Whether labels satisfy every requirement.
    public func matches(_ labels: JSONObject?) -> Bool { requirements.allSatisfy { $0.matches(labels?[$0.key]?.string) } }
}

extension LabelSelector.Requirement {
    /// Makes a requirement whose key and values can be labels (`labels.NewRequirement`).
    ///
    /// - Throws: `SelectorError` with everything that is wrong.
    init(key: String, _ kind: LabelSelector.Operator, _ values: [String]) throws(SelectorError) {
        self.init(key: key, operator: kind, values: values)
        let errors = errors
        guard !errors.isEmpty else { return }
        let texts = errors.map(\.description)
        throw .malformed(texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]")
    }

    private var errors: [FieldError] {
        var errors: [FieldError] = []
        let problems = QualifiedName.labelKeyProblems(key)
        if !problems.isEmpty {
            errors.append(.invalid("key", .string(key), problems.joined(separator: "; ")))
        }
        let list = JSON(strings: values)
        switch self.operator {
        case .isIn, .notIn:
            if values.isEmpty { errors.append(.invalid("values", list, "for 'in', 'notin' operators, values set can't be empty")) }
        case .equals, .doubleEquals, .notEquals:
            if values.count != 1 { errors.append(.invalid("values", list, "exact-match compatibility requires one single value")) }
        case .exists, .doesNotExist:
            if !values.isEmpty { errors.append(.invalid("values", list, "values set must be empty for exists and does not exist")) }
        case .greaterThan, .lessThan:
            if values.count != 1 { errors.append(.invalid("values", list, "for 'Gt', 'Lt' operators, exactly one value is required")) }
            for (index, value) in values.enumerated() where Int64(value) == nil {
                errors.append(.invalid("values[\(index)]", .string(value), "for 'Gt', 'Lt' operators, the value must be an integer"))
            }
        }
        for (index, value) in values.enumerated() {
            let problems = QualifiedName.valueProblems(value)
            guard !problems.isEmpty else { continue }
            errors.append(.invalid("values[\(index)][\(key)]", .string(value), problems.joined(separator: "; ")))
        }
        return errors
    }

    /// Whether the label of the key satisfies this; `nil` for an absent label.
    func matches(_ label: String?) -> Bool {
        switch self.operator {
        case .exists: return label != nil
        case .doesNotExist: return label == nil
        case .isIn, .equals, .doubleEquals: return label.map(values.contains) ?? false
        case .notIn, .notEquals: return label.map { !values.contains($0) } ?? true
        case .greaterThan, .lessThan:
            guard let number = label.flatMap({ Int64($0) }), let bound = values.first.flatMap({ Int64($0) }) else { return false }
            return self.operator == .greaterThan ? number > bound : number < bound
        }
    }
}

extension LabelSelector.Requirement: CustomStringConvertible {
    /// The requirement as selectors are written, its values in order.
    public var description: String {
        let list = values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.joined(separator: ",")
        switch self.operator {
        case .exists: return key
        case .doesNotExist: return "!" + key
        case .isIn, .notIn: return "\(key) \(self.operator.rawValue) (\(list))"
        case .greaterThan: return "\(key)>\(list)"
        case .lessThan: return "\(key)<\(list)"
        case .equals, .doubleEquals, .notEquals: return key + self.operator.rawValue + list
        }
    }
}

extension LabelSelector: CustomStringConvertible {
    /// The selector's canonical text: requirements by key, values in order.
    public var description: String { requirements.map(\.description).joined(separator: ",") }
}

extension QualifiedName {
    /// What is wrong with a label's key in a selector, where 1.36 calls it by that name; empty when nothing.
    static func labelKeyProblems(_ key: String) -> [String] {
        problems(key).map { $0.replacing("a qualified name must", with: "a valid label key must") }
    }
}
