import ConformanceVectors
import HTTP
import JSON
import KubeAPIServer
import KubeControllers
import Testing
import World

/// Logs of simulated containers, and commands in them over WebSocket.
@Suite struct StreamingTests {
    private static func cluster(_ script: String, policy: JSON = "Always") async throws -> RunningCluster {
        let cluster = try await KubeletTests.cluster()
        await cluster.createPod(
            "talk",
            spec: [
                "restartPolicy": policy,
                "containers": [
                    [
                        "name": "app", "image": "busybox", "command": ["sh", "-c", .string(script)],
                        "env": [["name": "WHO", "value": "me"]],
                    ]
                ],
            ])
        await cluster.advance(.seconds(10))
        return cluster
    }

    private func text(_ cluster: RunningCluster, _ query: String) async -> String {
        let response = await cluster.server.send("GET", "/api/v1/namespaces/default/pods/talk/log?\(query)")
        return String(decoding: response.collected ?? [], as: UTF8.self)
    }

    struct Log: Sendable, CustomTestStringConvertible {
        let query: String
        let text: String
        var testDescription: String { query }
    }

    static let logs = [
        Log(query: "", text: "one\ntwo me\nthree\n"), Log(query: "tailLines=1", text: "three\n"), Log(query: "tailLines=0", text: ""),
        Log(query: "limitBytes=5", text: "one\nt"), Log(query: "container=app&sinceSeconds=7", text: "three\n"),
    ]

    @Test(arguments: logs) func logsShowWhatTheCommandWrites(_ log: Log) async throws {
        let cluster = try await Self.cluster("echo one; echo \"two ${WHO}\"; sleep 2; echo 'three'; sleep 1000")
        #expect(await text(cluster, log.query) == log.text)
    }

    @Test func timestampsAreThoseOfTheWorld() async throws {
        let cluster = try await Self.cluster("echo one; sleep infinity")
        let started = await cluster.pod("talk").at("status", "containerStatuses")?[0]?.at("state", "running", "startedAt")?.string ?? ""
        #expect(await text(cluster, "timestamps=true") == started.dropLast() + ".000000000Z one\n")
    }

    @Test func containersThatDidNotStartHaveNoLogs() async throws {
        let cluster = try await KubeletTests.cluster()
        await cluster.createPod("talk")
        await cluster.advance(.milliseconds(100))
        let refusal = await cluster.get("/api/v1/namespaces/default/pods/talk/log")
        #expect(refusal["code"] == 400 && refusal["reason"] == "BadRequest")
        #expect(refusal["message"] == "container \"app\" in pod \"talk\" is waiting to start: ContainerCreating")
        await cluster.advance(.seconds(5))
        let previous = await cluster.get("/api/v1/namespaces/default/pods/talk/log?previous=true")
        #expect(previous["message"] == "previous terminated container \"app\" in pod \"talk\" not found")
        let unknown = await cluster.get("/api/v1/namespaces/default/pods/talk/log?container=x")
        #expect(unknown["message"] == "container x is not valid for pod talk")
    }

    @Test func previousLogsAreThoseOfTheLastRun() async throws {
        let cluster = try await Self.cluster("echo run; exit 1")
        #expect(await text(cluster, "previous=true") == "run\n")
        #expect(await text(cluster, "") == "run\n")
    }

    @Test func logsOfEndedPodsStay() async throws {
        let cluster = try await Self.cluster("echo done", policy: "Never")
        #expect(await text(cluster, "") == "done\n")
        #expect(await text(cluster, "follow=true") == "done\n")
    }

    @Test func followedLogsGoOnUntilTheContainerEnds() async throws {
        let cluster = try await Self.cluster("echo one; sleep 60; echo two; sleep 5", policy: "Never")
        let response = await cluster.server.send("GET", "/api/v1/namespaces/default/pods/talk/log?follow=true")
        let reader = EventReader(response)
        #expect(await reader.next(within: .seconds(60)) == .line(Array("one".utf8)))
        await cluster.advance(.seconds(90))
        #expect(await reader.next(within: .seconds(60)) == .line(Array("two".utf8)))
        #expect(await reader.next(within: .seconds(60)) == .end)
    }

    // MARK: Commands

    /// The other end of an upgraded connection, with what a client sends ready.
    private final class Client: HTTPTunnel {
        private struct State: Sendable {
            var pending: [[UInt8]]
            var sent: [UInt8] = []
            var isClosed = false
            var reader: CheckedContinuation<[UInt8]?, Never>?
        }
        private let state: Lock<State>

