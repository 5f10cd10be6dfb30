import JSON

/// The hash that tells pod templates apart in names and labels. Upstream's is made of Go's dump of the type; this one is made of the
/// template's JSON with sorted keys: as stable and as long, not the same.
enum TemplateHash {
    private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789".utf8)

    static func of(_ template: JSON, collisions: Int64?) -> String {
        var hash: UInt32 = 2_166_136_261
        func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { hash = (hash ^ UInt32(byte)) &* 16_777_619 } }
        add(template.sortingKeys().serialized())
        // Eight bytes, the lowest first, as upstream adds the count.
        if let collisions { add((0..<8).map { UInt8(truncatingIfNeeded: collisions >> ($0 * 8)) }) }
        // `rand.SafeEncodeString`: no vowels, so that no words come about.
        return String(decoding: String(hash).utf8.map { alphabet[Int($0) % alphabet.count] }, as: UTF8.self)
    }
}
