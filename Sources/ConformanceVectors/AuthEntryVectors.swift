import IAMAuthenticator
import JSON
import RBAC

/// Area `access-entry-api`: calls on the access entries of a cluster.
enum AuthEntryVectors {
    static func call(_ given: JSON, _ expected: JSON, _ defaults: JSON) -> VectorOutcome {
        let start = defaults["accessEntryState"] ?? [:]
        let given = given
        let mode = given.at("state", "cluster", "authenticationMode") ?? start.at("cluster", "authenticationMode")
        guard let mode = mode?.string.flatMap(AuthenticationMode.init(rawValue:)), let account = start.at("cluster", "account")?.string
        else {
            return .failed("unknown authentication mode")
        }
        let existing = (given.at("state", "existing") ?? start["existing"])?.array ?? []
        var state = AccessEntryState(mode: mode, accountID: account, entries: existing.map(entry))
        let principals = principals(given.at("state", "iam") ?? start["iam"] ?? [:], account)
        var differences = Differences()
        do throws(AccessEntryError) {
            let answer = try perform(given["request"] ?? [:], on: &state, principals)
            differences.require(expected["ok"]?.bool == true, "expected \(expected), got \(answer)")
            differences.compare("", expected.without("ok").without("after"), answer)
            differences.compare("after", expected["after"], after(state))
        } catch {
            differences.compare(
                "", expected.without("messageContains"),
                ["error": .string(error.code), "httpStatus": .integer(Int64(error.status)), "message": .string(error.message)])
            let part = expected["messageContains"]?.string ?? ""
            differences.require(error.message.contains(part), "message: expected …\(part)…, got \(error.message)")
        }
        return VectorOutcome(differences.texts)
    }

    private static func principals(_ iam: JSON, _ account: String) -> Set<String> {
        var found: Set<String> = []
        for (kind, list) in [("role", iam["roles"]), ("user", iam["users"])] {
            for name in list?.strings ?? [] {
                // `123456789012/Name` is a principal of another account.
                let parts = name.split(separator: "/", maxSplits: 1)
                let isForeign = parts.count == 2 && parts[0].utf8.count == 12 && parts[0].allSatisfy(\.isNumber)
                found.insert("arn:aws:iam::\(isForeign ? String(parts[0]) : account):\(kind)/\(isForeign ? String(parts[1]) : name)")
            }
        }
        return found
    }

    private static func perform(
        _ request: JSON, on state: inout AccessEntryState, _ principals: Set<String>
    ) throws(AccessEntryError) -> JSON {
        let parameters = request["params"] ?? [:]
        let principal = parameters["principalArn"]?.string ?? ""
        switch request["operation"]?.string {
        case "CreateAccessEntry":
            let entry = try state.create(
                principalARN: principal, type: parameters["type"]?.string ?? "STANDARD", username: parameters["username"]?.string,
                groups: parameters["kubernetesGroups"]?.strings ?? [], exists: principals.contains)
            return ["accessEntry": json(entry)]
        case "DescribeAccessEntry": return ["accessEntry": json(try state.describe(principal))]
        case "ListAccessEntries": return ["accessEntries": JSON(strings: try state.list())]
        case "DeleteAccessEntry":
            try state.delete(principal)
            return [:]
        case "AssociateAccessPolicy":
            let done = try state.associate(
                association(parameters), with: principal, isPublished: { AccessPolicyCatalog.published[$0] != nil })
            return ["associatedAccessPolicy": json(done)]
        default: return ["unknown operation": request["operation"] ?? .null]
        }
    }

    static func association(_ json: JSON) -> AccessEntryState.Association {
        AccessEntryState.Association(
            policyARN: json["policyArn"]?.string ?? "", scope: json.at("accessScope", "type")?.string ?? "",
            namespaces: json.at("accessScope", "namespaces")?.strings ?? [])
    }

    static func entry(_ json: JSON) -> AccessEntryState.Entry {
        AccessEntryState.Entry(
            principalARN: json["principalArn"]?.string ?? "", type: json["type"]?.string ?? "STANDARD",
            username: json["username"]?.string ?? "", groups: json["kubernetesGroups"]?.strings ?? [],
            associations: (json["policies"]?.array ?? []).map(association))
    }

    static func json(_ entry: AccessEntryState.Entry) -> JSON {
        [
            "principalArn": .string(entry.principalARN), "type": .string(entry.type), "username": .string(entry.username),
            "kubernetesGroups": JSON(strings: entry.groups),
        ]
    }

    static func json(_ association: AccessEntryState.Association) -> JSON {
        [
            "policyArn": .string(association.policyARN),
            "accessScope": ["type": .string(association.scope), "namespaces": JSON(strings: association.namespaces)],
        ]
    }

    private static func after(_ state: AccessEntryState) -> JSON {
        [
            "accessEntries": JSON(strings: state.entries.map(\.principalARN)),
            "associatedAccessPolicies": .array(state.entries.flatMap(\.associations).map(json)),
        ]
    }
}
