import Encoding
import JSON
import KubeAPI
import PKI

/// Nobody asks for a client certificate of the group that may do everything (`plugin/pkg/admission/certificates/subjectrestriction`).
struct CertificateSubjectRestriction: AdmissionPlugin {
    static let name = "CertificateSubjectRestriction"

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("certificates.k8s.io", "certificatesigningrequests"),
            attributes.object.at("spec", "signerName") == "kubernetes.io/kube-apiserver-client",
            let text = attributes.object.at("spec", "request")?.string, let pem = Base64.decodeURL(text),
            let request = CertificateRequest(pem: pem), request.organizations.contains("system:masters")
        else { return }
        throw attributes.forbidden("use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed")
    }
}
