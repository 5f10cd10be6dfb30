import Crypto
import SwiftASN1
import World
import X509

/// Keys and signatures that follow from the world's seed, so that two runs with one seed hold the same certificates.
///
/// The cryptographic library takes its randomness from the system, both for keys and inside ECDSA.
enum SeededSigning {
    /// A P-256 key of the world's randomness.
    ///
    /// - Throws: only when the library refuses 64 candidates in a row.
    static func key(_ world: World) throws -> P256.Signing.PrivateKey {
        for _ in 0..<64 {
            // Zero and what is above the group's order are no keys.
            if let key = try? P256.Signing.PrivateKey(rawRepresentation: world.random.bytes(32)) { return key }
        }
        return P256.Signing.PrivateKey()
    }

    /// ECDSA with SHA-256 whose nonce is a function of key and message, in the spirit of RFC 6979.
    ///
    /// - Throws: what the library throws; it does not depend on input.
    static func signature(of message: some Sequence<UInt8>, by key: P256.Signing.PrivateKey) throws -> P256.Signing.ECDSASignature {
        let digest = Array(SHA256.hash(data: Array(message)))
        let secret = Array(key.rawRepresentation)
        for counter in UInt8.min...UInt8.max {
            let nonce = Array(HMAC<SHA256>.authenticationCode(for: digest + [counter], using: SymmetricKey(data: secret)))
            // The nonce's public key is the point whose first coordinate the signature begins with.
            guard let point = try? P256.Signing.PrivateKey(rawRepresentation: nonce).publicKey.x963Representation else { continue }
            let r = P256Scalar(bytes: point.dropFirst().prefix(32))
            let s = P256Scalar(bytes: nonce).inverse * (P256Scalar(bytes: digest) + r * P256Scalar(bytes: secret))
            guard !r.isZero, !s.isZero else { continue }
            return try P256.Signing.ECDSASignature(rawRepresentation: r.bytes + s.bytes)
        }
        return try key.signature(for: Array(message))
    }

    /// The certificate with its signature made anew by the issuer's key.
    ///
    /// - Throws: what the library throws.
    static func signed(_ certificate: Certificate, by key: P256.Signing.PrivateKey) throws -> Certificate {
        let content = certificate.tbsCertificateBytes
        let signature = try signature(of: content, by: key).derRepresentation
        let ecdsaWithSHA256: [UInt8] = [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]
        let bits = element(0x03, [0] + signature)
        return try Certificate(derEncoded: element(0x30, Array(content) + ecdsaWithSHA256 + bits))
    }

    /// A DER element of up to 64 KiB.
    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            switch count {
            case 0..<128: [UInt8(count)]
            case 128..<256: [0x81, UInt8(count)]
            default: [0x82, UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
            }
        return [tag] + length + content
    }
}

/// A number modulo the order of P-256's group (FIPS 186-5, SP 800-186).
struct P256Scalar: Equatable, Sendable {
    private var high: UInt128
    private var low: UInt128

    private static let order = P256Scalar(
        high: 0xFFFF_FFFF_0000_0000_FFFF_FFFF_FFFF_FFFF, low: 0xBCE6_FAAD_A717_9E84_F3B9_CAC2_FC63_2551)

    private init(high: UInt128, low: UInt128) {
        self.high = high
        self.low = low
    }

    /// The number of 32 big-endian bytes, reduced.
    init(bytes: some Collection<UInt8>) {
        let halves = [bytes.prefix(16), bytes.dropFirst(16).prefix(16)].map { $0.reduce(UInt128(0)) { $0 << 8 | UInt128($1) } }
        self.init(high: halves[0], low: halves[1])
        if !isBelow(Self.order) { self = minus(Self.order) }
    }

    var bytes: [UInt8] {
        [high, low].flatMap { half in (0..<16).map { UInt8(truncatingIfNeeded: half >> UInt128(120 - 8 * $0)) } }
    }

    var isZero: Bool { high == 0 && low == 0 }

    private func isBelow(_ other: P256Scalar) -> Bool { high != other.high ? high < other.high : low < other.low }

    private func minus(_ other: P256Scalar) -> P256Scalar {
        let (low, borrow) = low.subtractingReportingOverflow(other.low)
        return P256Scalar(high: high &- other.high &- (borrow ? 1 : 0), low: low)
    }

    static func + (left: P256Scalar, right: P256Scalar) -> P256Scalar {
        let (low, carry) = left.low.addingReportingOverflow(right.low)
        let (partial, first) = left.high.addingReportingOverflow(right.high)
        let (high, second) = partial.addingReportingOverflow(carry ? 1 : 0)
        let sum = P256Scalar(high: high, low: low)
        // Both are below the order, so one subtraction is enough.
        return first || second || !sum.isBelow(order) ? sum.minus(order) : sum
    }

    static func * (left: P256Scalar, right: P256Scalar) -> P256Scalar {
        var product = P256Scalar(high: 0, low: 0)
        for half in [right.high, right.low] {
            for bit in (UInt128(0)..<128).reversed() {
                product = product + product
                if half >> bit & 1 == 1 { product = product + left }
            }
        }
        return product
    }

    /// By Fermat's little theorem: the order is a prime.
    var inverse: P256Scalar {
        let exponent = Self.order.minus(P256Scalar(high: 0, low: 2))
        var power = P256Scalar(high: 0, low: 1)
        for half in [exponent.high, exponent.low] {
            for bit in (UInt128(0)..<128).reversed() {
                power = power * power
                if half >> bit & 1 == 1 { power = power * self }
            }
        }
        return power
    }
}
