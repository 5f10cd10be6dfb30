import PKI

/// A signer that signs with the cluster's CA, and what it signs (`pkg/controller/certificates/signer`, `pkg/apis/certificates/helpers.go`).
enum ClusterSigner: String, Sendable, CaseIterable {
    case client = "kubernetes.io/kube-apiserver-client"
    case kubeletClient = "kubernetes.io/kube-apiserver-client-kubelet"
    case kubeletServing = "kubernetes.io/kubelet-serving"
    /// EKS' own, for what serves in the cluster (EKS User Guide, cert-signing).
    case application = "beta.eks.amazonaws.com/app-serving"

    /// Why a signer does not sign a request.
    struct Refusal: Error, Sendable, Hashable {
        let message: String
    }

    private static let nodePrefix = "system:node:"

    /// Those that a control plane has: EKS signs no certificates for clients.
    static func all(isEKS: Bool) -> Set<ClusterSigner> {
        isEKS ? [.kubeletServing, .application] : [.client, .kubeletClient, .kubeletServing]
    }

    /// Looks at what is wished.
    ///
    /// - Throws: `Refusal` with upstream's words; of EKS' own signer they are not published.
    func check(_ request: CertificateRequest, _ usages: [String]) throws(Refusal) {
        switch self {
        case .client: try Self.check(usages, within: ["digital signature", "key encipherment"], and: "client auth", "client")
        case .kubeletClient: try Self.checkKubelet(request, usages, "client auth")
        case .kubeletServing: try Self.checkKubelet(request, usages, "server auth")
        case .application: try Self.check(usages, within: ["digital signature", "key encipherment", "server auth"], and: nil, "serving")
        }
    }

    private static func check(_ usages: [String], within optional: Set<String>, and required: String?, _ noun: String) throws(Refusal) {
        if let wrong = usages.first(where: { !optional.contains($0) && $0 != required }) {
            throw Refusal(message: "invalid usage for \(noun) certificate: \(wrong)")
        }
        guard let required, !usages.contains(required) else { return }
        throw Refusal(message: "missing required usage for \(noun) certificate: \(required)")
    }

    private static func checkKubelet(_ request: CertificateRequest, _ usages: [String], _ purpose: String) throws(Refusal) {
        let names = request.alternativeNames
        let serves = purpose == "server auth"
        guard request.organizations == ["system:nodes"] else { throw Refusal(message: "subject organization is not system:nodes") }
        if serves {
            guard names.dns + names.addresses > 0 else { throw Refusal(message: "DNS or IP subjectAltName is required") }
        } else if names.dns > 0 {
            throw Refusal(message: "DNS subjectAltNames are not allowed")
        }
        guard names.emails == 0 else { throw Refusal(message: "Email subjectAltNames are not allowed") }
        if !serves, names.addresses > 0 { throw Refusal(message: "IP subjectAltNames are not allowed") }
        guard names.uris == 0 else { throw Refusal(message: "URI subjectAltNames are not allowed") }
        let required: Set = ["digital signature", "key encipherment", purpose]
        guard Set(usages) == required || Set(usages) == required.subtracting(["key encipherment"]) else {
            let sorted = required.sorted().joined(separator: " ")
            throw Refusal(message: "usages did not match [\(sorted)]")
        }
        guard request.commonName.hasPrefix(nodePrefix) else {
            throw Refusal(message: "subject common name does not begin with system:node:")
        }
    }
}

/// Who may have a request approved without anybody looking: kubelets whose users have the right (`pkg/controller/certificates/approver`).
enum AutomaticApproval {
    /// A right on `certificatesigningrequests/SUBRESOURCE`, and what is written when it was there.
    struct Rule: Sendable {
        let subresource: String
        let message: String
    }

    /// The rules that a request is for, in the order in which they are tried. EKS approves what kubelets serve with as well.
    static func rules(
        _ request: CertificateRequest, signer: ClusterSigner, usages: [String], username: String, isEKS: Bool
    ) -> [Rule] {
        guard (try? signer.check(request, usages)) != nil else { return [] }
        let isOwn = username == request.commonName
        switch signer {
        case .kubeletClient:
            let own = Rule(
                subresource: "selfnodeclient", message: "Auto approving self kubelet client certificate after SubjectAccessReview.")
            let any = Rule(subresource: "nodeclient", message: "Auto approving kubelet client certificate after SubjectAccessReview.")
            return (isOwn ? [own] : []) + [any]
        case .kubeletServing where isEKS && isOwn:
            return [
                Rule(subresource: "selfnodeserver", message: "Auto approving self kubelet server certificate after SubjectAccessReview.")
            ]
        default: return []
        }
    }
}
