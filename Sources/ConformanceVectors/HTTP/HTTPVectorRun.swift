import HTTP
import JSON
import World

/// Runs the steps of one vector against a fresh cluster.
struct HTTPVectorRun {
    /// Why a vector could not be run to its end.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A step's answer, in the form in which vectors state it.
    private typealias Outcome = JSONObject

    /// How long a stream may be quiet before time is moved on, in real time. Everything in process comes well within it.
    private static let quiet: Duration = .milliseconds(150)
    private static let start: Instant = Instant(rfc3339: "2031-03-07T09:41:53Z") ?? Instant(nanoseconds: 0)
    private static let userAgent = "vectors/1.0"
    private static let poll: Duration = .milliseconds(500)
    private static let untilSeconds = 20.0

    private let vector: JSON
    private let server: InProcessAPIServer
    /// What passes before each request.
    private let pace: Duration
    private var template: VectorTemplate
    private var normalizer: VectorNormalizer
    private var watches: [String: EventReader] = [:]

    /// A cluster that the clusters of vectors are copies of.
    ///
    /// - Throws: what starting a cluster throws.
    static func template() async throws -> InProcessAPIServer {
        try await InProcessAPIServer(world: World(clock: .frozen(at: start), seed: 1, traceCapacity: 1))
    }

    /// Starts a cluster and makes the vector's namespaces.
    ///
    /// - Throws: `Failure`, or what starting a cluster throws.
    init(_ vector: JSON, on cluster: InProcessAPIServer, pace: Duration) async throws {
        self.vector = vector
        self.pace = pace
        server = try await InProcessAPIServer(copying: cluster, world: World(clock: .frozen(at: Self.start), seed: 2, traceCapacity: 16))
        let count = max(Int(vector["ns"]?.integer ?? 1), 1)
        let names = (1...count).map { (variable: $0 == 1 ? "ns" : "ns\($0)", name: "v090c4f1-n\($0)") }
        template = VectorTemplate(variables: [:])
        for (variable, name) in names { template.variables[variable] = name }
        for member in vector["vars"]?.object?.members ?? [] { template.variables[member.key] = VectorTemplate.text(of: member.value) }
        let steps = vector["steps"]?.array ?? []
        let literals = steps.map { step in ["p", "b", "raw", "h"].map { step[$0]?.text ?? "" }.joined(separator: "\n") }
        let labels = names.map { (value: $0.name, label: "{\($0.variable)}") }.sorted { $0.value.utf8.count > $1.value.utf8.count }
        normalizer = VectorNormalizer(
            names: labels + [(value: "https://kubernetes.default.svc", label: "{apiAudience}")],
            literals: literals.joined(separator: "\n"))
        for index in 0..<Int(vector["ns"]?.integer ?? 1) {
            try await makeNamespace(names[index].name, labels: index == 0 ? template.fill(vector["nsLabels"] ?? .null) : .null)
        }
    }

