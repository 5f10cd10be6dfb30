import Encoding
import JSON

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Gives what differs from run to run the names that the recorded answers use: `{uid1}`, `{rv1}`, `{time}` … (`facts/kubernetes.md`).
///
/// One normaliser serves all steps of a vector, so that the same number means the same value.
struct VectorNormalizer {
    /// Labels in the order in which their values were seen.
    private struct Labels {
        private(set) var pairs: [(value: String, label: String)] = []

        subscript(value: String) -> String? { pairs.first { $0.value == value }?.label }

        mutating func label(_ value: String, _ prefix: String) -> String {
            if let known = self[value] { return known }
            let label = "{\(prefix)\(pairs.count + 1)}"
            pairs.append((value, label))
            return label
        }

        mutating func add(_ value: String, _ label: String) { pairs.append((value, label)) }
    }

    /// Names of the run, such as namespaces, and what stands for them; longest first.
    private let names: [(value: String, label: String)]
    private let literals: String
    private var uids = Labels()
    private var revisions = Labels()
    private var generated = Labels()
    private var addresses = Labels()
    private var ports = Labels()
    private var prefixes: [String] = []
    private var lastColumns: [String] = []

    private static let ageColumns: Set<String> = ["age", "last seen", "first seen", "lastseen", "firstseen"]
    private static let generatedPrefixLimit = 58

    /// - Parameter literals: the text of all requests of the vector, as written: what occurs there is no volatile value.
    init(names: [(value: String, label: String)], literals: String) {
        self.names = names
        self.literals = literals
    }

    private func isLiteral(_ text: String) -> Bool {
        literals.withCString { hay in text.withCString { strstr(hay, $0) != nil } }
    }

    // MARK: What requests and answers teach

    /// Notes the `generateName` of a request.
    mutating func note(request: JSON) {
        guard let name = request.at("metadata", "generateName")?.string, !name.isEmpty else { return }
        let prefix = String(name.prefix(Self.generatedPrefixLimit))
        if !prefixes.contains(prefix) { prefixes.append(prefix) }
    }

    /// Notes names, addresses and ports that the server has chosen.
    mutating func learn(_ value: JSON) {
        guard value.object != nil else { return }
        learnName(value["metadata"] ?? .null)
        if let spec = value["spec"], spec["clusterIP"] != nil || spec["clusterIPs"] != nil { learnService(spec) }
        for child in value["items"]?.array ?? value["items"].map({ [$0] }) ?? [] { learn(child) }
        for child in value["object"]?.array ?? value["object"].map({ [$0] }) ?? [] { learn(child) }
    }

    private mutating func learnName(_ metadata: JSON) {
        guard let generateName = metadata["generateName"]?.string, let name = metadata["name"]?.string else { return }
        let prefix = String(generateName.prefix(Self.generatedPrefixLimit))
        guard name.utf8.count > prefix.utf8.count, name.hasPrefix(prefix), generated[name] == nil, !isLiteral(name) else { return }
        generated.add(name, "\(prefix){rand\(generated.pairs.count + 1)}")
    }

