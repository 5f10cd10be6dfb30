import Crypto

/// The numbers of a 2048 bit RSA key that follow from a secret, so that two runs with one seed sign the same tokens.
///
/// The cryptographic library takes its randomness from the system. Primes are searched as FIPS 186-5 A.1.3 does (random start, small
/// factors sieved out, Miller–Rabin), with an HMAC of the secret as the source of bits.
struct SeededRSA: Sendable {
    /// The two primes, big-endian; each has its two highest bits set, so that their product has 2048 bits.
    let primes: (p: [UInt8], q: [UInt8])
    /// Their product.
    let modulus: [UInt8]
    /// The inverse of the public exponent.
    let privateExponent: [UInt8]

    static let publicExponent: [UInt8] = [1, 0, 1]
    private static let exponent: UInt64 = 65537

    /// Finds the key of a secret. Takes some 30 ms.
    init(secret: [UInt8]) {
        var bits = BitSource(secret: secret)
        let p = Self.prime(&bits)
        var q = Self.prime(&bits)
        while q == p { q = Self.prime(&bits) }
        let n = Limbs.product(p, q)
        primes = (Limbs.bytes(p), Limbs.bytes(q))
        modulus = Limbs.bytes(n)
        // d = (1 + k·φ) / e, with the k below e that makes it whole.
        let totient = Limbs.minus(Limbs.minus(n, p), Limbs.minus(q, [1]))
        let rest = Limbs.remainder(totient, Self.exponent)
        var k: UInt64 = 1
        while (k &* rest &+ 1) % Self.exponent != 0 { k &+= 1 }
        privateExponent = Limbs.bytes(Limbs.divided(Limbs.times(totient, k, plus: 1), Self.exponent))
    }

    /// A prime of 1024 bits that leaves the public exponent invertible.
    private static func prime(_ bits: inout BitSource) -> [UInt64] {
        while true {
            var start = bits.limbs(Limbs.halfKey)
            start[0] |= 1
            start[Limbs.halfKey - 1] |= 0b11 << 62
            for step in survivors(of: start) {
                guard let candidate = Limbs.sum(start, UInt64(step) &* 2) else { break }
                if Limbs.remainder(candidate, exponent) != 1, Montgomery(candidate).isProbablyPrime(rounds: 5, &bits) {
                    return candidate
                }
            }
        }
    }

    /// The steps of two after `start` that no small prime divides.
    private static func survivors(of start: [UInt64]) -> [Int] {
        var isDivided = [Bool](repeating: false, count: 2048)
        for prime in smallPrimes {
            // start + 2·step ≡ 0, so step ≡ -start / 2.
            let rest = Limbs.remainder(start, prime)
            let negated = rest == 0 ? 0 : prime &- rest
            var step = negated & 1 == 0 ? negated >> 1 : (negated &+ prime) >> 1
            while step < 2048 {
                isDivided[Int(step)] = true
                step &+= prime
            }
        }
        return isDivided.indices.filter { !isDivided[$0] }
    }

    /// The odd primes below 65,536: each saves more multiplications than its division costs.
    private static let smallPrimes: [UInt64] = {
        var isComposite = [Bool](repeating: false, count: 65_536)
        var primes: [UInt64] = []
        for number in stride(from: 3, to: 65_536, by: 2) where !isComposite[number] {
            primes.append(UInt64(number))
            for multiple in stride(from: number * 3, to: 65_536, by: number * 2) { isComposite[multiple] = true }
        }
        return primes
    }()
}

/// Bits that follow from a secret: HMAC-SHA256 over a counter (the expansion of RFC 5869, without its limit).
private struct BitSource {
    private let key: SymmetricKey
    private var counter: UInt64 = 0

    init(secret: [UInt8]) { key = SymmetricKey(data: secret) }

    /// A number of so many 64 bit limbs.
    mutating func limbs(_ count: Int) -> [UInt64] {
        var limbs: [UInt64] = []
        while limbs.count < count {
            counter &+= 1
            let block = Array(HMAC<SHA256>.authenticationCode(for: withUnsafeBytes(of: counter.bigEndian, Array.init), using: key))
            for place in stride(from: 0, to: 32, by: 8) where limbs.count < count {
                limbs.append(block[place..<place + 8].reduce(0) { $0 << 8 | UInt64($1) })
            }
        }
        return limbs
    }
}

