import World

/// Changes bytes and texts by a seeded sequence, so that a failure can be run again.
struct Mutator {
    let random: RandomSource
    /// Pieces that mean something to the parser under test.
    var words: [String] = []

    init(seed: UInt64, words: [String] = []) {
        random = RandomSource(seed: seed)
        self.words = words
    }

    func next(_ bound: Int) -> Int { random.next(below: bound) }

    /// One to four changes: a byte, a piece cut out, doubled or moved, a word put in.
    func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...next(4) {
            let place = next(bytes.count + 1)
            switch next(6) {
            case 0 where place < bytes.count: bytes[place] = UInt8(next(256))
            case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8(next(8))
            case 2: bytes.removeSubrange(place..<min(place + 1 + next(12), bytes.count))
            case 3:
                let from = next(bytes.count + 1)
                bytes.insert(contentsOf: bytes[from..<min(from + next(24), bytes.count)], at: place)
            case 4 where !words.isEmpty: bytes.insert(contentsOf: Array(words[next(words.count)].utf8), at: place)
            default: bytes.insert(UInt8(next(256)), at: place)
            }
        }
        return bytes
    }

    /// The text with one to four changes; bytes that are no UTF-8 become replacement characters.
    func mutate(_ text: String) -> String { String(decoding: mutate(Array(text.utf8)), as: UTF8.self) }

    /// A value like `text` that differs from it.
    func other(than text: String) -> String {
        while true {
            let changed = mutate(text)
            if changed != text { return changed }
        }
    }
}
