import JSON
import KubeAPI
import RBAC

/// Vectors of authorization decisions: `scenarios[]` with `questions[]`, `rules[]` and `attempts[]`.
enum RBACVectors {
    static func run(_ document: JSON) async -> VectorTally {
        var tally = VectorTally()
        for scenario in document["scenarios"]?.array ?? [] { await run(scenario, &tally) }
        return tally
    }

    private static func run(_ scenario: JSON, _ tally: inout VectorTally) async {
        let id = scenario["id"]?.string ?? "?"
        var cluster = VectorCluster.fresh
        // Placeholders such as {ns} are names like any other to the engines.
        cluster.store(scenario["objects"]?.array ?? [])
        for expected in scenario["aggregated"]?.object?.members ?? [] {
            let rules = cluster.find("clusterroles", "", expected.key)?["rules"]?.array ?? []
            if Int64(rules.count) < expected.value.integer ?? 0 {
                tally.add("\(id)/aggregated", .failed("\(expected.key): expected at least \(expected.value) rules, got \(rules)"))
            }
        }
        for (index, question) in (scenario["questions"]?.array ?? []).enumerated() {
            tally.add("\(id)/questions/\(index)", ask(question, cluster))
        }
        for (index, review) in (scenario["rules"]?.array ?? []).enumerated() {
            tally.add("\(id)/rules/\(index)", rules(review, cluster))
        }
        for (index, attempt) in (scenario["attempts"]?.array ?? []).enumerated() {
            tally.add("\(id)/attempts/\(index)", await perform(attempt, &cluster))
        }
    }

    /// One SubjectAccessReview.
    private static func ask(_ question: JSON, _ cluster: VectorCluster) -> VectorOutcome {
        func text(_ key: String) -> String { question[key]?.string ?? "" }
        var user = UserInfo(username: text("u"), uid: text("uid"), groups: question["g"]?.strings ?? [])
        for extra in question["extra"]?.object?.members ?? [] {
            user.extra.append(UserInfo.Extra(key: extra.key, values: extra.value.strings ?? []))
        }
        let attributes =
            question["path"] != nil
            ? Attributes(user: user, verb: text("verb"), path: text("path"))
            : Attributes(
                user: user, verb: text("verb"), namespace: text("ns"), apiGroup: text("api"), apiVersion: text("ver"),
                resource: text("res"),
                subresource: text("sub"), name: text("name"))
        let decision = cluster.authorize(attributes)
        var differences = Differences()
        differences.compare("allowed", question["allowed"], .bool(decision.by != nil))
        let reasons = question["reasons"]?.strings ?? [text("reason")]
        differences.require(reasons.contains(decision.reason), "reason: expected \(reasons), got \"\(decision.reason)\"")
        differences.require(question["denied"]?.bool != true, "denied: no authorizer here denies")
        return VectorOutcome(differences.texts.map { "\(question): \($0)" })
    }

    /// One SelfSubjectRulesReview; the order of rules is arbitrary.
    private static func rules(_ review: JSON, _ cluster: VectorCluster) -> VectorOutcome {
        guard let user = VectorRequest.user(as: review["as"] ?? [:]) else { return .failed("\"as\" names nobody") }
        let status = RulesReview(cluster.snapshot, user: user, namespace: review["ns"]?.string ?? "").status
        func sorted(_ status: JSON?) -> JSON {
            var status = status ?? .null
            for key in ["resourceRules", "nonResourceRules"] {
                let texts = (status[key]?.array ?? []).map { $0.sortingKeys().text }.sorted()
                status[key] = JSON(strings: texts)
            }
            return status
        }
        let (expected, actual) = (sorted(review["status"]), sorted(status))
        return VectorOutcome(expected.isEquivalent(to: actual) ? [] : ["expected \(expected), got \(actual)"])
    }

    /// One request; what succeeds stays for the next.
    private static func perform(_ attempt: JSON, _ cluster: inout VectorCluster) async -> VectorOutcome {
        guard let user = VectorRequest.user(as: attempt["as"] ?? [:]) else { return .failed("\"as\" names nobody") }
        let attributes = VectorRequest.attributes(
            method: attempt["m"]?.string ?? "", path: attempt["p"]?.string ?? "", user: user)
        let answer = await cluster.perform(attributes, body: attempt["b"])
        var differences = Differences()
        differences.compare("code", attempt["code"], .integer(Int64(answer.code)))
        if let expected = attempt["rb"] {
            let actual = answer.status?.json ?? .null
            differences.require(expected.isEquivalent(to: actual), "body: expected \(expected), got \(actual)")
        }
        return VectorOutcome(differences.texts)
    }
}