        init(_ frames: [[UInt8]]) { state = Lock(State(pending: frames)) }

        func read() async -> [UInt8]? {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> [UInt8]?? in
                    if !state.pending.isEmpty { return .some(state.pending.removeFirst()) }
                    if state.isClosed { return .some(nil) }
                    // Waits for the server to close, as a client does.
                    state.reader = continuation
                    return .none
                }
                if let ready { continuation.resume(returning: ready) }
            }
        }

        func write(_ bytes: [UInt8]) async throws { state.withLock { $0.sent += bytes } }

        func close() {
            let reader = state.withLock { state in
                state.isClosed = true
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(returning: nil)
        }

        /// What the server sent, by channel.
        var channels: [UInt8: String] {
            var bytes = state.withLock { $0.sent }[...]
            var channels: [UInt8: [UInt8]] = [:]
            while bytes.count >= 2 {
                let opcode = bytes.removeFirst() & 15
                var length = Int(bytes.removeFirst())
                if length == 126 { length = Int(bytes.removeFirst()) << 8 | Int(bytes.removeFirst()) }
                let payload = bytes.prefix(length)
                bytes = bytes.dropFirst(length)
                if opcode == 2, let channel = payload.first { channels[channel, default: []] += payload.dropFirst() }
            }
            return channels.mapValues { String(decoding: $0, as: UTF8.self) }
        }
    }

    private static func frame(_ channel: UInt8, _ text: String) -> [UInt8] {
        let payload = [channel] + Array(text.utf8)
        return [0x82, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
    }

    private static let upgrade: HTTPHeaders = [
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "v5.channel.k8s.io, v4.channel.k8s.io",
    ]

    struct Command: Sendable, CustomTestStringConvertible {
        let query: String
        var typed: [[UInt8]] = []
        let channels: [UInt8: String]
        var testDescription: String { query }
    }

    private static func failure(_ code: Int) -> String {
        "{\"metadata\":{},\"status\":\"Failure\",\"message\":\"command terminated with non-zero exit code: exit status \(code)\","
            + "\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"\(code)\"}]}}"
    }
    private static let success = "{\"metadata\":{},\"status\":\"Success\"}"

    static let commands = [
        Command(query: "command=echo&command=hi&stdout=true", channels: [1: "hi\n", 3: success]),
        Command(query: "command=hostname&stdout=true&stderr=true", channels: [1: "talk\n", 3: success]),
        Command(query: "command=false&stdout=true", channels: [1: "", 3: failure(1)]),
        Command(query: "command=sh&command=-c&command=echo%20$WHO%3B%20exit%209&stdout=true", channels: [1: "me\n", 3: failure(9)]),
        Command(
            query: "command=ls&stdout=true&stderr=true",
            channels: [1: "", 2: "eks-sim: container app is simulated: \"ls\" is not run\n", 3: failure(127)]),
        Command(
            query: "command=sh&stdin=true&stdout=true", typed: [frame(0, "echo a\nec"), frame(0, "ho b\n"), frame(255, "\u{0}")],
            channels: [1: "a\nb\n", 3: success]),
        Command(query: "command=sh&stdin=true&stdout=true", typed: [frame(0, "exit 5\n")], channels: [1: "", 3: failure(5)]),
    ]

    @Test(arguments: commands) func commandsAnswerOnTheirChannels(_ command: Command) async throws {
        let cluster = try await Self.cluster("sleep infinity")
        let response = await cluster.server.send(
            "GET", "/api/v1/namespaces/default/pods/talk/exec?\(command.query)", headers: Self.upgrade)
        #expect(response.status == 101)
        #expect(response.headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(response.headers["Sec-WebSocket-Protocol"] == "v5.channel.k8s.io")
        guard case .upgrade(let run) = response.body else { return #expect(Bool(false), "no upgrade") }
        let client = Client(command.typed)
        await run(client)
        #expect(client.channels == command.channels)
    }

    @Test func commandsTakeARunningContainerAndAnUpgrade() async throws {
        let cluster = try await Self.cluster("exit 0", policy: "Never")
        let path = "/api/v1/namespaces/default/pods/talk/exec?command=true&stdout=true"
        let gone = await cluster.server.send("GET", path, headers: Self.upgrade)
        #expect(gone.status == 500)
        #expect(String(decoding: gone.collected ?? [], as: UTF8.self) == "container not found (\"app\")\n")
        let running = try await Self.cluster("sleep infinity")
        let plain = await running.server.send("GET", path)
        #expect(plain.status == 400)
    }
}