/// Arithmetic on numbers of 64 bit limbs, lowest first.
private enum Limbs {
    /// The limbs of a prime of the key.
    static let halfKey = 16

    static func bytes(_ limbs: [UInt64]) -> [UInt8] { limbs.reversed().flatMap { withUnsafeBytes(of: $0.bigEndian, Array.init) } }

    static func product(_ left: [UInt64], _ right: [UInt64]) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: left.count + right.count)
        for i in left.indices {
            var carry: UInt128 = 0
            for j in right.indices {
                carry += UInt128(left[i]) * UInt128(right[j]) + UInt128(result[i + j])
                result[i + j] = UInt64(truncatingIfNeeded: carry)
                carry >>= 64
            }
            result[i + right.count] = UInt64(truncatingIfNeeded: carry)
        }
        return result
    }

    /// `left` is not below `right`.
    static func minus(_ left: [UInt64], _ right: [UInt64]) -> [UInt64] {
        var result = left
        var borrow: UInt64 = 0
        for i in left.indices {
            let (once, first) = left[i].subtractingReportingOverflow(i < right.count ? right[i] : 0)
            let (twice, second) = once.subtractingReportingOverflow(borrow)
            result[i] = twice
            borrow = first || second ? 1 : 0
        }
        return result
    }

    /// `nil` when the sum has more limbs.
    static func sum(_ left: [UInt64], _ right: UInt64) -> [UInt64]? {
        var result = left
        var carry = right
        for i in left.indices where carry != 0 {
            let (sum, overflow) = result[i].addingReportingOverflow(carry)
            result[i] = sum
            carry = overflow ? 1 : 0
        }
        return carry == 0 ? result : nil
    }

    static func times(_ left: [UInt64], _ right: UInt64, plus addend: UInt64) -> [UInt64] {
        var result: [UInt64] = []
        var carry = UInt128(addend)
        for limb in left {
            carry += UInt128(limb) * UInt128(right)
            result.append(UInt64(truncatingIfNeeded: carry))
            carry >>= 64
        }
        return result + [UInt64(truncatingIfNeeded: carry)]
    }

    static func divided(_ limbs: [UInt64], _ divisor: UInt64) -> [UInt64] {
        var result = limbs
        var rest: UInt64 = 0
        for i in limbs.indices.reversed() { (result[i], rest) = divisor.dividingFullWidth((rest, limbs[i])) }
        return result.last == 0 ? Array(result.dropLast()) : result
    }

    static func remainder(_ limbs: [UInt64], _ divisor: UInt64) -> UInt64 {
        limbs.reversed().reduce(0) { rest, limb in divisor.dividingFullWidth((rest, limb)).remainder }
    }
}

/// Multiplication modulo an odd number of sixteen limbs, after P. L. Montgomery.
private struct Montgomery {
    private let modulus: [UInt64]
    /// The negated inverse of the lowest limb, modulo 2^64.
    private let inverse: UInt64
    /// 2^1024 modulo the number: one, in Montgomery's form. The number's highest bit is set, so one subtraction reduces it.
    private let one: [UInt64]
    private let minusOne: [UInt64]

    init(_ modulus: [UInt64]) {
        self.modulus = modulus
        var inverse: UInt64 = 1
        for _ in 0..<6 { inverse &*= 2 &- modulus[0] &* inverse }
        self.inverse = 0 &- inverse
        one = Limbs.minus([UInt64](repeating: 0, count: modulus.count), modulus)
        minusOne = Limbs.minus(modulus, one)
    }

    /// Miller and Rabin's test with the base 2, then with `rounds` bases of the source (FIPS 186-5 B.3.1, table B.1).
    func isProbablyPrime(rounds: Int, _ bits: inout BitSource) -> Bool {
        guard passes(nil) else { return false }
        for _ in 0..<rounds {
            var base = bits.limbs(Limbs.halfKey)
            base[Limbs.halfKey - 1] &= .max >> 1
            guard passes(base) else { return false }
        }
        return true
    }

