import JSON
import KubeAPI

/// The validating webhook `eks-aws-auth-configmap-validation-webhook` that EKS installs in clusters made since June 2023
/// (aws-iam-authenticator pull request 607): an `aws-auth` that the authenticator could not read is refused before it locks anybody out.
/// What EKS says after the name of its webhook is not published; the reasons are ours.
struct AWSAuthAdmission: AdmissionPlugin {
    static let name = "eks-aws-auth-configmap-validation-webhook"

    let source: any EKSAdmissionSource

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) async throws(KubeStatus) {
        guard attributes.operation == .create || attributes.operation == .update, attributes.concerns("", "configmaps"),
            attributes.object.objectNamespace == "kube-system", attributes.object.objectName == "aws-auth"
        else { return }
        let members = attributes.object["data"]?.object?.members ?? []
        let data = Dictionary(members.map { ($0.key, $0.value.string ?? "") }) { first, _ in first }
        let problems = source.problems(inAWSAuth: data)
        guard !problems.isEmpty else { return }
        throw KubeStatus(
            code: 400, reason: "",
            message: "admission webhook \"\(Self.name).amazonaws.com\" denied the request: \(problems.joined(separator: "; "))")
    }
}
