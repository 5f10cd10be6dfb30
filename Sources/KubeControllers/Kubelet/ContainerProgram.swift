import JSON
import World

/// What a simulated container does. Nothing runs in it: it goes on for ever, an init container ends well at once, unless its command is made of `sleep N`, `exit N`, `true`,
/// `false`, `:` and `echo …` only, alone or in a shell with `-c`, joined by `;`, `&&`, `||` or line ends.
///
/// The annotation `eks-sim.dev/exit.CONTAINER: "CODE after DURATION"` (`"1 after 5s"`) goes before the command.
struct ContainerProgram: Sendable, Hashable {
    /// A line of output, and when it is written after the start.
    struct Line: Sendable, Hashable {
        let after: Duration
        let text: String
    }

    var lines: [Line] = []
    /// How long it runs; `nil` for ever.
    var duration: Duration?
    var exitCode: Int64 = 0
    /// Whether it does not hear SIGTERM, as a `sleep` that is process 1 does not, and has to be killed.
    var ignoresTermination = false

    private static let annotation = "eks-sim.dev/exit."
    private static let shells: Set<String> = ["sh", "bash", "ash", "dash"]
    private static let longestScript = 65536

    /// The program of a container of a pod; `isInitial` for one that runs to its end before the others.
    init(_ container: JSON, of pod: JSON, isInitial: Bool = false) {
        let name = container["name"]?.string ?? ""
        let arguments = (container["command"]?.strings ?? []) + (container["args"]?.strings ?? [])
        var environment: [String: String] = [:]
        for variable in container["env"]?.array ?? [] { environment[variable["name"]?.string ?? ""] = variable["value"]?.string ?? "" }
        if !interpret(arguments, environment) { self = ContainerProgram.unknown(container, ends: isInitial) }
        if let text = pod.at("metadata", "annotations", Self.annotation + name)?.string { end(as: text) }
    }

    private init() {}

    /// What a command does; `nil` when it is not understood.
    init?(understanding arguments: [String], _ environment: [String: String]) {
        guard interpret(arguments, environment) else { return nil }
    }

    /// A container that only says that it is there.
    private static func unknown(_ container: JSON, ends: Bool) -> ContainerProgram {
        var program = ContainerProgram()
        if ends { program.duration = .zero }
        let image = container["image"]?.string ?? ""
        program.lines = [Line(after: .zero, text: "eks-sim: container of image \(image) is simulated: nothing runs in it")]
        return program
    }

    /// `1 after 5s`, or `0`.
    private mutating func end(as text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard let code = words.first.flatMap({ Int64($0) }), (0...255).contains(code) else { return }
        exitCode = code
        duration = words.count == 3 && words[1] == "after" ? Self.duration(words[2]) ?? .zero : .zero
    }

    private mutating func interpret(_ arguments: [String], _ environment: [String: String]) -> Bool {
        guard let command = arguments.first.map(Self.base) else { return false }
        var elapsed = Duration.zero
        if Self.shells.contains(command), arguments.count >= 3, arguments[1].hasPrefix("-"), arguments[1].hasSuffix("c") {
            guard let commands = ShellScript.commands(arguments[2], environment, limit: Self.longestScript) else { return false }
            var code: Int64 = 0
            for step in commands {
                if step.runs(after: code) {
                    guard let outcome = run(step.words, &elapsed) else { return false }
                    code = outcome.code
                    if outcome.ends { break }
                }
            }
            exitCode = code
        } else {
            guard command != "exit", command != ":", let outcome = run(arguments, &elapsed) else { return false }
            exitCode = outcome.code
            ignoresTermination = command == "sleep"
        }
        // `sleep infinity` was met.
        if elapsed == .seconds(Int64.max) { duration = nil } else { duration = elapsed }
        return true
    }

