/// Calls that are more than calls (`cel-go/parser/macro.go`, `ext.TwoVarComprehensions`, the macros of optional types).
enum CELMacros {
    /// What a call means.
    static func call(
        _ name: String, target: CELExpression?, _ arguments: [CELExpression], _ place: Int, _ issues: inout CELIssues
    ) -> CELExpression {
        guard let target else {
            guard name == "has", arguments.count == 1 else { return .call(name, target: nil, arguments, place) }
            guard case .select(let operand, let field, false, _) = arguments[0] else {
                issues.note("invalid argument to has() macro", arguments[0].position)
                return arguments[0]
            }
            return .test(operand, field: field, place)
        }
        // `optional.of`, `sets.contains`: functions with a name of several parts.
        if let space = target.qualifiedName, CELFunctions.table["\(space).\(name)"] != nil {
            return .call("\(space).\(name)", target: nil, arguments, place)
        }
        if name == "optMap" || name == "optFlatMap", arguments.count == 2 {
            guard case .identifier(let variable, _) = arguments[0] else {
                issues.note("\(name)() variable name must be a simple identifier", arguments[0].position)
                return target
            }
            return .optionalMap(target, variable: variable, transform: arguments[1], isFlat: name == "optFlatMap", place)
        }
        return loop(name, target, arguments, place, &issues) ?? .call(name, target: target, arguments, place)
    }

    /// The numbers of arguments that make a call a loop, with one variable and with two.
    private static let loops: [CELExpression.Comprehension: (one: ClosedRange<Int>?, two: ClosedRange<Int>?)] = [
        .all: (2...2, 3...3), .exists: (2...2, 3...3), .existsOne: (2...2, 3...3), .map: (2...3, nil), .filter: (2...2, nil),
        .transformList: (nil, 3...4), .transformMap: (nil, 3...4), .transformMapEntry: (nil, 3...4),
    ]

    private static func loop(
        _ name: String, _ target: CELExpression, _ arguments: [CELExpression], _ place: Int, _ issues: inout CELIssues
    ) -> CELExpression? {
        guard let kind = CELExpression.Comprehension(rawValue: name == "existsOne" ? "exists_one" : name), let form = loops[kind] else {
            return nil
        }
        let count: Int
        if form.one?.contains(arguments.count) == true {
            count = 1
        } else if form.two?.contains(arguments.count) == true {
            count = 2
        } else {
            return nil
        }
        var variables: [String] = []
        for argument in arguments.prefix(count) {
            guard case .identifier(let variable, _) = argument, variable != "__result__" else {
                issues.note("argument must be a simple name", argument.position)
                return target
            }
            variables.append(variable)
        }
        if count == 2, variables[0] == variables[1] {
            issues.note("duplicate variable name: \(variables[1])", arguments[1].position)
        }
        let rest = arguments.dropFirst(count)
        let makes = ![.all, .exists, .existsOne, .filter].contains(kind)
        return .loop(
            CELExpression.Loop(
                kind: kind, range: target, variables: variables, predicate: makes && rest.count == 1 ? nil : rest.first,
                transform: makes ? rest.last : nil), place)
    }
}
