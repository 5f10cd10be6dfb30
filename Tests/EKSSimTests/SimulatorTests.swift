import EKSSim
import Foundation
import HTTP
import JSON
import Testing
import World

@Suite("A simulator in this process")
struct SimulatorTests {
    @Test("without sockets, AWS and Kubernetes are served through the same chain as over them")
    func inProcess() async throws {
        try await Harness.run { harness in
            #expect(harness.simulator.awsEndpoint == "")
            let described = try await harness.eks("GET", "/clusters/demo")
            #expect(described.json.at("cluster", "status") == "ACTIVE")
            let health = try await harness.kubernetes("GET", "/healthz")
            #expect(health.status == 200 && health.text == "ok")
            let anonymous = try await harness.kubernetes("GET", "/api/v1/pods").status
            #expect(anonymous == 401 || anonymous == 403)
            let token = harness.token()
            let review: JSON = ["apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"]
            let who = try await harness.kubernetes("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review, token: token)
            #expect(who.status == 201)
            #expect(who.json.at("status", "userInfo", "username")?.string?.hasPrefix("arn:aws:") == true)
            try await harness.expect(200, "GET", "/api/v1/namespaces", token: token)
            let unsigned = Harness.Answer(try await harness.simulator.handle(.aws, method: "GET", path: "/clusters"))
            #expect(unsigned.status == 403)
        }
    }

    @Test("what is asked of a cluster that is not there says so")
    func absent() async throws {
        try await Harness.run { harness in
            await #expect(throws: Simulator.Failure.self) { try await harness.kubernetes("GET", "/", cluster: "none") }
            await #expect(throws: Simulator.Failure.self) { try await harness.simulator.kubeconfig(cluster: "none", isAdmin: true) }
            await #expect(throws: Simulator.Failure.self) {
                try await harness.simulator.setReplica(cluster: "demo", index: 2, isAlive: false)
            }
        }
    }

    @Test("many run side by side, each with its own world, ports and certificates")
    func many() async throws {
        try await withThrowingTaskGroup(of: (String, String, Int).self) { group in
            for seed in 1...5 as ClosedRange<UInt64> {
                group.addTask {
                    var configuration = Harness.configuration(seed: seed)
                    configuration.sockets = .listen(host: "127.0.0.1", awsPort: 0, apiPort: 0)
                    return try await Harness.run(configuration) { harness in
                        let cluster = try #require(await harness.simulator.status.clusters.first)
                        let made = try await harness.kubernetes(
                            "POST", "/api/v1/namespaces", ["metadata": ["name": "same"]], token: harness.token())
                        let authority = try await harness.eks("GET", "/clusters/demo").json.at("cluster", "certificateAuthority", "data")
                        return (cluster.endpoint, authority?.string ?? "", made.status)
                    }
                }
            }
            let all = try await group.reduce(into: []) { $0.append($1) }
            #expect(all.allSatisfy { $0.2 == 201 && $0.0.hasPrefix("https://127.0.0.1:") && !$0.1.isEmpty })
            #expect(Set(all.map(\.0)).count == 5 && Set(all.map(\.1)).count == 5)
        }
    }

    @Test("a port in use is a clear failure that leaves nothing behind")
    func portInUse() async throws {
        var first = Harness.configuration()
        first.sockets = .listen(host: "127.0.0.1", awsPort: 0, apiPort: 0)
        try await Harness.run(first) { harness in
            let port = try #require(Int(harness.simulator.awsEndpoint.split(separator: ":").last ?? ""))
            var second = first
            second.sockets = .listen(host: "127.0.0.1", awsPort: port, apiPort: 0)
            do {
                _ = try await Simulator.start(second)
                Issue.record("the port is taken")
            } catch {
                #expect("\(error)".contains("port \(port) of 127.0.0.1 is in use"))
            }
        }
    }

    // MARK: Determinism

