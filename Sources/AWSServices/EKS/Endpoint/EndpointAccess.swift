import JSON
import VPCModel

/// Who reaches a cluster's endpoint, as EKS' API says it.
typealias EndpointAccess = EndpointExposure

extension EndpointExposure {
    /// The state of a cluster's `resourcesVpcConfig`.
    init(of vpc: JSON) {
        self.init(
            isPublic: vpc["endpointPublicAccess"]?.bool ?? true, isPrivate: vpc["endpointPrivateAccess"]?.bool ?? false,
            publicCIDRs: vpc["publicAccessCidrs"]?.strings ?? [])
    }

    /// What a new cluster has before its wishes.
    init(isDualStack: Bool) {
        self.init(publicCIDRs: isDualStack ? Self.everybodyOfBothFamilies : Self.everybody)
        self.isDualStack = isDualStack
    }

    /// A wish over what is so far.
    init(_ wish: JSON, over before: EndpointAccess) {
        let isPublic = wish["endpointPublicAccess"]?.bool ?? before.isPublic
        let wanted = wish["publicAccessCidrs"]?.strings ?? before.publicCIDRs
        self.init(
            isPublic: isPublic, isPrivate: wish["endpointPrivateAccess"]?.bool ?? before.isPrivate,
            publicCIDRs: !isPublic
                ? [] : !wanted.isEmpty ? wanted : before.isDualStack ? Self.everybodyOfBothFamilies : Self.everybody)
        isDualStack = before.isDualStack
    }

    /// Refuses what EKS refuses.
    func check(_ cluster: String) throws(AWSError) {
        do throws(Problem) { try check() } catch {
            throw AWSError(400, "InvalidParameterException", error.description, members: ["clusterName": cluster])
        }
    }

    /// The same but for the order of the blocks.
    func isSame(as other: EndpointAccess) -> Bool {
        isPublic == other.isPublic && isPrivate == other.isPrivate && Set(publicCIDRs) == Set(other.publicCIDRs)
    }

    /// Writes the three members of `resourcesVpcConfig`.
    func write(into vpc: inout JSON) {
        vpc["endpointPublicAccess"] = .bool(isPublic)
        vpc["endpointPrivateAccess"] = .bool(isPrivate)
        vpc["publicAccessCidrs"] = JSON(strings: publicCIDRs)
    }
}
