import JSON
import KubeAPI
import World

/// A command that `exec` starts in a simulated container: the little that `ContainerProgram` understands, `hostname`, `env`, and a shell
/// that reads such commands line by line. Everything else says that it is simulated and ends with 127, as what a shell does not find.
struct RemoteCommand: Sendable {
    private let words: [String]
    private let container: JSON
    private let pod: JSON
    private let isTerminal: Bool
    private let world: World

    private static let shells: Set<String> = ["sh", "bash", "ash", "dash"]

    init(_ words: [String], in container: JSON, of pod: JSON, isTerminal: Bool, world: World) {
        self.words = words
        self.container = container
        self.pod = pod
        self.isTerminal = isTerminal
        self.world = world
    }

    /// Runs to its end; answers the exit code.
    func run(_ streams: any RemoteStreams) async throws -> Int64 {
        let name = words.first.flatMap { $0.split(separator: "/").last.map(String.init) } ?? ""
        if Self.shells.contains(name), !words.dropFirst().contains(where: { $0.hasPrefix("-") && $0.hasSuffix("c") }) {
            return try await shell(streams)
        }
        return try await run(words, streams)
    }

    private var environment: [String: String] {
        var environment = ["HOSTNAME": pod.objectName]
        for variable in container["env"]?.array ?? [] { environment[variable["name"]?.string ?? ""] = variable["value"]?.string ?? "" }
        return environment
    }

    private func run(_ words: [String], _ streams: any RemoteStreams) async throws -> Int64 {
        switch words {
        case ["hostname"]:
            try await write(pod.objectName, RemoteChannel.stdout, streams)
            return 0
        case ["env"], ["printenv"]:
            for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
                try await write("\(name)=\(value)", RemoteChannel.stdout, streams)
            }
            return 0
        default: break
        }
        guard let program = ContainerProgram(understanding: words, environment) else {
            let text =
                "eks-sim: container \(container["name"]?.string ?? "") is simulated: \(GoText.quoted(words.joined(separator: " "))) is not run"
            try await write(text, isTerminal ? RemoteChannel.stdout : RemoteChannel.stderr, streams)
            return 127
        }
        var elapsed = Duration.zero
        for line in program.lines {
            if line.after > elapsed { try await world.timers.sleep(for: line.after - elapsed) }
            elapsed = line.after
            try await write(line.text, RemoteChannel.stdout, streams)
        }
        guard let duration = program.duration else {
            // `sleep infinity`: until the client goes.
            for await _ in streams.stdin {}
            return 0
        }
        if duration > elapsed { try await world.timers.sleep(for: duration - elapsed) }
        return program.exitCode
    }

    private func write(_ line: String, _ channel: UInt8, _ streams: any RemoteStreams) async throws {
        try await streams.write(channel, Array((line + (isTerminal ? "\r\n" : "\n")).utf8))
    }

    private static let longestLine = 65536

    /// Reads commands until `exit` or the end of the input.
    private func shell(_ streams: any RemoteStreams) async throws -> Int64 {
        var code: Int64 = 0
        var line: [UInt8] = []
        if isTerminal {
            try await write(
                "eks-sim: this shell is simulated; it knows echo, env, hostname, true, false, sleep and exit", RemoteChannel.stdout, streams
            )
            try await streams.write(RemoteChannel.stdout, Array("# ".utf8))
        }
        for await bytes in streams.stdin {
            for byte in bytes {
                switch byte {
                case 10, 13:
                    if isTerminal { try await streams.write(RemoteChannel.stdout, [13, 10]) }
                    let text = String(decoding: line, as: UTF8.self)
                    line = []
                    let words = text.split(separator: " ").map(String.init)
                    if words.first == "exit" { return words.dropFirst().first.flatMap { Int64($0) }.map { $0 & 255 } ?? code }
                    if !words.isEmpty { code = try await run(words.count == 1 ? words : ["sh", "-c", text], streams) }
                    if isTerminal { try await streams.write(RemoteChannel.stdout, Array("# ".utf8)) }
                case 4 where isTerminal && line.isEmpty: return code
                case 3 where isTerminal:
                    line = []
                    try await streams.write(RemoteChannel.stdout, Array("^C\r\n# ".utf8))
                case 8, 127:
                    if isTerminal, !line.isEmpty {
                        line.removeLast()
                        try await streams.write(RemoteChannel.stdout, [8, 32, 8])
                    }
                default:
                    guard line.count < Self.longestLine else { return 2 }
                    line.append(byte)
                    if isTerminal { try await streams.write(RemoteChannel.stdout, [byte]) }
                }
            }
        }
        if !line.isEmpty {
            let text = String(decoding: line, as: UTF8.self)
            code = try await run(["sh", "-c", text], streams)
        }
        return code
    }
}
