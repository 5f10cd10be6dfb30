import Encoding
import Testing

@Suite("Byte search")
struct ByteSearchTests {
    @Test(
        "finds the first place of a pattern",
        arguments: [
            ("aab", "ab", 1), ("abab", "ab", 0), ("aaab", "aab", 1), ("ab", "abc", nil), ("", "a", nil), ("abc", "", nil),
            ("xxab", "ab", 2),
            ("ababac", "abac", 2),
        ] as [(String, String, Int?)])
    func search(text: String, pattern: String, place: Int?) {
        #expect(Array(text.utf8).firstRange(ofBytes: Array(pattern.utf8))?.lowerBound == place)
    }

    @Test("tells prefixes")
    func prefixes() {
        let text = Array("{\"kind\":".utf8)
        #expect(text.hasPrefix(bytes: Array("{\"k".utf8)) && text.hasPrefix(bytes: []) && text.hasPrefix(bytes: text))
        #expect(!text.hasPrefix(bytes: Array("{k".utf8)) && ![UInt8]().hasPrefix(bytes: text))
    }
}
