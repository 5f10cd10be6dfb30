/// One form of a function: what it takes, gives and does.
struct CELOverload: Sendable {
    /// Types of the arguments, that of the target first.
    let parameters: [CELType]
    let result: CELType
    let isMember: Bool
    let evaluate: @Sendable ([CELValue]) throws(CELError) -> CELValue
    /// What is read of which arguments besides the call itself.
    let cost: CELCallCost
}

/// Why an evaluation gives no value.
enum CELError: Error, Sendable, Hashable {
    case message(String)
    /// More was computed than one expression may.
    case limit
    /// The authorizers have to be asked first.
    case unanswered(AccessQuestion)

    var text: String {
        switch self {
        case .message(let text): text
        case .limit: "operation cancelled: actual cost limit exceeded"
        case .unanswered: "nobody answered whether it is allowed"
        }
    }

    /// Whether nothing that follows can make it good.
    var isFinal: Bool { if case .message = self { false } else { true } }
}

/// How the cost of a call depends on the sizes of its arguments (`cel-go/checker/cost.go`).
enum CELCallCost: Sendable {
    /// The call only.
    case constant
    /// What the call is said to cost.
    case fixed(UInt64)
    /// A tenth of an argument's size.
    case traversal(Int)
    /// A tenth of the smaller of both arguments' sizes.
    case comparison
    /// A tenth of both arguments' sizes.
    case sum
    /// The product of a tenth of each.
    case product
    /// The text's tenth times the pattern's quarter.
    case pattern
    /// As many comparisons as the second argument has elements.
    case membership
}

/// The functions that expressions can call (CEL's standard definitions, `k8s.io/apiserver/pkg/cel/library`, cel-go's string extensions), by
/// name; operators under CEL's internal names.
struct CELFunctions: Sendable {
    typealias Body = @Sendable ([CELValue]) throws(CELError) -> CELValue

    static let table: [String: [CELOverload]] = {
        var functions = CELFunctions()
        CELOperators.add(to: &functions)
        CELStrings.add(to: &functions)
        CELConversions.add(to: &functions)
        CELCollections.add(to: &functions)
        CELTimes.add(to: &functions)
        CELQuantities.add(to: &functions)
        CELURLs.add(to: &functions)
        CELAddresses.add(to: &functions)
        CELFormats.add(to: &functions)
        CELVersions.add(to: &functions)
        CELAuthorization.add(to: &functions)
        return functions.overloads
    }()

    static let none = CELError.message("no such overload")

    private var overloads: [String: [CELOverload]] = [:]

    mutating func function(
        _ name: String, _ parameters: [CELType], _ result: CELType, cost: CELCallCost = .constant, _ body: @escaping Body
    ) {
        overloads[name, default: []].append(
            CELOverload(parameters: parameters, result: result, isMember: false, evaluate: body, cost: cost))
    }

    /// The first parameter is the target.
    mutating func method(
        _ name: String, _ parameters: [CELType], _ result: CELType, cost: CELCallCost = .constant, _ body: @escaping Body
    ) {
        overloads[name, default: []].append(
            CELOverload(parameters: parameters, result: result, isMember: true, evaluate: body, cost: cost))
    }
}
