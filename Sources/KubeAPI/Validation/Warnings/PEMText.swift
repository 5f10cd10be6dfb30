import Encoding

/// What `crypto/tls.X509KeyPair` says of a pair of PEM files before it looks into the certificates.
enum PEMText {
    /// The bytes of base64 text.
    static func decoded(_ text: String) -> [UInt8] { Base64.decodeURL(text) ?? [] }

    /// Why a pair cannot be one; `nil` when both files have the blocks they need.
    static func problem(certificate: [UInt8], key: [UInt8]) -> String? {
        let certificates = blockTypes(certificate)
        if !certificates.contains("CERTIFICATE") {
            if certificates.isEmpty { return "tls: failed to find any PEM data in certificate input" }
            if certificates.count == 1, certificates[0].hasSuffix("PRIVATE KEY") {
                return "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have "
                    + "been switched"
            }
            return "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: "
                + "[\(certificates.joined(separator: " "))]"
        }
        let keys = blockTypes(key)
        if keys.contains(where: { $0 == "PRIVATE KEY" || $0.hasSuffix(" PRIVATE KEY") }) { return nil }
        if keys.isEmpty { return "tls: failed to find any PEM data in key input" }
        if keys.count == 1, keys[0] == "CERTIFICATE" {
            return "tls: found a certificate rather than a key in the PEM for the private key"
        }
        return "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following "
            + "types: [\(keys.joined(separator: " "))]"
    }

    /// The types of the blocks of a file.
    static func blockTypes(_ bytes: [UInt8]) -> [String] {
        let begin = "-----BEGIN "
        let dashes = "-----"
        var types: [String] = []
        var open: String?
        for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix(begin), text.hasSuffix(dashes), text.utf8.count > begin.utf8.count + dashes.utf8.count {
                open = String(text.dropFirst(begin.count).dropLast(dashes.count))
            } else if let type = open, text == "-----END \(type)-----" {
                types.append(type)
                open = nil
            }
        }
        return types
    }
}
