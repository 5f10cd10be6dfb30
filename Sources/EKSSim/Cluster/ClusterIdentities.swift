import AWSServices
import IAMAuthenticator
import JSON
import KubeAPIServer
import RBAC
import Store
import VPCCNI
import World

/// What a cluster's authenticators and EKS authorizer look up: mode, access entries, `aws-auth`, the identity provider.
final class ClusterIdentities: IdentitySources, AccessPolicySource, EKSAdmissionSource, OIDCSource {
    private let record: ClusterRecord
    private let aws: AWSReference
    private let store: any Store
    private let awsAuthKey: Key
    private let parsed = Lock<(revision: Revision, map: AWSAuthConfigMap)>((0, AWSAuthConfigMap()))

    init(record: ClusterRecord, aws: AWSReference, cluster: ClusterState) {
        self.record = record
        self.aws = aws
        store = cluster.store
        awsAuthKey = Key(cluster.collection(group: "", "configmaps"), "kube-system/aws-auth")
    }

    private var present: ClusterRecord {
        aws.frontDoor?.cluster(account: record.accountID, region: record.region, name: record.name) ?? record
    }

    private var entries: [AccessEntryRecord] { aws.frontDoor?.accessEntries(of: record) ?? [] }

    var authenticationMode: AuthenticationMode { AuthenticationMode(rawValue: present.authenticationMode) ?? .configMap }

    var accessEntries: [AccessEntry] {
        entries.map { entry in
            AccessEntry(
                principalARN: entry.principalARN, principalID: entry.principalID, username: entry.username, groups: entry.groups,
                associations: entry.policies.map {
                    AccessEntryState.Association(
                        policyARN: $0.arn, scope: $0.namespaces == nil ? "cluster" : "namespace", namespaces: $0.namespaces ?? [])
                })
        }
    }

    var oidc: OIDCConfiguration? {
        aws.frontDoor?.identityProvider(of: record).map { config in
            OIDCConfiguration(
                issuer: config.issuer, clientID: config.clientID, usernameClaim: config.usernameClaim,
                usernamePrefix: config.usernamePrefix, groupsClaim: config.groupsClaim, groupsPrefix: config.groupsPrefix,
                requiredClaims: config.requiredClaims)
        }
    }

    var region: String { record.region }

    func hasAssociation(namespace: String, serviceAccount: String) -> Bool {
        aws.frontDoor?.hasPodIdentityAssociation(record, namespace: namespace, serviceAccount: serviceAccount) ?? false
    }

    func problems(inAWSAuth data: [String: String]) -> [String] { AWSAuthConfigMap(data: data).problems }

    func podWithBranch(_ pod: JSON, namespace: String, policies: [JSON], account: JSON?) -> JSON? {
        let mutation = PodWebhooks.mutate(
            pod, namespace: namespace, policies: policies.compactMap(SecurityGroupPolicy.init),
            serviceAccountLabels: account?.at("metadata", "labels")?.object)
        guard mutation.message == nil else { return Optional.none }
        return mutation.pod
    }

    func branchRefusal(of pod: JSON, old: JSON?, user: String) -> String? {
        guard let old else { return PodWebhooks.refusal(ofNew: pod) }
        return PodWebhooks.refusal(of: pod, old: old, user: user)
    }

    /// The creator is an administrator in mode CONFIG_MAP without being listed anywhere.
    var creatorARN: String? { record.creatorARN.isEmpty ? nil : record.creatorARN }

    /// The ConfigMap, read again when it was written.
    var awsAuth: AWSAuthConfigMap {
        guard let entry = store.get(awsAuthKey) else { return AWSAuthConfigMap() }
        return parsed.withLock { parsed in
            if parsed.revision == entry.modified { return parsed.map }
            let members = (try? JSON(parsing: entry.value))?["data"]?.object?.members ?? []
            let data = Dictionary(members.map { ($0.key, $0.value.string ?? "") }) { first, _ in first }
            parsed = (entry.modified, AWSAuthConfigMap(data: data))
            return parsed.map
        }
    }

    func principalARN(of identity: CallerIdentity) -> String? {
        aws.frontDoor?.principals(account: identity.accountID).first { $0.id == identity.userID }?.arn
    }

    func privateDNSName(ofInstance id: String) async -> String? {
        aws.frontDoor?.privateDNSName(ofInstance: id, account: record.accountID, region: record.region)
    }

    /// The policies of the entry whose principal the authenticator put into the user's extra attributes.
    func associations(for user: UserInfo) -> (principalID: String, associations: [AccessPolicyAssociation])? {
        guard let id = user.extra("sigs.k8s.io/aws-iam-authenticator/principalId").first else { return nil }
        let principal = String(id.prefix { $0 != ":" })
        guard let entry = entries.first(where: { $0.principalID == principal }), !entry.policies.isEmpty else { return nil }
        return (
            principal,
            entry.policies.map { policy in
                AccessPolicyAssociation(
                    policyARN: policy.arn, scope: policy.namespaces.map { .namespaces($0) } ?? .cluster, principalARN: entry.principalARN)
            }
        )
    }
}

/// The AWS front door, which is made after the clusters' runner that it needs.
final class AWSReference: Sendable {
    private let reference = Lock<AWSFrontDoor?>(nil)

    /// The front door; `nil` until it is made.
    var frontDoor: AWSFrontDoor? { reference.withLock { $0 } }

    func set(_ frontDoor: AWSFrontDoor) { reference.withLock { $0 = frontDoor } }
}
