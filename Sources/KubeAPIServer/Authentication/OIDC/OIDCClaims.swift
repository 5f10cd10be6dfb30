import JSON
import World

/// The claims of an OpenID Connect token as Go reads them: each into the type that it must have, where `null` is the type's zero.
struct OIDCClaims: Sendable {
    /// A claim that is missing or of another type, in Go's words.
    struct Mismatch: Error, Sendable, Hashable, CustomStringConvertible {
        let description: String

        fileprivate static let missing = Mismatch(description: "claim not present")

        fileprivate init(description: String) { self.description = description }

        fileprivate init(_ value: JSON, as type: String) {
            let kind =
                switch value {
                case .bool: "bool"
                case .integer, .number: "number"
                default: value.typeName
                }
            self.init(description: "json: cannot unmarshal \(kind) into Go value of type \(type)")
        }
    }

    private let json: JSON

    init(_ json: JSON) { self.json = json }

    subscript(name: String) -> JSON? { json[name] }

    /// Checks the claims that every token has.
    ///
    /// - Throws: `OIDCRefusal`.
    func checkTypes() throws(OIDCRefusal) {
        do throws(Mismatch) {
            for name in ["iss", "sub", "nonce", "at_hash"] where json[name] != nil { _ = try string(name) }
            if json["aud"] != nil { _ = try strings("aud") }
            for name in ["exp", "iat", "nbf"] {
                guard let value = json[name], !value.isNull, value.double == nil else { continue }
                throw Mismatch(value, as: "json.Number")
            }
        } catch {
            throw OIDCTokenCheck.unverified("oidc: failed to unmarshal claims: \(error)")
        }
    }

    /// `aud`, one or several; empty when it is missing.
    var audiences: [String] { (try? strings("aud")) ?? [] }

    /// A time in seconds since 1970, a fraction of which is cut off.
    func time(_ name: String) -> Instant? {
        guard let seconds = json[name]?.integer ?? json[name]?.double.flatMap({ Int64(exactly: $0.rounded(.towardZero)) }) else {
            return nil
        }
        // Beyond what the clock can show, in either direction, it compares the same.
        return Instant(seconds: min(max(seconds, -Self.farthest), Self.farthest))
    }

    /// Some 290 years.
    private static let farthest: Int64 = 9_200_000_000

    func string(_ name: String) throws(Mismatch) -> String {
        switch json[name] {
        case nil: throw .missing
        case .string(let text)?: return text
        case .null?: return ""
        case let value?: throw Mismatch(value, as: "string")
        }
    }

    func bool(_ name: String) throws(Mismatch) -> Bool {
        switch json[name] {
        case nil: throw .missing
        case .bool(let flag)?: return flag
        case .null?: return false
        case let value?: throw Mismatch(value, as: "bool")
        }
    }

    /// A list of strings, or one string.
    func strings(_ name: String) throws(Mismatch) -> [String] {
        switch json[name] {
        case nil: throw .missing
        case .string(let text)?: return [text]
        case .null?: return []
        case .array(let items)?:
            var texts: [String] = []
            for item in items {
                switch item {
                case .string(let text): texts.append(text)
                case .null: texts.append("")
                default: throw Mismatch(.array(items), as: "string")
                }
            }
            return texts
        case let value?: throw Mismatch(value, as: "string")
        }
    }
}
