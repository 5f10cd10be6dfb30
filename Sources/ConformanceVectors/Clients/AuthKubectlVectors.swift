import Encoding
import JSON
import RBAC
import World

/// The cases of area `kubernetes-authn` that ask `kubectl`: what it says of an API server of this process, and of its exec plugin.
enum AuthKubectlVectors {
    static func run(_ given: JSON, _ expected: JSON, _ programs: ClientPrograms?) async -> VectorOutcome {
        guard let programs, programs.find("kubectl") != nil else { return .notRun("asks kubectl, which is not there") }
        do {
            let scene = try ClientScene(programs)
            defer { scene.close() }
            return VectorOutcome(try await differences(given, expected, scene))
        } catch {
            return .failed("\(error)")
        }
    }

    private static func differences(_ given: JSON, _ expected: JSON, _ scene: ClientScene) async throws -> [String] {
        var webhook = given["tokenReview"] ?? ["httpStatus": 403]
        if let user = given["user"] { webhook = ["status": ["authenticated": true, "user": ["username": user]]] }
        let policies = given["accessPolicy"]?.string.map { name in
            [
                AuthPolicyVectors.association(
                    policyARN: "arn:aws:eks::aws:cluster-access-policy/\(name)", scope: ["type": "cluster"])
            ]
        }
        // A client of another process has the time of its own.
        let server = try await VectorServer(webhook: webhook, policies: policies ?? [], world: World())
        let user = try user(given["exec"], scene)
        return try await server.listen { listener in
            try scene.write("kubeconfig", kubeconfig(server, listener, user).text)
            let outcome = try await scene.run(
                "kubectl", given["kubectl"]?.strings ?? ["get", "pods"], environment: ["KUBECONFIG": "\(scene.directory)/kubeconfig"])
            return compare(expected, outcome)
        }
    }

    /// The kubeconfig's user: a token, or an exec plugin that does as the case says.
    private static func user(_ exec: JSON?, _ scene: ClientScene) throws -> JSON {
        guard let exec else { return ["token": "TOKEN"] }
        let version = exec["apiVersion"]?.string ?? "client.authentication.k8s.io/v1beta1"
        let command = exec["command"]?.string ?? "plugin"
        if let status = exec["exitCode"]?.integer {
            try scene.write(command, "#!/bin/sh\nexit \(status)\n", isProgram: true)
        } else if exec["command"] == nil {
            let credential: JSON = [
                "kind": "ExecCredential", "apiVersion": exec["returned"] ?? .string(version), "status": ["token": "TOKEN"],
            ]
            try scene.write(command, "#!/bin/sh\ncat <<'END'\n\(credential.text)\nEND\n", isProgram: true)
        }
        return ["exec": ["apiVersion": .string(version), "command": .string(command), "interactiveMode": "Never"]]
    }

    private static func kubeconfig(_ server: VectorServer, _ listener: VectorListener, _ user: JSON) -> JSON {
        [
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [
                [
                    "name": "c",
                    "cluster": [
                        "server": .string("https://\(listener.address)"),
                        "certificate-authority-data": .string(Base64.encode(Array(server.certificateAuthority.utf8))),
                    ],
                ]
            ],
            "contexts": [["name": "c", "context": ["cluster": "c", "user": "u"]]], "users": [["name": "u", "user": user]],
        ]
    }

    private static func compare(_ expected: JSON, _ outcome: ClientScene.Outcome) -> [String] {
        var differences = Differences()
        let lines = outcome.errorLines
        differences.compare("exitCode", expected["exitCode"], .integer(outcome.status))
        differences.compare("stdout", expected["stdout"], .string(outcome.output))
        differences.compare("stderrLast", expected["stderrLast"], .string(outcome.lastError))
        differences.compare("stderrFirst", expected["stderrFirst"], .string(lines.first ?? ""))
        if let part = expected["stderrContains"]?.string {
            differences.require(outcome.errors.contains(part), "stderr: expected …\(part)…, got \(outcome.errors)")
        }
        // klog begins its error lines with E and the date.
        let logged = lines.filter { $0.hasPrefix("E") && $0.dropFirst().first?.isNumber == true }
        differences.compare("klogLines", expected["klogLines"], .integer(Int64(logged.count)))
        if let part = expected["klogLineContains"]?.string {
            differences.require(logged.allSatisfy { $0.contains(part) }, "log: expected …\(part)…, got \(logged)")
        }
        if let isListed = expected["policyRulesListed"]?.bool {
            // Every access policy with rules for objects says something of pods, which a user without grants is told nothing of.
            let found = outcome.output.split(separator: "\n").contains { $0.hasPrefix("pods") || $0.hasPrefix("*.*") }
            differences.require(found == isListed, "policyRulesListed: expected \(isListed), got \(outcome.output)")
        }
        return differences.texts
    }
}
