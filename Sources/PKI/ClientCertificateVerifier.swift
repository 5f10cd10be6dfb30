import Crypto
import SwiftASN1
public import World
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Kubernetes' x509 authenticator for one cluster CA (`k8s.io/apiserver/pkg/authentication/request/x509`).
public struct ClientCertificateVerifier: Sendable {
    /// Whom a certificate names.
    public struct Subject: Sendable, Hashable {
        /// The last common name: the username.
        public let commonName: String
        /// The organizations in order: the groups.
        public let organizations: [String]
    }

    /// Why a certificate is refused.
    public enum Refusal: Error, Sendable, Hashable {
        case malformed
        case unknownAuthority(issuer: String)
        case notYetValid(notBefore: Instant)
        case expired(notAfter: Instant)
        case notForClients
        case noCommonName
    }

    private let authority: CertificateAuthority

    /// Makes a verifier of certificates that `authority` issued.
    public init(_ authority: CertificateAuthority) { self.authority = authority }

    /// A certificate of the authority: what of its verdict does not change. Its signature need not be checked again.
    public struct Verified: Sendable {
        private let notBefore: Instant
        private let notAfter: Instant
        private let subject: Result<Subject, Refusal>

        fileprivate init(notBefore: Instant, notAfter: Instant, subject: Result<Subject, Refusal>) {
            self.notBefore = notBefore
            self.notAfter = notAfter
            self.subject = subject
        }

        /// Whom the certificate names at a time.
        ///
        /// - Throws: `Refusal`.
        public func subject(at now: Instant) throws(Refusal) -> Subject {
            guard now >= notBefore else { throw .notYetValid(notBefore: notBefore) }
            guard now <= notAfter else { throw .expired(notAfter: notAfter) }
            return try subject.get()
        }
    }

    /// Checks the leaf of a chain (DER, leaf first) at a time.
    ///
    /// - Throws: `Refusal`.
    public func verify(_ chain: [[UInt8]], at now: Instant) throws(Refusal) -> Subject { try verified(chain).subject(at: now) }

    /// Checks who issued the leaf of a chain (DER, leaf first), and reads it.
    ///
    /// - Throws: `Refusal.malformed`, `Refusal.unknownAuthority`.
    public func verified(_ chain: [[UInt8]]) throws(Refusal) -> Verified {
        guard let first = chain.first, let leaf = try? Certificate(derEncoded: first) else { throw .malformed }
        guard leaf.issuer == authority.certificate.subject, authority.certificate.publicKey.isValidSignature(leaf.signature, for: leaf)
        else {
            throw .unknownAuthority(issuer: leaf.issuer.description)
        }
        let notBefore = Instant(seconds: Int64(leaf.notValidBefore.timeIntervalSince1970))
        let notAfter = Instant(seconds: Int64(leaf.notValidAfter.timeIntervalSince1970))
        return Verified(notBefore: notBefore, notAfter: notAfter, subject: Result { () throws(Refusal) in try Self.subject(of: leaf) })
    }

    private static func subject(of leaf: Certificate) throws(Refusal) -> Subject {
        guard let usages = try? leaf.extensions.extendedKeyUsage, usages.contains(.clientAuth) || usages.contains(.any) else {
            throw .notForClients
        }
        var commonName: String?
        var organizations: [String] = []
        for relative in leaf.subject {
            for attribute in relative {
                if attribute.type == .RDNAttributeType.commonName { commonName = String(attribute.value) }
                if attribute.type == .RDNAttributeType.organizationName, let name = String(attribute.value) { organizations.append(name) }
            }
        }
        guard let commonName, !commonName.isEmpty else { throw .noCommonName }
        return Subject(commonName: commonName, organizations: organizations)
    }
}
