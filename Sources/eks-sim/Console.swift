#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Standard output and error, and the terminal behind them.
enum Console {
    /// Writes to standard output.
    static func print(_ text: String) { write(text, to: 1) }

    /// Writes a log line to standard error.
    static func log(_ line: String) { write(line, to: 2) }

    /// Writes a line to standard error.
    static func complain(_ text: String) { write("eks-sim: \(text)\n", to: 2) }

    /// Whether standard output is a terminal that wants colour (https://no-color.org).
    static var isColored: Bool { isatty(1) == 1 && environment("NO_COLOR") == nil }

    /// Columns of the terminal, else what `COLUMNS` says, else 100.
    static var width: Int {
        var size = winsize()
        if ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return environment("COLUMNS").flatMap { Int($0) } ?? 100
    }

    /// A variable of the environment.
    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { unistd(descriptor, $0) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    private static func unistd(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
        Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #else
        Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }
}
