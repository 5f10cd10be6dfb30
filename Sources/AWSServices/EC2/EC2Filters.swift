import JSON

/// What a describe operation answers: which resources, and what its filters look at.
struct EC2Description: Sendable {
    let kind: ResourceKind
    /// The list's name in the answer.
    let set: String
    /// The parameter with ids, and the member of a resource that has them.
    let ids: (parameter: String, member: String)
    /// The path that each filter compares, through lists: `cidrBlockAssociationSet.cidrBlock`.
    let filters: [String: String]
    var minimumPage: Int64 = 5
    var maximumPage: Int64 = 1000
    /// The form that the answer has of a resource.
    var render: @Sendable (JSON, ResourceDraft) -> JSON = { resource, _ in resource }

    /// The describe operation.
    func operation(_ name: String) -> EC2Operation {
        .read(name) { request, draft throws(AWSError) in try answer(request, draft) }
    }

    func answer(_ request: EC2Request, _ draft: ResourceDraft) throws(AWSError) -> JSON {
        let wanted = request.strings(ids.parameter)
        var rows: [JSON]
        if wanted.isEmpty {
            rows = draft.list(kind)
        } else {
            if request.input["MaxResults"] != nil, kind != .instance { try request.exclude(ids.parameter, "MaxResults") }
            rows = []
            for id in wanted { rows.append(try draft.require(kind, id)) }
            rows = rows.reduce(into: []) { kept, row in
                if !kept.contains(where: { $0[ids.member] == row[ids.member] }) { kept.append(row) }
            }
        }
        return try answer(request, rows.map { render($0, draft) })
    }

    /// The rows that pass the filters, one page of them.
    func answer(_ request: EC2Request, _ rows: [JSON]) throws(AWSError) -> JSON {
        let found = try EC2Filter.select(rows, request.structures("Filter"), paths: filters)
        return try EC2Page(minimum: minimumPage, maximum: maximumPage).answer(request, set, found)
    }
}

/// One page of a list.
struct EC2Page: Sendable {
    var minimum: Int64 = 5
    var maximum: Int64 = 1000

    func answer(_ request: EC2Request, _ set: String, _ rows: [JSON]) throws(AWSError) -> JSON {
        var rest = rows[...]
        if let token = request.string("NextToken"), !token.isEmpty {
            guard let last = PageToken.decode(token).flatMap({ Int64($0) }) else {
                throw AWSError(400, "InvalidNextToken", "The token '\(token)' is invalid")
            }
            rest = rest.drop { ($0[RegionState.number]?.integer ?? 0) <= last }
        }
        guard let wanted = request.integer("MaxResults") else { return [set: .array(Array(rest))] }
        guard wanted >= minimum else {
            throw EC2Error.invalid("Value ( \(wanted) ) for parameter maxResults is invalid. Expecting a value greater than \(minimum).")
        }
        let page = rest.prefix(Int(min(wanted, maximum)))
        var answer: JSON = [set: .array(Array(page))]
        if page.count < rest.count, let number = page.last?[RegionState.number]?.integer {
            answer["nextToken"] = .string(PageToken.encode(String(number)))
        }
        return answer
    }
}

/// EC2's filters: values of one filter are alternatives, several filters must all hold, `*` and `?` are wildcards.
enum EC2Filter {
    private static let countLimit = 50
    private static let valueLimit = 200

    /// The rows that pass every filter.
    static func select(_ rows: [JSON], _ filters: [JSON], paths: [String: String]) throws(AWSError) -> [JSON] {
        guard filters.count <= countLimit else {
            throw AWSError(400, "FilterLimitExceeded", "The maximum number of filters is \(countLimit)")
        }
        var found = rows
        for filter in filters {
            guard let name = filter["Name"]?.string else { throw EC2Error.missing("Filter.Name") }
            let values = filter["Value"]?.strings ?? []
            guard values.count <= valueLimit else {
                throw AWSError(400, "FilterLimitExceeded", "The maximum number of filter values is \(valueLimit)")
            }
            guard let read = reader(name, paths) else { throw EC2Error.invalid("The filter '\(name)' is invalid") }
            let patterns = values.map { Wildcard($0) }
            found = found.filter { row in read(row).contains { value in patterns.contains { $0.matches(value) } } }
        }
        return found
    }

    private static func reader(_ name: String, _ paths: [String: String]) -> ((JSON) -> [String])? {
        if name.hasPrefix("tag:") {
            let key = String(name.dropFirst(4))
            return { row in
                (row["tagSet"]?.array ?? []).filter { $0["key"]?.string == key }.map { $0["value"]?.string ?? "" }
            }
        }
        let path: String
        switch name {
        case "tag-key": path = "tagSet.key"
        case "tag-value": path = "tagSet.value"
        default:
            guard let known = paths[name] else { return nil }
            path = known
        }
        let parts = path.split(separator: ".").map(String.init)
        return { values($0, parts[...]) }
    }

    /// The texts at a path; lists on the way are gone through.
    private static func values(_ json: JSON, _ path: ArraySlice<String>) -> [String] {
        switch json {
        case .array(let items): return items.flatMap { values($0, path) }
        case .object:
            guard let first = path.first else { return [] }
            return json[first].map { values($0, path.dropFirst()) } ?? []
        case .string(let text): return path.isEmpty ? [text] : []
        case .integer(let number): return path.isEmpty ? [String(number)] : []
        case .bool(let flag): return path.isEmpty ? [flag ? "true" : "false"] : []
        default: return []
        }
    }
}

/// A filter value in which `*` stands for any text, `?` for one character, and a backslash takes the next one literally.
struct Wildcard: Sendable {
    private enum Part: Sendable, Hashable {
        case any, one
        case literal(Character)
    }

    private let parts: [Part]

    init(_ text: String) {
        var parts: [Part] = []
        var isEscaped = false
        for character in text {
            if isEscaped {
                parts.append(.literal(character))
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                switch character {
                case "*": if parts.last != .any { parts.append(.any) }
                case "?": parts.append(.one)
                default: parts.append(.literal(character))
                }
            }
        }
        if isEscaped { parts.append(.literal("\\")) }
        self.parts = parts
    }

    /// Whether all of a text is meant. Goes back to the last `*` only, so the time is at most the product of the lengths.
    func matches(_ text: String) -> Bool {
        let text = Array(text)
        var place = 0
        var part = 0
        var star: (part: Int, place: Int)?
        while place < text.count {
            if part < parts.count, parts[part] == .any {
                star = (part, place)
                part += 1
            } else if part < parts.count, parts[part] == .one || parts[part] == .literal(text[place]) {
                part += 1
                place += 1
            } else if let last = star {
                star = (last.part, last.place + 1)
                part = last.part + 1
                place = last.place + 1
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy { $0 == .any }
    }
}
