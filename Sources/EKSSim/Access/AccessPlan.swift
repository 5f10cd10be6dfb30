import IAMAuthenticator
import JSON
import RBAC
import YAML

/// A change of a cluster's access that is to be rehearsed: of the mode, of `aws-auth`, of access entries and their policies.
public struct AccessPlan: Sendable, Hashable {
    /// Why a plan cannot be read or carried out.
    public struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// The text for messages.
        public let description: String

        init(_ description: String) { self.description = description }
    }

    /// One step, in the order of the plan.
    enum Step: Sendable, Hashable {
        case mode(AuthenticationMode)
        /// `nil` deletes the ConfigMap.
        case awsAuth([String: String]?)
        case create(AccessEntryState.Entry, username: String?)
        case update(principalARN: String, username: String?, groups: [String]?)
        case delete(principalARN: String)
        case associate(AccessEntryState.Association, principalARN: String)
        case disassociate(policyARN: String, principalARN: String)
    }

    let steps: [Step]

    /// Reads a plan: YAML or JSON, or the manifest of an `aws-auth` ConfigMap itself.
    ///
    /// ```yaml
    /// authenticationMode: API
    /// awsAuth: {mapRoles: "…"}          # null deletes the ConfigMap
    /// accessEntries:
    ///   delete: [arn:aws:iam::111122223333:role/old]
    ///   create:
    ///     - principalArn: arn:aws:iam::111122223333:role/new
    ///       kubernetesGroups: [developers]
    ///       accessPolicies: [{policyArn: AmazonEKSViewPolicy, accessScope: {type: namespace, namespaces: [team-a]}}]
    ///   update: [{principalArn: …, kubernetesGroups: [], username: …}]
    /// accessPolicies:
    ///   associate: [{principalArn: …, policyArn: …, accessScope: {type: cluster}}]
    ///   disassociate: [{principalArn: …, policyArn: …}]
    /// ```
    ///
    /// - Throws: `Problem`.
    public init(parsing text: String) throws(Problem) {
        let document: JSON
        do { document = try YAMLDecoder.decode(text) } catch { throw Problem("the plan is no YAML: \(error)") }
        guard let members = document.object?.members else { throw Problem("the plan is empty, or no mapping") }
        if document["kind"]?.string == "ConfigMap" {
            guard document.at("metadata", "name")?.string == "aws-auth" else {
                throw Problem("of manifests, only the ConfigMap kube-system/aws-auth can be rehearsed")
            }
            steps = [.awsAuth(try Self.data(document["data"] ?? [:]))]
            return
        }
        var steps: [Step] = []
        for member in members {
            switch member.key {
            case "authenticationMode":
                guard let mode = member.value.string.flatMap(AuthenticationMode.init(rawValue:)) else {
                    throw Problem("authenticationMode: want one of \(AuthenticationMode.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                steps.append(.mode(mode))
            case "awsAuth": steps.append(.awsAuth(member.value.isNull ? nil : try Self.data(member.value)))
            case "accessEntries": steps += try Self.entries(member.value)
            case "accessPolicies": steps += try Self.policies(member.value)
            default:
                throw Problem("\(member.key): want authenticationMode, awsAuth, accessEntries or accessPolicies")
            }
        }
        self.steps = steps
    }

    private static func data(_ value: JSON) throws(Problem) -> [String: String] {
        guard let members = value.object?.members else { throw Problem("awsAuth: want mapRoles, mapUsers, mapAccounts as texts") }
        var data: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else { throw Problem("awsAuth.\(member.key): want a text, as in the ConfigMap") }
            data[member.key] = text
        }
        return data
    }

    private static func entries(_ value: JSON) throws(Problem) -> [Step] {
        var steps: [Step] = []
        for member in value.object?.members ?? [] {
            for item in member.value.array ?? [] {
                switch member.key {
                case "delete": steps.append(.delete(principalARN: try arn(item.string.map { ["principalArn": .string($0)] } ?? item)))
                case "update":
                    steps.append(
                        .update(
                            principalARN: try arn(item), username: item["username"]?.string, groups: item["kubernetesGroups"]?.strings))
                case "create":
                    let principal = try arn(item)
                    let entry = AccessEntryState.Entry(
                        principalARN: principal, type: item["type"]?.string ?? "STANDARD", username: "",
                        groups: item["kubernetesGroups"]?.strings ?? [])
                    steps.append(.create(entry, username: item["username"]?.string))
                    for policy in item["accessPolicies"]?.array ?? [] {
                        guard let association = association(policy) else { throw Problem("accessPolicies: want policyArn and accessScope") }
                        steps.append(.associate(association, principalARN: principal))
                    }
                default: throw Problem("accessEntries.\(member.key): want create, update or delete")
                }
            }
        }
        return steps
    }

    private static func policies(_ value: JSON) throws(Problem) -> [Step] {
        var steps: [Step] = []
        for member in value.object?.members ?? [] {
            for item in member.value.array ?? [] {
                guard let association = association(item) else { throw Problem("accessPolicies: want principalArn and policyArn") }
                switch member.key {
                case "associate": steps.append(.associate(association, principalARN: try arn(item)))
                case "disassociate": steps.append(.disassociate(policyARN: association.policyARN, principalARN: try arn(item)))
                default: throw Problem("accessPolicies.\(member.key): want associate or disassociate")
                }
            }
        }
        return steps
    }

    private static func arn(_ item: JSON) throws(Problem) -> String {
        guard let arn = item["principalArn"]?.string, arn.hasPrefix("arn:") else { throw Problem("principalArn: want an ARN") }
        return arn
    }

    /// An association; the policy may be named without its ARN.
    static func association(_ item: JSON) -> AccessEntryState.Association? {
        guard let policy = item["policyArn"]?.string else { return nil }
        let arn = policy.hasPrefix("arn:") ? policy : "arn:aws:eks::aws:cluster-access-policy/\(policy)"
        let namespaces = item.at("accessScope", "namespaces")?.strings ?? []
        return AccessEntryState.Association(
            policyARN: arn, scope: item.at("accessScope", "type")?.string ?? (namespaces.isEmpty ? "cluster" : "namespace"),
            namespaces: namespaces)
    }
}

