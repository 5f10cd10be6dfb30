import SwiftASN1
public import World
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension CertificateAuthority {
    /// What a certificate may be used for (`k8s.io/api/certificates/v1.KeyUsage`).
    public enum Usage: String, Sendable, Hashable, CaseIterable {
        case signing
        case digitalSignature = "digital signature"
        case contentCommitment = "content commitment"
        case keyEncipherment = "key encipherment"
        case keyAgreement = "key agreement"
        case dataEncipherment = "data encipherment"
        case certificateSigning = "cert sign"
        case listSigning = "crl sign"
        case encipherOnly = "encipher only"
        case decipherOnly = "decipher only"
        case any
        case serverAuth = "server auth"
        case clientAuth = "client auth"
        case codeSigning = "code signing"
        case emailProtection = "email protection"
        case mime = "s/mime"
        case ipsecEndSystem = "ipsec end system"
        case ipsecTunnel = "ipsec tunnel"
        case ipsecUser = "ipsec user"
        case timestamping
        case ocspSigning = "ocsp signing"
        case microsoftSGC = "microsoft sgc"
        case netscapeSGC = "netscape sgc"
    }

    /// Signs what a request wishes: its subject, its key and its alternative names, nothing else of it
    /// (`pkg/controller/certificates/authority`). Answers the certificate in PEM.
    ///
    /// - Throws: what swift-certificates throws for a subject that does not fit a certificate.
    public func sign(
        _ request: CertificateRequest, usages: [Usage], from start: Instant, until end: Instant, world: World
    ) throws -> String {
        let extended = usages.compactMap(Self.extended)
        let leaf = try Certificate(
            version: .v3, serialNumber: Self.serial(world), publicKey: request.request.publicKey, notValidBefore: Self.date(start),
            notValidAfter: min(Self.date(end), certificate.notValidAfter), issuer: certificate.subject, subject: request.request.subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                if let usage = Self.keyUsage(usages) { Critical(usage) }
                if !extended.isEmpty { try ExtendedKeyUsage(extended) }
                Critical(BasicConstraints.notCertificateAuthority)
                if let own = try certificate.extensions.subjectKeyIdentifier {
                    AuthorityKeyIdentifier(keyIdentifier: own.keyIdentifier)
                }
                if let names = request.names { names }
            }, issuerPrivateKey: .init(key))
        return try SeededSigning.signed(leaf, by: key).serializeAsPEM().pemString + "\n"
    }

    /// When the first certificate of a text in PEM ends; `nil` when there is none.
    public static func end(ofPEM pem: [UInt8]) -> Instant? {
        guard let leaf = try? Certificate(pemEncoded: String(decoding: pem, as: UTF8.self)) else { return nil }
        return Instant(seconds: Int64(leaf.notValidAfter.timeIntervalSince1970))
    }

    private static func keyUsage(_ usages: [Usage]) -> KeyUsage? {
        var usage = KeyUsage()
        for wish in usages {
            switch wish {
            case .signing, .digitalSignature: usage.digitalSignature = true
            case .contentCommitment: usage.nonRepudiation = true
            case .keyEncipherment: usage.keyEncipherment = true
            case .keyAgreement: usage.keyAgreement = true
            case .dataEncipherment: usage.dataEncipherment = true
            case .certificateSigning: usage.keyCertSign = true
            case .listSigning: usage.cRLSign = true
            case .encipherOnly: usage.encipherOnly = true
            case .decipherOnly: usage.decipherOnly = true
            default: break
            }
        }
        return usage == KeyUsage() ? nil : usage
    }

    private static func extended(_ usage: Usage) -> ExtendedKeyUsage.Usage? {
        switch usage {
        case .any: .any
        case .serverAuth: .serverAuth
        case .clientAuth: .clientAuth
        case .codeSigning: .codeSigning
        case .emailProtection, .mime: .emailProtection
        case .ipsecEndSystem: .init(oid: [1, 3, 6, 1, 5, 5, 7, 3, 5])
        case .ipsecTunnel: .init(oid: [1, 3, 6, 1, 5, 5, 7, 3, 6])
        case .ipsecUser: .init(oid: [1, 3, 6, 1, 5, 5, 7, 3, 7])
        case .timestamping: .timeStamping
        case .ocspSigning: .ocspSigning
        case .microsoftSGC: .init(oid: [1, 3, 6, 1, 4, 1, 311, 10, 3, 3])
        case .netscapeSGC: .init(oid: [2, 16, 840, 1, 113730, 4, 1])
        default: nil
        }
    }
}
