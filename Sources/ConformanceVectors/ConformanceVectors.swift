import JSON

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What came of one vector file.
public struct VectorReport: Sendable {
    /// The file's name without its directory.
    public let file: String
    /// How many cases behaved as stated.
    public let passed: Int
    /// The cases that did not, and how.
    public let failures: [(id: String, message: String)]
    /// Cases that ask something that this runner does not hold, such as another program; they count neither way.
    public let notRun: [(id: String, reason: String)]
    /// Why nothing of the file was run.
    public let skippedReason: String?

    /// The closing line for people and scripts.
    public var summary: String {
        if let skippedReason { return "\(file): skipped (\(skippedReason))" }
        return "\(file): \(passed) passed, \(failures.count) failed"
    }
}

/// Runs files of test vectors against the engines of the simulator.
public enum ConformanceVectors {
    private static let maximumBytes = 64 << 20

    /// Runs one file. Its form is found by its content, not by its name. Cases that ask a program of others are run when `programs` has it.
    /// Before each recorded request `pace` passes: answers that a quick client was given are given to a slow one too.
    public static func run(file path: String, programs: ClientPrograms? = nil, pace: Duration = .zero) async -> VectorReport {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let bytes = read(path) else { return skipped(name, "cannot be read") }
        let document: JSON
        do { document = try JSON(parsing: bytes) } catch { return skipped(name, "not JSON: \(error)") }
        let tally: VectorTally
        switch form(of: document) {
        case .auth: tally = await AuthVectors.run(document, programs)
        case .rbac: tally = await RBACVectors.run(document)
        case .table: tally = TableVectors.run(document)
        case .http: tally = await HTTPVectors.run(document, pace: pace)
        case .net: tally = await NetVectors.run(document)
        case .other(let reason): return skipped(name, reason)
        }
        return VectorReport(file: name, passed: tally.passed, failures: tally.failures, notRun: tally.notRun, skippedReason: nil)
    }

    private enum Form {
        case auth
        case rbac
        case table
        case http
        case net
        case other(String)
    }

    private static func form(of document: JSON) -> Form {
        switch document["type"]?.string {
        case "rbac": return .rbac
        case "table": return .table
        case "http": return .http
        case let type?: return .other("unknown form \"\(type)\"")
        case nil: break
        }
        guard let first = document["cases"]?.array?.first else { return .other("no form of test vectors") }
        if first["area"] != nil, document["defaults"] != nil { return .auth }
        if first["kind"] != nil, first["steps"] != nil || document["meta"] != nil { return .net }
        return .other("no form of test vectors")
    }

    private static func skipped(_ name: String, _ reason: String) -> VectorReport {
        VectorReport(file: name, passed: 0, failures: [], notRun: [], skippedReason: reason)
    }

    /// The bytes of a regular file; `nil` when it cannot be read or is larger than any vector file.
    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return ferror(file) == 0 ? bytes : nil }
            bytes += buffer[..<count]
            guard bytes.count <= maximumBytes else { return nil }
        }
    }
}
