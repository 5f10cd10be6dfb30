import JSON

/// The condition keys that EKS offers to policies, and where a call carries their values (Service Authorization Reference, "Condition keys
/// for Amazon EKS").
enum EKSConditionKeys {
    private enum Place: Sendable {
        /// A member of the body, by its path.
        case body([String])
        /// A member of the URL path.
        case path(String)
    }

    private static let places: [(key: String, place: Place)] = [
        ("eks:principalArn", .body(["principalArn"])), ("eks:principalArn", .path("principalArn")),
        ("eks:policyArn", .body(["policyArn"])), ("eks:policyArn", .path("policyArn")),
        ("eks:accessEntryType", .body(["type"])), ("eks:kubernetesGroups", .body(["kubernetesGroups"])),
        ("eks:username", .body(["username"])), ("eks:accessScope", .body(["accessScope", "type"])),
        ("eks:namespaces", .body(["accessScope", "namespaces"])),
        ("eks:authenticationMode", .body(["accessConfig", "authenticationMode"])),
        (
            "eks:bootstrapClusterCreatorAdminPermissions", .body(["accessConfig", "bootstrapClusterCreatorAdminPermissions"])
        ),
        ("eks:bootstrapSelfManagedAddons", .body(["bootstrapSelfManagedAddons"])),
        ("eks:supportType", .body(["upgradePolicy", "supportType"])), ("eks:kubernetesVersion", .body(["version"])),
        ("eks:deletionProtection", .body(["deletionProtection"])),
        ("eks:endpointPublicAccess", .body(["resourcesVpcConfig", "endpointPublicAccess"])),
        ("eks:endpointPrivateAccess", .body(["resourcesVpcConfig", "endpointPrivateAccess"])),
        ("eks:computeConfigEnabled", .body(["computeConfig", "enabled"])),
        ("eks:elasticLoadBalancingEnabled", .body(["kubernetesNetworkConfig", "elasticLoadBalancing", "enabled"])),
        ("eks:blockStorageEnabled", .body(["storageConfig", "blockStorage", "enabled"])),
        ("eks:zonalShiftEnabled", .body(["zonalShiftConfig", "enabled"])),
        ("eks:controlPlaneScalingTier", .body(["controlPlaneScalingConfig", "tier"])),
        ("eks:issuerUrl", .body(["oidc", "issuerUrl"])), ("eks:clientId", .body(["oidc", "clientId"])),
    ]

    /// Operations whose bodies call other things by the same names.
    private static let accessEntryOperations: Set<String> = ["CreateAccessEntry", "UpdateAccessEntry"]

    /// The keys that a call has values for.
    static func values(_ operation: String, members: [String: String], body: JSON) -> [String: [String]] {
        var found: [String: [String]] = [:]
        for (key, place) in places {
            switch place {
            case .path(let member): found[key] = members[member].map { [$0] } ?? found[key]
            case .body(let path):
                if path == ["type"], !accessEntryOperations.contains(operation) { continue }
                let value = path.reduce(body as JSON?) { $0?[$1] }
                found[key] = value.flatMap(texts) ?? found[key]
            }
        }
        if operation.hasSuffix("AccessPolicy") { found["eks:clusterName"] = members["name"].map { [$0] } }
        let tags = (body["tags"]?.object?.members ?? []).map { (key: $0.key, value: $0.value.string ?? "") }
        return found.merging(CallerAuthorization.requestTags(tags)) { $1 }
    }

    private static func texts(_ value: JSON) -> [String]? {
        switch value {
        case .string(let text): [text]
        case .bool(let flag): [flag ? "true" : "false"]
        case .array(let items): items.compactMap(\.string)
        default: nil
        }
    }
}
