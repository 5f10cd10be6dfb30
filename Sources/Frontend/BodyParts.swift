import HTTP
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A body cut into parts that leave one after the other: what waits for the socket, its ciphertext included, is one part instead of all of
/// it. (NIOSSL keeps its output buffer as large as the largest write for the rest of the connection.)
struct BodyParts {
    /// Large enough that a part costs little beside its bytes.
    static let size = 256 << 10

    /// From here on, what an answer held is worth giving back to the system.
    private static let large = 8 << 20

    /// Whether memory is to be given back once all parts have left.
    let isLarge: Bool
    private let pieces: [[UInt8]]
    private var piece = 0
    private var offset = 0
    /// Bytes that have not left yet.
    private(set) var remaining: Int

    /// The parts of a body that is held in memory; none of one that is not.
    init(_ body: HTTPResponse.Body) {
        switch body {
        case .empty, .stream, .upgrade: pieces = []
        case .bytes(let bytes): pieces = [bytes]
        case .segments(let segments, _): pieces = segments
        }
        remaining = pieces.reduce(0) { $0 + $1.count }
        isLarge = remaining >= Self.large
    }

    /// The next part; `nil` after the last.
    mutating func next(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        guard remaining > 0 else { return nil }
        var part = allocator.buffer(capacity: min(remaining, Self.size))
        while piece < pieces.count, part.readableBytes < Self.size {
            let end = min(pieces[piece].count, offset + Self.size - part.readableBytes)
            part.writeBytes(pieces[piece][offset..<end])
            offset = end
            if end == pieces[piece].count { (piece, offset) = (piece + 1, 0) }
        }
        remaining -= part.readableBytes
        return part
    }

    /// Gives free memory back to the system: the pieces of a large list are small, and the allocator of each event loop's thread keeps
    /// them otherwise, a list for each thread.
    static func trimHeap() { _ = mallocTrim?(0) }

    /// glibc's `malloc_trim`, which Swift's overlay does not import; `nil` where the C library has none.
    private static let mallocTrim = dlsym(nil, "malloc_trim").map { unsafeBitCast($0, to: (@convention(c) (Int) -> Int32).self) }
}
