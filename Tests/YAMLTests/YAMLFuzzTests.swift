import JSON
import Testing
import YAML

@Suite("Mutated YAML")
struct YAMLFuzzTests {
    private static let seeds = [
        "- groups:\n  - system:masters\n  rolearn: arn:aws:iam::111122223333:role/r\n  username: 'it''s'\n",
        "a: &x {b: [1, 0x1f, ~], c: \"\\u00e9\\n\"}\nd:\n  <<: *x\n  e: |\n    text\n     more\n  f: >-\n    folded\n    text\n",
        "%YAML 1.1\n---\n!!map\n? key\n: !!str 12\n...\n---\n- - - x\n  - *y\n",
    ]

    @Test("decoding never crashes, and what it accepts is written and read back as the same value")
    func roundTrip() {
        var state: UInt64 = 11
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(bound, 1)
        }
        let tokens = [
            "\n", "  ", "- ", ": ", "? ", "&x ", "*x", "<<: ", "|\n", ">+\n", "\"", "'", "[", "]", "{", "}", ",", "#", "!!int ", "---\n",
            "\t", "\u{e9}",
        ]
        var failures: [String] = []
        var accepted = 0
        for round in 0..<3000 {
            var bytes = Array(Self.seeds[round % Self.seeds.count].utf8)
            for _ in 0...next(3) {
                let place = next(bytes.count)
                switch next(4) {
                case 0: bytes[place] = UInt8(next(256))
                case 1: bytes.removeSubrange(place..<min(place + next(8), bytes.count))
                case 2: bytes.insert(contentsOf: bytes[place..<min(place + next(20), bytes.count)], at: next(bytes.count))
                default: bytes.insert(contentsOf: Array(tokens[next(tokens.count)].utf8), at: place)
                }
            }
            guard let value = try? YAMLDecoder.decode(bytes) else { continue }
            accepted += 1
            let written = YAMLEncoder.encode(value)
            if (try? YAMLDecoder.decode(written)) != value { failures.append(written) }
        }
        #expect(failures == [])
        #expect(accepted > 300)
    }
}
