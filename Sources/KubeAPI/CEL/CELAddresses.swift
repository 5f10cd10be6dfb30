import IPAddress

/// Addresses and networks (`k8s.io/apiserver/pkg/cel/library`: ip.go, cidr.go).
enum CELAddresses {
    private static let ip = CELOpaque.ipType
    private static let cidr = CELOpaque.cidrType

    static func add(to functions: inout CELFunctions) {
        functions.function("ip", [.string], ip, cost: .traversal(0)) { (values) throws(CELError) in
            .opaque(.ip(try address(try values[0].string())))
        }
        functions.function("isIP", [.string], .bool, cost: .traversal(0)) { (values) throws(CELError) in
            let text = try values[0].string()
            return .bool((try? address(text)) != nil)
        }
        functions.function("ip.isCanonical", [.string], .bool, cost: .traversal(0)) { (values) throws(CELError) in
            let text = try values[0].string()
            return .bool(try address(text).description == text)
        }
        functions.function("string", [ip], .string) { (values) throws(CELError) in .string(try address(values[0]).description) }
        functions.method("family", [ip], .int) { (values) throws(CELError) in .int(try address(values[0]).family == .ipv4 ? 4 : 6) }
        let kinds: [(String, @Sendable (IPAddress) -> Bool)] = [
            ("isUnspecified", { $0.isUnspecified }), ("isLoopback", { $0.isLoopback }), ("isLinkLocalMulticast", isLinkLocalMulticast),
            ("isLinkLocalUnicast", { $0.isLinkLocal }), ("isGlobalUnicast", isGlobalUnicast),
        ]
        for (name, holds) in kinds {
            functions.method(name, [ip], .bool) { (values) throws(CELError) in .bool(holds(try address(values[0]))) }
        }
        networks(&functions)
    }

    private static func networks(_ functions: inout CELFunctions) {
        functions.function("cidr", [.string], cidr, cost: .traversal(0)) { (values) throws(CELError) in
            .opaque(try network(try values[0].string()))
        }
        functions.function("isCIDR", [.string], .bool, cost: .traversal(0)) { (values) throws(CELError) in
            let text = try values[0].string()
            return .bool((try? network(text)) != nil)
        }
        functions.function("string", [cidr], .string) { (values) throws(CELError) in
            let (address, length) = try network(values[0])
            return .string("\(address)/\(length)")
        }
        functions.method("containsIP", [cidr, .string], .bool, cost: .traversal(1)) { (values) throws(CELError) in
            .bool(try contains(values[0], try address(try values[1].string())))
        }
        functions.method("containsIP", [cidr, ip], .bool) { (values) throws(CELError) in
            .bool(try contains(values[0], try address(values[1])))
        }
        functions.method("containsCIDR", [cidr, .string], .bool, cost: .traversal(1)) { (values) throws(CELError) in
            .bool(try contains(values[0], network: .opaque(try network(try values[1].string()))))
        }
        functions.method("containsCIDR", [cidr, cidr], .bool) { (values) throws(CELError) in
            .bool(try contains(values[0], network: values[1]))
        }
        functions.method("ip", [cidr], ip) { (values) throws(CELError) in .opaque(.ip(try network(values[0]).address)) }
        functions.method("prefixLength", [cidr], .int) { (values) throws(CELError) in .int(Int64(try network(values[0]).length)) }
        functions.method("masked", [cidr], cidr) { (values) throws(CELError) in
            let block = try block(values[0])
            return .opaque(.cidr(block.network, block.prefixLength))
        }
    }

    private static func address(_ text: String) throws(CELError) -> IPAddress {
        let parsed: IPAddress
        do { parsed = try IPAddress(parsing: text) } catch {
            if error.reason == .zone { throw .message("IP address \(GoText.quoted(text)) with zone value is not allowed") }
            throw .message("IP Address \(GoText.quoted(text)) parse error during conversion from string: \(error)")
        }
        if parsed.isIPv4Mapped { throw .message("IPv4-mapped IPv6 address \(GoText.quoted(text)) is not allowed") }
        return parsed
    }

    private static func address(_ value: CELValue) throws(CELError) -> IPAddress {
        guard case .opaque(.ip(let address)) = value else { throw CELFunctions.none }
        return address
    }

    private static func network(_ text: String) throws(CELError) -> CELOpaque {
        func refused(_ reason: String) -> CELError {
            let prefix = "network address parse error during conversion from string: "
            return .message("\(prefix)\(prefix)netip.ParsePrefix(\(GoText.quoted(text))): \(reason)")
        }
        guard let slash = text.lastIndex(of: "/") else { throw refused("no '/'") }
        let address: IPAddress
        do { address = try IPAddress(parsing: String(text[..<slash])) } catch {
            throw refused(error.reason == .zone ? "IPv6 zones cannot be present in a prefix" : error.description)
        }
        let bits = String(text[text.index(after: slash)...])
        guard let length = Int(bits), String(length) == bits, length >= 0 else {
            throw refused("bad bits after slash: \(GoText.quoted(bits))")
        }
        guard length <= address.family.bitCount else { throw refused("prefix length out of range") }
        guard !address.isIPv4Mapped else {
            throw .message(
                "network address parse error during conversion from string: IPv4-mapped IPv6 address \(GoText.quoted(text)) is not allowed")
        }
        return .cidr(address, length)
    }

    private static func network(_ value: CELValue) throws(CELError) -> (address: IPAddress, length: Int) {
        guard case .opaque(.cidr(let address, let length)) = value else { throw CELFunctions.none }
        return (address, length)
    }

    private static func block(_ value: CELValue) throws(CELError) -> CIDRBlock {
        let (address, length) = try network(value)
        guard let block = CIDRBlock(containing: address, prefixLength: length) else { throw CELFunctions.none }
        return block
    }

    private static func contains(_ network: CELValue, _ address: IPAddress) throws(CELError) -> Bool {
        try block(network).contains(address)
    }

    private static func contains(_ value: CELValue, network other: CELValue) throws(CELError) -> Bool {
        let block = try block(value)
        let (address, length) = try network(other)
        return block.contains(address) && block.prefixLength <= length
    }

    @Sendable private static func isLinkLocalMulticast(_ address: IPAddress) -> Bool {
        let bytes = address.bytes
        return address.family == .ipv4 ? bytes.prefix(3) == [224, 0, 0] : bytes[0] == 0xFF && bytes[1] & 0x0F == 2
    }

    /// `netip.Addr.IsGlobalUnicast`: private addresses are global in this sense.
    @Sendable private static func isGlobalUnicast(_ address: IPAddress) -> Bool {
        if address.family == .ipv4, address.bits == 0xFFFF_FFFF { return false }
        let isMulticast = address.family == .ipv4 ? address.bytes[0] & 0xF0 == 0xE0 : address.bytes[0] == 0xFF
        return !address.isUnspecified && !address.isLoopback && !isMulticast && !address.isLinkLocal
    }
}
