import JSON
import YAML

/// The `aws-auth` ConfigMap as the authenticator reads it (`pkg/mapper/configmap`): each section apart, errors losing as little as possible.
public struct AWSAuthConfigMap: Sendable, Hashable {
    /// One item of `mapRoles` or `mapUsers`.
    public struct Mapping: Sendable, Hashable {
        /// `mapRoles` or `mapUsers`.
        public var section: String
        /// Its place in the section, from 0.
        public var index: Int
        /// `rolearn` or `userarn`, as written.
        public var arn: String
        /// The username template; empty when missing.
        public var username: String
        /// Group templates.
        public var groups: [String]
    }

    /// The items of `mapUsers`.
    public private(set) var users: [Mapping] = []
    /// The items of `mapRoles`.
    public private(set) var roles: [Mapping] = []
    /// The accounts of `mapAccounts`.
    public private(set) var accounts: [String] = []
    /// What could not be read.
    public private(set) var problems: [String] = []

    /// An empty map, as when there is no ConfigMap.
    public init() {}

    /// Reads the data of the ConfigMap. Keys are compared with case.
    public init(data: [String: String]) {
        users = mappings("mapUsers", "userarn", data["mapUsers"])
        roles = mappings("mapRoles", "rolearn", data["mapRoles"])
        guard let items = list("mapAccounts", data["mapAccounts"]) else { return }
        accounts = items.compactMap { item in
            switch item {
            case .string(let text): text
            case .integer(let number): String(number)
            case .number(let text): text
            default: nil
            }
        }
    }

    private mutating func list(_ section: String, _ text: String?) -> [JSON]? {
        guard let text, !["", "\"\"", "''", "``"].contains(text) else { return nil }
        let scalars: YAMLDecoder.Scalars = section == "mapAccounts" ? .text : .kubernetes
        do {
            switch try YAMLDecoder.decode(text, scalars: scalars) {
            case .array(let items): return items
            case .null: return nil
            default:
                problems.append("\(section): not a list")
                return nil
            }
        } catch {
            problems.append("\(section): \(error)")
            return nil
        }
    }

    private mutating func mappings(_ section: String, _ arnKey: String, _ text: String?) -> [Mapping] {
        guard let items = list(section, text) else { return [] }
        var found: [Mapping] = []
        for (index, item) in items.enumerated() {
            var mapping = Mapping(section: section, index: index, arn: "", username: "", groups: [])
            for member in item.object?.members ?? [] {
                // Go's decoder matches names without case; a value of the wrong type loses only that field.
                switch member.key.lowercased() {
                case arnKey: mapping.arn = member.value.string ?? ""
                case "username": mapping.username = member.value.string ?? ""
                case "groups":
                    guard let groups = member.value.array else {
                        if !member.value.isNull { problems.append("\(section)[\(index)]: groups is not a list") }
                        continue
                    }
                    mapping.groups = groups.compactMap(\.string)
                default: continue
                }
            }
            if mapping.arn.isEmpty { problems.append("\(section)[\(index)]: no \(arnKey)") } else { found.append(mapping) }
        }
        return found
    }
}
