import IPAddress
import Testing

@Suite("Sets of addresses that lie close together")
struct IPAddressSetTests {
    private func range(_ first: String, _ last: String) throws -> IPRange {
        try #require(IPRange(try IPAddress(parsing: first), try IPAddress(parsing: last)))
    }

    @Test(
        "the first absent address of a range follows what was put in and taken out, across block borders and in both families",
        arguments: [("10.100.15.0", "10.100.32.255"), ("fd00::fe00", "fd00::1:2100")])
    func firstAbsent(first: String, last: String) throws {
        let range = try range(first, last)
        var set = IPAddressSet()
        #expect(set.firstAbsent(in: range) == range.first)
        for address in range { set.insert(address) }
        #expect(set.firstAbsent(in: range) == nil)
        for offset in [0, 63, 64, 255, 256, 4095, 4096, 4351] as [UInt128] {
            let address = try #require(range.address(at: offset))
            set.remove(address)
            #expect(!set.contains(address))
            #expect(set.firstAbsent(in: range) == address)
            let rest = try #require(address.next.flatMap { IPRange($0, range.last) })
            #expect(set.firstAbsent(in: rest) == nil)
            set.insert(address)
            set.insert(address)
        }
        #expect(set.firstAbsent(in: range) == nil)
    }

    @Test("a range that ends where the addresses end")
    func lastAddress() throws {
        let range = try range("255.255.255.0", "255.255.255.255")
        var set = IPAddressSet()
        for address in range { set.insert(address) }
        #expect(set.firstAbsent(in: range) == nil)
        set.remove(range.last)
        #expect(set.firstAbsent(in: range) == range.last)
    }
}
