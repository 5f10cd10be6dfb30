import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A directory in which a program is run for one case, with an environment of its own; removed with `close`.
struct ClientScene: Sendable {
    /// What a program said, and how it ended.
    struct Outcome: Sendable {
        let status: Int64
        let output: String
        let errors: String

        /// The last line of the errors that is not empty.
        var lastError: String { errorLines.last ?? "" }
        var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What is seen of a program's output.
    private static let maximumBytes = 1 << 20

    let directory: String
    let programs: ClientPrograms

    init(_ programs: ClientPrograms) throws {
        self.programs = programs
        var template = Array("/tmp/eks-sim-client-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "no directory: \(String(cString: strerror(errno)))") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func close() {
        // Everything in it was made by the programs of this case.
        _ = try? Self.spawn(["/bin/rm", "-rf", directory], environment: [])
    }

    /// Writes a file of the directory; one of a program when `isProgram`.
    func write(_ name: String, _ text: String, isProgram: Bool = false) throws {
        let path = "\(directory)/\(name)"
        guard let file = fopen(path, "w") else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
        let bytes = Array(text.utf8)
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else { throw Failure(description: "\(path) cannot be written") }
        if isProgram { chmod(path, 0o755) }
    }

    func read(_ name: String) -> String {
        guard let file = fopen("\(directory)/\(name)", "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: Self.maximumBytes)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The permission bits of a file; `nil` when there is none.
    func mode(of name: String) -> UInt32? {
        var status = stat()
        return stat("\(directory)/\(name)", &status) == 0 ? UInt32(status.st_mode) & 0o777 : nil
    }

    /// Runs a program in the directory, which is its home too, with a `PATH` that begins there.
    func run(_ program: String, _ arguments: [String], environment: [String: String]) async throws -> Outcome {
        guard let path = programs.find(program) else { throw Failure(description: "no \(program)") }
        var variables = ["HOME": directory, "PATH": "\(directory):\(programs.searchPath)", "LC_ALL": "C.UTF-8"]
        variables.merge(environment) { $1 }
        // The shell sets up the directory and the files; what it is told are arguments, never its own text.
        let script = "cd \"$1\" && shift && exec \"$@\" </dev/null >.stdout 2>.stderr"
        let words = ["/bin/sh", "-c", script, "sh", directory, path] + arguments
        let settings = variables.map { "\($0.key)=\($0.value)" }
        let status = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try Self.spawn(words, environment: settings) }) }
        }
        return Outcome(status: status, output: read(".stdout"), errors: read(".stderr"))
    }

    /// Starts a program and waits for its end.
    private static func spawn(_ words: [String], environment: [String]) throws -> Int64 {
        let arguments = words.map { strdup($0) } + [nil]
        let settings = environment.map { strdup($0) } + [nil]
        defer { for text in arguments + settings { free(text) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, words[0], nil, nil, arguments, settings)
        guard code == 0 else { throw Failure(description: "\(words[0]): \(String(cString: strerror(code)))") }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw Failure(description: "\(words[0]) got lost") }
        }
        // The low seven bits name the signal that ended it, if one did.
        return status & 0x7F == 0 ? Int64(status >> 8 & 0xFF) : -Int64(status & 0x7F)
    }
}
