import IPAddress
import JSON

/// Texts of addresses and networks as the server reads them (`k8s.io/apimachinery/pkg/util/validation/ip.go`).
enum AddressText {
    private static let addressForm = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    private static let networkForm = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

    /// What is wrong with an address of a new field: it has to be in canonical form.
    static func problems(_ text: String) -> [String] {
        guard let address = IPAddress(text) else {
            return hasLeadingZeros(text) ? ["must not have leading 0s"] : [addressForm]
        }
        if address.isIPv4Mapped { return ["must not be an IPv4-mapped IPv6 address"] }
        return []
    }

    /// Whether a text would be an IPv4 address if leading zeros were allowed, as Go's older parser did.
    private static func hasLeadingZeros(_ text: String) -> Bool { text != sloppy(text) && IPAddress(sloppy(text)) != nil }

    /// A text without leading zeros in its decimal parts.
    private static func sloppy(_ text: String) -> String {
        text.split(separator: ".", omittingEmptySubsequences: false).map { part in
            let rest = part.drop { $0 == "0" }
            return rest.isEmpty && !part.isEmpty ? "0" : String(rest)
        }.joined(separator: ".")
    }

    /// An address, also with leading zeros (`ParseIPSloppy`).
    static func address(_ text: String) -> IPAddress? { IPAddress(text) ?? (text.contains(":") ? nil : IPAddress(sloppy(text))) }

    /// What is wrong with a network of a new field.
    static func networkProblems(_ text: String) -> [String] {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = address(String(parts[0])), let length = Int(parts[1]), parts[1].allSatisfy(\.isNumber),
            length <= address.family.bitCount, let block = CIDRBlock(containing: address, prefixLength: length)
        else { return [networkForm] }
        let hasZeros = IPAddress(String(parts[0])) == nil || (parts[1].count > 1 && parts[1].hasPrefix("0"))
        if hasZeros { return ["must not have leading 0s in IP or prefix length"] }
        if address.isIPv4Mapped { return ["must not have an IPv4-mapped IPv6 address"] }
        if block.network != address { return ["must not have bits set beyond the prefix length"] }
        return []
    }

    /// A network in any form that is read.
    static func network(_ text: String) -> CIDRBlock? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = address(String(parts[0])), let length = Int(parts[1]) else { return nil }
        return CIDRBlock(containing: address, prefixLength: length)
    }
}

extension FieldErrorList {
    /// `IsValidIPForLegacyField`; values that an update keeps are not looked at.
    mutating func address(_ text: String, _ path: @autoclosure () -> FieldPath, kept: [String] = []) {
        if kept.contains(text) { return }
        let problems = AddressText.problems(text)
        if !problems.isEmpty { invalid(path(), .string(text), each: problems) }
    }

    /// `IsValidCIDRForLegacyField`.
    mutating func network(_ text: String, _ path: @autoclosure () -> FieldPath, kept: [String] = []) {
        if kept.contains(text) { return }
        let problems = AddressText.networkProblems(text)
        if !problems.isEmpty { invalid(path(), .string(text), each: problems) }
    }

    /// `ValidateEndpointIP` (`ValidateNonSpecialIP`): no loopback, link-local or unspecified address.
    mutating func nonSpecialAddress(_ text: String, _ path: FieldPath) {
        guard let address = AddressText.address(text) else {
            invalid(path, .string(text), "must be a valid IP address")
            return
        }
        if address.isUnspecified { invalid(path, .string(text), "may not be unspecified (\(text))") }
        if address.isLoopback { invalid(path, .string(text), "may not be in the loopback range (127.0.0.0/8, ::1/128)") }
        if address.isLinkLocal { invalid(path, .string(text), "may not be in the link-local range (169.254.0.0/16, fe80::/10)") }
        let bytes = address.bytes
        let isLinkLocalMulticast = address.family == .ipv4 ? bytes.prefix(3) == [224, 0, 0] : bytes.prefix(2) == [0xFF, 0x02]
        if isLinkLocalMulticast {
            invalid(path, .string(text), "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
        }
    }
}
