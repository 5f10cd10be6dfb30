import Testing
import World

@Suite("Instant")
struct InstantTests {
    @Test(
        "is written in the forms of Kubernetes, AWS and HTTP, and read back",
        arguments: [
            ("2026-11-24T12:00:00Z", "20261124T120000Z", "Tue, 24 Nov 2026 12:00:00 GMT"),
            ("1970-01-01T00:00:00Z", "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("2000-02-29T23:59:59Z", "20000229T235959Z", "Tue, 29 Feb 2000 23:59:59 GMT"),
            ("1969-12-31T23:59:59Z", "19691231T235959Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
            ("2100-03-01T00:00:00Z", "21000301T000000Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
        ])
    func forms(rfc3339: String, amz: String, http: String) throws {
        let instant = try #require(Instant(rfc3339: rfc3339))
        #expect([instant.rfc3339, instant.amzDate, instant.httpDate] == [rfc3339, amz, http])
        #expect(Instant(amzDate: amz) == instant)
    }

    @Test("keeps fractions and offsets")
    func fractions() throws {
        let instant = try #require(Instant(rfc3339: "2026-01-01T09:00:00.123456789+09:00"))
        #expect(instant.rfc3339Micro == "2026-01-01T00:00:00.123456Z")
        #expect(instant.subsecond == 123_456_789)
    }

    @Test(
        "refuses what is no time",
        arguments: [
            "", "2026-11-24", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "x",
            "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+9:00", "99999-01-01T00:00:00Z",
        ])
    func refused(text: String) {
        #expect(Instant(rfc3339: text) == nil)
    }

    @Test("arithmetic is clamped, never trapped")
    func clamped() {
        let end = Instant(nanoseconds: .max)
        #expect(end + .seconds(1) == end)
        #expect(Instant(nanoseconds: .min) - .seconds(Int64.max) == Instant(nanoseconds: .min))
        #expect(Instant(seconds: .max).nanoseconds == .max)
    }
}
