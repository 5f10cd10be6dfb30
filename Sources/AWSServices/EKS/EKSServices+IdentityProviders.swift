import JSON
import Store
import World

/// OpenID Connect identity provider configs: whose users a cluster's API servers know besides AWS' (EKS User Guide,
/// "Grant users access to Kubernetes with an external OIDC provider").
extension EKSServices {
    private static let type = "oidc"

    private func missing(_ request: Request, _ type: String, _ name: String) -> AWSError {
        let cluster = request.member("name")
        return AWSError(
            404, "ResourceNotFoundException", "No config found for cluster: \(cluster), config type: \(type), config name: \(name)",
            members: ["clusterName": cluster])
    }

    /// The config that a call names.
    private func config(_ request: Request) throws(AWSError) -> Records.Document {
        let cluster = try cluster(request).name
        let wish = request.body["identityProviderConfig"] ?? [:]
        let type = try required(wish, "type", in: "identityProviderConfig", cluster)
        let name = try required(wish, "name", in: "identityProviderConfig", cluster)
        guard type == Self.type, let found = records.get(request.identityProviders, "\(cluster)/\(name)") else {
            throw missing(request, type, name)
        }
        return found
    }

    /// A member that the model's table does not mark as required, because it is inside of another one.
    private func required(_ object: JSON, _ member: String, in parent: String, _ cluster: String) throws(AWSError) -> String {
        guard let value = object[member]?.string else {
            var error = QueryForm.violation(nil, "\(parent).\(member)", "Member must not be null")
            error.code = "InvalidParameterException"
            error.members = ["clusterName": cluster]
            throw error
        }
        return value
    }

    // MARK: Operations

    func associateIdentityProvider(_ request: Request) async throws(AWSError) -> JSON {
        let document = try document(request)
        let cluster = ClusterRecord(json: document.json)
        if var earlier = earlierUpdate(request, cluster) {
            earlier["tags"] = request.body["tags"] ?? [:]
            return earlier
        }
        let wish = request.body["oidc"] ?? [:]
        let name = try required(wish, "identityProviderConfigName", in: "oidc", cluster.name)
        try check(wish, name, cluster)
        let tags = try tags(request)
        try requireIdle(cluster, "AssociateIdentityProviderConfig")
        guard records.list(request.identityProviders, prefix: "\(cluster.name)/").isEmpty else {
            throw AWSError(
                409, "ResourceInUseException", "Cluster \(cluster.name) already has an identity provider config of type \(Self.type)",
                members: ["clusterName": cluster.name])
        }
        var config: JSON = [
            "identityProviderConfigName": .string(name),
            "identityProviderConfigArn": .string(
                "arn:aws:eks:\(cluster.region):\(cluster.accountID):identityproviderconfig/\(cluster.name)/\(Self.type)/\(name)/\(world.random.uuid())"
            ),
            "clusterName": .string(cluster.name),
        ]
        for member in ["issuerUrl", "clientId", "usernameClaim", "usernamePrefix", "groupsClaim", "groupsPrefix", "requiredClaims"] {
            config[member] = wish[member]
        }
        config["tags"] = tags
        config["status"] = "CREATING"
        let key = Key(request.identityProviders, "\(cluster.name)/\(name)")
        var answer = try await begin(
            Change(
                type: "AssociateIdentityProviderConfig",
                parameters: [("IdentityProviderConfig", JSON.array([["type": .string(Self.type), "name": .string(name)]]).text)],
                identityProvider: name, conditions: [.absent(key)], writes: [.put(key, .bytes(config.serialized()))]),
            request, document)
        answer["tags"] = tags
        return answer
    }

    func describeIdentityProvider(_ request: Request) throws(AWSError) -> JSON {
        ["identityProviderConfig": [Self.type: Self.wire(try config(request).json)]]
    }

