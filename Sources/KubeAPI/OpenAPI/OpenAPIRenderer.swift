import JSON

/// Writes paths and definitions as a document of either version of OpenAPI.
struct OpenAPIRenderer {
    private let dialect: OpenAPIDialect
    private let version: String

    init(_ dialect: OpenAPIDialect, _ version: String) {
        self.dialect = dialect
        self.version = version
    }

    func document(_ paths: [APIPath], _ definitions: OpenAPIDefinitions) -> JSON {
        let roots = paths.lazy.flatMap(\.operations).flatMap { operation -> [Int] in
            guard case .definition(let place) = operation.answer else { return operation.body.map { [$0] } ?? [] }
            return [place] + (operation.body.map { [$0] } ?? [])
        }
        let schemas = definitions.closure(roots)
        var values = PathValues(dialect, definitions.names)
        let rendered = JSON.object(JSONObject(unique: paths.map { .init(key: $0.path, value: values.path($0)) }))
        let info: JSON = ["title": "Kubernetes", "version": .string(version)]
        let security: JSON = ["BearerToken": ["in": "header", "name": "authorization", "type": "apiKey"]]
        switch dialect {
        case .v3:
            return [
                "components": ["schemas": schemas, "securitySchemes": security], "info": info, "openapi": "3.0.0", "paths": rendered,
            ]
        case .v2:
            return [
                "definitions": schemas, "info": info, "paths": rendered, "security": [["BearerToken": []]],
                "securityDefinitions": security, "swagger": "2.0",
            ]
        }
    }
}

/// Writes paths. Parameters and answers that recur are made once and shared.
private struct PathValues {
    private struct AnswerKey: Hashable {
        let payload: APIPayload
        let media: APIOperation.Media
        let code: String
    }

    private let dialect: OpenAPIDialect
    private let references: [JSON]
    private var parameters: [String: JSON] = [:]
    private var answers: [AnswerKey: JSON] = [:]

    init(_ dialect: OpenAPIDialect, _ names: [String]) {
        self.dialect = dialect
        references = names.map { ["$ref": .string(dialect.referencePrefix + $0)] }
    }

    mutating func path(_ path: APIPath) -> JSON {
        var members = path.operations.map { JSONObject.Member(key: $0.method, value: operation($0)) }
        if !path.parameters.isEmpty {
            members.append(.init(key: "parameters", value: .array(path.parameters.map { parameter($0) })))
        }
        return .object(JSONObject(unique: members))
    }

    private mutating func operation(_ operation: APIOperation) -> JSON {
        var members: JSONObject = [:]
        var parameters = operation.parameters.map { parameter($0) }
        members["operationId"] = .string(operation.id)
        if let body = operation.body.map(reference) {
            // A DELETE may come without options.
            let isRequired = operation.method != "delete"
            switch dialect {
            case .v3:
                let content = JSONObject(unique: operation.bodyMedia.map { .init(key: $0, value: ["schema": body]) })
                members["requestBody"] = isRequired ? ["content": .object(content), "required": true] : ["content": .object(content)]
            case .v2:
                var parameter: JSON = ["in": "body", "name": "body", "schema": body]
                if isRequired { parameter["required"] = true }
                parameters.append(parameter)
            }
        }
        if !parameters.isEmpty { members["parameters"] = .array(parameters) }
        if dialect == .v2 {
            members["consumes"] = JSON(strings: operation.body == nil ? ["*/*"] : operation.bodyMedia)
            members["produces"] = JSON(strings: operation.media.names)
            members["schemes"] = ["https"]
        }
        var responses = operation.codes.map { code in
            JSONObject.Member(key: code, value: answer(AnswerKey(payload: operation.answer, media: operation.media, code: code)))
        }
        responses.append(.init(key: "401", value: ["description": "Unauthorized"]))
        members["responses"] = .object(JSONObject(unique: responses))
        members["tags"] = [.string(operation.tag)]
        if let action = operation.action { members["x-kubernetes-action"] = .string(action) }
        if let kind = operation.kind { members["x-kubernetes-group-version-kind"] = OpenAPIDefinitions.groupVersionKind(kind) }
        return .object(members)
    }

    private func reference(_ place: Int) -> JSON { references.indices.contains(place) ? references[place] : [:] }

    private mutating func answer(_ key: AnswerKey) -> JSON {
        if let known = answers[key] { return known }
        let schema: JSON
        switch key.payload {
        case .definition(let place): schema = reference(place)
        case .text: schema = ["type": "string"]
        }
        let description = JSON.string(["200": "OK", "201": "Created", "202": "Accepted"][key.code] ?? "")
        let made: JSON
        switch dialect {
        case .v2: made = ["description": description, "schema": schema]
        case .v3:
            let content = JSONObject(unique: key.media.names.map { .init(key: $0, value: ["schema": schema]) })
            made = ["content": .object(content), "description": description]
        }
        answers[key] = made
        return made
    }

    private mutating func parameter(_ parameter: APIParameter) -> JSON {
        let key = "\(parameter.isInPath) \(parameter.type) \(parameter.name)"
        if let known = parameters[key] { return known }
        var members: JSONObject = ["in": parameter.isInPath ? "path" : "query", "name": .string(parameter.name)]
        if parameter.isInPath { members["required"] = true }
        if let text = parameter.text { members["description"] = .string(text) }
        let type: JSON = .string(parameter.type)
        switch dialect {
        case .v3: members["schema"] = ["type": type, "uniqueItems": true]
        case .v2:
            members["type"] = type
            members["uniqueItems"] = true
        }
        parameters[key] = .object(members)
        return .object(members)
    }
}
