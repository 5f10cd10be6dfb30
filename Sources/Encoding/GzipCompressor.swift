import CZlib

/// Compresses a stream of bytes as gzip (RFC 1952) through zlib. Without a time in its header: equal bytes have equal streams.
public final class GzipCompressor {
    private static let chunk = 1 << 16
    /// Window of 32 KiB, and 16 more for the gzip header instead of zlib's.
    private static let windowBits: Int32 = 15 + 16
    private let stream: UnsafeMutablePointer<z_stream>

    /// Begins a stream; `nil` when zlib has no memory for it.
    ///
    /// - Parameter level: 1 (fastest) to 9 (smallest).
    public init?(level: Int32 = 1) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        guard deflateInit2_(stream, level, Z_DEFLATED, Self.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The compressed bytes that are ready after taking `bytes`, maybe none.
    public func compress(_ bytes: [UInt8]) -> [UInt8] { run(bytes, Z_NO_FLUSH) }

    /// The rest of the stream.
    public func finish() -> [UInt8] { run([], Z_FINISH) }

    private func run(_ bytes: [UInt8], _ flush: Int32) -> [UInt8] {
        var input = bytes
        var output: [UInt8] = []
        input.withUnsafeMutableBufferPointer { source in
            stream.pointee.next_in = source.baseAddress
            stream.pointee.avail_in = UInt32(clamping: source.count)
            var hasRoom = false
            while !hasRoom {
                let produced = [UInt8](unsafeUninitializedCapacity: Self.chunk) { target, count in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = UInt32(Self.chunk)
                    _ = deflate(stream, flush)
                    count = Self.chunk - Int(stream.pointee.avail_out)
                }
                hasRoom = produced.count < Self.chunk
                output += produced
            }
            stream.pointee.next_in = nil
        }
        return output
    }
}