extension AccessPlan {
    /// The access after the plan, by EKS' own rules; the original stays as it is.
    ///
    /// - Throws: `Problem` with the step and EKS' words when EKS would refuse it.
    public func applied(to access: ClusterAccess, catalog: AccessPolicyCatalog = .published) throws(Problem) -> ClusterAccess {
        var after = access
        for step in steps {
            do { try Self.apply(step, to: &after, catalog) } catch { throw Problem("\(step.title): \(error)") }
        }
        return after
    }

    private static func apply(_ step: Step, to access: inout ClusterAccess, _ catalog: AccessPolicyCatalog) throws(AccessEntryError) {
        var state = AccessEntryState(mode: access.mode, accountID: access.accountID, entries: access.entries)
        switch step {
        case .awsAuth(let data): access.awsAuth = data
        case .mode(let mode): try state.changeMode(to: mode, creatorARN: access.creatorARN ?? "")
        case .create(let entry, let username):
            let exists = { (arn: String) in
                !access.knowsPrincipals || access.principal(arn) != nil || !arn.contains("::\(access.accountID):") || arn.hasSuffix(":root")
            }
            try state.create(
                principalARN: entry.principalARN, type: entry.type, username: username, groups: entry.groups, exists: exists)
        case .update(let arn, let username, let groups): try state.update(arn, username: username, groups: groups)
        case .delete(let arn):
            try state.delete(arn)
            access.entryPrincipalIDs[arn] = nil
        case .associate(let association, let arn):
            try state.associate(association, with: arn) { catalog[$0] != nil }
        case .disassociate(let policy, let arn): try state.disassociate(policyARN: policy, from: arn)
        }
        access.mode = state.mode
        access.entries = state.entries.filter { !$0.principalARN.isEmpty }
        // A new entry is for the principal that has the name now.
        for entry in access.entries where access.entryPrincipalIDs[entry.principalARN] == nil {
            access.entryPrincipalIDs[entry.principalARN] = access.principal(entry.principalARN)?.id ?? entry.principalARN
        }
    }
}

extension AccessPlan.Step {
    fileprivate var title: String {
        switch self {
        case .mode(let mode): "authenticationMode \(mode.rawValue)"
        case .awsAuth: "awsAuth"
        case .create(let entry, _): "create the access entry of \(entry.principalARN)"
        case .update(let arn, _, _): "update the access entry of \(arn)"
        case .delete(let arn): "delete the access entry of \(arn)"
        case .associate(let association, let arn): "associate \(association.policyARN) with \(arn)"
        case .disassociate(let policy, let arn): "disassociate \(policy) from \(arn)"
        }
    }
}
