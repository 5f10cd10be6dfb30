import HTTP
import JSON
import Store
import World

/// AWS Systems Manager's parameters: the account's own, and the public ones that name images for EKS nodes.
struct SSMService: Sendable {
    let records: Records
    let world: World
    let authorization: CallerAuthorization

    private typealias Operation = @Sendable (SSMService, AWSCall, JSON) async throws(AWSError) -> JSON

    private static let operations: [String: Operation] = [
        "GetParameter": { ssm, call, input throws(AWSError) in ["Parameter": try ssm.parameter(call, input["Name"]?.string ?? "")] },
        "GetParameters": { ssm, call, input throws(AWSError) in ssm.getParameters(call, input) },
        "GetParametersByPath": { ssm, call, input throws(AWSError) in try ssm.getByPath(call, input) },
        "PutParameter": { ssm, call, input throws(AWSError) in try await ssm.put(call, input) },
        "DeleteParameter": { ssm, call, input throws(AWSError) in try await ssm.deleteOne(call, input) },
        "DeleteParameters": { ssm, call, input throws(AWSError) in try await ssm.deleteSeveral(call, input) },
    ]

    func handle(_ call: AWSCall) async throws(AWSError) -> HTTPResponse {
        let operation = try JSONTarget.operation(call, service: "AmazonSSM")
        guard let run = Self.operations[operation] else { throw JSONTarget.unknown(operation) }
        let input = try JSONTarget.input(call)
        let names = (input["Name"]?.string ?? input["Path"]?.string).map { [$0] } ?? input["Names"]?.strings ?? []
        for name in names { try authorization.require(call, "ssm:\(operation)", on: arn(call, name)) }
        if names.isEmpty { try authorization.require(call, "ssm:\(operation)", on: "*") }
        return JSONTarget.response(call, try await run(self, call, input))
    }

    private func collection(_ call: AWSCall) -> String { Records.collection(call.caller.accountID, call.region, "ssm", "parameters") }

    private func arn(_ call: AWSCall, _ name: String) -> String {
        let owner = name.hasPrefix("/aws/service/") ? "" : call.caller.accountID
        return "arn:aws:ssm:\(call.region):\(owner):parameter\(name.hasPrefix("/") ? "" : "/")\(name)"
    }

    private static let notFound = AWSError(400, "ParameterNotFound", "")

    private func parameter(_ call: AWSCall, _ name: String) throws(AWSError) -> JSON {
        // A version or label may follow the name.
        let bare = String(name.prefix { $0 != ":" })
        if let value = PublicParameters.value(bare, call.region) {
            return [
                "Name": .string(bare), "Type": "String", "Value": .string(value), "Version": 1,
                "LastModifiedDate": .integer(PublicParameters.modified), "ARN": .string(arn(call, bare)),
                "DataType": .string(value.hasPrefix("ami-") ? "aws:ec2:image" : "text"),
            ]
        }
        guard let found = records.get(collection(call), bare)?.json else { throw Self.notFound }
        return found
    }

    private func getParameters(_ call: AWSCall, _ input: JSON) -> JSON {
        var found: [JSON] = []
        var invalid: [String] = []
        for name in input["Names"]?.strings ?? [] {
            if let parameter = try? parameter(call, name) { found.append(parameter) } else { invalid.append(name) }
        }
        return ["Parameters": .array(found), "InvalidParameters": JSON(strings: invalid)]
    }

    private func getByPath(_ call: AWSCall, _ input: JSON) throws(AWSError) -> JSON {
        let path = input["Path"]?.string ?? ""
        guard path.hasPrefix("/") else {
            throw AWSError(
                400, "ValidationException",
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
        }
        let prefix = path.hasSuffix("/") ? path : "\(path)/"
        let isDeep = input["Recursive"]?.bool == true
        let names = (PublicParameters.names(call.region) + records.list(collection(call)).map(\.name)).filter { name in
            name.hasPrefix(prefix) && (isDeep || !name.dropFirst(prefix.count).contains("/"))
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let limit = Int(clamping: input["MaxResults"]?.integer ?? 10)
        guard (1...10).contains(limit) else { throw AWSError(400, "ValidationException", "MaxResults must be between 1 and 10") }
        var rest = names[...]
        if let token = input["NextToken"]?.string {
            guard let last = PageToken.decode(token), let place = names.firstIndex(of: last) else {
                throw AWSError(400, "InvalidNextToken", "The specified token is not valid.")
            }
            rest = names[(place + 1)...]
        }
        let page = rest.prefix(limit)
        var parameters: [JSON] = []
        for name in page { parameters.append(try parameter(call, name)) }
        var answer: JSON = ["Parameters": .array(parameters)]
        if rest.count > limit, let last = page.last { answer["NextToken"] = .string(PageToken.encode(last)) }
        return answer
    }

    private func put(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let name = input["Name"]?.string ?? ""
        guard !name.isEmpty, !name.hasPrefix("/aws") else {
            throw AWSError(400, "AccessDeniedException", "No access to reserved parameter name: \(name).")
        }
        guard let value = input["Value"]?.string, !value.isEmpty else {
            throw AWSError(400, "ValidationException", "Parameter value can't be empty.")
        }
        let known = records.get(collection(call), name)
        guard known == nil || input["Overwrite"]?.bool == true else {
            throw AWSError(
                400, "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
        }
        let version = (known?.json["Version"]?.integer ?? 0) + 1
        let key = Key(collection(call), name)
        let parameter: JSON = [
            "Name": .string(name), "Type": input["Type"] ?? known?.json["Type"] ?? "String", "Value": .string(value),
            "Version": .integer(version), "LastModifiedDate": EKSServices.epoch(world.now), "ARN": .string(arn(call, name)),
            "DataType": input["DataType"] ?? "text",
        ]
        let condition: Transaction.Condition = known.map { .modified(key, $0.revision) } ?? .absent(key)
        let refused = try await records.commit(
            Transaction(conditions: [condition], writes: [.put(key, .bytes(parameter.serialized()))]))
        guard refused == nil else {
            throw AWSError(400, "TooManyUpdates", "There are concurrent updates for a resource that supports one update at a time.")
        }
        return ["Version": .integer(version), "Tier": "Standard"]
    }

    private func deleteOne(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let name = input["Name"]?.string ?? ""
        guard records.get(collection(call), name) != nil else { throw Self.notFound }
        try await records.delete([Key(collection(call), name)])
        return [:]
    }

    private func deleteSeveral(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let names = input["Names"]?.strings ?? []
        let known = names.filter { records.get(collection(call), $0) != nil }
        if !known.isEmpty { try await records.delete(known.map { Key(collection(call), $0) }) }
        return [
            "DeletedParameters": JSON(strings: known), "InvalidParameters": JSON(strings: names.filter { !known.contains($0) }),
        ]
    }
}
