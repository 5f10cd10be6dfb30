import EKSSim
import Foundation
import HTTP
import JSON
import KubeAPIServer
import Testing
import World

extension Harness {
    private static let group: JSON = "/aws/eks/demo/cluster"

    /// Switches log types of the cluster `demo` on or off, and waits on the clock.
    fileprivate func setLogging(_ types: [String], _ isEnabled: Bool = true) async throws -> String {
        let logging: JSON = ["clusterLogging": [["types": JSON(strings: types), "enabled": .bool(isEnabled)]]]
        let update = try await eks("POST", "/clusters/demo/update-config", ["logging": logging])
        await simulator.world.advance(by: .seconds(1))
        let id = update.json.at("update", "id")?.string ?? ""
        return try await eks("GET", "/clusters/demo/updates/\(id)").json.at("update", "status")?.string ?? update.text
    }

    fileprivate func streams() async throws -> [String] {
        let answer = try await logs("DescribeLogStreams", ["logGroupName": Self.group])
        return (answer.json["logStreams"]?.array ?? []).compactMap { $0["logStreamName"]?.string }
    }

    /// The messages of the streams with a prefix.
    fileprivate func lines(_ prefix: String, _ pattern: String = "") async throws -> [String] {
        let answer = try await logs(
            "FilterLogEvents",
            ["logGroupName": Self.group, "logStreamNamePrefix": .string(prefix), "filterPattern": .string(pattern)])
        return (answer.json["events"]?.array ?? []).compactMap { $0["message"]?.string }
    }
}

@Suite("Control plane logs")
struct ControlPlaneLogsTests {
    @Test("the group and the streams are there once a log type is enabled, and nothing is written before or after")
    func enabling() async throws {
        try await Harness.run { harness in
            let token = harness.token()
            try await harness.expect(200, "GET", "/api/v1/namespaces", token: token)
            #expect(try await harness.logs("DescribeLogGroups").json == ["logGroups": []])
            #expect(try await harness.setLogging(["api", "audit", "scheduler"]) == "Successful")
            let streams = try await harness.streams()
            #expect(streams.count == 4 && streams.count { $0.hasPrefix("kube-apiserver-audit-") } == 2)
            #expect(streams.allSatisfy { $0.hasPrefix("kube-apiserver-") && $0.suffix(32).allSatisfy(\.isHexDigit) })
            #expect(try await harness.lines("kube-apiserver-audit").isEmpty)
            let start = try await harness.lines("kube-apiserver", "Version")
            #expect(start.count == 2 && start.allSatisfy { $0.hasPrefix("I0115 08:00:00.000000       1 server.go:150] Version: v1.") })

            try await harness.expect(200, "GET", "/api/v1/namespaces", token: token)
            #expect(try await harness.lines("kube-apiserver-audit").count == 1)
            #expect(try await harness.setLogging(["audit"], false) == "Successful")
            try await harness.expect(200, "GET", "/api/v1/namespaces", token: token)
            #expect(try await harness.lines("kube-apiserver-audit").count == 1)
        }
    }

    @Test("an event names the IAM principal, and the access policy that allowed it; the authenticator's log has the same principal")
    func principal() async throws {
        try await Harness.run { harness in
            _ = try await harness.setLogging(["audit", "authenticator"])
            _ = try await harness.kubernetes(
                "POST", "/api/v1/namespaces/default/pods",
                ["metadata": ["name": "a"], "spec": ["containers": [["name": "c", "image": "nginx"]]]], token: harness.token())
            let line = try #require(try await harness.lines("kube-apiserver-audit", "{ $.verb = \"create\" }").first)
            let event = try JSON(parsing: line)
            let arn = "arn:aws:iam::111122223333:user/eks-sim"
            #expect(event.at("user", "extra", "arn") == [.string(arn)])
            let reason = event.at("annotations", "authorization.k8s.io/reason")?.string ?? ""
            #expect(reason.hasPrefix("EKS Access Policy: allowed by ClusterRoleBinding \"\(arn)+arn:aws:eks::aws:cluster-access-policy/"))
            #expect(
                event.at("annotations", "mutation.webhook.admission.k8s.io/round_0_index_0")?.string
                    == #"{"configuration":"pod-identity-webhook","webhook":"iam-for-pods.amazonaws.com","mutated":false}"#)
            let granted = try await harness.lines("authenticator", "\"access granted\"")
            #expect(granted.count == 1 && granted.first?.contains("arn=\"\(arn)\"") == true)
            #expect(granted.first?.contains("uid=\"\(event.at("user", "uid")?.string ?? "?")\"") == true)
        }
    }

