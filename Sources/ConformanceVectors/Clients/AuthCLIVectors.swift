import IAMAuthenticator
import JSON
import World
import YAML

/// Area `cli`: what the `aws` command itself does, in its first generation, which the cases were observed with.
enum AuthCLIVectors {
    static func run(_ given: JSON, _ expected: JSON, _ programs: ClientPrograms?) async -> VectorOutcome {
        guard let programs, programs.find("aws") != nil else { return .notRun("asks the aws command, which is not there") }
        do {
            let scene = try ClientScene(programs)
            defer { scene.close() }
            let version = try await programs.version(of: "aws") { try await scene.run("aws", ["--version"], environment: offline).output }
            guard version.hasPrefix("aws-cli/1.") else { return .notRun("asks aws-cli 1, this is \(version.prefix(20))") }
            return VectorOutcome(try await differences(given, expected, scene))
        } catch {
            return .failed("\(error)")
        }
    }

    /// No credentials from anywhere but the case.
    private static let offline = ["AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""]
    private static let key = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "SECRETEXAMPLE"]

    private static func differences(_ given: JSON, _ expected: JSON, _ scene: ClientScene) async throws -> [String] {
        let wish = given["args"]?.strings ?? []
        let isWhole = wish.contains("eks")
        let isUpdate = !isWhole || wish.contains("update-kubeconfig")
        var environment = offline
        for member in given["env"]?.object?.members ?? [] { environment[member.key] = member.value.string }
        if let profile = environment["AWS_PROFILE"] {
            try scene.write("config", "[profile \(profile)]\n")
            environment["AWS_CONFIG_FILE"] = "\(scene.directory)/config"
        }
        guard isUpdate || wish.contains("--role-arn") else {
            if given.at("env", "credentials").map({ !$0.isNull }) ?? true { environment.merge(key) { own, _ in own } }
            let run = try await timed { try await scene.run("aws", wish, environment: environment) }
            return compare(expected, run, scene, calls: [])
        }
        return try await VectorAWS.run(cluster: given["cluster"] ?? [:]) { aws, access in
            environment.merge(access) { own, _ in own }
            if let role = wish.last(where: { $0.hasPrefix("arn:") }), !isUpdate {
                let trust =
                    #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#
                let made = try await scene.run(
                    "aws",
                    [
                        "iam", "create-role", "--role-name", String(role.split(separator: "/").last ?? ""), "--assume-role-policy-document",
                        trust,
                    ],
                    environment: environment.merging(["AWS_DEFAULT_REGION": VectorAWS.region]) { $1 })
                guard made.status == 0 else { throw ClientScene.Failure(description: "no role: \(made.errors)") }
            }
            let base = [
                "--region", VectorAWS.region, "eks", "update-kubeconfig", "--name", given["name"]?.string ?? "demo", "--kubeconfig", "K",
            ]
            if given["kubeconfigHasCluster"]?.bool == true { _ = try await scene.run("aws", base, environment: environment) }
            let run = try await timed { try await scene.run("aws", isWhole ? wish : base + wish, environment: environment) }
            return compare(expected, run, scene, calls: aws.calls)
        }
    }

    /// What a program did, and the seconds in which it ran.
    private typealias Run = (outcome: ClientScene.Outcome, seconds: ClosedRange<Int64>)

    private static func timed(_ body: () async throws -> ClientScene.Outcome) async throws -> Run {
        let clock = WorldClock()
        let start = clock.now.seconds
        let outcome = try await body()
        return (outcome, start...max(start, clock.now.seconds))
    }

    private static func compare(_ expected: JSON, _ run: Run, _ scene: ClientScene, calls: [[String: String]]) -> [String] {
        let outcome = run.outcome
        var differences = Differences()
        differences.compare("exitCode", expected["exitCode"], .integer(outcome.status))
        // The cases write K for the path of the kubeconfig.
        differences.compare("stdout", expected["stdout"], .string(outcome.output.replacing("\(scene.directory)/K", with: "K")))
        differences.compare("stderr", expected["stderr"], .string(outcome.errorLines.joined(separator: "\n")))
        differences.compare("stderrLast", expected["stderrLast"], .string(outcome.lastError))
        if expected["exitCode"] == nil {
            differences.require(outcome.status == 0, "exit status \(outcome.status): \(outcome.errors)")
        }
        compareToken(expected, run, &differences)
        compareKubeconfig(expected, scene, &differences)
        if let wanted = expected["stsCall"]?.object {
            let isThere = calls.contains { call in wanted.allSatisfy { call[$0.key] == $0.value.string } }
            differences.require(isThere, "stsCall: expected \(JSON.object(wanted)), got \(calls)")
        }
        return differences.texts
    }