    /// One command; `nil` when it is not understood.
    private mutating func run(_ words: [String], _ elapsed: inout Duration) -> (code: Int64, ends: Bool)? {
        guard let command = words.first.map(Self.base) else { return (0, false) }
        switch command {
        case "true", ":": return (0, false)
        case "false": return (1, false)
        case "exit":
            guard words.count <= 2 else { return nil }
            let code = words.count == 2 ? Int64(words[1]) : 0
            return code.map { ($0 & 255, true) }
        case "echo":
            lines.append(Line(after: elapsed, text: words.dropFirst().joined(separator: " ")))
            return (0, false)
        case "sleep":
            guard words.count == 2 else { return nil }
            ignoresTermination = true
            if words[1] == "infinity" || words[1] == "inf" {
                elapsed = .seconds(Int64.max)
                return (0, true)
            }
            guard let pause = Self.duration(words[1]) else { return nil }
            elapsed += pause
            return (0, false)
        default: return nil
        }
    }

    private static func base(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// `5`, `0.5`, `5s`, `2m`, `1h`, `1d`.
    private static func duration(_ text: String) -> Duration? {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Double(unit == nil ? text : String(text.dropLast())), number >= 0, number < 1e9 else { return nil }
        return .milliseconds(Int64(number * (unit ?? 1) * 1000))
    }
}

/// The little of a shell's grammar that simulated containers understand.
enum ShellScript {
    /// A command and when it runs.
    struct Command {
        enum Condition { case always, success, failure }

        var words: [String] = []
        let condition: Condition

        func runs(after code: Int64) -> Bool {
            switch condition {
            case .always: true
            case .success: code == 0
            case .failure: code != 0
            }
        }
    }

    /// The commands of a script; `nil` when there is anything else in it.
    static func commands(_ script: String, _ environment: [String: String], limit: Int) -> [Command]? {
        guard script.utf8.count <= limit else { return nil }
        var commands = [Command(condition: .always)]
        var word = ""
        var hasWord = false
        var rest = Substring(script)
        func endWord() {
            if hasWord { commands[commands.count - 1].words.append(word) }
            word = ""
            hasWord = false
        }
        func next(_ condition: Command.Condition, _ length: Int) {
            endWord()
            rest = rest.dropFirst(length)
            commands.append(Command(condition: condition))
        }
        while let first = rest.first {
            switch first {
            case "\n", ";": next(.always, 1)
            case "&" where rest.hasPrefix("&&"): next(.success, 2)
            case "|" where rest.hasPrefix("||"): next(.failure, 2)
            case "&", "|", "<", ">", "(", ")", "`", "{", "}", "*", "?", "#", "\\": return nil
            case " ", "\t":
                endWord()
                rest = rest.dropFirst()
            case "'", "\"":
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: first) else { return nil }
                let quoted = rest[..<end]
                guard first == "'" || !quoted.contains(where: { $0 == "\\" || $0 == "`" }) else { return nil }
                guard let text = first == "'" ? String(quoted) : expanded(quoted, environment) else { return nil }
                word += text
                hasWord = true
                rest = rest[end...].dropFirst()
            default:
                let run = rest.prefix { !" \t\n;&|<>()`{}*?#\\'\"".contains($0) }
                let isVariable = run.last == "$"
                guard !isVariable || rest.dropFirst(run.count).first != "{" else {
                    // `${NAME}`
                    let after = rest.dropFirst(run.count + 1)
                    guard let end = after.firstIndex(of: "}"), let prefix = expanded(run.dropLast(), environment) else { return nil }
                    word += prefix + (environment[String(after[..<end])] ?? "")
                    hasWord = true
                    rest = after[end...].dropFirst()
                    continue
                }
                guard let text = expanded(run, environment) else { return nil }
                word += text
                hasWord = true
                rest = rest.dropFirst(run.count)
            }
        }
        endWord()
        return commands.filter { !$0.words.isEmpty }
    }

    /// Text with `$NAME` and `${NAME}` replaced; `nil` for other uses of `$`.
    private static func expanded(_ text: Substring, _ environment: [String: String]) -> String? {
        var result = ""
        var rest = text
        while let mark = rest.firstIndex(of: "$") {
            result += rest[..<mark]
            rest = rest[mark...].dropFirst()
            let name: Substring
            if rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else { return nil }
                name = rest[..<end].dropFirst()
                rest = rest[end...].dropFirst()
            } else {
                name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                rest = rest.dropFirst(name.count)
            }
            guard let first = name.first, first.isLetter || first == "_", name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
            else {
                return nil
            }
            result += environment[String(name)] ?? ""
        }
        return result + rest
    }
}
