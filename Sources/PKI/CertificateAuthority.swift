import Crypto
import SwiftASN1
public import World
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The CA of one cluster: a self-signed P-256 certificate that signs the API server's and clients' certificates.
public struct CertificateAuthority: Sendable {
    /// A certificate with its private key.
    public struct Identity: Sendable {
        /// The certificate in PEM.
        public let certificatePEM: String
        /// The private key in PEM (PKCS #8).
        public let keyPEM: String
        /// The certificate in DER.
        public let certificateDER: [UInt8]
    }

    /// The CA's own certificate and key.
    public let identity: Identity
    let certificate: Certificate
    let key: P256.Signing.PrivateKey

    /// Makes a CA named `commonName`, valid for ten years from the world's present.
    ///
    /// - Throws: what swift-certificates throws; none of it depends on input.
    public init(commonName: String = "kubernetes", world: World) throws {
        let key = try SeededSigning.key(world)
        let name = try DistinguishedName { CommonName(commonName) }
        let certificate = try Certificate(
            version: .v3, serialNumber: Self.serial(world), publicKey: .init(key.publicKey),
            notValidBefore: Self.date(world.now - .seconds(300)),
            notValidAfter: Self.date(world.now + .seconds(10 * 365 * 86400)), issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true, keyCertSign: true))
                SubjectKeyIdentifier(hash: .init(key.publicKey))
            }, issuerPrivateKey: .init(key))
        self.key = key
        self.certificate = try SeededSigning.signed(certificate, by: key)
        identity = try Self.identity(self.certificate, key)
    }

    /// Reads a CA back from PEM.
    ///
    /// - Throws: when either part is not what it should be.
    public init(certificatePEM: String, keyPEM: String) throws {
        key = try P256.Signing.PrivateKey(pemRepresentation: keyPEM)
        certificate = try Certificate(pemEncoded: certificatePEM)
        identity = try Self.identity(certificate, key)
    }

    static func identity(_ certificate: Certificate, _ key: P256.Signing.PrivateKey) throws -> Identity {
        let document = try certificate.serializeAsPEM()
        return Identity(
            certificatePEM: document.pemString + "\n", keyPEM: key.pemRepresentation + "\n", certificateDER: document.derBytes)
    }

    static func serial(_ world: World) -> Certificate.SerialNumber {
        var bytes = world.random.bytes(16)
        bytes[0] = bytes[0] & 0x7F | 0x40
        return Certificate.SerialNumber(bytes: bytes)
    }

    static func date(_ instant: Instant) -> Date { Date(timeIntervalSince1970: Double(instant.seconds)) }
}