    private mutating func learnService(_ spec: JSON) {
        for address in [spec["clusterIP"]?.string].compactMap({ $0 }) + (spec["clusterIPs"]?.strings ?? []) {
            let parts = address.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(VolatileText.isDigit) }) else { continue }
            if !isLiteral(address) { _ = addresses.label(address, "clusterIP") }
        }
        let found = (spec["ports"]?.array ?? []).map { $0["nodePort"] } + [spec["healthCheckNodePort"]]
        for port in found.compactMap({ $0?.integer }) where port != 0 && !isLiteral(String(port)) {
            _ = ports.label(String(port), "nodePort")
        }
    }

    // MARK: Text

    /// A text with its volatile parts named.
    mutating func text(_ text: String) -> String {
        var text = text
        for (name, label) in generated.pairs where text.contains(name) { text = text.replacing(name, with: label) }
        for prefix in prefixes where text.contains(prefix) { text = Self.replacing(generatedFrom: prefix, in: text) }
        for (name, label) in names where text.contains(name) { text = text.replacing(name, with: label) }
        for (address, label) in addresses.pairs where text.contains(address) { text = Self.replacing(address, with: label, in: text) }
        if text.utf8.count >= 36 { text = replacingUIDs(text) }
        if text.utf8.count >= 20 { text = replacingTimes(text) }
        text = VolatileText.replacing(text) { bytes, start in
            if let (digits, end) = VolatileText.resourceVersion(bytes, start) {
                return (end, String(decoding: bytes[start..<digits], as: UTF8.self) + "{rv}")
            }
            return VolatileText.apiAccess(bytes, start).map { ($0, "kube-api-access-{rand}") }
        }
        guard !ports.pairs.isEmpty, text.contains("/TCP") || text.contains("/UDP") else { return text }
        return VolatileText.replacing(text) { [ports] bytes, start in
            guard let end = VolatileText.end(of: ":99999/", bytes, start) else { return nil }
            let port = String(decoding: bytes[start + 1..<end - 1], as: UTF8.self)
            return (end, ":\(ports[port] ?? port)/")
        }
    }

    private static func replacing(generatedFrom prefix: String, in text: String) -> String {
        let wanted = Array(prefix.utf8)
        return VolatileText.replacing(text) { bytes, start in
            guard start + wanted.count + 5 <= bytes.count, bytes[start..<start + wanted.count].elementsEqual(wanted) else { return nil }
            if start > 0 {
                let before = bytes[start - 1]
                guard !VolatileText.isLowerOrDigit(before), before != UInt8(ascii: "."), before != UInt8(ascii: "-") else { return nil }
            }
            guard let end = VolatileText.randomSuffix(bytes, start + wanted.count) else { return nil }
            if end < bytes.count, VolatileText.isLowerOrDigit(bytes[end]) { return nil }
            return (end, prefix + "{rand}")
        }
    }

    private static func replacing(_ address: String, with label: String, in text: String) -> String {
        let wanted = Array(address.utf8)
        return VolatileText.replacing(text) { bytes, start in
            let end = start + wanted.count
            guard end <= bytes.count, bytes[start..<end].elementsEqual(wanted) else { return nil }
            if start > 0, VolatileText.isDigit(bytes[start - 1]) || bytes[start - 1] == UInt8(ascii: ".") { return nil }
            return end < bytes.count && VolatileText.isDigit(bytes[end]) ? nil : (end, label)
        }
    }

    private mutating func replacingUIDs(_ text: String) -> String {
        var uids = uids
        let result = VolatileText.replacing(text) { bytes, start in
            guard let end = VolatileText.uuid(bytes, start) else { return nil }
            let uid = String(decoding: bytes[start..<end], as: UTF8.self)
            return (end, isLiteral(uid) ? uid : uids.label(uid, "uid"))
        }
        self.uids = uids
        return result
    }

    private func replacingTimes(_ text: String) -> String {
        VolatileText.replacing(text) { bytes, start in
            guard bytes[start] == UInt8(ascii: "1") || bytes[start] == UInt8(ascii: "2") || bytes[start] == UInt8(ascii: "0") else {
                return nil
            }
            if let end = VolatileText.goTime(bytes, start) { return (end, "{gotime}") }
            guard let (end, fraction) = VolatileText.time(bytes, start) else { return nil }
            let time = String(decoding: bytes[start..<end], as: UTF8.self)
            if isLiteral(time) || time.hasPrefix("2006-01-02T15:04:05") { return (end, time) }
            return (end, fraction == 6 ? "{microtime}" : "{time}")
        }
    }

    // MARK: Documents

    /// A document with its volatile parts named. Managed fields are left out unless asked for.
    mutating func walk(_ value: JSON, key: String? = nil, keepsManagedFields: Bool = false) -> JSON {
        switch value {
        case .object(let object): return walk(object, keepsManagedFields)
        case .array(let elements):
            var result: [JSON] = []
            for element in elements { result.append(walk(element, key: key, keepsManagedFields: keepsManagedFields)) }
            return .array(result)
        case .string(let text): return string(text, key)
        case .integer(let number) where key == "nodePort" || key == "healthCheckNodePort":
            return ports[String(number)].map(JSON.string) ?? value
        default: return value
        }
    }

    private mutating func string(_ value: String, _ key: String?) -> JSON {
        switch key {
        case "resourceVersion" where !value.isEmpty && value != "0" && value.utf8.allSatisfy(VolatileText.isDigit):
            return .string(revisions.label(value, "rv"))
        case "token":
            if let token = token(value) { return token }
        case "caBundle" where !value.isEmpty && !isLiteral(value), "ca.crt" where !value.isEmpty && !isLiteral(value): return "{ca}"
        case "serverAddress" where !value.isEmpty: return "{serverAddress}"
        case "kubernetes.io/description": return "{description}"
        default: break
        }
        return .string(text(value))
    }

    private mutating func walk(_ object: JSONObject, _ keepsManagedFields: Bool) -> JSON {
        let kind = object["kind"]?.string ?? ""
        let isList = object["items"] != nil || kind.hasSuffix("List") || kind == "Table"
        var result = JSONObject()
        for member in object {
            let isArray = member.value.array != nil
            if member.key == "managedFields", isArray, !keepsManagedFields { continue }
            if member.key == "metadata", isList, member.value.object != nil {
                result[member.key] = Self.listMetadata(member.value)
                continue
            }
            if object["type"] == "BOOKMARK", member.key == "object" {
                var bookmark = walk(member.value, key: member.key, keepsManagedFields: keepsManagedFields)
                if bookmark.at("metadata", "resourceVersion") != nil { bookmark.set("{rv}", at: ["metadata", "resourceVersion"]) }
                result[member.key] = bookmark
                continue
            }
            result[text(member.key)] = walk(member.value, key: member.key, keepsManagedFields: keepsManagedFields)
        }
        if kind == "Table", object["rows"]?.array != nil { nameAges(&result, object) }
        return .object(result)
    }

    private static func listMetadata(_ metadata: JSON) -> JSON {
        var metadata = metadata
        if metadata["resourceVersion"] != nil { metadata["resourceVersion"] = "{rv}" }
        if let next = metadata["continue"], next != "", !next.isNull { metadata["continue"] = "{continue}" }
        return metadata
    }

    private mutating func nameAges(_ table: inout JSONObject, _ original: JSONObject) {
        let columns = original["columnDefinitions"]?.array ?? []
        if !columns.isEmpty { lastColumns = columns.map { ($0["name"]?.string ?? "").lowercased() } }
        if let definitions = table["columnDefinitions"]?.array {
            table["columnDefinitions"] = .array(
                definitions.map { definition in
                    var definition = definition
                    definition["description"] = nil
                    return definition
                })
        }
        table["rows"] = .array(
            (table["rows"]?.array ?? []).map { row in
                var row = row
                guard let cells = row["cells"]?.array else { return row }
                row["cells"] = .array(
                    cells.enumerated().map { index, cell in
                        guard index < lastColumns.count, Self.ageColumns.contains(lastColumns[index]), let text = cell.string,
                            VolatileText.isAge(text)
                        else { return cell }
                        return "{age}"
                    })
                return row
            })
    }

    /// A JWT taken apart; `nil` when the value is none.
    private mutating func token(_ value: String) -> JSON? {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        let decoded = parts.prefix(2).map { Base64.decodeURL($0).flatMap { try? JSON(parsing: $0) } }
        guard var header = decoded[0], var claims = decoded[1] else { return "{token}" }
        header["kid"] = header["kid"] == nil ? .null : "{kid}"
        let lifetime = (claims["exp"]?.integer ?? 0) - (claims["iat"]?.integer ?? 0)
        claims["iss"] = "{issuer}"
        for name in ["jti", "exp", "iat", "nbf"] where claims[name] != nil { claims[name] = .string("{\(name)}") }
        if claims.at("kubernetes.io", "warnafter") != nil { claims.set("{warnafter}", at: ["kubernetes.io", "warnafter"]) }
        return ["header": header, "claims": walk(claims), "lifetime": .integer(lifetime)]
    }
}
