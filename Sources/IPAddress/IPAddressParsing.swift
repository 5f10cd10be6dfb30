/// Why a text is no address.
public struct IPAddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of refusal.
    public enum Reason: String, Sendable, Hashable {
        case noAddress = "unable to parse IP"
        case zone = "zones are not accepted"
        case unexpectedCharacter = "unexpected character"
        case emptyField = "each field must have at least one digit"
        case leadingZero = "IPv4 field has octet with leading zero"
        case octetTooLarge = "IPv4 field has value >255"
        case tooManyOctets = "IPv4 address too long"
        case tooFewOctets = "IPv4 address too short"
        case fieldTooLong = "each group must have 4 or fewer digits"
        case tooManyFields = "address has too many fields"
        case tooFewFields = "address has too few fields"
        case repeatedCompression = "multiple :: in address"
        case needlessCompression = "the :: must expand to at least one field of zeros"
        case misplacedIPv4 = "embedded IPv4 address must replace the final 2 fields of the address"
    }

    /// The text refused.
    public let text: String
    /// What is wrong with it.
    public let reason: Reason

    /// Makes an error.
    public init(text: String, reason: Reason) {
        self.text = text
        self.reason = reason
    }

    /// Text and reason, in the manner of Go's `netip`.
    public var description: String { "ParseAddr(\"\(text)\"): \(reason.rawValue)" }
}

extension IPAddress {
    /// Reads an address exactly as Go's `netip.ParseAddr` does, except that a zone is refused: octets have no leading zeros, `::` stands
    /// for at least one group, a dotted quad may end an IPv6 address.
    ///
    /// - Throws: `IPAddressError`.
    public init(parsing text: String) throws(IPAddressError) {
        let bytes = text.utf8[...]
        let result: Result<IPAddress, Refusal>
        switch bytes.first(where: { ".:%".utf8.contains($0) }) {
        case UInt8(ascii: "."): result = Result { () throws(Refusal) in IPAddress(ipv4: try Self.ipv4(bytes)) }
        case UInt8(ascii: ":"): result = Result { () throws(Refusal) in IPAddress(ipv6: try Self.ipv6(bytes)) }
        case .some: result = .failure(Refusal(.zone))
        case nil: result = .failure(Refusal(.noAddress))
        }
        switch result {
        case .success(let address): self = address
        case .failure(let refusal): throw IPAddressError(text: text, reason: refusal.reason)
        }
    }

    /// Reads an address like `init(parsing:)`; `nil` when it is none.
    public init?(_ text: String) {
        guard let address = try? IPAddress(parsing: text) else { return nil }
        self = address
    }

    private struct Refusal: Error {
        let reason: IPAddressError.Reason
        init(_ reason: IPAddressError.Reason) { self.reason = reason }
    }

    private static func ipv4(_ text: Substring.UTF8View) throws(Refusal) -> UInt32 {
        var address: UInt32 = 0
        var octets = 0
        for field in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            var value: UInt32 = 0
            for (index, byte) in field.enumerated() {
                guard byte &- 0x30 < 10 else { throw Refusal(byte == UInt8(ascii: "%") ? .zone : .unexpectedCharacter) }
                if index == 1, value == 0 { throw Refusal(.leadingZero) }
                value = value * 10 + UInt32(byte - 0x30)
                if value > 255 { throw Refusal(.octetTooLarge) }
            }
            if field.isEmpty { throw Refusal(.emptyField) }
            octets += 1
            if octets > 4 { throw Refusal(.tooManyOctets) }
            address = address << 8 | value
        }
        if octets < 4 { throw Refusal(.tooFewOctets) }
        return address
    }

    private static func ipv6(_ text: Substring.UTF8View) throws(Refusal) -> UInt128 {
        if text.contains(UInt8(ascii: "%")) { throw Refusal(.zone) }
        let fields = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        // How many groups stand before the `::`.
        var compressedAt: Int?
        for (index, field) in fields.enumerated() {
            let isLast = index == fields.count - 1
            if field.isEmpty {
                // `::` leaves an empty field, and another one where it begins or ends the text.
                if index == 0 {
                    guard fields.count > 2, fields[1].isEmpty else { throw Refusal(.emptyField) }
                } else if isLast {
                    guard fields[index - 1].isEmpty else { throw Refusal(.emptyField) }
                } else {
                    if compressedAt != nil { throw Refusal(.repeatedCompression) }
                    compressedAt = groups.count
                }
            } else if field.contains(UInt8(ascii: ".")) {
                guard isLast, compressedAt != nil ? groups.count <= 6 : groups.count == 6 else { throw Refusal(.misplacedIPv4) }
                let quad = try ipv4(field)
                groups += [UInt16(quad >> 16), UInt16(truncatingIfNeeded: quad)]
            } else {
                groups.append(try group(field))
            }
            if groups.count > 8 { throw Refusal(.tooManyFields) }
        }
        if let compressedAt {
            guard groups.count < 8 else { throw Refusal(.needlessCompression) }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: compressedAt)
        }
        guard groups.count == 8 else { throw Refusal(.tooFewFields) }
        return groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    private static func group(_ field: Substring.UTF8View) throws(Refusal) -> UInt16 {
        var value: UInt16 = 0
        for (index, byte) in field.enumerated() {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw Refusal(.unexpectedCharacter)
            }
            if index == 4 { throw Refusal(.fieldTooLong) }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
