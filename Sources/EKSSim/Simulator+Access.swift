import AWSServices
import IAMAuthenticator
import JSON
import KubeAPIServer
import Store

extension Simulator {
    /// Everything that decides who may do what in a cluster, as it is now.
    ///
    /// - Throws: `Failure.noCluster`.
    public func access(cluster name: String?) async throws(Failure) -> ClusterAccess {
        let plane = try await plane(name)
        let record = aws.cluster(account: plane.record.accountID, region: plane.record.region, name: plane.record.name) ?? plane.record
        let entries = aws.accessEntries(of: record)
        let cluster = plane.cluster
        func objects(_ group: String, _ resource: String) -> [JSON] {
            let range = try? cluster.store.range(cluster.collection(group: group, resource), prefix: "", at: nil, after: nil, limit: 0)
            return (range?.entries ?? []).compactMap { try? JSON(parsing: $0.value) }
        }
        let config = cluster.store.get(Key(cluster.collection(group: "", "configmaps"), "kube-system/aws-auth"))
        let data = config.flatMap { try? JSON(parsing: $0.value) }.map { $0["data"]?.object?.members ?? [] }
        return ClusterAccess(
            clusterName: record.name, accountID: record.accountID,
            mode: AuthenticationMode(rawValue: record.authenticationMode) ?? .configMap,
            creatorARN: record.creatorARN.isEmpty ? nil : record.creatorARN,
            entries: entries.map { entry in
                AccessEntryState.Entry(
                    principalARN: entry.principalARN, type: entry.type, username: entry.username, groups: entry.groups,
                    associations: entry.policies.map {
                        AccessEntryState.Association(
                            policyARN: $0.arn, scope: $0.namespaces == nil ? "cluster" : "namespace", namespaces: $0.namespaces ?? [])
                    })
            }, entryPrincipalIDs: Dictionary(entries.map { ($0.principalARN, $0.principalID) }) { first, _ in first },
            awsAuth: data.map { members in Dictionary(members.map { ($0.key, $0.value.string ?? "") }) { first, _ in first } },
            principals: aws.principals(account: record.accountID).map { ClusterAccess.Principal(arn: $0.arn, id: $0.id) },
            assumers: aws.roleAssumers,
            namespaces: objects("", "namespaces").compactMap { $0.at("metadata", "name")?.string },
            rbacObjects: Dictionary(
                uniqueKeysWithValues: ClusterAccess.rbacResources.map { ($0, objects("rbac.authorization.k8s.io", $0)) }))
    }
}
