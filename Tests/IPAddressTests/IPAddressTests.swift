import IPAddress
import Testing

@Suite("Addresses")
struct IPAddressTests {
    @Test(
        "addresses are read and written canonically",
        arguments: [
            ("0.0.0.0", "0.0.0.0"), ("192.168.1.255", "192.168.1.255"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
            ("fe80::1", "fe80::1"),
            ("2001:DB8:0:0:0:0:2:1", "2001:db8::2:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8::0:1", "2001:db8::1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("0:0:0:0:0:0:0:0", "::"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("00a1::0001", "a1::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::ffff:c000:201", "::ffff:192.0.2.1"), ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
            ("::1.2.3.4", "::102:304"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ])
    func canonical(text: String, expected: String) {
        #expect(IPAddress(text)?.description == expected)
        #expect(IPAddress(expected) == IPAddress(text))
    }

    @Test(
        "what Go does not read is refused",
        arguments: [
            ("", IPAddressError.Reason.noAddress), ("1", .noAddress), ("localhost", .noAddress), ("1.2.3", .tooFewOctets),
            ("1.2.3.4.5", .tooManyOctets),
            ("1.2.3.256", .octetTooLarge), ("1.2.3.1000", .octetTooLarge), ("01.2.3.4", .leadingZero), ("1.2.3.00", .leadingZero),
            ("1..3.4", .emptyField),
            (".1.2.3", .emptyField), ("1.2.3.", .emptyField), ("1.2.3.a", .unexpectedCharacter), ("1.2.3.4 ", .unexpectedCharacter),
            (" 1.2.3.4", .unexpectedCharacter), ("+1.2.3.4", .unexpectedCharacter), ("0x1.2.3.4", .unexpectedCharacter),
            ("1.2.3.4%eth0", .zone),
            ("fe80::1%eth0", .zone), (":", .emptyField), (":::", .repeatedCompression), ("1::2::3", .repeatedCompression),
            (":1::2", .emptyField),
            ("1::2:", .emptyField), ("1:2:3:4:5:6:7", .tooFewFields), ("1:2:3:4:5:6:7:8:9", .tooManyFields),
            ("1:2:3:4::5:6:7:8", .needlessCompression),
            ("12345::", .fieldTooLong), ("00001::", .fieldTooLong), ("g::", .unexpectedCharacter),
            ("1:2:3:4:5:6:7:1.2.3.4", .misplacedIPv4),
            ("1.2.3.4::", .unexpectedCharacter), ("::1.2.3.4:1", .misplacedIPv4), ("::1.2.3", .tooFewOctets), ("::01.2.3.4", .leadingZero),
            ("[::1]", .unexpectedCharacter), ("1:2:3:4:5:6::1.2.3.4", .needlessCompression),
        ])
    func refused(text: String, reason: IPAddressError.Reason) {
        #expect(throws: IPAddressError(text: text, reason: reason)) { try IPAddress(parsing: text) }
    }

    @Test("random addresses read back from their texts and bytes")
    func roundTrip() {
        var state: UInt64 = 1
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
        for _ in 0..<2000 {
            // Whole groups of zeros are what the text form turns on.
            var bits: UInt128 = 0
            for _ in 0..<8 { bits = bits << 16 | UInt128(next() >> 60 < 8 ? 0 : UInt16(truncatingIfNeeded: next() >> 20)) }
            for address in [IPAddress(ipv6: bits), IPAddress(ipv4: UInt32(truncatingIfNeeded: bits))] {
                guard IPAddress(address.description) == address, IPAddress(bytes: address.bytes) == address else {
                    Issue.record("\(address)")
                    return
                }
            }
        }
    }

    @Test("arithmetic stops at both ends of a family")
    func arithmetic() throws {
        let address = try #require(IPAddress("10.0.0.255"))
        #expect(address.next?.description == "10.0.1.0" && address.previous?.description == "10.0.0.254")
        #expect(IPAddress(255, 255, 255, 255).next == nil && IPAddress(0, 0, 0, 0).previous == nil)
        #expect(
            IPAddress(ipv6: .max).next == nil && IPAddress(ipv6: 0).lowered(by: 1) == nil && IPAddress(ipv6: 5).advanced(by: .max) == nil)
        #expect(address.distance(to: IPAddress(10, 0, 1, 9)) == 10 && address.distance(to: IPAddress(10, 0, 0, 0)) == nil)
        #expect(IPAddress(0, 0, 0, 1).distance(to: IPAddress(ipv6: 5)) == nil)
        #expect(IPAddress(255, 255, 255, 255) < IPAddress(ipv6: 0) && IPAddress(9, 0, 0, 0) < IPAddress(10, 0, 0, 0))
        #expect(IPAddress(.ipv4, bits: 1 << 32) == nil && IPAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test("mapped addresses stay IPv6 until unmapped")
    func mapped() throws {
        let address = try #require(IPAddress("::ffff:10.1.2.3"))
        #expect(address.family == .ipv6 && address.isIPv4Mapped && address.unmapped == IPAddress(10, 1, 2, 3))
        #expect(IPAddress(10, 1, 2, 3).unmapped == IPAddress(10, 1, 2, 3) && !IPAddress(ipv6: 1).isIPv4Mapped)
    }

    @Test(
        "addresses and blocks are classified",
        arguments: [
            ("8.8.8.8", nil), ("10.255.255.255", SpecialPurpose.privateUse), ("11.0.0.0", nil), ("172.15.255.255", nil),
            ("172.16.0.0", .privateUse),
            ("172.31.255.255", .privateUse), ("172.32.0.0", nil), ("192.168.0.1", .privateUse), ("192.169.0.0", nil),
            ("100.64.0.1", .sharedAddressSpace),
            ("127.0.0.53", .loopback), ("169.254.169.254", .linkLocal), ("0.1.2.3", .unspecified), ("192.0.2.1", .documentation),
            ("203.0.113.9", .documentation), ("198.19.0.1", .benchmarking), ("224.0.0.1", .multicast), ("250.0.0.1", .reserved),
            ("255.255.255.255", .broadcast), ("2600:1f18::1", nil), ("::", .unspecified), ("::1", .loopback), ("fd12::1", .privateUse),
            ("fe80::1", .linkLocal),
            ("ff02::1", .multicast), ("2001:db8::1", .documentation), ("::ffff:1.2.3.4", .ipv4Translation),
            ("64:ff9b::1", .ipv4Translation),
        ])
    func classified(text: String, purpose: SpecialPurpose?) throws {
        let address = try #require(IPAddress(text))
        #expect(address.specialPurpose == purpose && CIDRBlock(address).specialPurpose == purpose)
    }
}
