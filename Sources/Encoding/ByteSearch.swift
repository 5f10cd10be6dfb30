#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Searching bytes. The standard library's `firstRange(of:)` takes microseconds for a kilobyte, which requests would pay each.
extension Array where Element == UInt8 {
    /// Where `pattern` first occurs; `nil` when it does not, or is empty.
    public func firstRange(ofBytes pattern: [UInt8]) -> Range<Int>? {
        guard let first = pattern.first, pattern.count <= count else { return nil }
        return withUnsafeBytes { text in
            pattern.withUnsafeBytes { wanted in
                guard let base = text.baseAddress, let start = wanted.baseAddress else { return nil }
                var offset = 0
                // The last place where the whole pattern still fits.
                let last = text.count - wanted.count
                while offset <= last, let found = memchr(base + offset, Int32(first), last - offset + 1) {
                    offset = UnsafeRawPointer(found) - base
                    if memcmp(base + offset, start, wanted.count) == 0 { return offset..<offset + wanted.count }
                    offset += 1
                }
                return nil
            }
        }
    }

    /// Whether the bytes begin with `pattern`.
    public func hasPrefix(bytes pattern: [UInt8]) -> Bool {
        guard pattern.count <= count else { return false }
        return withUnsafeBytes { text in
            pattern.withUnsafeBytes { wanted in
                guard let base = text.baseAddress, let start = wanted.baseAddress else { return wanted.isEmpty }
                return memcmp(base, start, wanted.count) == 0
            }
        }
    }
}
