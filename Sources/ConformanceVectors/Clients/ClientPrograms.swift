import World

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The programs of others that some cases ask, `aws` and `kubectl`, as far as they are there.
public struct ClientPrograms: Sendable {
    /// Directories between colons, as in `PATH`.
    let searchPath: String
    private let versions = SharedVersions()

    /// Looks for programs in the directories of a `PATH`.
    public init(searchPath: String) { self.searchPath = searchPath }

    /// The path of a program; `nil` when it is not there.
    func find(_ name: String) -> String? {
        searchPath.split(separator: ":").lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// What a program says of its version, asked once.
    func version(of name: String, _ ask: () async throws -> String) async throws -> String {
        if let known = versions.known.withLock({ $0[name] }) { return known }
        let version = try await ask()
        versions.known.withLock { $0[name] = version }
        return version
    }
}

/// The versions that programs told of, shared by the copies of a `ClientPrograms`.
private final class SharedVersions: Sendable {
    let known = Lock<[String: String]>([:])
}
