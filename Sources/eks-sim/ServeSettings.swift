import ArgumentParser
import EKSSim
import JSON
import KubeAPI
import KubeAPIServer
import Logging
import World
import YAML

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What `serve` was told: options first, then the configuration file, then defaults.
struct ServeSettings {
    let configuration: Configuration
    let readyFile: String?
    let logger: Logger

    private static let keys: Set<String> = [
        "state", "listen", "awsPort", "apiPort", "seed", "clock", "durability", "empty", "readyFile", "logLevel", "logFormat", "region",
        "accountId",
        "webhookCacheTTLSeconds", "stsEndpoints", "profile", "oidcCa", "accounts", "auditLog", "auditPolicy",
        "maxRequestsInflight", "maxMutatingRequestsInflight", "maxWatches", "maxConnections", "requestTimeout",
    ]

    /// - Throws: `ValidationError` for a value that cannot be meant.
    init(_ options: Serve) throws {
        let file = try Self.file(options.config)
        for key in file.object?.keys ?? [] where !Self.keys.contains(key) {
            throw ValidationError("\(options.config ?? ""): unknown key \(key); known are \(Self.keys.sorted().joined(separator: ", "))")
        }
        func port(_ option: UInt16?, _ key: String, _ fallback: Int) throws -> Int {
            if let option { return Int(option) }
            guard let value = file[key] else { return fallback }
            guard let number = value.integer, let port = UInt16(exactly: number) else {
                throw ValidationError("\(key): not a port: \(value)")
            }
            return Int(port)
        }
        var configuration = Configuration()
        configuration.sockets = .listen(
            host: options.listen ?? file["listen"]?.string ?? "127.0.0.1", awsPort: try port(options.awsPort, "awsPort", 4566),
            apiPort: try port(options.apiPort, "apiPort", 6443))
        let state = options.state ?? file["state"]?.string ?? "eks-sim.sqlite"
        if let text = file["durability"]?.string, options.durability == nil, Configuration.Durability(rawValue: text) == nil {
            throw ValidationError("durability: not full, normal or memory: \(text)")
        }
        configuration.durability =
            options.durability ?? file["durability"]?.string.flatMap(Configuration.Durability.init(rawValue:)) ?? .normal
        configuration.state = state == ":memory:" || configuration.durability == .memory ? .memory : .file(state)
        configuration.seed = options.seed ?? file["seed"]?.integer.flatMap(UInt64.init(exactly:)) ?? 1
        configuration.clock = try Self.clock(options.clock ?? file["clock"]?.string ?? "real")
        configuration.isEmpty = options.empty || file["empty"]?.bool == true
        if let name = options.profile ?? file["profile"]?.string {
            guard let profile = ClusterProfile(rawValue: name) else {
                throw ValidationError("profile: not \(ClusterProfile.allCases.map(\.rawValue).joined(separator: " or ")): \(name)")
            }
            configuration.profile = profile
        }
        try Self.setLimits(&configuration, options, file)
        configuration.auditLog = options.auditLog ?? file["auditLog"]?.string
        if let path = options.auditPolicy ?? file["auditPolicy"]?.string {
            do { configuration.auditPolicy = try AuditPolicy(parsing: Self.bytes(path)) } catch let failure as AuditPolicy.Failure {
                throw ValidationError("\(path): \(failure)")
            }
        }
        if configuration.auditLog != nil, configuration.auditPolicy == nil, configuration.profile == .upstream {
            throw ValidationError("audit-log: kube-apiserver logs nothing without an audit-policy")
        }
        if let region = file["region"]?.string { configuration.region = region }
        if let account = file["accountId"]?.string { configuration.accountID = try Self.account(account, "accountId") }
        for account in options.account.isEmpty ? file["accounts"]?.strings ?? [] : options.account {
            let id = try Self.account(account, "account")
            let isKnown = id == configuration.accountID || configuration.furtherAccounts.contains(id)
            if !isKnown { configuration.furtherAccounts.append(id) }
        }
        if let seconds = file["webhookCacheTTLSeconds"]?.integer { configuration.webhookCacheTTL = .seconds(max(0, seconds)) }
        if let path = options.oidcCa ?? file["oidcCa"]?.string {
            configuration.oidcTrustRoots = [String(decoding: try Self.bytes(path), as: UTF8.self)]
        }
        configuration.extraSTSEndpoints = file["stsEndpoints"]?.strings ?? []
        readyFile = options.readyFile ?? file["readyFile"]?.string
        configuration.kubeconfigDirectory =
            Self.directory(of: readyFile) ?? (configuration.state == .memory ? nil : Self.directory(of: state))
        self.configuration = configuration
        logger = try Self.logger(
            options.logLevel ?? file["logLevel"]?.string ?? "info",
            options.logFormat ?? file["logFormat"]?.string.flatMap(OutputFormat.init(rawValue:)) ?? .text)
    }

