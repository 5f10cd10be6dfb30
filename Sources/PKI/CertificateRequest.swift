import Encoding
import SwiftASN1
import X509

/// A request for a certificate (PKCS #10, RFC 2986).
public struct CertificateRequest: Sendable {
    /// Why a text is no request.
    public enum Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// There is no PEM block of the type.
        case block
        /// The block is not a request, or its signature is not of its own key.
        case malformed(String)

        /// The words of `k8s.io/kubernetes/pkg/apis/certificates.ParseCSR`, or the parser's.
        public var description: String {
            switch self {
            case .block: "PEM block type must be CERTIFICATE REQUEST"
            case .malformed(let text): text
            }
        }
    }

    /// The common name of the wished subject; empty without one.
    public let commonName: String
    /// The organizations of the wished subject in order: the groups of a client.
    public let organizations: [String]
    /// How many alternative names of each kind are wished.
    public let alternativeNames: AlternativeNames
    let request: CertificateSigningRequest
    let names: SubjectAlternativeNames?

    /// Alternative names that are wished, counted by kind.
    public struct AlternativeNames: Sendable, Hashable {
        /// `dNSName`
        public var dns = 0
        /// `iPAddress`
        public var addresses = 0
        /// `rfc822Name`
        public var emails = 0
        /// `uniformResourceIdentifier`
        public var uris = 0
    }

    /// Reads a request in PEM; `nil` when it is none.
    public init?(pem: [UInt8]) {
        do throws(Problem) { try self.init(parsing: pem) } catch { return nil }
    }

    /// Reads a request in PEM.
    ///
    /// - Throws: `Problem`.
    public init(parsing pem: [UInt8]) throws(Problem) {
        let request: CertificateSigningRequest
        let names: SubjectAlternativeNames?
        guard let der = Self.block(in: String(decoding: pem, as: UTF8.self)) else { throw .block }
        do { request = try CertificateSigningRequest(derEncoded: der) } catch { throw .malformed("\(error)") }
        func values(_ type: ASN1ObjectIdentifier) -> [String] {
            request.subject.flatMap { relative in
                relative.compactMap { attribute in attribute.type == type ? String(attribute.value) : nil }
            }
        }
        commonName = values(.RDNAttributeType.commonName).last ?? ""
        organizations = values(.RDNAttributeType.organizationName)
        do { names = try request.attributes.extensionRequest?.extensions.subjectAlternativeNames } catch { throw .malformed("\(error)") }
        var counted = AlternativeNames()
        for name in names ?? SubjectAlternativeNames([]) {
            switch name {
            case .dnsName: counted.dns += 1
            case .ipAddress: counted.addresses += 1
            case .rfc822Name: counted.emails += 1
            case .uniformResourceIdentifier: counted.uris += 1
            default: break
            }
        }
        alternativeNames = counted
        self.request = request
        self.names = names
    }

    /// The content of the first PEM block, if it is a request. Lines may be of any length, as Go takes them; swift-asn1 wants 64 characters.
    private static func block(in text: String) -> [UInt8]? {
        let type = CertificateSigningRequest.defaultPEMDiscriminator
        guard let begin = text.firstRange(of: "-----BEGIN "), text[begin.upperBound...].hasPrefix("\(type)-----") else { return nil }
        let body = text[begin.upperBound...].dropFirst(type.count + 5)
        guard let end = body.firstRange(of: "-----END \(type)-----") else { return nil }
        return Base64.decodeURL(String(body[..<end.lowerBound].filter { !$0.isWhitespace }))
    }

    /// Whether the one who asks has the key that the certificate is to be for.
    public var isSignedByItsKey: Bool { request.publicKey.isValidSignature(request.signature, for: request) }
}
