/// The only source of randomness of a simulator: xoshiro256**, seeded, shared behind a lock.
public final class RandomSource: Sendable {
    private struct Generator: RandomNumberGenerator {
        var state: (UInt64, UInt64, UInt64, UInt64)

        init(seed: UInt64) {
            // SplitMix64 spreads the seed over the whole state.
            var x = seed
            func next() -> UInt64 {
                x &+= 0x9E37_79B9_7F4A_7C15
                var z = x
                z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
                z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
                return z ^ (z >> 31)
            }
            state = (next(), next(), next(), next())
        }

        mutating func next() -> UInt64 {
            func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
            let result = rotate(state.1 &* 5, 7) &* 9
            let shifted = state.1 << 17
            state.2 ^= state.0
            state.3 ^= state.1
            state.1 ^= state.2
            state.0 ^= state.3
            state.2 ^= shifted
            state.3 = rotate(state.3, 45)
            return result
        }
    }

    /// What the sequence was started from.
    public let seed: UInt64
    private let generator: Lock<Generator>

    /// Starts the sequence of `seed`.
    public init(seed: UInt64) {
        self.seed = seed
        generator = Lock(Generator(seed: seed))
    }

    /// Starts over from `seed` and `position`: after a restart, the state's revision keeps old identifiers from coming again.
    public func reseed(position: UInt64) {
        generator.withLock { $0 = Generator(seed: seed &+ position &* 0xD134_2543_DE82_EF95) }
    }

    /// The next 64 bits.
    public func next() -> UInt64 { generator.withLock { $0.next() } }

    /// A number below `bound`, evenly spread; 0 when `bound` is 0.
    public func next(below bound: Int) -> Int {
        guard bound > 0 else { return 0 }
        return generator.withLock { Int.random(in: 0..<bound, using: &$0) }
    }

    /// `count` bytes.
    public func bytes(_ count: Int) -> [UInt8] {
        generator.withLock { generator in (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 32) } }
    }

    /// `count` characters of `alphabet`, which is ASCII.
    public func characters(_ count: Int, of alphabet: StaticString) -> String {
        let size = alphabet.utf8CodeUnitCount
        let picked = generator.withLock { generator in
            (0..<count).map { _ in alphabet.utf8Start[Int.random(in: 0..<size, using: &generator)] }
        }
        return String(decoding: picked, as: UTF8.self)
    }
}

/// Identifiers in the forms that Kubernetes and AWS use, from the world's randomness.
extension RandomSource {
    /// A version 4 UUID in lower case.
    public func uuid() -> String {
        // Sixteen steps of the generator, of which each gives one byte, as `bytes(16)` does.
        generator.withLock { generator in
            String(unsafeUninitializedCapacity: 36) { text in
                func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
                var place = 0
                for index in 0..<16 {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        text[place] = UInt8(ascii: "-")
                        place += 1
                    }
                    var byte = UInt8(truncatingIfNeeded: generator.next() >> 32)
                    if index == 6 { byte = byte & 0x0F | 0x40 }
                    if index == 8 { byte = byte & 0x3F | 0x80 }
                    text[place] = digit(byte >> 4)
                    text[place + 1] = digit(byte & 15)
                    place += 2
                }
                return place
            }
        }
    }

    /// `count` lower-case hexadecimal digits.
    public func hex(_ count: Int) -> String { characters(count, of: "0123456789abcdef") }

    /// A suffix for `generateName`: five characters without vowels (Kubernetes `apimachinery/pkg/util/rand`).
    public func nameSuffix() -> String { characters(5, of: "bcdfghjklmnpqrstvwxz2456789") }

    /// An AWS unique id: a four-letter prefix (`AIDA`, `AROA`, `AKIA`, `ASIA`) and sixteen characters of base 32.
    public func awsUniqueID(prefix: String) -> String { prefix + characters(16, of: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") }

    /// An AWS secret access key: forty characters.
    public func awsSecretAccessKey() -> String {
        characters(40, of: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    }
}
