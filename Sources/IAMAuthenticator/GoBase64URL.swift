/// base64url without padding as Go's `RawURLEncoding` reads it: line feeds are skipped, trailing bits may be anything.
enum GoBase64URL {
    /// The offset of the first byte that cannot be read.
    struct CorruptInput: Error, Sendable { let value: Int }

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8.enumerated() {
            values[Int(character)] = UInt8(value)
        }
        return values
    }()

    static func decode(_ text: Substring) -> Result<[UInt8], CorruptInput> {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 * 3 + 3)
        var buffer: UInt32 = 0
        var count = 0
        var offset = 0
        for character in text.utf8 {
            defer { offset += 1 }
            if character == 0x0A || character == 0x0D { continue }
            let value = values[Int(character)]
            guard value != 0xFF else { return .failure(CorruptInput(value: offset)) }
            buffer = buffer << 6 | UInt32(value)
            count += 1
            switch count & 3 {
            case 0: bytes.append(UInt8(truncatingIfNeeded: buffer))
            case 2: bytes.append(UInt8(truncatingIfNeeded: buffer >> 4))
            case 3: bytes.append(UInt8(truncatingIfNeeded: buffer >> 2))
            default: break
            }
        }
        guard count % 4 != 1 else { return .failure(CorruptInput(value: offset - 1)) }
        return .success(bytes)
    }
}
