/// Errors taken together as Kubernetes prints them (`utilerrors.NewAggregate`): equal ones once, several in brackets.
enum AggregateError {
    static func text(_ errors: [String]) -> String {
        var seen: [String] = []
        for error in errors where !seen.contains(error) { seen.append(error) }
        return seen.count == 1 ? seen[0] : "[\(seen.joined(separator: ", "))]"
    }
}
