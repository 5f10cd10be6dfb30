#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The process, for reports.
enum Process {
    /// The process id.
    static var id: Int { Int(getpid()) }
}
