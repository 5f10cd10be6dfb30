import JSON
import KubeAPI

/// Namespaces that the cluster lives by stay, and nothing comes into one that is not there
/// (`k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle`); that the namespace is not on its way out is checked with the commit.
struct NamespaceLifecycle: AdmissionPlugin {
    static let name = "NamespaceLifecycle"

    private static let protected: Set<String> = ["default", "kube-system", "kube-public"]

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.resource.custom?.isTerminating == true else { return }
        throw attributes.forbidden("create not allowed while custom resource definition is terminating")
    }

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .delete, attributes.concerns("", "namespaces"),
            Self.protected.contains(attributes.object.objectName)
        else { return }
        throw attributes.forbidden("this namespace may not be deleted")
    }
}
