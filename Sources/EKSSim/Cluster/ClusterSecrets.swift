import JSON
import Store

/// What a cluster keeps beside its objects: keys and the port of its endpoint. Stored under the cluster's id, in the state file only.
struct ClusterSecrets: Sendable {
    /// The cluster CA: certificate and private key in PEM.
    var certificateAuthority: (certificate: String, key: String)
    /// The key that signs ServiceAccount tokens, in PEM; `nil` until the first token is asked for, because making it takes 50 ms.
    var serviceAccountKey: String?
    /// The port of the endpoint, kept so that kubeconfigs stay valid over a restart; `nil` without sockets.
    var port: Int?

    private static let collection = "eks-sim/cluster-secrets"

    /// The stored secrets of a cluster, if it has any.
    static func load(_ clusterID: String, from store: any Store) -> ClusterSecrets? {
        guard let entry = store.get(Key(collection, clusterID)), let json = try? JSON(parsing: entry.value),
            let certificate = json.at("certificateAuthority", "certificate")?.string,
            let key = json.at("certificateAuthority", "key")?.string
        else { return nil }
        return ClusterSecrets(
            certificateAuthority: (certificate, key), serviceAccountKey: json["serviceAccountKey"]?.string,
            port: json["port"]?.integer.map(Int.init(clamping:)))
    }

    /// Stores the secrets, replacing what was there.
    func save(_ clusterID: String, to store: any Store) async throws(StoreError) {
        var json: JSON = [
            "certificateAuthority": ["certificate": .string(certificateAuthority.certificate), "key": .string(certificateAuthority.key)]
        ]
        json["serviceAccountKey"] = serviceAccountKey.map(JSON.string)
        json["port"] = port.map { .integer(Int64($0)) }
        let key = Key(Self.collection, clusterID)
        try await store.commit(Transaction(writes: [.put(key, .bytes(json.serialized()))]))
    }

    /// Forgets the secrets of a deleted cluster.
    static func remove(_ clusterID: String, from store: any Store) async throws(StoreError) {
        try await store.commit(Transaction(writes: [.delete(Key(collection, clusterID), last: nil)]))
    }
}
