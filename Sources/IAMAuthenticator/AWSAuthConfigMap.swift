import JSON
import YAML

/// The `aws-auth` ConfigMap as the authenticator reads it (`pkg/mapper/configmap`): each section apart, errors losing as little as possible.
public struct AWSAuthConfigMap: Sendable, Hashable {
    /// A permission set of IAM Identity Center, matched by the names of the roles that it makes (feature gate `SSORoleMatch`).
    public struct SSORole: Sendable, Hashable {
        /// The permission set's name.
        public var permissionSetName: String
        /// The account of the roles.
        public var accountID: String
        /// The partition as written; the authenticator forgets a written one, so that such an item never matches.
        public var partition: String

        /// The pattern of the roles' ARNs, in lower case.
        var pattern: String {
            "arn:\(partition.isEmpty ? "aws" : ""):iam::\(accountID):role/awsreservedsso_\(permissionSetName.lowercased())_*"
        }
    }

    /// One item of `mapRoles` or `mapUsers`.
    public struct Mapping: Sendable, Hashable {
        /// `mapRoles` or `mapUsers`.
        public var section: String
        /// Its place in the section, from 0.
        public var index: Int
        /// `rolearn` or `userarn`, as written; empty with `sso`.
        public var arn: String
        /// The permission set of an item with `sso`.
        public var sso: SSORole?
        /// The username template; empty when missing.
        public var username: String
        /// Group templates.
        public var groups: [String]

        /// Whether it is meant for a caller; permission sets count only with the feature gate.
        func matches(canonicalARN: String, matchesSSORoles: Bool) -> Bool {
            let caller = canonicalARN.lowercased()
            guard let sso else { return arn.lowercased() == caller }
            return matchesSSORoles && ARN.isLike(caller, sso.pattern)
        }
    }

    /// The items of `mapUsers`.
    public private(set) var users: [Mapping] = []
    /// The items of `mapRoles`.
    public private(set) var roles: [Mapping] = []
    /// The accounts of `mapAccounts`.
    public private(set) var accounts: [String] = []
    /// The ConfigMap's data as it is.
    public private(set) var data: [String: String] = [:]
    /// What could not be read.
    public private(set) var problems: [String] = []

    /// An empty map, as when there is no ConfigMap.
    public init() {}

    /// Reads the data of the ConfigMap. Keys are compared with case.
    public init(data: [String: String]) {
        self.data = data
        users = mappings("mapUsers", "userarn", data["mapUsers"])
        roles = mappings("mapRoles", "rolearn", data["mapRoles"])
        for (index, item) in (list("mapAccounts", data["mapAccounts"]) ?? []).enumerated() {
            if let account = text(item, "mapAccounts[\(index)]") { accounts.append(account) }
        }
    }

    private mutating func list(_ section: String, _ text: String?) -> [JSON]? {
        guard let text, !["", "\"\"", "''", "``"].contains(text) else { return nil }
        // The parser counts a byte order mark as a column, which would indent the first item.
        let yaml = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        let scalars: YAMLDecoder.Scalars = section == "mapAccounts" ? .text : .kubernetes
        do {
            switch try YAMLDecoder.decode(yaml, scalars: scalars) {
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
        var found: [Mapping] = []
        for (index, item) in (list(section, text) ?? []).enumerated() {
            let mapping = mapping(item, section, index, arnKey)
            switch (mapping.arn.isEmpty, mapping.sso) {
            case (true, nil): problems.append("\(section)[\(index)]: no \(arnKey)")
            case (false, .some): problems.append("\(section)[\(index)]: only one of \(arnKey) and sso can be given")
            default: found.append(mapping)
            }
        }
        return found
    }

    /// Go's decoder matches names without case; a value of the wrong type loses only that field.
    private mutating func mapping(_ item: JSON, _ section: String, _ index: Int, _ arnKey: String) -> Mapping {
        let place = "\(section)[\(index)]"
        var mapping = Mapping(section: section, index: index, arn: "", username: "", groups: [])
        for member in item.object?.members ?? [] {
            switch member.key.lowercased() {
            case arnKey: mapping.arn = text(member.value, "\(place).\(arnKey)") ?? ""
            case "username": mapping.username = text(member.value, "\(place).username") ?? ""
            case "groups":
                guard let groups = member.value.array else {
                    if !member.value.isNull { problems.append("\(place).groups: not a list") }
                    continue
                }
                mapping.groups = groups.map { text($0, "\(place).groups") ?? "" }
            case "sso" where section == "mapRoles": mapping.sso = sso(member.value, place)
            default: continue
            }
        }
        return mapping
    }

    private mutating func sso(_ value: JSON, _ place: String) -> SSORole? {
        guard let members = value.object?.members else {
            if !value.isNull { problems.append("\(place).sso: not a mapping") }
            return nil
        }
        var role = SSORole(permissionSetName: "", accountID: "", partition: "")
        for member in members {
            switch member.key.lowercased() {
            case "permissionsetname": role.permissionSetName = text(member.value, "\(place).sso.permissionSetName") ?? ""
            case "accountid": role.accountID = text(member.value, "\(place).sso.accountID") ?? ""
            case "partition": role.partition = text(member.value, "\(place).sso.partition") ?? ""
            default: continue
            }
        }
        return role
    }

    /// A text; other types but null are a problem.
    private mutating func text(_ value: JSON, _ place: String) -> String? {
        switch value {
        case .string(let text): return text
        case .null: return nil
        default:
            problems.append("\(place): not a text")
            return nil
        }
    }
}
