import IPAddress
import JSON

/// Addresses and ranges in fields (`apimachinery/pkg/util/validation/ip.go`): what Go's older parsers took, but no longer with leading
/// zeros, mapped addresses or host bits, as Kubernetes 1.36 refuses them in new values.
public enum NetworkTextValidation {
    /// What is wrong with an address in a field that once took sloppy ones.
    public static func legacyAddressProblems(_ text: String, field: String) -> [FieldError] {
        if let address = IPAddress(text) {
            return address.isIPv4Mapped ? [.invalid(field, .string(text), "must not be an IPv4-mapped IPv6 address")] : []
        }
        let reason = withoutLeadingZeros(text).flatMap { IPAddress($0) } == nil ? noAddress : "must not have leading 0s"
        return [.invalid(field, .string(text), reason)]
    }

    /// What is wrong with an address in a field that takes only the canonical form.
    public static func addressProblems(_ text: String, field: String) -> [FieldError] {
        let problems = legacyAddressProblems(text, field: field)
        guard problems.isEmpty, let address = IPAddress(text), address.description != text else { return problems }
        return [.invalid(field, .string(text), "must be in canonical form (\(GoText.quoted(address.description)))")]
    }

    /// What is wrong with a range in a field that once took sloppy ones.
    public static func legacyRangeProblems(_ text: String, field: String) -> [FieldError] {
        if let (address, block) = range(text) {
            if address.isIPv4Mapped { return [.invalid(field, .string(text), "must not have an IPv4-mapped IPv6 address")] }
            return address == block.network ? [] : [.invalid(field, .string(text), "must not have bits set beyond the prefix length")]
        }
        let reason = withoutLeadingZeros(text).flatMap(range) == nil ? noRange : "must not have leading 0s in IP or prefix length"
        return [.invalid(field, .string(text), reason)]
    }

    /// What is wrong with a range in a field that takes only the canonical form.
    public static func rangeProblems(_ text: String, field: String) -> [FieldError] {
        let problems = legacyRangeProblems(text, field: field)
        guard problems.isEmpty, let block = range(text)?.block, block.description != text else { return problems }
        return [.invalid(field, .string(text), "must be in canonical form (\(GoText.quoted(block.description)))")]
    }

    private static let noAddress = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    private static let noRange = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

    private static func range(_ text: String) -> (address: IPAddress, block: CIDRBlock)? {
        guard let read = try? CIDRBlock.parseInterface(text), text.hasSuffix("/\(read.block.prefixLength)") else { return nil }
        return read
    }

    /// The text with the leading zeros of its decimal parts gone, which Go's older parsers ignored.
    private static func withoutLeadingZeros(_ text: String) -> String? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first else { return nil }
        func trimmed(_ digits: Substring) -> String {
            let rest = digits.drop { $0 == "0" }
            return rest.isEmpty && !digits.isEmpty ? "0" : String(rest)
        }
        let octets = address.split(separator: ".", omittingEmptySubsequences: false)
        let plain = octets.count == 4 ? octets.map(trimmed).joined(separator: ".") : String(address)
        return parts.count == 2 ? plain + "/" + trimmed(parts[1]) : plain
    }
}