    private static func setLimits(_ configuration: inout Configuration, _ options: Serve, _ file: JSON) throws {
        func number(_ option: Int?, _ key: String, _ fallback: Int, from least: Int = 0) throws -> Int {
            guard let value = option ?? file[key].map({ $0.integer.map(Int.init(clamping:)) ?? -1 }) else { return fallback }
            guard value >= least else { throw ValidationError("\(key): not a number of \(least) or more") }
            return value
        }
        var limits = RequestLimits()
        limits.reading = try number(options.maxRequestsInflight, "maxRequestsInflight", limits.reading)
        limits.writing = try number(options.maxMutatingRequestsInflight, "maxMutatingRequestsInflight", limits.writing)
        limits.watches = try number(options.maxWatches, "maxWatches", limits.watches)
        configuration.maximumConnections = try number(options.maxConnections, "maxConnections", configuration.maximumConnections, from: 1)
        if let text = options.requestTimeout ?? file["requestTimeout"]?.string {
            guard let nanoseconds = try? GoDuration.parse(text), nanoseconds > 0 else {
                throw ValidationError("requestTimeout: not a duration such as 30s: \(text)")
            }
            limits.timeout = .nanoseconds(nanoseconds)
        }
        configuration.requestLimits = limits
    }

    private static func account(_ text: String, _ name: String) throws -> String {
        guard text.utf8.count == 12, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw ValidationError("\(name): not twelve digits: \(text)")
        }
        return text
    }

    private static func file(_ path: String?) throws -> JSON {
        guard let path else { return [:] }
        let text = try bytes(path)
        do { return try YAMLDecoder.decode(text) } catch { throw ValidationError("\(path): \(error)") }
    }

    /// A file of at most a megabyte.
    private static func bytes(_ path: String) throws -> [UInt8] {
        guard let stream = fopen(path, "r") else {
            throw CommandFailure(message: "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&chunk, 1, chunk.count, stream), count > 0, bytes.count < 1 << 20 { bytes += chunk[..<count] }
        return bytes
    }

    /// Absolute, so that the ready file's paths hold from anywhere.
    private static func directory(of path: String?) -> String? {
        guard let path else { return nil }
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { String(path[..<$0]) } ?? "."
        guard let resolved = realpath(directory.isEmpty ? "/" : directory, nil) else { return directory }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func clock(_ text: String) throws -> WorldClock.Mode {
        if text == "real" { return .running(offset: .zero) }
        if text == "virtual" { return .frozen(at: WorldClock().now) }
        guard text.hasPrefix("virtual="), let instant = Instant(rfc3339: String(text.dropFirst("virtual=".count))) else {
            throw ValidationError("clock: not real, virtual or virtual=RFC3339: \(text)")
        }
        return .frozen(at: instant)
    }

    private static func logger(_ level: String, _ format: OutputFormat) throws -> Logger {
        guard let level = Logger.Level(rawValue: level) else { throw ValidationError("log-level: no such level: \(level)") }
        var logger = Logger(label: "eks-sim") { _ in LineLogHandler(format: format) }
        logger.logLevel = level
        return logger
    }
}
