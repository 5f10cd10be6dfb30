import HTTP
import JSON
import KubeAPI
import RBAC
import World

/// The webhooks of the VPC resource controller in EKS' control plane, `vpc-resource-mutating-webhook` and
/// `vpc-resource-validating-webhook`, as steps of admission: pods that a SecurityGroupPolicy is for want a branch interface, and only the
/// controller says which one they have (amazon-vpc-resource-controller-k8s, webhooks/core).
///
/// They act as long as their configurations are there. Where there are no policies they cost a look at a revision.
struct BranchAdmission: AdmissionPlugin {
    static let name = "vpc-resource-validating-webhook"
    /// The webhooks that are answered here.
    static let webhooks: Set<String> = [mutating, validating, nodes]

    /// Keeps the agent of the VPC CNI from what it has no right to any more: nothing is left for it to do.
    private static let nodes = "vnode.vpc.k8s.aws"
    private static let mutating = "mpod.vpc.k8s.aws"
    private static let validating = "vpod.vpc.k8s.aws"

    let source: any EKSAdmissionSource

    /// Gives a new pod what the policies of its namespace say.
    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) {
        let cluster = view.cluster
        let namespace = attributes.request.namespace
        let collection = cluster.collection(group: "vpcresources.k8s.aws", "securitygrouppolicies")
        let policies = cluster.securityGroupPolicies.value(of: [collection], in: cluster.store) { objects in
            Dictionary(grouping: objects[0], by: \.objectNamespace)
        }
        guard let own = policies[namespace], let hook = cluster.webhookHooks.own(Self.mutating, isMutating: true, cluster),
            attributes.place(hook.match, attributes.target(cluster), view) != nil
        else { return }
        let account = attributes.object.at("spec", "serviceAccountName")?.string ?? ""
        let changed = source.podWithBranch(
            attributes.object, namespace: namespace, policies: own,
            account: view.object("", "serviceaccounts", namespace: namespace, account))
        note(hook, isChanged: changed != nil, attributes)
        if let changed { attributes.object = changed }
    }

    /// What the audit log says of it, and the trace.
    private func note(_ hook: WebhookHook, isChanged: Bool, _ attributes: AdmissionAttributes) {
        let value: JSON = ["configuration": .string(hook.configuration), "webhook": .string(hook.name), "mutated": .bool(isChanged)]
        attributes.annotate("mutation.webhook.admission.k8s.io/round_0_index_1", value.text)
        guard isChanged else { return }
        attributes.request.http.trace.add(
            TraceStep("admission", hook.configuration, actual: "a SecurityGroupPolicy is for the pod", .pass))
    }

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) async throws(KubeStatus) {
        guard attributes.operation == .create || attributes.operation == .update, attributes.concerns("", "pods"),
            let reason = source.branchRefusal(
                of: attributes.object, old: attributes.operation == .update ? attributes.old : nil, user: attributes.request.user.username),
            view.cluster.webhookHooks.own(Self.validating, isMutating: false, view.cluster) != nil
        else { return }
        throw KubeStatus(
            code: 403, reason: "Forbidden", message: "admission webhook \(GoText.quoted(Self.validating)) denied the request: \(reason)")
    }
}
