import CZlib

/// A zlib stream with a preset dictionary that ends each piece at a byte: how SPDY writes header blocks. For one connection; not shared.
public final class ZlibDeflater {
    private let stream = ZlibStream()
    private let isReady: Bool

    /// Begins a stream with a dictionary.
    public init(dictionary: [UInt8]) {
        let size = Int32(MemoryLayout<z_stream>.size)
        isReady =
            deflateInit_(stream.pointer, Z_BEST_SPEED, ZLIB_VERSION, size) == Z_OK
            && deflateSetDictionary(stream.pointer, dictionary, UInt32(clamping: dictionary.count)) == Z_OK
    }

    deinit { deflateEnd(stream.pointer) }

    /// The next piece; `nil` when zlib refuses.
    public func deflate(_ bytes: [UInt8]) -> [UInt8]? {
        isReady ? stream.run(bytes, limit: .max) { CZlib.deflate($0, Z_SYNC_FLUSH) } : nil
    }
}

/// The reading side of `ZlibDeflater`.
public final class ZlibInflater {
    private let stream = ZlibStream()
    private let dictionary: [UInt8]
    private let isReady: Bool

    /// Begins to read a stream with a dictionary.
    public init(dictionary: [UInt8]) {
        self.dictionary = dictionary
        isReady = inflateInit_(stream.pointer, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit { inflateEnd(stream.pointer) }

    /// What a piece says; `nil` when it is damaged, or says more than `limit` bytes.
    public func inflate(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
        guard isReady else { return nil }
        return stream.run(bytes, limit: limit) { [dictionary] stream in
            let result = CZlib.inflate(stream, Z_SYNC_FLUSH)
            guard result == Z_NEED_DICT else { return result }
            guard inflateSetDictionary(stream, dictionary, UInt32(clamping: dictionary.count)) == Z_OK else { return Z_DATA_ERROR }
            return CZlib.inflate(stream, Z_SYNC_FLUSH)
        }
    }
}

/// zlib's state, which must not move.
private final class ZlibStream {
    private static let chunk = 4096

    let pointer: UnsafeMutablePointer<z_stream>

    init() {
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: z_stream())
    }

    deinit { pointer.deallocate() }

    /// Runs `step` until it has taken all bytes and has nothing more to write.
    func run(_ bytes: [UInt8], limit: Int, _ step: (UnsafeMutablePointer<z_stream>) -> Int32) -> [UInt8]? {
        var input = bytes
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: Self.chunk)
        return input.withUnsafeMutableBufferPointer { source in
            pointer.pointee.next_in = source.baseAddress
            pointer.pointee.avail_in = UInt32(clamping: source.count)
            while true {
                let (result, written) = buffer.withUnsafeMutableBufferPointer { target -> (Int32, Int) in
                    pointer.pointee.next_out = target.baseAddress
                    pointer.pointee.avail_out = UInt32(clamping: target.count)
                    let result = step(pointer)
                    return (result, target.count - Int(pointer.pointee.avail_out))
                }
                // Nothing left to do is no failure.
                guard result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END else { return nil }
                output += buffer[..<written]
                guard output.count <= limit else { return nil }
                if pointer.pointee.avail_out > 0 { return output }
            }
        }
    }
}
