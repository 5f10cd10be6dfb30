/// Why a text is not acceptable YAML, and where.
public struct YAMLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of refusal.
    public enum Reason: Sendable, Hashable {
        /// Not YAML; the parser's own words.
        case syntax(String)
        case tooLarge(limit: Int)
        case tooDeep(limit: Int)
        /// Aliases would expand to more values than allowed.
        case tooManyAliasedValues(limit: Int)
        case unknownAnchor(String)
        case anchorContainsItself(String)
        case duplicateKey(String)
        /// A key that has no JSON name: null, a list or a mapping.
        case unsupportedKey(String)
        /// A tag that the scalar's text does not fit, or that has no JSON form.
        case unsupportedTag(String, text: String)
        /// `.inf` and `.nan` have no JSON form.
        case notFinite(String)
        case mergeNeedsMapping
    }

    /// What is wrong.
    public let reason: Reason
    /// The line of the text as go-yaml counts it; 0 when none is named.
    public let line: Int

    /// Makes an error.
    public init(_ reason: Reason, line: Int) {
        self.reason = reason
        self.line = line
    }

    /// The refusal in the manner of go-yaml: `yaml: line 3: did not find expected key`.
    public var description: String { line > 0 ? "yaml: line \(line): \(message)" : "yaml: \(message)" }

    private var message: String {
        switch reason {
        case .syntax(let problem): problem
        case .tooLarge(let limit): "document is larger than \(limit) bytes"
        case .tooDeep(let limit): "exceeded max depth of \(limit)"
        case .tooManyAliasedValues: "document contains excessive aliasing"
        case .unknownAnchor(let name): "unknown anchor '\(name)' referenced"
        case .anchorContainsItself(let name): "anchor '\(name)' value contains itself"
        case .duplicateKey(let key): "key \"\(key)\" already set in map"
        case .unsupportedKey(let kind): "unsupported map key of type: \(kind)"
        case .unsupportedTag(let tag, let text): "cannot decode `\(text)` as a \(tag)"
        case .notFinite(let text): "json: unsupported value: \(text)"
        case .mergeNeedsMapping: "map merge requires map or sequence of maps as the value"
        }
    }
}
