/// A field selector (`k8s.io/apimachinery/pkg/fields`).
public struct FieldSelector: Sendable, Hashable {
    /// One condition.
    public struct Requirement: Sendable, Hashable {
        /// `metadata.name`, `status.phase` …
        public let field: String
        /// What the field is compared with.
        public let value: String
        /// Whether it must differ.
        public let isNegated: Bool
    }

    /// All have to hold; in the order of their texts, in which they are checked too.
    public let requirements: [Requirement]

    /// Whether everything is selected.
    public var isEmpty: Bool { requirements.isEmpty }

    /// Parses the text of `fieldSelector`: `k=v`, `k==v`, `k!=v`, with `\` before `,`, `=` and `\` in values.
    ///
    /// - Throws: `SelectorError`.
    public init(parsing text: String) throws(SelectorError) {
        var found: [Requirement] = []
        let terms = Self.terms(text).sorted { $0.lexicographicallyPrecedes($1) }
        for term in terms where !term.isEmpty {
            guard let (field, isNegated, value) = Self.parts(term) else {
                throw .malformed("invalid selector: '\(text)'; can't understand '\(String(decoding: term, as: UTF8.self))'")
            }
            found.append(Requirement(field: String(decoding: field, as: UTF8.self), value: try Self.unescaped(value), isNegated: isNegated))
        }
        requirements = found
    }

    /// Whether an object satisfies every requirement; `value` gives the text of a field, empty for one that is absent.
    public func matches(_ value: (String) -> String) -> Bool {
        requirements.allSatisfy { (value($0.field) == $0.value) != $0.isNegated }
    }

    /// The terms between commas that are not escaped.
    private static func terms(_ text: String) -> [ArraySlice<UInt8>] {
        let bytes = Array(text.utf8)
        var terms: [ArraySlice<UInt8>] = []
        var start = 0
        var isEscaped = false
        for (index, byte) in bytes.enumerated() {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: ",") {
                terms.append(bytes[start..<index])
                start = index + 1
            }
        }
        return terms + [bytes[start...]]
    }

    /// Field, operator and value, at the first operator.
    private static func parts(_ term: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, isNegated: Bool, ArraySlice<UInt8>)? {
        for index in term.indices {
            let rest = term[index...]
            if rest.starts(with: "!=".utf8) { return (term[..<index], true, rest.dropFirst(2)) }
            if rest.starts(with: "==".utf8) { return (term[..<index], false, rest.dropFirst(2)) }
            if rest.starts(with: "=".utf8) { return (term[..<index], false, rest.dropFirst()) }
        }
        return nil
    }

    private static func unescaped(_ value: ArraySlice<UInt8>) throws(SelectorError) -> String {
        var result = ""
        var isEscaped = false
        for scalar in String(decoding: value, as: UTF8.self).unicodeScalars {
            let isSpecial = scalar == "\\" || scalar == "," || scalar == "="
            if isEscaped {
                guard isSpecial else { throw .malformed("invalid field selector: invalid escape sequence: \\\(scalar)") }
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
                continue
            } else if isSpecial {
                // Kubernetes prints the number of the character.
                throw .malformed("invalid field selector: unescaped character in value: \(scalar.value)")
            }
            result.unicodeScalars.append(scalar)
        }
        guard !isEscaped else { throw .malformed("invalid field selector: invalid escape sequence: \\") }
        return result
    }
}
