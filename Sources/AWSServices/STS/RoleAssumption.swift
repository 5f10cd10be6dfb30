import IAMPolicy
import JSON

/// Who may assume which roles, asked of policies alone: no call is made, and no parameters such as an external id are given.
struct RoleAssumption: Sendable {
    private static let action = "sts:AssumeRole"

    /// A user or role with all that decides about it, read once.
    private struct Principal: Sendable {
        let caller: Caller
        let policies: CallerPolicies
        let context: [String: [String]]
        let trust: PolicyDocument?
    }

    private let principals: [Principal]

    /// Reads the users and roles of accounts.
    init(accounts: [String], records: Records, authorization: CallerAuthorization) {
        principals = accounts.flatMap { account in
            [("users", "UserId"), ("roles", "RoleId")].flatMap { kind, field in
                records.list(Records.collection(account, "global", "iam", kind)).map { document in
                    let owner = document.json
                    let isRole = kind == "roles"
                    let arn = owner["Arn"]?.string ?? ""
                    let caller = Caller(
                        arn: isRole ? "arn:aws:sts::\(account):assumed-role/\(document.name)/EKSGetTokenAuth" : arn, accountID: account,
                        userID: owner[field]?.string ?? "", roleARN: isRole ? arn : nil, roleName: isRole ? document.name : nil,
                        userName: isRole ? nil : document.name)
                    let text = isRole ? owner["AssumeRolePolicyDocument"]?.string : nil
                    return Principal(
                        caller: caller, policies: authorization.policies(caller, owner),
                        context: authorization.principalContext(caller, owner),
                        trust: text.flatMap { try? PolicyDocument(parsing: $0, isTrust: true) })
                }
            }
        }
    }

    /// The principals that may assume each role, by ARN; roles that nobody may are left out.
    var assumers: [String: [String]] {
        var found: [String: [String]] = [:]
        for role in principals {
            guard let arn = role.caller.roleARN, let trust = role.trust else { continue }
            let names = principals.filter { $0.caller.roleARN != arn && Self.isAllowed($0, arn, trust) }.map(\.caller.principalARN)
            if !names.isEmpty { found[arn] = names }
        }
        return found
    }

    /// The role's trust and the caller's own policies, as `sts:AssumeRole` looks at them.
    private static func isAllowed(_ principal: Principal, _ role: String, _ trust: PolicyDocument) -> Bool {
        let caller = principal.caller
        let who = PolicyRequest.Principal.aws(arn: caller.arn, roleARN: caller.roleARN, accountID: caller.accountID)
        let request = PolicyRequest(action: action, resource: "*", principal: who, context: principal.context)
        guard PolicyEvaluation.evaluate([("trust policy", trust)], request).outcome == .allowed else { return false }
        let isSameAccount = role.contains("::\(caller.accountID):")
        let own = PolicyRequest(action: action, resource: role, context: principal.context)
        return principal.policies.evaluate(own, granted: isSameAccount ? trust.grant(to: who, request) : .account).isAllowed
    }
}

extension AWSFrontDoor {
    /// Who may assume which roles, by ARN, within and between all accounts.
    public var roleAssumers: [String: [String]] {
        RoleAssumption(accounts: accounts.map(\.id), records: records, authorization: authorization).assumers
    }
}
