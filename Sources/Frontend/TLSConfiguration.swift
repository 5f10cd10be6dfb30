import NIOSSL
public import PKI

/// The TLS side of a listener.
public struct ServerTLS: Sendable {
    let context: NIOSSLContext

    /// Makes it of the server's certificate and key. Clients may present a certificate; which ones are good is the authenticator's
    /// business, so one of an unknown CA is not refused here, as kube-apiserver does not.
    ///
    /// - Throws: `FrontendError.unusableCertificate`.
    public init(_ identity: CertificateAuthority.Identity, requestsClientCertificate: Bool) throws(FrontendError) {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificatePEM.utf8)).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["h2", "http/1.1"]
            if requestsClientCertificate { configuration.certificateVerification = .optionalVerification }
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw .unusableCertificate("\(error)")
        }
    }
}
