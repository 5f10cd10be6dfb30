import HTTP
import JSON
import KubeAPI
import Store
import World

/// What EKS' own webhooks know of a cluster: its region, which service accounts have an EKS Pod Identity association, how `aws-auth` is read.
public protocol EKSAdmissionSource: Sendable {
    /// The region that the cluster is in.
    var region: String { get }
    /// Whether a service account has an association.
    func hasAssociation(namespace: String, serviceAccount: String) -> Bool
    /// What the authenticator could not read of the data of `aws-auth`.
    func problems(inAWSAuth data: [String: String]) -> [String]
    /// A new pod with what `vpc-resource-mutating-webhook` gives it by the SecurityGroupPolicies of its namespace; `nil` when it leaves
    /// it as it is.
    func podWithBranch(_ pod: JSON, namespace: String, policies: [JSON], account: JSON?) -> JSON?
    /// Why `vpc-resource-validating-webhook` refuses a new pod, or a change of one; `nil` when it does not.
    func branchRefusal(of pod: JSON, old: JSON?, user: String) -> String?
}

/// The mutating webhook `pod-identity-webhook` that EKS runs for each cluster, as a step of admission.
struct PodIdentityAdmission: Sendable {
    /// EKS spreads the renewals of pod identity tokens over two hours.
    private static let expirations: (lowest: Int64, spread: Int) = (79_200, 7201)

    let cluster: ClusterState
    let source: any EKSAdmissionSource

    /// Changes a new pod whose account has a role.
    func admit(_ pod: inout JSON, _ request: APIRequest) {
        let patch = patch(for: pod, request)
        let changed = patch.flatMap { try? JSONPatch.apply($0, to: pod) }
        note(patch, isChanged: changed != nil && changed != pod, request)
        if let changed { pod = changed }
    }

    private func patch(for pod: JSON, _ request: APIRequest) -> [JSON]? {
        let name = pod.at("spec", "serviceAccountName")?.string ?? ""
        guard !name.isEmpty, let resource = cluster.resources.lookup(group: "", version: "v1", resource: "serviceaccounts") else {
            return nil
        }
        let entry = cluster.store.get(cluster.key(resource, namespace: request.namespace, name: name))
        let account = entry.flatMap { try? JSON(parsing: $0.value) }
        var credentials: PodIdentityWebhook.ContainerCredentials?
        if source.hasAssociation(namespace: request.namespace, serviceAccount: name) {
            let seconds = Self.expirations.lowest + Int64(cluster.world.random.next(below: Self.expirations.spread))
            credentials = .init(expiration: seconds)
        }
        guard let patch = PodIdentityWebhook(region: source.region).patch(for: pod, account: account, credentials: credentials) else {
            return nil
        }
        let way = credentials == nil ? "web identity: role-arn annotation" : "EKS Pod Identity: an association"
        request.http.trace.add(
            TraceStep("admission", "pod-identity-webhook", actual: "\(way) of \(request.namespace)/\(name)", .pass))
        return patch
    }

    /// What the audit log says of a mutating webhook (`k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go`).
    private func note(_ patch: [JSON]?, isChanged: Bool, _ request: APIRequest) {
        guard let audit = request.audit else { return }
        let place = ".webhook.admission.k8s.io/round_0_index_0"
        let webhook: [(String, JSON)] = [("configuration", "pod-identity-webhook"), ("webhook", "iam-for-pods.amazonaws.com")]
        func text(_ members: [(String, JSON)]) -> String { JSON.object(JSONObject(webhook + members)).text }
        request.http.trace.annotate("mutation\(place)", text([("mutated", .bool(isChanged))]))
        guard let patch, audit.wantsRequestObject else { return }
        request.http.trace.annotate("patch\(place)", text([("patch", .array(patch)), ("patchType", "JSONPatch")]))
    }
}
