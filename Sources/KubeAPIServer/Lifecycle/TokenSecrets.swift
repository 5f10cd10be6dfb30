import Encoding
import JSON
import KubeAPI
import Store

/// The tokens controller: Secrets of type `kubernetes.io/service-account-token` get a token of their account, and go with it
/// (`pkg/controller/serviceaccount/tokens_controller.go`).
struct TokenSecrets: Sendable {
    private static let type = "kubernetes.io/service-account-token"
    private static let nameAnnotation = "kubernetes.io/service-account.name"
    private static let uidAnnotation = "kubernetes.io/service-account.uid"

    let registry: Registry
    private var cluster: ClusterState { registry.cluster }

    /// Puts token, CA and namespace into a Secret that asks for them; removes one whose account is not there.
    func fill(_ secret: JSON) async {
        guard secret["type"]?.string == Self.type, !secret.isBeingDeleted, let tokens = registry.tokens,
            let secrets = cluster.resources.lookup(group: "", version: "v1", resource: "secrets"),
            let accounts = cluster.resources.lookup(group: "", version: "v1", resource: "serviceaccounts")
        else { return }
        let (namespace, name) = (secret.objectNamespace, secret.at("metadata", "annotations", Self.nameAnnotation)?.string ?? "")
        let key = cluster.key(secrets, namespace: namespace, name: secret.objectName)
        guard let entry = cluster.store.get(key), var object = try? JSON(parsing: entry.value), object.objectUID == secret.objectUID
        else { return }
        let given = object.at("metadata", "annotations", Self.uidAnnotation)?.string ?? ""
        guard let account = registry.object(accounts, namespace, name), given.isEmpty || given == account.objectUID else {
            _ = try? await cluster.store.commit(
                Transaction(conditions: [.modified(key, entry.modified)], writes: [.delete(key, last: StoredObject.value(object))]))
            return
        }
        guard object.at("data", "token") == nil else { return }
        let identity = ObjectIdentity(name: name, uid: account.objectUID)
        guard let token = try? await tokens.issueLegacy(identity, namespace: namespace, secret: secret.objectName) else { return }
        object.set(.string(account.objectUID), at: ["metadata", "annotations", Self.uidAnnotation])
        for (member, text) in [("ca.crt", cluster.certificateAuthority), ("namespace", namespace), ("token", token)] {
            object.set(.string(Base64.encode(Array(text.utf8))), at: ["data", member])
        }
        let filled = ObjectDefaults.ordered(object, secrets.storageKind)
        _ = try? await cluster.store.commit(
            Transaction(conditions: [.modified(key, entry.modified)], writes: [.put(key, StoredObject.value(filled))]))
    }

    /// Removes the Secrets that hold tokens of an account that is gone.
    func remove(of account: JSON) async {
        guard let secrets = cluster.resources.lookup(group: "", version: "v1", resource: "secrets") else { return }
        let collection = cluster.collection(secrets)
        let mark = Array(Self.type.utf8)
        let range = try? cluster.store.range(collection, prefix: "\(account.objectNamespace)/", at: nil, after: nil, limit: 0)
        for entry in range?.entries ?? [] where entry.value.firstRange(of: mark) != nil {
            guard let secret = try? JSON(parsing: entry.value), secret["type"]?.string == Self.type,
                secret.at("metadata", "annotations", Self.nameAnnotation)?.string == account.objectName
            else { continue }
            let key = Key(collection, entry.name)
            _ = try? await cluster.store.commit(
                Transaction(conditions: [.modified(key, entry.modified)], writes: [.delete(key, last: StoredObject.value(secret))]))
        }
    }
}
