import JSON

extension MergeSchema {
    /// An element of a list that has no identity.
    struct ItemFault: Error { let message: String }

    /// By what an element of a list is recognised in paths.
    static func element(of item: JSON, _ identity: Identity) throws(ItemFault) -> FieldPathElement {
        var bytes: [UInt8]
        switch identity {
        case .atomic: throw ItemFault(message: "an atomic list has no elements of their own")
        case .value:
            switch item {
            case .object: throw ItemFault(message: "associative list without keys has an element that's a map type")
            case .array: throw ItemFault(message: "not supported: associative list with lists as elements")
            case .null: throw ItemFault(message: "associative list without keys has an element that's an explicit null")
            default: break
            }
            bytes = Array("v:".utf8)
            write(item, to: &bytes)
        case .keys(let keys):
            if item.isNull { throw ItemFault(message: "associative list with keys may not have a null element") }
            guard case .object(let object) = item else {
                throw ItemFault(message: "associative list with keys may not have non-map elements")
            }
            bytes = Array("k:".utf8)
            bytes.reserveCapacity(40)
            var separator = UInt8(ascii: "{")
            for key in keys {
                guard let value = object[key.name] ?? key.fallback else { continue }
                bytes.append(separator)
                separator = UInt8(ascii: ",")
                bytes += key.prefix
                write(value, to: &bytes)
            }
            guard separator == UInt8(ascii: ",") else {
                let names = keys.map { GoText.quoted($0.name) }.joined(separator: " ")
                throw ItemFault(
                    message:
                        "associative list with keys has an element that omits all key fields [\(names)] (and doesn't have default values for any key fields)"
                )
            }
            bytes.append(UInt8(ascii: "}"))
        }
        return FieldPathElement(canonical: String(decoding: bytes, as: UTF8.self))
    }

    private static func write(_ value: JSON, to bytes: inout [UInt8]) {
        switch value {
        case .string(let text) where text.utf8.allSatisfy(isPlain):
            bytes.append(UInt8(ascii: "\""))
            bytes += text.utf8
            bytes.append(UInt8(ascii: "\""))
        case .integer(let number): bytes += String(number).utf8
        default: value.write(into: &bytes)
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "<")
            && byte != UInt8(ascii: ">") && byte != UInt8(ascii: "&")
    }
}
