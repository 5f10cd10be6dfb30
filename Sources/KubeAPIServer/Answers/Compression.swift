import Encoding
import HTTP

extension HTTPResponse {
    /// Smaller answers are not worth the work (`defaultGzipThresholdBytes`).
    private static let threshold = 128 << 10

    /// Compresses a large answer for a client that accepts gzip (`deferredResponseWriter`), piece by piece while it is sent.
    mutating func compress(for request: HTTPRequest) {
        let pieces: [[UInt8]]
        switch body {
        case .bytes(let bytes) where bytes.count > Self.threshold: pieces = [bytes]
        case .segments(let segments, let count) where count > Self.threshold: pieces = segments
        default: return
        }
        guard headers["Content-Encoding"] == nil, Self.acceptsGzip(request.headers["Accept-Encoding"] ?? "") else { return }
        headers["Content-Encoding"] = "gzip"
        headers.add("Vary", "Accept-Encoding")
        body = .stream { writer in
            guard let compressor = GzipCompressor() else { throw HTTPClientGone() }
            for piece in pieces {
                // A single large piece is sent in parts too.
                for start in stride(from: 0, to: piece.count, by: 1 << 18) {
                    let ready = compressor.compress(Array(piece[start..<min(start + 1 << 18, piece.count)]))
                    if !ready.isEmpty { try await writer.write(ready) }
                }
            }
            try await writer.write(compressor.finish())
        }
    }

    /// Whether gzip is named without parameters, as the server looks for it.
    private static func acceptsGzip(_ accepted: String) -> Bool {
        accepted.split(separator: ",").contains { $0.split(separator: " ").joined() == "gzip" }
    }
}