    @Test("the same seed and the same requests leave the same logs")
    func deterministic() async throws {
        func run() async throws -> [String] {
            try await Harness.run { harness in
                _ = try await harness.setLogging(["api", "audit", "authenticator"])
                for index in 0..<4 {
                    let map: JSON = ["metadata": ["generateName": "m-"], "data": ["k": .string("\(index)")]]
                    _ = try await harness.kubernetes("POST", "/api/v1/namespaces/default/configmaps", map, token: harness.token())
                    try await harness.expect(200, "GET", "/api/v1/pods", token: harness.token())
                    await harness.simulator.world.advance(by: .seconds(100))
                }
                try await harness.expect(401, "GET", "/api/v1/pods", token: "k8s-aws-v1.bad")
                return try await harness.lines("kube-apiserver") + harness.lines("authenticator")
            }
        }
        let first = try await run()
        #expect(first.count > 12)
        #expect(try await run() == first)
    }

    @Test("what was logged is there after a restart, and new streams go on")
    func restart() async throws {
        // The components of the cluster list nothing.
        let lists = "{ $.verb = \"list\" }"
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("logs-\(UUID().uuidString).sqlite").path
        defer { for suffix in ["", "-wal", "-shm", ".lock"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        var configuration = Harness.configuration()
        configuration.state = .file(path)
        let before = try await Harness.run(configuration) { harness in
            _ = try await harness.setLogging(["audit"])
            try await harness.expect(200, "GET", "/api/v1/pods", token: harness.token())
            return try await harness.lines("kube-apiserver-audit", lists)
        }
        #expect(before.count == 1)
        try await Harness.run(configuration) { harness in
            #expect(try await harness.lines("kube-apiserver-audit", lists) == before)
            try await harness.expect(200, "GET", "/api/v1/pods", token: harness.token())
            #expect(try await harness.lines("kube-apiserver-audit", lists).count == 2)
            #expect(try await harness.streams().count == 4)
        }
    }

    @Test("EKS makes the group again when somebody deletes it")
    func deleted() async throws {
        try await Harness.run { harness in
            _ = try await harness.setLogging(["audit"])
            _ = try await harness.logs("DeleteLogGroup", ["logGroupName": "/aws/eks/demo/cluster"])
            try await harness.expect(200, "GET", "/api/v1/pods", token: harness.token())
            var found: [String] = []
            for _ in 0..<10_000 {
                found = try await harness.lines("kube-apiserver-audit")
                guard found.isEmpty else { break }
                await Task.yield()
            }
            #expect(found.count == 1)
        }
    }

    @Test("audit events go to a file as well, by the policy that is given, whatever the log types say")
    func file() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("audit-\(UUID().uuidString).log").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var configuration = Harness.configuration()
        configuration.auditLog = path
        configuration.auditPolicy = try AuditPolicy(
            parsing: Array("{apiVersion: audit.k8s.io/v1, kind: Policy, omitStages: [RequestReceived], rules: [{level: Metadata}]}".utf8))
        let id = try await Harness.run(configuration) { harness in
            let named = try await harness.simulator.handle(.cluster("demo"), method: "GET", path: "/healthz", headers: ["Audit-ID": "mine"])
            #expect(named.headers["Audit-Id"] == "mine" && harness.simulator.world.traces["mine"] != nil)
            return try await harness.kubernetes("GET", "/api/v1/pods", token: harness.token()).headers["Audit-Id"]
        }
        // Before them there is what EKS itself asked for, for a new cluster.
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").filter {
            !$0.contains("eks:cluster-bootstrap")
        }
        #expect(lines.count == 2 && lines.first?.contains("\"auditID\":\"mine\"") == true)
        #expect(try JSON(parsing: String(lines.last ?? ""))["auditID"]?.string == id)
    }

    @Test("a file that cannot be written is a clear failure")
    func unwritable() async throws {
        var configuration = Harness.configuration()
        configuration.auditLog = "/nowhere/audit.log"
        await #expect { try await Simulator.start(configuration) } throws: { "\($0)".contains("cannot write /nowhere/audit.log") }
    }
}
