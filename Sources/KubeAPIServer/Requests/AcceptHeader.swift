/// An `Accept` header as the server's two libraries read it: go-restful to choose the route, goautoneg to choose the form.
struct AcceptHeader: Sendable {
    /// One clause.
    struct Clause: Sendable {
        var type = ""
        var subtype = ""
        var quality = 1.0
        var parameters: [(name: String, value: String)] = []

        func accepts(_ media: Substring, _ submedia: Substring) -> Bool {
            (type == media && (subtype == submedia || subtype == "*")) || (type == "*" && subtype == "*")
        }

        subscript(_ name: String) -> String? { parameters.last { $0.name == name }?.value }
    }

    private let text: String
    /// The clauses in the order in which they are tried.
    let clauses: [Clause]

    init(_ text: String) {
        self.text = text
        var clauses = text.split(separator: ",", omittingEmptySubsequences: false).compactMap(Self.clause)
        // goautoneg's order, which is none: better quality first, but what is not `*` goes before it whatever its quality.
        for index in clauses.indices.dropFirst() {
            var position = index
            while position > 0, Self.precedes(clauses[position], clauses[position - 1]) {
                clauses.swapAt(position, position - 1)
                position -= 1
            }
        }
        self.clauses = clauses
    }

    /// Whether a route that produces these types is found (`Route.matchesAccept`).
    func matches(_ produced: [String]) -> Bool {
        text.split(separator: ",", omittingEmptySubsequences: false).contains { clause in
            let media = String(clause.prefix { $0 != ";" }).trimmingSpaces
            return media == "*/*" || produced.contains(media)
        }
    }

    private static func precedes(_ left: Clause, _ right: Clause) -> Bool {
        left.quality > right.quality || (left.type != "*" && right.type == "*") || (left.subtype != "*" && right.subtype == "*")
    }

    private static func clause(_ text: Substring) -> Clause? {
        let pieces = text.split(separator: ";", omittingEmptySubsequences: false)
        let media = (pieces.first ?? "").split(separator: "/", omittingEmptySubsequences: false).map { String($0).trimmingSpaces }
        var clause = Clause()
        switch media.count {
        case 1 where media[0] == "*": (clause.type, clause.subtype) = ("*", "*")
        case 2: (clause.type, clause.subtype) = (media[0], media[1])
        default: return nil
        }
        for piece in pieces.dropFirst() {
            let sides = piece.split(separator: "=", omittingEmptySubsequences: false).map { String($0).trimmingSpaces }
            guard sides.count == 2, !sides[1].isEmpty else { continue }
            if sides[0] == "q" { clause.quality = Double(sides[1]) ?? 0 } else { clause.parameters.append((sides[0], sides[1])) }
        }
        return clause
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var text = self[...]
        while text.first == " " || text.first == "\t" { text = text.dropFirst() }
        while text.last == " " || text.last == "\t" { text = text.dropLast() }
        return String(text)
    }
}
