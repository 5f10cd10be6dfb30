import JSON
import Testing

@Suite("Mutated documents")
struct JSONFuzzTests {
    /// SplitMix64: the same cases in every run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private static let seeds = [
        #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"app":"web","tier":"é"}},"spec":{"containers":[{"name":"c","n":1.5}]}}"#,
        #"[0,-0,1,-1,12345678901234567890,1e10,1.5E-3,true,false,null,"",[],{}]"#,
        #"{"terminationGracePeriodSeconds":30,"terminationGracePeriodSeconds":31,"\u0061\n":"\ud83d\ude00\ud83d","x":[[[[{"y":{}}]]]]}"#,
        "{" + (0..<20).map { "\"key\($0)\":\($0)" }.joined(separator: ",") + ",\"key3\":{}}",
        "\"日本語 <&> \u{2028} text that is longer than a word or two\"",
    ]

    private func mutate(_ bytes: [UInt8], with generator: inout Generator) -> [UInt8] {
        let tokens: [String] = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "0", "-", "1e9", "true", "null", " ", "\n", "{\"a\":", "\u{e9}",
        ]
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            let end = Int.random(in: place...min(place + 12, bytes.count), using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes.removeSubrange(place..<end)
            case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.insert(contentsOf: Array(Self.seeds[Int.random(in: 0..<5, using: &generator)].utf8), at: place)
            default: bytes.insert(contentsOf: Array((tokens.randomElement(using: &generator) ?? "").utf8), at: place)
            }
        }
        return bytes
    }

    @Test("parsing never crashes, and what it accepts is written and read back as the same value")
    func roundTrip() {
        var generator = Generator(state: 20_260_301)
        var failures: [String] = []
        var accepted = 0
        for round in 0..<5000 {
            let bytes = mutate(Array(Self.seeds[round % Self.seeds.count].utf8), with: &generator)
            do {
                let value = try JSON(parsing: bytes)
                accepted += 1
                let written = value.serialized(escaping: round % 2 == 0 ? .go : .minimal)
                let again = try JSON(parsing: written)
                if again != value || again.serialized() != value.serialized() { failures.append(String(decoding: bytes, as: UTF8.self)) }
            } catch {
                if error.offset < 0 || error.offset > bytes.count || error.line < 1 || error.column < 1 { failures.append("\(error)") }
            }
        }
        #expect(failures == [])
        #expect(accepted > 300)
    }
}
