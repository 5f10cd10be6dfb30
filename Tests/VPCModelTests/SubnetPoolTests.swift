import IPAddress
import Testing
import VPCModel

private func block(_ text: String) throws -> CIDRBlock { try #require(CIDRBlock(text)) }
private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
private func pool(_ text: String = "10.0.0.0/24") throws -> SubnetPool { SubnetPool(try block(text)) }

@Suite("What a subnet gives to interfaces")
struct SubnetPoolTests {
    @Test(
        "an empty subnet has all addresses but five, and no prefix in its first and last /28",
        arguments: [
            ("10.0.0.0/28", 11, 0), ("10.0.0.0/27", 27, 0), ("10.0.0.0/26", 59, 2), ("10.0.0.0/24", 251, 14), ("10.0.0.0/16", 65531, 4094),
        ])
    func empty(text: String, addresses: Int, prefixes: Int) throws {
        let pool = try pool(text)
        #expect(pool.availableAddressCount == UInt128(addresses) && pool.availablePrefixCount == UInt128(prefixes))
    }

    @Test("the lowest free address is given, a released one again")
    func lowestFirst() throws {
        var pool = try pool()
        #expect(try pool.allocate(3).map(\.description) == ["10.0.0.4", "10.0.0.5", "10.0.0.6"])
        #expect(try pool.release(address("10.0.0.5")) && !pool.release(address("10.0.0.5")))
        #expect(try pool.allocate(2).map(\.description) == ["10.0.0.5", "10.0.0.7"])
        #expect(pool.availableAddressCount == 247)
    }

    @Test("a request that does not fit takes nothing")
    func allOrNothing() throws {
        var pool = try pool("10.0.0.0/28")
        let before = pool
        #expect(throws: SubnetError.insufficientFreeAddresses) { try pool.allocate(12) }
        #expect(throws: SubnetError.inUse(try address("10.0.0.9"))) {
            try pool.allocate([try address("10.0.0.9"), try address("10.0.0.9")])
        }
        #expect(pool == before)
        #expect(try pool.allocate(11).last?.description == "10.0.0.14")
        #expect(pool.availableAddressCount == 0)
    }

    @Test(
        "a named address must be free and the customer's",
        arguments: [
            ("10.0.0.3", "InvalidParameterValue", "Address 10.0.0.3 is in subnet's reserved address range"),
            ("10.0.0.255", "InvalidParameterValue", "Address 10.0.0.255 is in subnet's reserved address range"),
            ("10.0.1.7", "InvalidParameterValue", "Address 10.0.1.7 does not fall within the subnet's address range"),
            ("10.0.0.77", "InvalidIPAddress.InUse", "Address 10.0.0.77 is in use."),
        ])
    func named(text: String, code: String, message: String) throws {
        var pool = try pool()
        try pool.allocate([try address("10.0.0.77")])
        let error = #expect(throws: SubnetError.self) { try pool.allocate([try address(text)]) }
        #expect(error?.code == code && error?.message == message)
    }

    @Test("one stray address spoils its /28, and a full subnet is told from a fragmented one")
    func fragmentation() throws {
        var pool = try pool("10.0.0.0/26")
        try pool.allocate([try address("10.0.0.17")])
        #expect(try pool.allocatePrefixes(1).map(\.description) == ["10.0.0.32/28"])
        #expect(throws: SubnetError.insufficientCIDRBlocks) { try pool.allocatePrefixes(1) }
        #expect(throws: SubnetError.insufficientAddressesForPrefixes) { try pool.allocatePrefixes(3) }
        #expect(try pool.release(block("10.0.0.32/28")) && !pool.release(block("10.0.0.32/28")))
        #expect(pool.availableAddressCount == 58 && pool.availablePrefixCount == 1)
    }

    @Test("an address of a prefix is not released alone")
    func addressOfPrefix() throws {
        var pool = try pool()
        try pool.allocatePrefixes([try block("10.0.0.48/28")])
        #expect(try !pool.release(address("10.0.0.49")))
        #expect(throws: SubnetError.inUse(try address("10.0.0.48"))) { try pool.allocatePrefixes([try block("10.0.0.48/28")]) }
        #expect(throws: SubnetError.notAPrefix(try block("10.0.0.64/27"))) { try pool.allocatePrefixes([try block("10.0.0.64/27")]) }
        #expect(throws: SubnetError.reservedByAWS(try address("10.0.0.0"))) { try pool.allocatePrefixes([try block("10.0.0.0/28")]) }
    }

    @Test("reservations: prefixes come from theirs first, single addresses never; named ones from the explicit")
    func reservations() throws {
        var pool = try pool("10.0.0.0/26")
        try pool.reserve(SubnetReservation(block: try block("10.0.0.32/28"), kind: .prefix))
        try pool.reserve(SubnetReservation(block: try block("10.0.0.8/29"), kind: .explicit))
        #expect(pool.availableAddressCount == 59)
        #expect(try pool.allocate(5).map(\.description) == ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.16"])
        #expect(try pool.allocatePrefixes(1).map(\.description) == ["10.0.0.32/28"])
        try pool.allocate([try address("10.0.0.9")])
        #expect(throws: SubnetError.reservedForPrefixes(try address("10.0.0.33"))) { try pool.allocate([try address("10.0.0.33")]) }
        #expect(throws: SubnetError.reservationOverlaps(try block("10.0.0.8/30"))) {
            try pool.reserve(SubnetReservation(block: try block("10.0.0.8/30"), kind: .prefix))
        }
        #expect(try pool.unreserve(block("10.0.0.8/29")) && !pool.unreserve(block("10.0.0.8/29")))
        #expect(try pool.allocate(1).map(\.description) == ["10.0.0.8"])
    }

    @Test("an IPv6 block gives /80 prefixes")
    func ipv6() throws {
        var pool = try pool("2600:1f14:aaaa:bb00::/64")
        #expect(try pool.allocate(1).map(\.description) == ["2600:1f14:aaaa:bb00::4"])
        #expect(try pool.allocatePrefixes(2).map(\.description) == ["2600:1f14:aaaa:bb00:1::/80", "2600:1f14:aaaa:bb00:2::/80"])
        #expect(pool.availablePrefixCount == 65532)
    }

    @Test("the map covers the block without gap or overlap")
    func map() throws {
        var pool = try pool("10.0.0.0/26")
        _ = try pool.allocate(2)
        _ = try pool.allocatePrefixes(1)
        #expect(
            pool.spans.map { "\($0.range) \($0.use)" } == [
                "10.0.0.0-10.0.0.3 reservedByAWS", "10.0.0.4-10.0.0.5 addresses", "10.0.0.6-10.0.0.15 free",
                "10.0.0.16-10.0.0.31 prefix", "10.0.0.32-10.0.0.62 free", "10.0.0.63 reservedByAWS",
            ])
    }
}