    // MARK: get-token

    private static func compareToken(_ expected: JSON, _ run: Run, _ differences: inout Differences) {
        let json = (try? JSON(parsing: run.outcome.output)) ?? .null
        differences.compare("keyOrder", expected["keyOrder"], JSON(strings: json.object?.keys ?? []))
        let token = json.at("status", "token")?.string ?? ""
        if var wanted = expected["json"] {
            if let text = wanted.at("status", "token")?.string {
                let prefix = text.prefix { $0 != "<" }
                differences.require(token.hasPrefix(prefix), "token: expected \(prefix)…, got \(token.prefix(20))…")
                wanted["status"]?["token"] = nil
            }
            if let text = wanted.at("status", "expirationTimestamp")?.string, let end = Instant(rfc3339: text) {
                // The program has its own clock: what counts is the distance from the time at which it ran.
                let life = end.seconds - start
                let found = json.at("status", "expirationTimestamp")?.string.flatMap(Instant.init(rfc3339:))?.seconds ?? 0
                differences.require(run.seconds.contains(found - life), "expirationTimestamp: expected \(life) s from now, got \(found)")
                wanted["status"]?["expirationTimestamp"] = nil
            }
            differences.compare("json", wanted, json)
        }
        guard let url = PresignedURL(token: token) else { return }
        let pairs = url.queryPairs ?? []
        func value(_ name: String) -> JSON? { pairs.first { $0.name == name }.map { .string($0.value) } }
        differences.compare("tokenHost", expected["tokenHost"], .string(url.host))
        differences.compare("queryKeys", expected["queryKeys"], JSON(strings: pairs.map(\.name)))
        differences.compare("expires", expected["expires"], value("X-Amz-Expires"))
        differences.compare("signedHeaders", expected["signedHeaders"], value("X-Amz-SignedHeaders"))
        let scope = value("X-Amz-Credential")?.string?.split(separator: "/").map(String.init) ?? []
        differences.compare("credentialRegion", expected["credentialRegion"], scope.count > 2 ? .string(scope[2]) : .null)
        if let prefix = expected["tokenUrlPrefix"]?.string {
            let text = "\(url.scheme)://\(url.host)\(url.rawPath)?\(url.rawQuery)"
            differences.require(text.hasPrefix(prefix), "tokenUrlPrefix: expected \(prefix), got \(text)")
        }
    }

    /// The time that the cases' own times are of.
    private static let start = Instant(rfc3339: "2026-07-10T12:00:00Z")?.seconds ?? 0

    // MARK: update-kubeconfig

    private static func compareKubeconfig(_ expected: JSON, _ scene: ClientScene, _ differences: inout Differences) {
        if let mode = expected["fileMode"]?.string {
            differences.require(scene.mode(of: "K") == UInt32(mode, radix: 8), "fileMode: expected \(mode)")
        }
        let kubeconfig = (try? YAMLDecoder.decode(Array(scene.read("K").utf8))) ?? .null
        let exec = kubeconfig["users"]?.array?.last?.at("user", "exec")
        differences.compare("execArgs", expected["execArgs"], exec?["args"])
        differences.compare("execCommand", expected["execCommand"], exec?["command"])
        differences.compare("execApiVersion", expected["execApiVersion"], exec?["apiVersion"])
        differences.compare("execEnv", expected["execEnv"], exec?["env"])
        if let tail = expected["execArgsTail"]?.strings {
            differences.compare("execArgsTail", JSON(strings: tail), JSON(strings: (exec?["args"]?.strings ?? []).suffix(tail.count)))
        }
        differences.compare(
            "contexts", expected["contexts"], JSON(strings: (kubeconfig["contexts"]?.array ?? []).compactMap { $0["name"]?.string }))
        differences.compare("currentContext", expected["currentContext"], kubeconfig["current-context"])
    }
}
