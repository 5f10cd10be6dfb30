import JSON
import KubeAPI
import RBAC

/// Who may approve or sign requests for certificates of a signer: the verbs `approve` and `sign` on `signers` of the signer's name or of its
/// whole domain (`plugin/pkg/admission/certificates/approval` and `…/signing`). The signer is the one that the request had before.
struct SignerAdmission: AdmissionPlugin {
    static let name = "CertificateApproval"

    let authorizer: any RequestAuthorizer

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) async throws(KubeStatus) {
        guard attributes.operation == .update, attributes.resource.group == "certificates.k8s.io",
            attributes.resource.resource == "certificatesigningrequests", let old = attributes.old
        else { return }
        let verb: String
        switch attributes.subresource {
        case "approval": verb = "approve"
        case "status":
            func signed(_ object: JSON) -> [JSON?] { [object.at("status", "certificate"), object.at("status", "conditions")] }
            guard signed(old) != signed(attributes.object) else { return }
            verb = "sign"
        default: return
        }
        let signer = old.at("spec", "signerName")?.string ?? ""
        let domain = String(signer.prefix { $0 != "/" })
        for name in [signer, "\(domain)/*"] {
            let wish = Attributes(
                user: attributes.request.user, verb: verb, apiGroup: "certificates.k8s.io", apiVersion: "*", resource: "signers",
                name: name)
            if await authorizer.authorize(wish, trace: nil).isAllowed { return }
        }
        throw attributes.forbidden("user not permitted to \(verb) requests with signerName \(GoText.quoted(signer))")
    }
}
