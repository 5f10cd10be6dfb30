import SwiftASN1
import X509

/// A request for a certificate (PKCS #10, RFC 2986).
public struct CertificateRequest: Sendable {
    /// The organizations of the wished subject in order: the groups of a client.
    public let organizations: [String]

    /// Reads a request in PEM; `nil` when it is none.
    public init?(pem: [UInt8]) {
        guard let request = try? CertificateSigningRequest(pemEncoded: String(decoding: pem, as: UTF8.self)) else { return nil }
        organizations = request.subject.flatMap { relative in
            relative.compactMap { attribute in
                attribute.type == .RDNAttributeType.organizationName ? String(attribute.value) : nil
            }
        }
    }
}
