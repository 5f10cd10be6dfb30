#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Small files that only their owner may read, replaced in one step.
public enum PrivateFile {
    /// Why a file could not be written.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        /// The text for messages.
        public let description: String
    }

    /// Writes `text` to `path` (mode 0600): whoever opens it sees the old content or the new one, never a part.
    ///
    /// - Throws: `Failure` with the system's words.
    public static func write(_ text: String, to path: String) throws(Failure) {
        let temporary = "\(path).\(Process.id).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Self.system(descriptor, $0) }
            guard count > 0 else {
                let problem = failure(path)
                close(descriptor)
                unlink(temporary)
                throw problem
            }
            bytes = bytes.dropFirst(count)
        }
        close(descriptor)
        guard rename(temporary, path) == 0 else {
            let problem = failure(path)
            unlink(temporary)
            throw problem
        }
    }

    /// Removes a file; one that is not there is as good.
    static func remove(_ path: String) { unlink(path) }

    private static func failure(_ path: String) -> Failure {
        Failure(description: "cannot write \(path): \(String(cString: strerror(errno)))")
    }

    private static func system(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
        Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #else
        Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}
