import World

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A log in a file, a line at a time, behind what is there already.
final class LogFile: LogSink {
    /// Why a file cannot be written.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Guards that lines do not mix.
    private let descriptor: Lock<Int32>

    /// Opens a file that only its owner may read.
    ///
    /// - Throws: `Failure` with the system's words.
    init(path: String) throws(Failure) {
        let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw Failure(description: "cannot write \(path): \(String(cString: strerror(errno)))") }
        descriptor = Lock(opened)
    }

    deinit { descriptor.withLock { _ = close($0) } }

    var isOpen: Bool { true }

    /// Appends a line in one write. What a full disk refuses is lost, as it is to kube-apiserver.
    func write(_ line: [UInt8], at time: Instant) {
        var rest = (line + [UInt8(ascii: "\n")])[...]
        descriptor.withLock { descriptor in
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Self.write(descriptor, $0) }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    private static func write(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
        Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #else
        Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}
