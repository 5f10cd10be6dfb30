import EKSSim
import Foundation
import IPAddress
import JSON
import Testing

@Suite("Maps of addresses")
struct AddressMapTests {
    private static let small = AddressMap(
        title: "s", block: CIDRBlock("10.0.0.0/28") ?? CIDRBlock(IPAddress(0, 0, 0, 0)),
        addresses: [
            IPAddress(10, 0, 0, 0): .reserved, IPAddress(10, 0, 0, 4): .node, IPAddress(10, 0, 0, 5): .used, IPAddress(10, 0, 0, 6): .warm,
            IPAddress(10, 0, 0, 7): .cooling, IPAddress(10, 0, 0, 8): .other,
        ])

    @Test("a small block has a sign for each address")
    func small() {
        #expect(
            Self.small.text == """
                s  10.0.0.0/28  10 of 16 free
                  10.0.0.0        x···N#+~o·······
                  x reserved 1   N node 1   # used 1   + warm 1   ~ cooling 1   o other 1

                """)
    }

    @Test("a large one is drawn in at most 1,024 signs, one used address among free ones is seen")
    func large() throws {
        let block = try #require(CIDRBlock("10.0.0.0/16"))
        let map = AddressMap(title: "l", block: block, addresses: [IPAddress(10, 0, 200, 9): .used])
        let lines = map.text.split(separator: "\n")
        #expect(lines[0] == "l  10.0.0.0/16  65535 of 65536 free, 64 addresses a sign")
        #expect(lines.count == 18 && map.text.contains { $0 == "#" })
    }

    @Test("a block of IPv6 is drawn in prefixes, as far as they are given; the last, which AWS keeps, does not make it longer")
    func prefixes() throws {
        let block = try #require(CIDRBlock("2406:da14:0:1::/64"))
        let address = { (text: String) in try #require(IPAddress(text)) }
        let map = AddressMap(
            title: "p", block: block, prefixLength: 80,
            addresses: [
                try address("2406:da14:0:1::"): .node, try address("2406:da14:0:1:1::"): .used, try address("2406:da14:0:1:2::"): .warm,
                try address("2406:da14:0:1:ffff::"): .reserved,
            ])
        let lines = map.text.split(separator: "\n")
        #expect(lines[0] == "p  2406:da14:0:1::/64  65532 of 65536 prefixes of /80 free")
        #expect(lines[1].hasPrefix("  2406:da14:0:1::") && lines[1].hasSuffix("N#+" + String(repeating: "·", count: 61)))
        #expect(lines.count == 3 && lines[2].contains("x reserved 1"))
        #expect(try #require(AddressMap(json: map.json)).text == map.text)
        #expect(AddressMap.svg([map]).contains("65532 of 65536 prefixes of /80 free"))
    }

    @Test("what is written for tools is read again; the picture has a cell for each sign")
    func forms() throws {
        let map = try #require(AddressMap(json: Self.small.json))
        #expect(map.text == Self.small.text)
        #expect(AddressMap.svg([map]).components(separatedBy: "<rect x=\"").count == 1 + 16 + AddressMap.Kind.allCases.count)
    }
}
