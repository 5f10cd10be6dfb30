import World

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// An exclusive lock on a path, held by an open file; the system releases it when the process ends in any way.
///
/// It is a file beside the database: closing any descriptor of the database itself would drop SQLite's own locks on it.
final class FileLock: Sendable {
    /// Why there is no lock.
    enum Failure: Error {
        case heldBy(process: String)
        case system(Int32)
    }

    private let descriptor: Lock<Int32>

    init(path: String) throws(Failure) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            var buffer = [UInt8](repeating: 0, count: 20)
            let count = read(descriptor, &buffer, buffer.count)
            _ = Self.close(descriptor)
            if code != EWOULDBLOCK { throw .system(code) }
            let digits = buffer.prefix(max(0, count)).prefix { $0 >= 0x30 && $0 <= 0x39 }
            throw .heldBy(process: String(decoding: digits, as: UTF8.self))
        }
        // For the message of the next one who tries; nothing depends on it.
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.count, 0)
        self.descriptor = Lock(descriptor)
    }

    deinit { release() }

    /// Gives the lock up.
    func release() {
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            // Given up by name: a process that is being forked at this moment holds the file a little longer.
            _ = flock(descriptor, LOCK_UN)
            _ = Self.close(descriptor)
            descriptor = -1
        }
    }

    private static func close(_ descriptor: Int32) -> Int32 {
        #if canImport(Glibc)
        Glibc.close(descriptor)
        #else
        Darwin.close(descriptor)
        #endif
    }
}
