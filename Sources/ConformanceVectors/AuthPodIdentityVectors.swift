import AWSServices
import HTTP
import IAMPolicy
import JSON
import KubeAPI
import KubeAPIServer
import PKI
import World

/// Area `pod-identity-webhook`: the webhook's patches, the trust that Pod Identity needs.
enum AuthPodIdentityVectors {
    static func run(_ given: JSON, _ expected: JSON) async -> VectorOutcome {
        if let policy = given["trustPolicy"] { return trust(policy, expected) }
        if let request = given["request"] { return await agent(request, expected) }
        if let association = given["association"] { return tags(association, given["pod"] ?? [:], expected) }
        return mutation(given, expected)
    }

    private static func trust(_ policy: JSON, _ expected: JSON) -> VectorOutcome {
        do {
            try PodIdentityTrust.require(PolicyDocument(json: policy, isTrust: true))
            return VectorOutcome(expected["allowed"]?.bool == true ? [] : ["allowed"])
        } catch {
            return VectorOutcome(expected["allowed"]?.bool == false ? [] : ["refused: \(error)"])
        }
    }

    private static func tags(_ association: JSON, _ pod: JSON, _ expected: JSON) -> VectorOutcome {
        func text(_ json: JSON, _ key: String) -> String { json[key]?.string ?? "" }
        let cluster = text(association, "cluster")
        let tags = PodIdentityTrust.sessionTags(
            cluster: ("arn:aws:eks:us-west-2:111122223333:cluster/\(cluster)", cluster), namespace: text(association, "namespace"),
            serviceAccount: text(association, "serviceAccount"), pod: (text(pod, "name"), text(pod, "uid")))
        var differences = Differences()
        differences.compare("transitiveTags", expected["transitiveTags"], JSON(strings: tags.map(\.key)))
        return VectorOutcome(differences.texts)
    }

    // MARK: The agent

    /// The agent's own checks; what EKS Auth makes of a token is in the end-to-end tests.
    private static func agent(_ request: JSON, _ expected: JSON) async -> VectorOutcome {
        func text(_ key: String) -> String { request[key]?.string ?? "" }
        let world = World(clock: .frozen(at: Instant(seconds: 1_780_000_000)))
        let agent = PodIdentityAgent(world: world) { _, _ throws(AWSError) in
            PodIdentityAgent.Credentials(
                accessKeyID: "ASIAEXAMPLE", secretAccessKey: "SECRETEXAMPLE", token: "TOKEN", accountID: "111122223333",
                expiration: Instant(seconds: 1_780_021_600))
        }
        let token =
            text("authorization") == "<valid>"
            ? "\(Base64URL.encode(Array("{}".utf8))).\(Base64URL.encode(Array("{}".utf8))).c2ln" : text("authorization")
        var headers: HTTPHeaders = ["Host": text("host")]
        if !token.isEmpty { headers["Authorization"] = token }
        let answer = await agent.handle(
            HTTPRequest(
                method: text("method"), path: text("path"), headers: headers, connection: .inProcess(listener: "agent"),
                trace: RequestTrace(id: "vector", received: world.now, summary: "", target: "")))
        let body = answer.collected ?? []
        var differences = Differences()
        differences.compare("httpStatus", expected["httpStatus"], .integer(Int64(answer.status)))
        let message = String(decoding: body, as: UTF8.self)
        let part = expected["messageContains"]?.string ?? ""
        differences.require(part.isEmpty || message.contains(part), "message: expected …\(part)…, got \(message)")
        let keys = (try? JSON(parsing: body))?.object?.members.map(\.key) ?? []
        differences.compare("keys", expected["keys"], JSON(strings: keys))
        return VectorOutcome(differences.texts)
    }

    // MARK: The webhook

