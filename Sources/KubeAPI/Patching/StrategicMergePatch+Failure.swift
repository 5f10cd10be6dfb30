import JSON

extension StrategicMergePatch {
    /// Why a patch is refused, in the server's words.
    public enum Failure: Error, Sendable, Hashable {
        /// A directive has a wrong form: 400.
        case malformed(String)
        /// Lists of lists cannot be merged: 422, the reason stays with the server.
        case listOfLists
        /// Anything else: 500 with the bare text.
        case unexpected(String)

        /// The answer (`interpretStrategicMergePatchError`).
        public var status: KubeStatus {
            switch self {
            case .malformed(let message): .badRequest(message)
            case .listOfLists: .patchNotApplicable
            case .unexpected(let message): .unexpected(message)
            }
        }

        static func badDirective(_ directive: JSON, _ patch: JSONObject) -> Failure {
            let name =
                switch directive {
                case .string(let text): text
                case .null: "%!s(<nil>)"
                case .bool, .integer, .number: "%!s(\(GoType(directive).rawValue)=\(GoText.printed(directive)))"
                case .array, .object: GoText.printed(directive)
                }
            return .unexpected("unknown patch type: \(name) in map: \(GoText.printed(.object(patch)))")
        }

        static func noMergeKey(_ element: JSON, _ key: String) -> Failure {
            .unexpected("map: \(GoText.printed(element)) does not contain declared merge key: \(key)")
        }

        static func wrongType(_ value: JSON, expected: GoType) -> Failure {
            .unexpected("expected a \(expected.rawValue), but received a \(value.isNull ? "%!s(<nil>)" : GoType(value).rawValue)")
        }
    }

    /// The Go types of unstructured values.
    enum GoType: String {
        case null = "<nil>"
        case bool
        case integer = "int64"
        case number = "float64"
        case string
        case list = "[]interface {}"
        case map = "map[string]interface {}"

        init(_ value: JSON) {
            switch value {
            case .null: self = .null
            case .bool: self = .bool
            case .integer: self = .integer
            case .number: self = .number
            case .string: self = .string
            case .array: self = .list
            case .object: self = .map
            }
        }
    }
}
