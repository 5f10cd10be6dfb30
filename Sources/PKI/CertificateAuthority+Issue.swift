import Crypto
import SwiftASN1
public import World
import X509

extension CertificateAuthority {
    /// Issues the API server's certificate for DNS names and IP addresses (4 or 16 bytes each), valid for one year.
    ///
    /// - Throws: when a name does not fit a certificate.
    public func issueServer(commonName: String = "kube-apiserver", dnsNames: [String], addresses: [[UInt8]], world: World) throws
        -> Identity
    {
        let names =
            dnsNames.map { GeneralName.dnsName($0) } + addresses.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0[...])) }
        return try issue(
            DistinguishedName { CommonName(commonName) }, usage: .serverAuth, validity: .seconds(365 * 86400), world: world,
            alternativeNames: names)
    }

    /// Issues a client certificate: `commonName` becomes the username, `organizations` the groups (Kubernetes' x509 authenticator).
    ///
    /// - Throws: when a name does not fit a certificate.
    public func issueClient(
        commonName: String, organizations: [String], validity: Duration = .seconds(365 * 86400), world: World
    ) throws -> Identity {
        let subject = try DistinguishedName {
            for organization in organizations { OrganizationName(organization) }
            CommonName(commonName)
        }
        return try issue(subject, usage: .clientAuth, validity: validity, world: world, alternativeNames: [])
    }

    private func issue(
        _ subject: DistinguishedName, usage: ExtendedKeyUsage.Usage, validity: Duration, world: World, alternativeNames: [GeneralName]
    ) throws -> Identity {
        let leafKey = try SeededSigning.key(world)
        let leaf = try Certificate(
            version: .v3, serialNumber: Self.serial(world), publicKey: .init(leafKey.publicKey),
            notValidBefore: Self.date(world.now - .seconds(300)), notValidAfter: Self.date(world.now + validity),
            issuer: certificate.subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
                try ExtendedKeyUsage([usage])
                if !alternativeNames.isEmpty { SubjectAlternativeNames(alternativeNames) }
            }, issuerPrivateKey: .init(key))
        return try Self.identity(SeededSigning.signed(leaf, by: key), leafKey)
    }
}
