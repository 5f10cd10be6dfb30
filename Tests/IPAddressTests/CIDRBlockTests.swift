import IPAddress
import Testing

@Suite("CIDR blocks")
struct CIDRBlockTests {
    private func block(_ text: String) throws -> CIDRBlock { try CIDRBlock(parsing: text) }

    @Test("strict texts are canonical, and Go's reader clears host bits")
    func parsing() throws {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::/0", "2001:db8::/32", "::1/128"] {
            #expect(try block(text).description == text)
        }
        #expect(try CIDRBlock(parsing: "10.1.2.3/16", syntax: .go).description == "10.1.0.0/16")
        #expect(try CIDRBlock(parsing: "10.0.0.0/08", syntax: .go).description == "10.0.0.0/8")
        let interface = try CIDRBlock.parseInterface("2001:db8::5/64")
        #expect(interface.address == IPAddress("2001:db8::5") && interface.block == CIDRBlock("2001:db8::/64"))
        #expect(throws: CIDRError(text: "10.1.2.3/16", reason: .hostBits(try block("10.1.0.0/16")))) { try block("10.1.2.3/16") }
        #expect(throws: CIDRError(text: "::ffff:1.2.3.4/128", reason: .ipv4Mapped)) { try block("::ffff:1.2.3.4/128") }
        #expect(CIDRError(text: "x", reason: .noSlash).description == "invalid CIDR address: x")
    }

    @Test(
        "texts that are no blocks are refused by both readers",
        arguments: [
            "", "/", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/8/8",
            "10.0.0/8",
            "010.0.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.0/99999999999999999999", "fe80::%1/64", "10.0.0.0/٨",
        ])
    func refused(text: String) {
        for syntax in [CIDRBlock.Syntax.strict, .go] { #expect(throws: CIDRError.self) { try CIDRBlock(parsing: text, syntax: syntax) } }
    }

    @Test("only canonical prefix lengths are strict") func leadingZero() {
        #expect(CIDRBlock("10.0.0.0/08") == nil && CIDRBlock("10.0.0.0/00") == nil)
    }

    @Test("containment and overlap")
    func containment() throws {
        let ten = try block("10.0.0.0/8")
        #expect(
            ten.contains(IPAddress(10, 255, 0, 1)) && !ten.contains(IPAddress(11, 0, 0, 0)) && !ten.contains(IPAddress(ipv6: 0x0A00_0000)))
        #expect(try ten.contains(block("10.2.0.0/16")) && !block("10.2.0.0/16").contains(ten) && block("10.2.0.0/16").overlaps(ten))
        #expect(try !ten.overlaps(block("11.0.0.0/8")) && block("0.0.0.0/0").contains(ten) && !block("::/0").overlaps(ten))
        #expect(try block("fc00::/7").isPrivate && ten.isPrivate && !block("10.0.0.0/7").isPrivate && !block("0.0.0.0/0").isPrivate)
        #expect(try block("10.0.0.0/7").specialOverlaps.map(\.purpose) == [.privateUse])
    }

    @Test(
        "first, last, mask, count and hosts",
        arguments: [
            ("10.0.1.0/24", "10.0.1.255", "255.255.255.0", "256", "10.0.1.1-10.0.1.254"),
            ("10.0.0.4/30", "10.0.0.7", "255.255.255.252", "4", "10.0.0.5-10.0.0.6"),
            ("10.0.0.4/31", "10.0.0.5", "255.255.255.254", "2", "10.0.0.4-10.0.0.5"),
            ("10.0.0.4/32", "10.0.0.4", "255.255.255.255", "1", "10.0.0.4"),
            ("0.0.0.0/0", "255.255.255.255", "0.0.0.0", "4294967296", "0.0.0.1-255.255.255.254"),
            ("fd00::/108", "fd00::f:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:fff0:0", "1048576", "fd00::1-fd00::f:ffff"),
            ("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", "nil", "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ])
    func bounds(text: String, last: String, mask: String, count: String, hosts: String) throws {
        let block = try block(text)
        #expect(block.last.description == last && block.netmask.description == mask && block.hosts.description == hosts)
        #expect((block.count.map { String($0) } ?? "nil") == count)
    }

    @Test("addresses and subnets by number stay inside the block")
    func numbering() throws {
        let service = try block("172.20.0.0/16")
        #expect(
            service.address(at: 10)?.description == "172.20.0.10" && service.address(at: 65535) == service.last
                && service.address(at: 65536) == nil)
        #expect(service.offset(of: IPAddress(172, 20, 1, 0)) == 256 && service.offset(of: IPAddress(172, 21, 0, 0)) == nil)
        #expect(try block("::/0").address(at: .max) == IPAddress(ipv6: .max))
        #expect(
            Array(try block("10.0.0.0/22").subnets(prefixLength: 24)).map(\.description) == [
                "10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24",
            ])
        #expect(
            service.subnet(at: 256, prefixLength: 24) == nil && service.subnet(at: 0, prefixLength: 15) == nil
                && service.subnet(at: 0, prefixLength: 33) == nil)
        #expect(service.subnetCount(prefixLength: 28) == 4096 && service.subnetCount(prefixLength: 8) == nil)
        #expect(
            try block("::/0").subnetCount(prefixLength: 128) == nil
                && block("::/0").subnet(at: .max, prefixLength: 128)?.network == IPAddress(ipv6: .max))
        #expect(Array(service.subnets(prefixLength: 8)).isEmpty && Array(service.subnets(prefixLength: 16)) == [service])
        #expect(service.supernet(prefixLength: 12)?.description == "172.16.0.0/12" && service.supernet(prefixLength: 17) == nil)
        #expect(CIDRBlock(containing: IPAddress(1, 2, 3, 4), prefixLength: 33) == nil)
    }

    @Test("blocks sort by address, larger first") func order() throws {
        let sorted = ["10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "::/0"]
        #expect(try sorted.reversed().map(block).sorted().map(\.description) == sorted)
    }
}
