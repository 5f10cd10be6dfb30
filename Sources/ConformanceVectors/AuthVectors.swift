import JSON

/// Vectors of EKS authentication and authorization: `defaults` and `cases[]` with `area`, `given` and `expect`.
enum AuthVectors {
    static func run(_ document: JSON, _ programs: ClientPrograms?) async -> VectorTally {
        var tally = VectorTally()
        let defaults = document["defaults"] ?? [:]
        for item in document["cases"]?.array ?? [] {
            let given = item["given"] ?? [:]
            let id = item["id"]?.string ?? "?"
            guard let expected = item["expect"], expected.object?.isEmpty == false else {
                tally.add(id, .failed("nothing is expected"))
                continue
            }
            tally.add(id, await outcome(item["area"]?.string ?? "", given, expected, defaults, programs))
        }
        return tally
    }

    private static func outcome(
        _ area: String, _ given: JSON, _ expected: JSON, _ defaults: JSON, _ programs: ClientPrograms?
    ) async -> VectorOutcome {
        switch area {
        case "token": await AuthTokenVectors.token(given, expected, defaults)
        case "token-review": await AuthTokenVectors.review(given, expected, defaults)
        case "arn": AuthMappingVectors.arn(given, expected)
        case "aws-auth", "access-entry-match": await AuthMappingVectors.mapping(given, expected)
        case "access-entry-api": AuthEntryVectors.call(given, expected, defaults)
        case "auth-mode": await AuthModeVectors.mode(given, expected)
        case "access-policy": AuthPolicyVectors.policy(given, expected)
        case "rbac-rule": AuthPolicyVectors.rule(given, expected)
        case "kubernetes-authz": await AuthRequestVectors.authorization(given, expected)
        case "kubernetes-authn": await AuthServerVectors.authentication(given, expected, programs)
        case "trust-policy": AuthTrustVectors.trust(given, expected)
        case "pod-identity-webhook": await AuthPodIdentityVectors.run(given, expected)
        case "service-account-token": await AuthServerVectors.tokens(given, expected)
        case "cli": await AuthCLIVectors.run(given, expected, programs)
        default: .notRun("unknown area \"\(area)\"")
        }
    }
}
