public import IPAddress
public import JSON

/// Who has which addresses of a block, drawn for terminals and as SVG.
public struct AddressMap: Sendable {
    /// What an address is.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// AWS keeps it, or it is the network's own.
        case reserved
        /// The first address of a node's interface.
        case node
        /// A pod's, or a Service's.
        case used
        /// Held for pods to come.
        case warm
        /// A pod left it a short while ago.
        case cooling
        /// Something else's.
        case other
        /// Nobody's.
        case free

        var sign: Character {
            switch self {
            case .reserved: "x"
            case .node: "N"
            case .used: "#"
            case .warm: "+"
            case .cooling: "~"
            case .other: "o"
            case .free: "·"
            }
        }

        var colour: String {
            switch self {
            case .reserved: "#8b949e"
            case .node: "#0b3d91"
            case .used: "#1f6feb"
            case .warm: "#9ecbff"
            case .cooling: "#f2cc60"
            case .other: "#8a3ffc"
            case .free: "#eef1f4"
            }
        }
    }

    /// What is drawn above.
    public let title: String
    /// The block.
    public let block: CIDRBlock
    /// The length of the prefixes that are drawn in the place of addresses, each named by its first one; `nil` where addresses are.
    public let prefixLength: Int?
    /// Every address, or first address of a prefix, that is not free.
    public let addresses: [IPAddress: Kind]

    /// Makes a map.
    public init(title: String, block: CIDRBlock, prefixLength: Int? = nil, addresses: [IPAddress: Kind]) {
        self.title = title
        self.block = block
        self.prefixLength = prefixLength.map { min(max($0, block.prefixLength), block.family.bitCount) }
        self.addresses = addresses
    }

    /// Reads the form that `json` writes; `nil` for anything else.
    public init?(json: JSON) {
        guard let title = json["title"]?.string, let block = json["cidr"]?.string.flatMap({ CIDRBlock($0) }) else { return nil }
        var addresses: [IPAddress: Kind] = [:]
        for member in json["addresses"]?.object?.members ?? [] {
            guard let kind = Kind(rawValue: member.key) else { return nil }
            for text in member.value.strings ?? [] { if let address = IPAddress(text) { addresses[address] = kind } }
        }
        self.init(
            title: title, block: block, prefixLength: json["prefixLength"]?.integer.map { Int(clamping: $0) }, addresses: addresses)
    }

    /// The map for tools: the addresses by what they are.
    public var json: JSON {
        var kinds = JSONObject()
        for kind in Kind.allCases where kind != .free {
            let own = addresses.filter { $0.value == kind }.keys.sorted()
            if !own.isEmpty { kinds[kind.rawValue] = JSON(strings: own.map(\.description)) }
        }
        var json: JSON = ["title": .string(title), "cidr": .string(block.description)]
        if let prefixLength { json["prefixLength"] = .integer(Int64(prefixLength)) }
        json["size"] = .string("\(size)")
        json["free"] = .string("\(freeCount)")
        json["addresses"] = .object(kinds)
        return json
    }

    /// How many addresses one place has.
    private var unit: UInt128 { prefixLength.map { 1 << UInt128(block.family.bitCount - $0) } ?? 1 }
    private var size: UInt128 { (block.count ?? .max) / unit }
    private var freeCount: UInt128 { size - UInt128(addresses.count) }

    // MARK: Cells

    private static let columns = 64
    private static let rows = 16

    /// How many places are drawn: of prefixes, which are given from the lowest up, not the long rest that nobody has.
    private var drawn: UInt128 {
        guard prefixLength != nil else { return size }
        let row = UInt128(Self.columns)
        let last = addresses.keys.filter { !isLast($0) }.compactMap(block.offset).max() ?? 0
        return min(size, (last / unit / row + 1) * row)
    }

    private func isLast(_ address: IPAddress) -> Bool { block.offset(of: address).map { $0 / unit } == size - 1 }

    /// How many places a cell stands for, and what the cells are: each the kind that most of its places are, but free only when all are.
    private var cells: (scale: UInt128, kinds: [Kind]) {
        let most = UInt128(Self.columns * Self.rows)
        let scale = max(1, (drawn + most - 1) / most)
        var counts = [Int: [Kind: Int]]()
        for (address, kind) in addresses {
            guard let place = block.offset(of: address) else { continue }
            counts[Int(clamping: place / unit / scale), default: [:]][kind, default: 0] += 1
        }
        let count = Int(clamping: (drawn + scale - 1) / scale)
        let order = Kind.allCases
        return (
            scale,
            (0..<count).map { index in
                let own = counts[index] ?? [:]
                return order.max { (own[$0] ?? 0) < (own[$1] ?? 0) }.flatMap { (own[$0] ?? 0) > 0 ? $0 : nil } ?? .free
            }
        )
    }

    /// Lines for a terminal, and what the signs mean.
    public var text: String {
        let (scale, kinds) = cells
        let places = prefixLength == nil ? "addresses" : "prefixes"
        var lines = ["\(title)  \(block)  \(summary)" + (scale > 1 ? ", \(scale) \(places) a sign" : "")]
        let width = block.family == .ipv4 ? 16 : 26
        for start in stride(from: 0, to: kinds.count, by: Self.columns) {
            let row = kinds[start..<min(start + Self.columns, kinds.count)]
            let first = block.address(at: UInt128(start) * scale * unit)?.description ?? ""
            lines.append("  " + first + String(repeating: " ", count: max(1, width - first.count)) + String(row.map(\.sign)))
        }
        let counts = Dictionary(grouping: addresses.values) { $0 }.mapValues(\.count)
        let legend = Kind.allCases.compactMap { kind in counts[kind].map { "\(kind.sign) \(kind.rawValue) \($0)" } }
        if !legend.isEmpty { lines.append("  " + legend.joined(separator: "   ")) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `10 of 16 free`, `65533 of 65536 prefixes of /80 free`
    private var summary: String { "\(freeCount) of \(size) \(prefixLength.map { "prefixes of /\($0) " } ?? "")free" }

    /// Several maps below each other as SVG.
    public static func svg(_ maps: [AddressMap]) -> String {
        let cell = 11
        let left = maps.contains { $0.block.family == .ipv6 } ? 200 : 130
        var y = 24
        var parts: [String] = []
        for map in maps {
            let (scale, kinds) = map.cells
            parts.append("<text x=\"8\" y=\"\(y)\" font-weight=\"bold\">\(escaped("\(map.title)  \(map.block)"))</text>")
            parts.append("<text x=\"\(left + columns * cell)\" y=\"\(y)\" text-anchor=\"end\">\(map.summary)</text>")
            y += 8
            for (index, kind) in kinds.enumerated() {
                let (row, column) = (index / columns, index % columns)
                let first = map.block.address(at: UInt128(index) * scale * map.unit)?.description ?? ""
                if column == 0 { parts.append("<text x=\"8\" y=\"\(y + row * cell + 10)\" font-size=\"10\">\(first)</text>") }
                parts.append(
                    "<rect x=\"\(left + column * cell)\" y=\"\(y + row * cell)\" width=\"\(cell - 1)\" height=\"\(cell - 1)\" fill=\"\(kind.colour)\"><title>\(first) \(kind.rawValue)</title></rect>"
                )
            }
            y += (kinds.count + columns - 1) / columns * cell + 30
        }
        for (index, kind) in Kind.allCases.enumerated() {
            parts.append("<rect x=\"\(left + index * 90)\" y=\"\(y - 10)\" width=\"10\" height=\"10\" fill=\"\(kind.colour)\"/>")
            parts.append("<text x=\"\(left + index * 90 + 14)\" y=\"\(y)\">\(kind.rawValue)</text>")
        }
        let width = left + columns * cell + 12
        return
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(y + 16)\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
            + parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