    /// Everything that a client sees of a run: a transcript.
    private static func transcript(seed: UInt64) async throws -> [String] {
        try await Harness.run(Harness.configuration(seed: seed)) { harness in
            var lines: [String] = []
            func note(_ answer: Harness.Answer) {
                lines.append("\(answer.status) \(answer.headers.map { "\($0.name): \($0.value)" }) \(answer.text)")
            }
            note(try await harness.iam("CreateUser", [("UserName", "joe")]))
            note(try await harness.iam("CreateAccessKey", [("UserName", "joe")]))
            note(
                try await harness.eks(
                    "POST", "/clusters",
                    [
                        "name": "second", "roleArn": "arn:aws:iam::111122223333:role/eks", "resourcesVpcConfig": ["subnetIds": []],
                    ]))
            let token = harness.token()
            lines.append(token)
            for index in 0..<4 {
                note(
                    try await harness.kubernetes(
                        "POST", "/api/v1/namespaces/default/configmaps",
                        ["metadata": ["generateName": "g-"], "data": ["i": .string("\(index)")]],
                        token: token))
            }
            note(try await harness.kubernetes("POST", "/api/v1/namespaces", ["metadata": ["name": "team"]], token: token))
            note(
                try await harness.kubernetes(
                    "POST", "/api/v1/namespaces/default/serviceaccounts/default/token",
                    ["kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": ["audiences": ["a"]]], token: token))
            await harness.simulator.world.advance(by: .seconds(90))
            note(try await harness.kubernetes("DELETE", "/api/v1/namespaces/team", token: token))
            note(try await harness.kubernetes("GET", "/api/v1/nope", token: token))
            note(try await harness.eks("GET", "/clusters/demo"))
            for path in [
                "/api/v1/namespaces", "/api/v1/configmaps", "/api/v1/services", "/apis/rbac.authorization.k8s.io/v1/clusterroles",
                "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "/apis/discovery.k8s.io/v1/endpointslices",
            ] {
                note(try await harness.kubernetes("GET", path, token: token))
            }
            for trace in harness.simulator.world.traces.recent(limit: 1000) {
                let record = trace.snapshot
                lines.append("\(record.id) \(record.received.rfc3339) \(record.summary) \(record.steps)")
            }
            return lines
        }
    }

    @Test("the same seed and the same requests give byte-identical answers, objects and traces")
    func determinism() async throws {
        let first = try await Self.transcript(seed: 42)
        let second = try await Self.transcript(seed: 42)
        let other = try await Self.transcript(seed: 43)
        #expect(first.count == second.count)
        for (left, right) in zip(first, second) where left != right {
            Issue.record("\(left.prefix(2000))\n≠\n\(right.prefix(2000))")
            break
        }
        #expect(first != other)
    }

    // MARK: The clock

    @Test("a token is good for its time on the simulator's clock, and no longer")
    func expiry() async throws {
        try await Harness.run { harness in
            let token = harness.token()
            func status(_ token: String) async throws -> Int {
                try await harness.kubernetes("GET", "/api/v1/namespaces", token: token).status
            }
            let fresh = try await status(token)
            await harness.simulator.world.advance(by: .seconds(14 * 60))
            let aged = try await status(token)
            await harness.simulator.world.advance(by: .seconds(10 * 60))
            let expired = try await status(token)
            let renewed = try await status(harness.token())
            let statuses: [Int] = [fresh, aged, expired, renewed]
            #expect(statuses == [200, 200, 401, 200] as [Int])
        }
    }

    @Test("a clock that stands moves only when it is moved")
    func standing() async throws {
        try await Harness.run { harness in
            let before = harness.simulator.world.now
            _ = try await harness.kubernetes("GET", "/healthz")
            #expect(harness.simulator.world.now == before)
            await harness.simulator.world.advance(by: .seconds(3600))
            #expect(harness.simulator.world.now == before + .seconds(3600))
        }
    }

    // MARK: The load balancer

