import IAMAuthenticator
import JSON
import World

/// Areas `arn`, `aws-auth` and `access-entry-match`: from the identity that STS answers to a Kubernetes user.
enum AuthMappingVectors {
    static func arn(_ given: JSON, _ expected: JSON) -> VectorOutcome {
        let arn = given["arn"]?.string ?? ""
        var differences = Differences()
        switch given["operation"]?.string {
        case "canonicalize":
            do throws(ARN.Problem) {
                let canonical = try ARN(canonicalizing: arn)
                differences.compare("", expected, ["arn": .string(canonical.text), "type": .string(canonical.kind.rawValue)])
            } catch {
                differences.compare("", expected, ["error": .string(error.description)])
            }
        case "stripPath": differences.compare("", expected, ["arn": .string(ARN.strippingPath(arn))])
        case "arnLike": differences.compare("", expected, ["match": .bool(ARN.isLike(arn, given["pattern"]?.string ?? ""))])
        default: return .notRun("unknown operation")
        }
        return VectorOutcome(differences.texts)
    }

    static func mapping(_ given: JSON, _ expected: JSON) async -> VectorOutcome {
        let isConfigMapOnly = given["chain"] != nil
        let mode = isConfigMapOnly ? .configMap : given["authenticationMode"]?.string.flatMap(AuthenticationMode.init(rawValue:))
        guard let mode else { return .failed("unknown authentication mode") }
        var data: [String: String] = [:]
        for member in given.at("awsAuth", "data")?.object?.members ?? [] { data[member.key] = member.value.string }
        let mapper = IdentityMapper(
            mode: mode, entries: (given["accessEntries"]?.array ?? []).map(entry), awsAuth: AWSAuthConfigMap(data: data),
            clusterName: "demo",
            matchesSSORoles: given.at("featureGates", "SSORoleMatch")?.bool ?? false,
            reservedUsernamePrefixes: given.at("reservedPrefixes", "ConfigMap")?.strings ?? [])
        let result = await map(mapper, caller: given["caller"] ?? [:], instances: given["instances"])
        var differences = Differences()
        switch result {
        case .success(let user):
            differences.compare(
                "", expected.without("parseErrors"),
                ["outcome": "mapped", "username": .string(user.username), "groups": JSON(strings: user.groups)])
        case .failure(let error):
            let outcome = error == .notMapped ? "not-mapped" : "error"
            differences.compare(
                "", expected.without("parseErrors"),
                ["outcome": .string(outcome), "webhookStatus": 403, "message": .string(error.description)])
        }
        if isConfigMapOnly {
            differences.require(
                (expected["parseErrors"]?.bool ?? false) != mapper.awsAuth.problems.isEmpty, "problems: got \(mapper.awsAuth.problems)")
        }
        return VectorOutcome(differences.texts)
    }

    static func entry(_ json: JSON) -> AccessEntry {
        AccessEntry(
            principalARN: json["principalArn"]?.string ?? "", principalID: json["principalId"]?.string ?? "",
            username: json["username"]?.string ?? "", groups: json["kubernetesGroups"]?.strings ?? [])
    }

    /// Maps a caller as STS names it.
    static func map(_ mapper: IdentityMapper, caller: JSON, instances: JSON? = nil) async -> Result<MappedIdentity, TokenError> {
        let answer: JSON = [
            "GetCallerIdentityResponse": [
                "GetCallerIdentityResult": [
                    "Arn": caller["arn"] ?? "", "UserId": caller["userId"] ?? "", "Account": caller["account"] ?? "",
                ]
            ]
        ]
        do throws(TokenError) {
            let identity = try CallerIdentity(stsAnswer: answer.serialized(), accessKeyID: caller["accessKeyId"]?.string ?? "")
            var steps: [TraceStep] = []
            return .success(try await mapper.map(identity, privateDNSName: { instances?[$0]?.string }, steps: &steps))
        } catch {
            return .failure(error)
        }
    }
}

extension JSON {
    /// This object without a member.
    func without(_ key: String) -> JSON {
        var copy = self
        copy[key] = nil
        return copy
    }
}