    private func makeNamespace(_ name: String, labels: JSON) async throws {
        var namespace: JSON = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]]
        if labels.object?.isEmpty == false { namespace.set(labels, at: ["metadata", "labels"]) }
        let answer = await server.send(
            "POST", "/api/v1/namespaces", headers: ["Content-Type": "application/json"], body: namespace.serialized())
        guard answer.status == 201 else { throw Failure(description: "cannot create namespace \(name): \(answer.status)") }
    }

    /// Runs all steps; for each, where its answer differs from what is stated.
    ///
    /// - Throws: `Failure`.
    mutating func run() async throws -> [[String]] {
        defer { for reader in watches.values { reader.close() } }
        var results: [[String]] = []
        for step in vector["steps"]?.array ?? [] {
            let outcome = try await perform(step)
            let expected = Self.expected(step)
            guard !expected.isEmpty else {
                results.append([])
                continue
            }
            let sorting = step["sort"]?.strings ?? []
            results.append(
                VectorComparison.differences(
                    Self.canonical(expected, sorting: sorting), Self.canonical(outcome, sorting: sorting)))
        }
        return results
    }

    private static let expectations = ["code", "rct", "warn", "rh", "rb", "rt", "ev", "closed"]

    private static func expected(_ step: JSON) -> JSONObject {
        var expected = JSONObject(expectations.compactMap { key in step[key].map { (key, $0) } })
        if expected["code"] != nil, expected["rct"] == nil { expected["rct"] = "application/json" }
        return expected
    }

    private static func canonical(_ outcome: JSONObject, sorting pointers: [String]) -> JSON {
        VectorComparison.canonical(.object(outcome), sorting: pointers.map { "/rb" + $0 })
    }

    // MARK: Steps

    private mutating func perform(_ step: JSON) async throws -> Outcome {
        if let pause = step["sleep"]?.double {
            await server.world.advance(by: .seconds(pause))
            return [:]
        }
        if let name = step["read"]?.string {
            guard let reader = watches[name] else { throw Failure(description: "no watch \(name) is open") }
            let (events, isClosed) = await events(
                reader, limit: Int(step["max"]?.integer ?? 1), seconds: step["timeout"]?.double ?? 10,
                skipsBookmarks: step["skipBookmarks"]?.bool ?? false)
            return outcome(step, events: events, contentType: "application/json", isClosed: isClosed)
        }
        if pace > .zero { await server.world.advance(by: pace) }
        let request = self.request(step)
        let response = await send(request, step)
        guard step["watch"] != nil || step["open"] != nil, response.status == 200 else {
            guard response.collected == nil else { return try finish(step, response) }
            return ["code": .integer(Int64(response.status)), "rt": "a stream, where one answer was expected"]
        }
        let reader = EventReader(response)
        let contentType = response.headers["Content-Type"] ?? ""
        if let name = step["open"]?.string {
            watches[name] = reader
            return ["code": 200, "rct": .string(contentType)]
        }
        let wish = step["watch"] ?? .null
        let limit = wish["max"]?.integer.map { Int($0) }
        let (events, isClosed) = await events(
            reader, limit: limit, seconds: wish["timeout"]?.double ?? 10, skipsBookmarks: wish["skipBookmarks"]?.bool ?? false)
        reader.close()
        return outcome(step, events: events, contentType: contentType, isClosed: limit == nil ? isClosed : nil)
    }

    private struct Request {
        let method: String
        let target: String
        let headers: HTTPHeaders
        let body: [UInt8]
        let client: InProcessAPIServer.Client
    }

    private mutating func request(_ step: JSON) -> Request {
        var body: [UInt8]?
        if let document = step["b"] {
            let sent = template.fill(document)
            body = Array(sent.recordedText.utf8)
            normalizer.note(request: sent)
        } else if let text = step["raw"]?.string {
            body = Array(template.fill(text).utf8)
        } else if let text = step["rawb64"]?.string {
            body = VectorBase64.decode(text)
        }
        var headers = headers(step)
        let contentType = step["ct"]?.string ?? "application/json"
        if body != nil, !contentType.isEmpty, headers["Content-Type"] == nil { headers.add("Content-Type", contentType) }
        if headers["User-Agent"] == nil { headers.add("User-Agent", Self.userAgent) }
        if headers["Accept"] == nil { headers.add("Accept", "application/json") }
        let isAnonymous = Self.isSet(step["anon"]) || step["bearer"] != nil
        return Request(
            method: step["m"]?.string ?? "GET", target: template.fill(step["p"]?.string ?? "/"), headers: headers, body: body ?? [],
            client: isAnonymous ? .anonymous : .admin)
    }

    private static func isSet(_ value: JSON?) -> Bool { value?.bool ?? (value?.integer.map { $0 != 0 } ?? false) }

    private func headers(_ step: JSON) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for member in step["h"]?.object?.members ?? [] {
            for value in member.value.strings ?? [member.value.string ?? ""] { headers.add(member.key, template.fill(value)) }
        }
        let isAdmin = !Self.isSet(step["anon"]) && step["bearer"] == nil
        if let user = step["as"] ?? (isAdmin ? vector["as"] : nil) {
            let user = template.fill(user)
            if let name = user["user"]?.string { headers.add("Impersonate-User", name) }
            for group in user["groups"]?.strings ?? [] { headers.add("Impersonate-Group", group) }
            if let uid = user["uid"]?.string { headers.add("Impersonate-Uid", uid) }
            for extra in user["extra"]?.object?.members ?? [] {
                for value in extra.value.strings ?? [] { headers.add("Impersonate-Extra-" + extra.key, value) }
            }
        }
        if let token = step["bearer"]?.string { headers.add("Authorization", "Bearer " + template.fill(token)) }
        return headers
    }

    /// Sends a request; with `until` again and again, moving time on, until the conditions hold.
    private func send(_ request: Request, _ step: JSON) async -> HTTPResponse {
        var left = step["wait"]?.double ?? Self.untilSeconds
        while true {
            let response = await server.send(
                request.method, request.target, headers: request.headers, body: request.body, as: request.client)
            guard let conditions = step["until"].map({ template.fill($0) }), left > 0 else { return response }
            let body = response.collected.flatMap { try? JSON(parsing: $0) }
            if Self.holds(conditions, response.status, body) { return response }
            await server.world.advance(by: Self.poll)
            left -= Self.poll / .seconds(1)
        }
    }

    private static func holds(_ conditions: JSON, _ status: Int, _ body: JSON?) -> Bool {
        (conditions.object?.members ?? []).allSatisfy { condition in
            if condition.key == "code" { return condition.value == .integer(Int64(status)) }
            let found = VectorPointer.value(body, condition.key)
            if condition.value == "*" {
                return switch found {
                case nil, .null?: false
                case .string(let text)?: !text.isEmpty
                case .array(let elements)?: !elements.isEmpty
                case .object(let object)?: !object.isEmpty
                default: true
                }
            }
            return (found ?? .null).isEquivalent(to: condition.value)
        }
    }

    // MARK: Streams

    private func events(
        _ reader: EventReader, limit: Int?, seconds: Double, skipsBookmarks: Bool
    ) async -> (events: [JSON], isClosed: Bool) {
        var events: [JSON] = []
        var left = seconds
        while limit.map({ events.count < $0 }) ?? true {
            switch await reader.next(within: Self.quiet) {
            case .line(let line):
                let event = (try? JSON(parsing: line)) ?? ["raw": .string(String(decoding: line, as: UTF8.self))]
                if !skipsBookmarks || event["type"] != "BOOKMARK" { events.append(event) }
            case .end: return (events, true)
            case .nothing:
                guard left > 0 else { return (events, false) }
                await server.world.advance(by: .seconds(1))
                left -= 1
            }
        }
        return (events, false)
    }

    private mutating func outcome(_ step: JSON, events: [JSON], contentType: String, isClosed: Bool?) -> Outcome {
        for event in events { normalizer.learn(event) }
        let keepsManagedFields = Self.isSet(step["mf"])
        var shown: [JSON] = []
        for event in events {
            var event = normalizer.walk(event, keepsManagedFields: keepsManagedFields)
            for pointer in step["ign"]?.strings ?? [] { VectorPointer.remove(pointer, from: &event) }
            shown.append(event)
        }
        var outcome: Outcome = ["code": 200, "rct": .string(contentType), "ev": .array(shown)]
        outcome["closed"] = isClosed.map(JSON.bool)
        return outcome
    }

    // MARK: Answers

    private mutating func finish(_ step: JSON, _ response: HTTPResponse) throws -> Outcome {
        let contentType = response.headers["Content-Type"] ?? ""
        var outcome: Outcome = ["code": .integer(Int64(response.status)), "rct": .string(contentType)]
        let warnings = Self.isSet(step["nowarn"]) ? [] : response.headers.all("Warning")
        if !warnings.isEmpty {
            var texts: [JSON] = []
            for warning in warnings { texts.append(.string(normalizer.text(warning))) }
            outcome["warn"] = .array(texts)
        }
        var named = JSONObject()
        for name in step["rh_keys"]?.strings ?? step["rh"]?.object?.keys ?? [] {
            named[name] = .string(normalizer.text(response.headers[name] ?? ""))
        }
        if !named.isEmpty { outcome["rh"] = .object(named) }
        try addBody(step, response, isJSON: contentType.contains("json"), to: &outcome)
        if Self.isSet(step["nobody"]) {
            outcome["rb"] = nil
            outcome["rt"] = nil
        }
        return outcome
    }

    private mutating func addBody(_ step: JSON, _ response: HTTPResponse, isJSON: Bool, to outcome: inout Outcome) throws {
        let bytes = response.collected ?? []
        let looksLikeJSON = bytes.first == UInt8(ascii: "{") || bytes.first == UInt8(ascii: "[")
        let document = isJSON || looksLikeJSON ? try? JSON(parsing: bytes) : nil
        for saved in step["save"]?.object?.members ?? [] {
            guard let value = VectorPointer.value(document, saved.value.string ?? ""), !value.isNull else {
                throw Failure(
                    description: "cannot save \(saved.key) from \(response.status): \(String(decoding: bytes.prefix(300), as: UTF8.self))")
            }
            template.variables[saved.key] = VectorTemplate.text(of: value)
        }
        guard let document else {
            guard !bytes.isEmpty else { return }
            let text = normalizer.text(String(decoding: bytes, as: UTF8.self))
            guard let pattern = step["match"]?.string else {
                outcome["rt"] = .string(text)
                return
            }
            let isMatch = try text.firstMatch(of: Regex(pattern)) != nil
            outcome["rt"] = ["match": .bool(isMatch)]
            return
        }
        outcome["rb"] = body(step, document)
    }

    private mutating func body(_ step: JSON, _ document: JSON) -> JSON {
        let keepsManagedFields = Self.isSet(step["mf"])
        var body: JSON
        if let only = step["only"]?.strings {
            var parts = JSONObject()
            for pointer in only {
                var value = VectorPointer.value(document, pointer) ?? .null
                if pointer == "/metadata/continue", !value.isNull, value != "" { value = "{continue}" }
                parts[pointer] = normalizer.walk(
                    value, key: VectorPointer.tokens(pointer).last, keepsManagedFields: keepsManagedFields)
            }
            body = .object(parts)
        } else {
            normalizer.learn(document)
            body = normalizer.walk(document, keepsManagedFields: keepsManagedFields)
        }
        for pointer in step["ign"]?.strings ?? [] { VectorPointer.remove(pointer, from: &body) }
        return body
    }
}

/// Standard base64 of a vector's binary body.
enum VectorBase64 {
    static func decode(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 {
            guard let value = alphabet[byte] else { continue }
            bits = bits << 6 | UInt32(value)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        return result
    }

    private static let alphabet: [UInt8: UInt8] = Dictionary(
        uniqueKeysWithValues: zip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8, 0..<64))
}