    @Test("publicAccessCidrs of the cluster decide about a connection's address, and the refusal is explained")
    func endpointAccess() async throws {
        try await Harness.run { harness in
            try await harness.expect(200, "GET", "/healthz", from: "198.51.100.1")
            let changed = try await harness.eks(
                "POST", "/clusters/demo/update-config", ["resourcesVpcConfig": ["publicAccessCidrs": ["203.0.113.0/24"]]])
            #expect(changed.status == 200)
            await harness.simulator.world.advance(by: .seconds(3600))
            try await harness.expect(200, "GET", "/healthz", from: "203.0.113.9")
            do {
                _ = try await harness.kubernetes("GET", "/healthz", from: "198.51.100.1")
                Issue.record("the address is not let in")
            } catch {
                #expect("\(error)".contains("dropped the connection from 198.51.100.1"))
            }
            let trace = try #require(harness.simulator.world.traces.recent(limit: 1).first).snapshot
            #expect(trace.summary == "connection from 198.51.100.1")
            #expect(trace.steps.first?.expected == "203.0.113.0/24")
            #expect(trace.steps.first?.fix?.contains("198.51.100.1/32") == true)
        }
    }

    @Test("a cluster answers with one replica, and resets connections without any")
    func replicas() async throws {
        try await Harness.run { harness in
            func set(_ index: Int, _ isAlive: Bool) async throws {
                _ = try await harness.simulator.setReplica(cluster: "demo", index: index, isAlive: isAlive)
            }
            try await set(0, false)
            try await harness.expect(200, "GET", "/healthz")
            try await set(1, false)
            await #expect(throws: Simulator.Failure.self) { try await harness.kubernetes("GET", "/healthz") }
            try await set(0, true)
            try await harness.expect(200, "GET", "/healthz")
        }
    }

    // MARK: The state file

    @Test("a restart keeps clusters, their authority, objects and time, and gives no identifier twice")
    func restart() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "eks-sim-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        var configuration = Harness.configuration()
        configuration.state = .file(directory.appending(path: "state.sqlite").path())
        let maps = "/api/v1/namespaces/default/configmaps"
        let first = try await Harness.run(configuration) { harness in
            let made = try await harness.kubernetes(
                "POST", maps, ["metadata": ["name": "kept"], "data": ["k": "v"]], token: harness.token())
            #expect(made.status == 201)
            let owner: JSON = [
                "apiVersion": "v1", "kind": "ConfigMap", "name": "kept", "uid": made.json.at("metadata", "uid") ?? .null,
            ]
            _ = try await harness.kubernetes(
                "POST", maps, ["metadata": ["name": "owned", "ownerReferences": [owner]]], token: harness.token())
            await harness.simulator.world.advance(by: .seconds(7200))
            return (
                cluster: try await harness.eks("GET", "/clusters/demo").json["cluster"] ?? .null, object: made.text, key: harness.key.id,
                now: harness.simulator.world.now
            )
        }
        try await Harness.run(configuration) { harness in
            let cluster = try await harness.eks("GET", "/clusters/demo").json["cluster"] ?? .null
            for name in ["arn", "certificateAuthority", "status", "id", "identity", "createdAt", "version"] {
                #expect(cluster[name] == first.cluster[name], "\(name)")
            }
            #expect(harness.key.id == first.key)
            #expect(harness.simulator.world.now == first.now)
            let read = try await harness.kubernetes("GET", maps + "/kept", token: harness.token())
            #expect(read.text == first.object)
            let next = try await harness.kubernetes("POST", maps, ["metadata": ["name": "next"]], token: harness.token())
            #expect(next.status == 201)
            #expect(next.json.at("metadata", "uid") != read.json.at("metadata", "uid"))
            // Who owned what is known again.
            _ = try await harness.kubernetes("DELETE", maps + "/kept", token: harness.token())
            #expect(try await harness.kubernetes("GET", maps + "/owned", token: harness.token()).status == 404)
        }
    }

    @Test("a second simulator on the same state file is refused, and the first one goes on")
    func secondOnFile() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "eks-sim-\(UUID().uuidString).sqlite").path()
        defer { for suffix in ["", "-wal", "-shm", ".lock"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        var configuration = Harness.configuration()
        configuration.state = .file(path)
        try await Harness.run(configuration) { harness in
            let refusal = await #expect(throws: Simulator.Failure.self) { try await Simulator.start(configuration) }
            #expect(refusal?.description.contains(path) == true && refusal?.description.contains("is using it") == true)
            try await harness.expect(200, "GET", "/healthz")
        }
    }
}
