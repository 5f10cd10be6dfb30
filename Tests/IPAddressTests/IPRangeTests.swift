import IPAddress
import Testing

@Suite("Ranges and sets of addresses")
struct IPRangeTests {
    private func low(_ byte: UInt8) -> IPAddress { IPAddress(10, 0, 0, byte) }
    private func range(_ first: UInt8, _ last: UInt8) throws -> IPRange { try #require(IPRange(low(first), low(last))) }

    @Test("ranges hold their ends, are iterated in order and cut into the fewest blocks")
    func ranges() throws {
        let range = try range(3, 9)
        #expect(range.count == 7 && Array(range).map { $0.bytes[3] } == [3, 4, 5, 6, 7, 8, 9] && range.address(at: 7) == nil)
        #expect(range.blocks.map(\.description) == ["10.0.0.3/32", "10.0.0.4/30", "10.0.0.8/31"])
        #expect(try range.intersection(self.range(8, 20)) == self.range(8, 9) && range.intersection(self.range(10, 20)) == nil)
        #expect(IPRange(low(2), low(1)) == nil && IPRange(low(1), IPAddress(ipv6: 1)) == nil)
        let all = try #require(IPRange(IPAddress(ipv6: 0), IPAddress(ipv6: .max)))
        #expect(all.count == nil && all.blocks == [CIDRBlock("::/0")] && all.address(at: .max) == IPAddress(ipv6: .max))
        let top = try #require(IPRange(IPAddress(255, 255, 255, 254), IPAddress(255, 255, 255, 255)))
        #expect(Array(top).count == 2 && top.blocks.map(\.description) == ["255.255.255.254/31"])
    }

    @Test("sets agree with a plain set of numbers under random inserts and removals")
    func model() throws {
        var set = IPRangeSet()
        var model: Set<UInt8> = []
        var state: UInt64 = 3
        let whole = try range(0, 255)
        for _ in 0..<400 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let first = UInt8(truncatingIfNeeded: state >> 56)
            let last = UInt8(clamping: Int(first) + Int((state >> 40) % 24))
            let piece = try range(first, last)
            switch (state >> 33) % 4 {
            case 0, 1:
                set.insert(piece)
                model.formUnion(first...last)
            case 2:
                set.subtract(piece)
                model.subtract(first...last)
            default:
                let isNew = set.insert(piece.first)
                let wasNew = model.insert(first).inserted
                guard isNew == wasNew else {
                    Issue.record("\(piece.first)")
                    return
                }
            }
            let touching = zip(set.ranges, set.ranges.dropFirst()).contains { left, right in
                left.last.next.map { $0 >= right.first } ?? true
            }
            let free = (0...255).first { !model.contains(UInt8($0)) }.map { low(UInt8($0)) }
            let freeCount = set.free(in: whole).reduce(0) { $0 + Int($1.count ?? 0) }
            let isRight =
                !touching && set.addresses.map { $0.bytes[3] } == model.sorted() && set.firstFree(in: whole) == free
                && freeCount == 256 - model.count
                && set.count == UInt128(model.count) && set == IPRangeSet(set.ranges.reversed())
                && set.contains(piece) == (first...last).allSatisfy(model.contains)
                && set.overlaps(piece) == (first...last).contains(where: model.contains)
            guard isRight else {
                Issue.record("\(set)")
                return
            }
        }
    }

    @Test("free addresses and blocks are found lowest first, and not beyond the range")
    func free() throws {
        let vpc = try CIDRBlock(parsing: "10.0.0.0/24")
        var used = IPRangeSet([try range(0, 3), try range(5, 5), try range(255, 255)])
        #expect(used.firstFree(in: vpc.range) == low(4) && used.firstFree(in: vpc.range, from: low(5)) == low(6))
        #expect(used.firstFree(in: vpc.range, from: low(255)) == nil && used.firstFree(in: vpc.range, from: IPAddress(11, 0, 0, 0)) == nil)
        #expect(used.firstFreeBlock(in: vpc, prefixLength: 28)?.description == "10.0.0.16/28")
        #expect(used.firstFreeBlock(in: vpc, prefixLength: 30)?.description == "10.0.0.8/30")
        #expect(used.firstFreeBlock(in: vpc, prefixLength: 25) == nil && used.firstFreeBlock(in: vpc, prefixLength: 16) == nil)
        used.insert(vpc)
        #expect(used.firstFree(in: vpc.range) == nil && used.free(in: vpc.range).isEmpty && used.ranges.count == 1)
        #expect(used.subtract(low(7)) && !used.subtract(low(7)) && used.firstFree(in: vpc.range) == low(7))
        used.subtract(vpc)
        #expect(used.isEmpty)
    }

    @Test("the last and first addresses of the families stay apart")
    func edges() throws {
        var set = IPRangeSet([try CIDRBlock(parsing: "0.0.0.0/0"), try CIDRBlock(parsing: "::/0")])
        #expect(set.ranges.count == 2 && set.count == nil)
        set.subtract(IPAddress(255, 255, 255, 255))
        set.subtract(IPAddress(ipv6: 0))
        #expect(set.ranges.map(\.description) == ["0.0.0.0-255.255.255.254", "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"])
        set.insert(IPAddress(255, 255, 255, 255))
        set.insert(IPAddress(ipv6: 0))
        #expect(set.ranges.count == 2)
    }
}
