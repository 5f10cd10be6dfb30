import HTTP

/// A verified call.
struct AWSCall: Sendable {
    let request: HTTPRequest
    /// The request's query, decoded.
    let query: [(name: String, value: String)]
    let caller: Caller
    let region: String
    let requestID: String
    let service: String
    let wire: AWSProtocol
}

/// The parameters of a query call: the query of a GET, the form of a POST.
struct QueryForm: Sendable {
    private let pairs: [(name: String, value: String)]
    private let first: [String: String]
    let action: String

    /// Reads the parameters; `query` is the request's, decoded.
    init(_ request: HTTPRequest, query: [(name: String, value: String)]) throws(AWSError) {
        let body = request.method == "GET" ? "" : String(validating: request.body, as: UTF8.self)
        guard let form = body.flatMap({ PercentEncoding.pairs($0) }) else {
            throw AWSError(400, "MalformedQueryString", "The query string is malformed")
        }
        pairs = query + form
        first = Dictionary(pairs.map { ($0.name, $0.value) }) { first, _ in first }
        guard let action = first["Action"], !action.isEmpty else {
            throw AWSError(400, "MissingAction", "The request must contain the parameter Action")
        }
        self.action = action
    }

    /// All parameters as they were sent.
    var parameters: [(name: String, value: String)] { pairs }

    /// A parameter.
    subscript(name: String) -> String? { first[name] }

    /// A parameter that has to be there.
    func required(_ name: String) throws(AWSError) -> String {
        guard let value = self[name] else { throw Self.violation(nil, name, "Member must not be null") }
        return value
    }

    /// IAM's and STS' words for a value that breaks a constraint of the model.
    static func violation(_ value: String?, _ name: String, _ constraint: String) -> AWSError {
        AWSError(
            400, "ValidationError",
            "1 validation error detected: Value \(value.map { "'\($0)' " } ?? "")at '\(lowerFirst(name))' failed to satisfy constraint: \(constraint)"
        )
    }

    /// What a query service answers to an action it does not know.
    var unknownAction: AWSError {
        AWSError(400, "InvalidAction", "Could not find operation \(action) for version \(self["Version"] ?? "NO_VERSION_SPECIFIED")")
    }

    /// The values of `Name.member.N` or `Name.N` in order of N.
    func list(_ name: String) -> [String] {
        var found: [(Int, String)] = []
        for pair in pairs {
            for prefix in ["\(name).member.", "\(name)."] where pair.name.hasPrefix(prefix) {
                if let index = Int(pair.name.dropFirst(prefix.count)) { found.append((index, pair.value)) }
            }
        }
        return found.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// Whether any parameter begins with a prefix.
    func contains(prefix: String) -> Bool { pairs.contains { $0.name.hasPrefix(prefix) } }

    /// Pairs of `Name.member.N.Key` and `Name.member.N.Value`.
    func tags(_ name: String = "Tags") -> [(key: String, value: String)] {
        var index = 1
        var tags: [(key: String, value: String)] = []
        while let key = self["\(name).member.\(index).Key"] {
            tags.append((key, self["\(name).member.\(index).Value"] ?? ""))
            index += 1
        }
        return tags
    }

    private static func lowerFirst(_ name: String) -> String { name.prefix(1).lowercased() + name.dropFirst() }
}