    func listIdentityProviders(_ request: Request) throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let names = records.list(request.identityProviders, prefix: "\(cluster.name)/").compactMap {
            $0.json["identityProviderConfigName"]?.string
        }
        return try page(request, "identityProviderConfigs", names, name: { $0 }) { ["type": .string(Self.type), "name": .string($0)] }
    }

    func disassociateIdentityProvider(_ request: Request) async throws(AWSError) -> JSON {
        let document = try document(request)
        let cluster = ClusterRecord(json: document.json)
        if let earlier = earlierUpdate(request, cluster) { return earlier }
        let found = try config(request)
        var config = found.json
        config["status"] = "DELETING"
        let key = Key(request.identityProviders, found.name)
        return try await begin(
            Change(
                type: "DisassociateIdentityProviderConfig", parameters: [("IdentityProviderConfig", "[]")],
                identityProvider: config["identityProviderConfigName"]?.string, conditions: [.modified(key, found.revision)],
                writes: [.put(key, .bytes(config.serialized()))]),
            request, document)
    }

    /// What the end of an update makes of the identity provider config that it is about.
    func endedIdentityProvider(_ update: JSON, _ clusters: String, _ cluster: String) -> [Transaction.Write] {
        guard let name = update["_identityProvider"]?.string else { return [] }
        let collection = clusters.replacing("/eks/clusters", with: "/eks/identity-provider-configs")
        guard var config = records.get(collection, "\(cluster)/\(name)")?.json else { return [] }
        let key = Key(collection, "\(cluster)/\(name)")
        guard config["status"]?.string == "CREATING" else { return [.delete(key, last: nil)] }
        config["status"] = "ACTIVE"
        return [.put(key, .bytes(config.serialized()))]
    }

    // MARK: Input

    private func check(_ wish: JSON, _ name: String, _ cluster: ClusterRecord) throws(AWSError) {
        guard Self.isClusterName(name) else {
            throw invalid(
                "The identity provider config name '\(name)' is not valid: it must match ^[0-9A-Za-z][A-Za-z0-9\\-_]* and have 1 to 100 characters",
                cluster: cluster.name)
        }
        let issuer = try required(wish, "issuerUrl", in: "oidc", cluster.name)
        guard !(try required(wish, "clientId", in: "oidc", cluster.name)).isEmpty else {
            throw invalid("The clientId must not be empty", cluster: cluster.name)
        }
        try checkIssuer(issuer, cluster)
        for member in ["usernamePrefix", "groupsPrefix"] where wish[member]?.string?.contains("system:") == true {
            throw invalid("The \(member) must not contain system:", cluster: cluster.name)
        }
        for claim in wish["requiredClaims"]?.object?.members ?? [] where !(1...63).contains(claim.key.count) {
            throw invalid("requiredClaims: the key '\(claim.key)' is not valid: it must have 1 to 63 characters", cluster: cluster.name)
        }
    }

    /// `https`, a host, perhaps a path, and nothing else; and not the issuer of the cluster's own tokens.
    private func checkIssuer(_ issuer: String, _ cluster: ClusterRecord) throws(AWSError) {
        guard issuer.hasPrefix("https://") else { throw invalid("The issuerUrl must begin with https://", cluster: cluster.name) }
        let rest = issuer.dropFirst("https://".count)
        let host = rest.prefix { $0 != "/" }
        let isPlain = rest.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !rest.contains { $0 == "?" || $0 == "#" }
        guard !host.isEmpty, !host.contains("@"), isPlain else {
            throw invalid(
                "The issuerUrl '\(issuer)' is not valid: it must be a URL without user, query and fragment", cluster: cluster.name)
        }
        guard issuer != cluster.oidcIssuer else {
            throw invalid(
                "Incorrect Identity Provider URL configuration. The Identity Provider URL cannot be same as OpenID Connect (OIDC) issuer URL",
                cluster: cluster.name)
        }
    }
}

/// An identity provider config, as the API servers of its cluster read it.
public struct IdentityProviderRecord: Sendable {
    /// The provider's URL.
    public let issuer: String
    /// The audience of its tokens.
    public let clientID: String
    /// The claim that holds the username, if one was named.
    public let usernameClaim: String?
    /// What goes in front of usernames, if it was said.
    public let usernamePrefix: String?
    /// The claim that holds the groups.
    public let groupsClaim: String?
    /// What goes in front of groups.
    public let groupsPrefix: String?
    /// Claims that tokens must have.
    public let requiredClaims: [String: String]

    init(_ json: JSON) {
        issuer = json["issuerUrl"]?.string ?? ""
        clientID = json["clientId"]?.string ?? ""
        usernameClaim = json["usernameClaim"]?.string
        usernamePrefix = json["usernamePrefix"]?.string
        groupsClaim = json["groupsClaim"]?.string
        groupsPrefix = json["groupsPrefix"]?.string
        requiredClaims = Dictionary((json["requiredClaims"]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }) { $1 }
    }
}