    private static func mutation(_ given: JSON, _ expected: JSON) -> VectorOutcome {
        let pod = pod(given["pod"] ?? [:])
        let account: JSON = ["metadata": ["annotations": given.at("serviceAccount", "annotations") ?? [:]]]
        let webhook = PodIdentityWebhook(region: given["region"]?.string ?? "", isRegional: given["regionalSTS"]?.bool ?? false)
        let credentials = given["podIdentityAssociation"]?.bool == true ? PodIdentityWebhook.ContainerCredentials(expiration: 80_000) : nil
        let patch = webhook.patch(for: pod, account: account, credentials: credentials)
        var differences = Differences()
        if expected["patch"]?.isNull == true { differences.require(patch == nil, "a patch: \(JSON.array(patch ?? []))") }
        guard let patch else { return VectorOutcome(differences.texts) }
        guard let changed = try? JSONPatch.apply(patch, to: pod) else { return .failed("the patch does not apply") }
        if let wanted = expected["patch"], !wanted.isNull {
            differences.require(
                patch.contains { $0["op"] == wanted["op"] && $0["path"] == wanted["path"] }, "no operation \(wanted)")
        }
        compare(changed, pod, expected, &differences)
        return VectorOutcome(differences.texts)
    }

    private static func compare(_ changed: JSON, _ pod: JSON, _ expected: JSON, _ differences: inout Differences) {
        let containers = changed.at("spec", "containers")?.array ?? []
        let before = pod.at("spec", "containers")?.array ?? []
        let first = containers.first ?? [:]
        let added = Array((first["env"]?.array ?? []).dropFirst((before.first?["env"]?.array ?? []).count))
        let volume = changed.at("spec", "volumes")?.array?.first
        let token = volume?.at("projected", "sources")?.array?.first?["serviceAccountToken"]
        differences.compare("envAppended", expected["envAppended"], .array(added))
        differences.compare("envNames", expected["envNames"], JSON(strings: added.compactMap { $0["name"]?.string }))
        for variable in expected["env"]?.object?.members ?? [] {
            differences.compare(variable.key, variable.value, added.first { $0["name"]?.string == variable.key }?["value"])
        }
        differences.compare("audience", expected["audience"], token?["audience"])
        differences.compare("expirationSeconds", expected["expirationSeconds"], token?["expirationSeconds"])
        if let range = expected["expirationSecondsRange"]?.array?.compactMap(\.integer), range.count == 2 {
            let seconds = token?["expirationSeconds"]?.integer ?? 0
            differences.require((range[0]...range[1]).contains(seconds), "expirationSeconds: \(seconds)")
        }
        if let name = expected["volume"]?.string {
            differences.compare("volume", .string(name), volume?["name"])
        } else {
            differences.compare("volume", expected["volume"], volume)
        }
        differences.compare("volumeMount", expected["volumeMount"], first["volumeMounts"]?.array?.last)
        if expected["volumeMounted"]?.bool == true {
            differences.require(first["volumeMounts"]?.array?.isEmpty == false, "no volume is mounted")
        }
        differences.compare("label", expected["label"], changed.at("metadata", "labels"))
        differences.compare("tokenFile", expected["tokenFile"], added.last?["value"])
        for (member, isChanged) in [("mutated", true), ("untouched", false)] {
            for name in expected[member]?.strings ?? [] {
                let old = before.first { $0["name"]?.string == name }
                let new = containers.first { $0["name"]?.string == name }
                differences.require((old != new) == isChanged, "\(name) is \(isChanged ? "unchanged" : "changed")")
            }
        }
    }

    /// A pod as the cases sketch it: containers by name or in full, volumes by name.
    private static func pod(_ sketch: JSON) -> JSON {
        let containers = (sketch["containers"]?.array ?? ["c"]).map { container -> JSON in
            container.string.map { ["name": .string($0)] } ?? container
        }
        var spec: JSON = ["serviceAccountName": "app", "containers": .array(containers)]
        spec["nodeSelector"] = sketch["nodeSelector"]
        if let volumes = sketch["volumes"]?.array { spec["volumes"] = .array(volumes.map { ["name": $0] }) }
        var metadata: JSON = ["name": "p"]
        metadata["annotations"] = sketch["annotations"]
        return ["metadata": metadata, "spec": spec]
    }
}