    /// Whether the number passes for a prime with this base, which is in Montgomery's form; `nil` is two, with which most numbers fail fast.
    private func passes(_ base: [UInt64]?) -> Bool {
        let even = Limbs.minus(modulus, [1])
        var twos = 0
        while even[twos / 64] >> UInt64(twos % 64) & 1 == 0 { twos += 1 }
        var power = one
        var scratch = [UInt64](repeating: 0, count: modulus.count + 2)
        for bit in (twos..<modulus.count * 64).reversed() {
            multiply(&power, power, &scratch)
            guard even[bit / 64] >> UInt64(bit % 64) & 1 == 1 else { continue }
            if let base { multiply(&power, base, &scratch) } else { power = doubled(power) }
        }
        if power == one || power == minusOne { return true }
        for _ in 1..<max(twos, 1) {
            multiply(&power, power, &scratch)
            if power == minusOne { return true }
        }
        return false
    }

    private func doubled(_ number: [UInt64]) -> [UInt64] {
        let twice = Limbs.times(number, 2, plus: 0)
        let low = Array(twice.dropLast())
        return twice.last != 0 || !isBelowModulus(low) ? Limbs.minus(low, modulus) : low
    }

    private func isBelowModulus(_ number: [UInt64]) -> Bool {
        for i in modulus.indices.reversed() where number[i] != modulus[i] { return number[i] < modulus[i] }
        return false
    }

    /// left := left · right / 2^1024, by limbs of `right` with the reduction between (CIOS).
    private func multiply(_ left: inout [UInt64], _ right: [UInt64], _ scratch: inout [UInt64]) {
        let count = modulus.count
        modulus.withUnsafeBufferPointer { modulus in
            right.withUnsafeBufferPointer { right in
                left.withUnsafeBufferPointer { left in
                    scratch.withUnsafeMutableBufferPointer { sum in
                        guard let modulus = modulus.baseAddress, let right = right.baseAddress, let left = left.baseAddress,
                            let sum = sum.baseAddress
                        else { return }
                        Self.multiply(left, right, modulus, inverse, into: sum, count)
                    }
                }
            }
        }
        left = Array(scratch.prefix(count))
        if scratch[count] != 0 || !isBelowModulus(left) { left = Limbs.minus(left, modulus) }
    }

    /// The product in `count + 1` limbs of `sum`, which has one more. Plain loops over pointers: tests run this unoptimised as well.
    private static func multiply(
        _ left: UnsafePointer<UInt64>, _ right: UnsafePointer<UInt64>, _ modulus: UnsafePointer<UInt64>, _ inverse: UInt64,
        into sum: UnsafeMutablePointer<UInt64>, _ count: Int
    ) {
        sum.update(repeating: 0, count: count + 2)
        var i = 0
        while i < count {
            let factor = right[i]
            var carry: UInt64 = 0
            var j = 0
            while j < count {
                let product = left[j].multipliedFullWidth(by: factor)
                let low = sum[j] &+ product.low
                let total = low &+ carry
                carry = product.high &+ (low < product.low ? 1 : 0) &+ (total < carry ? 1 : 0)
                sum[j] = total
                j &+= 1
            }
            let top = sum[count] &+ carry
            sum[count &+ 1] = top < carry ? 1 : 0
            sum[count] = top

            let quotient = sum[0] &* inverse
            let first = modulus[0].multipliedFullWidth(by: quotient)
            carry = first.high &+ (sum[0] &+ first.low < first.low ? 1 : 0)
            j = 1
            while j < count {
                let product = modulus[j].multipliedFullWidth(by: quotient)
                let low = sum[j] &+ product.low
                let total = low &+ carry
                carry = product.high &+ (low < product.low ? 1 : 0) &+ (total < carry ? 1 : 0)
                sum[j &- 1] = total
                j &+= 1
            }
            let last = sum[count] &+ carry
            sum[count &- 1] = last
            sum[count] = sum[count &+ 1] &+ (last < carry ? 1 : 0)
            i &+= 1
        }
    }
}
