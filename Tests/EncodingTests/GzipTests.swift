import Encoding
import Testing

@Suite("gzip")
struct GzipTests {
    @Test("a stream has the gzip header without a time, whatever the pieces")
    func header() throws {
        let text = Array(String(repeating: "kubernetes ", count: 20_000).utf8)
        let whole = try #require(GzipCompressor())
        let one = whole.compress(text) + whole.finish()
        #expect(one.prefix(8) == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0])
        #expect(one.count < text.count / 20)
        // The last four bytes are the length of what was compressed.
        #expect(one.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) } == text.count)
        let parts = try #require(GzipCompressor())
        var two: [UInt8] = []
        for start in stride(from: 0, to: text.count, by: 1000) { two += parts.compress(Array(text[start..<start + 1000])) }
        #expect(two + parts.finish() == one)
    }

    @Test("nothing is a stream too")
    func empty() throws { #expect(try #require(GzipCompressor()).finish().count == 20) }
}
