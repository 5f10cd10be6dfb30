import Foundation

/// Runs commands with the real clients on the PATH.
enum Shell {
    struct Outcome: Sendable {
        let status: Int32
        let output: String
    }

    /// The checkout.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The binary that `make test` built and named.
    static var binary: String {
        ProcessInfo.processInfo.environment["EKS_SIM_BINARY"] ?? root.appending(path: ".build/debug/eks-sim").path
    }

    /// Lets four commands run at a time: walks wait for what a simulator does meanwhile, and twenty of them would starve each other.
    private actor Turns {
        private var free = 4
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func take() async {
            guard free == 0 else { return free -= 1 }
            await withCheckedContinuation { waiting.append($0) }
        }

        func giveBack() { if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() } }
    }

    private static let turns = Turns()

    /// Runs a command in bash when its turn comes, and waits for it; standard output and error together.
    static func run(_ command: String, environment: [String: String] = [:]) async throws -> Outcome {
        await turns.take()
        do {
            let outcome = try await begin(command, environment)
            await turns.giveBack()
            return outcome
        } catch {
            await turns.giveBack()
            throw error
        }
    }

    private static func begin(_ command: String, _ environment: [String: String]) async throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = root
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = FileManager.default.temporaryDirectory.appending(path: "eks-sim-test-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: output) }
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { process in
                try? handle.close()
                let text = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
                continuation.resume(returning: Outcome(status: process.terminationStatus, output: text))
            }
            do { try withSignalsOpen { try process.run() } } catch { continuation.resume(throwing: error) }
        }
    }

    /// Lets a child begin without blocked signals: threads of the concurrency pool may block them, and what a walk kills would not hear it.
    private static func withSignalsOpen(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// A directory that is removed when `body` returns.
    static func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let path = FileManager.default.temporaryDirectory.appending(path: "eks-sim-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }
}
