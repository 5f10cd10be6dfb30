import IAMAuthenticator
import JSON

/// Area `auth-mode`: which sources a cluster asks, and how that changes.
enum AuthModeVectors {
    private static let account = "111122223333"
    private static let creator = "arn:aws:iam::111122223333:role/Dev"
    private static let caller: JSON = [
        "arn": "arn:aws:sts::111122223333:assumed-role/Dev/alice", "userId": "AROAEXAMPLEDEV:alice", "account": "111122223333",
    ]

    static func mode(_ given: JSON, _ expected: JSON) async -> VectorOutcome {
        let mode = given.at("cluster", "authenticationMode")?.string.flatMap(AuthenticationMode.init(rawValue:))
        switch given.at("request", "operation")?.string {
        case "UpdateClusterConfig":
            guard let mode else { return .failed("unknown authentication mode") }
            return update(mode, given.at("request", "params", "accessConfig", "authenticationMode"), expected)
        case "CreateCluster": return await create(given["request"] ?? [:], expected)
        default:
            guard let mode else { return .failed("unknown authentication mode") }
            return await sources(mode, given, expected)
        }
    }

    private static func update(_ mode: AuthenticationMode, _ wanted: JSON?, _ expected: JSON) -> VectorOutcome {
        guard let wanted = wanted?.string.flatMap(AuthenticationMode.init(rawValue:)) else { return .failed("unknown authentication mode") }
        var state = AccessEntryState(mode: mode, accountID: account)
        var differences = Differences()
        do throws(AccessEntryError) {
            let update = try state.changeMode(to: wanted, creatorARN: creator)
            differences.require(expected["ok"]?.bool == true, "expected \(expected), got success")
            differences.compare(
                "update", expected["update"],
                [
                    "type": .string(update.type),
                    "params": [["type": .string(update.parameter), "value": .string(update.mode.rawValue)]],
                ])
            differences.compare("mode", expected.at("after", "authenticationMode"), .string(state.mode.rawValue))
            let added = state.entries.map { $0.principalARN == creator ? "the cluster creator" : $0.principalARN }
            differences.compare("entries", expected.at("after", "accessEntriesAdded") ?? [], JSON(strings: added))
        } catch {
            differences.compare("", expected, json(error))
        }
        return VectorOutcome(differences.texts)
    }

    private static func json(_ error: AccessEntryError) -> JSON {
        ["error": .string(error.code), "httpStatus": .integer(Int64(error.status)), "message": .string(error.message)]
    }

    private static func create(_ request: JSON, _ expected: JSON) async -> VectorOutcome {
        let creator = request["caller"]?.string ?? creator
        let access = request.at("params", "accessConfig") ?? [:]
        let defaults = AccessConfiguration()
        let mode = access["authenticationMode"].map { $0.string.flatMap(AuthenticationMode.init(rawValue:)) } ?? defaults.mode
        let bootstraps = access["bootstrapClusterCreatorAdminPermissions"]?.bool ?? defaults.bootstrapsCreator
        guard let mode else { return .failed("unknown authentication mode") }
        var differences = Differences()
        do throws(AccessEntryError) {
            let state = try AccessEntryState(
                creatingClusterBy: creator, accountID: account, mode: mode, bootstrapsCreator: bootstraps)
            differences.require(expected["ok"]?.bool == true, "expected \(expected), got success")
            var policies = JSONObject()
            for entry in state.entries {
                policies[entry.principalARN] = .array(
                    entry.associations.map { ["policyArn": .string($0.policyARN), "accessScope": ["type": .string($0.scope)]] })
            }
            differences.compare(
                "after", expected["after"]?.without("callerKubectl"),
                [
                    "accessConfig": [
                        "authenticationMode": .string(mode.rawValue), "bootstrapClusterCreatorAdminPermissions": .bool(bootstraps),
                    ],
                    "accessEntries": JSON(strings: state.entries.map(\.principalARN)), "associatedAccessPolicies": .object(policies),
                ])
            if let shown = expected.at("after", "callerKubectl") {
                let entries = state.entries.map {
                    AccessEntry(principalARN: $0.principalARN, principalID: "AROAEXAMPLEDEV", username: $0.username, groups: $0.groups)
                }
                let mapper = IdentityMapper(mode: state.mode, entries: entries, awsAuth: AWSAuthConfigMap(), clusterName: "c")
                let result = await AuthMappingVectors.map(mapper, caller: caller)
                differences.compare("callerKubectl", shown, (try? result.get()).map { .string($0.username) } ?? "Unauthorized")
            }
        } catch {
            differences.compare("", expected, json(error))
        }
        return VectorOutcome(differences.texts)
    }

    /// The caller is named in the sources that the case gives; which of them is asked?
    private static func sources(_ mode: AuthenticationMode, _ given: JSON, _ expected: JSON) async -> VectorOutcome {
        var entries: [AccessEntry] = []
        if let entry = given.at("sources", "accessEntry") {
            entries.append(
                AccessEntry(
                    principalARN: creator, principalID: "AROAEXAMPLEDEV", username: entry["username"]?.string ?? "",
                    groups: entry["groups"]?.strings ?? []))
        }
        var awsAuth = AWSAuthConfigMap()
        if let line = given.at("sources", "awsAuth") {
            let mapping: JSON = [
                "rolearn": .string(creator), "username": line["username"] ?? line, "groups": line["groups"] ?? [],
            ]
            awsAuth = AWSAuthConfigMap(data: ["mapRoles": JSON.array([mapping]).text])
        }
        let mapper = IdentityMapper(
            mode: mode, entries: entries, awsAuth: awsAuth, clusterName: "c", creatorARN: given.at("cluster", "creator")?.string)
        var differences = Differences()
        switch await AuthMappingVectors.map(mapper, caller: caller) {
        case .success(let user):
            differences.compare(
                "", expected, ["ok": true, "username": .string(user.username), "groups": JSON(strings: user.groups)])
        case .failure(let error): differences.compare("", expected, ["unauthorized": .bool(error == .notMapped)])
        }
        return VectorOutcome(differences.texts)
    }
}
