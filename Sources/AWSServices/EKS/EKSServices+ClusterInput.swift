import IAMPolicy
import IPAddress
import JSON
import Store
import VPCModel
import World

/// What EKS checks of a cluster's role, network and access before it makes one.
extension EKSServices {
    /// The role must exist and trust EKS, and the caller must be allowed to pass it.
    func clusterRole(_ request: Request, _ name: String) throws(AWSError) -> String {
        let arn = request.body["roleArn"]?.string ?? ""
        let refused = invalid(
            "Role with arn: \(arn), could not be assumed because it does not exist or the trusted entity is not correct", cluster: name)
        let sections = arn.split(separator: ":", omittingEmptySubsequences: false)
        guard sections.count == 6, let roleName = arn.split(separator: "/").last else { throw refused }
        guard sections[4] == request.account else {
            throw AWSError(403, "AccessDeniedException", "Cross-account pass role is not allowed.")
        }
        if let call = request.call {
            try authorization.require(call, "iam:PassRole", on: arn, conditions: ["iam:PassedToService": ["eks.amazonaws.com"]])
        }
        guard let role = records.get(Records.collection(request.account, "global", "iam", "roles"), String(roleName))?.json,
            role["Arn"]?.string == arn, let text = role["AssumeRolePolicyDocument"]?.string,
            let trust = try? PolicyDocument(parsing: text, isTrust: true)
        else { throw refused }
        let decision = PolicyEvaluation.evaluate(
            [("trust policy", trust)], PolicyRequest(action: "sts:AssumeRole", principal: .service("eks.amazonaws.com")))
        guard decision.outcome == .allowed else { throw refused }
        return arn
    }

    func accessConfiguration(_ body: JSON, _ name: String) throws(AWSError) -> JSON {
        let mode = body.at("accessConfig", "authenticationMode")?.string ?? "CONFIG_MAP"
        if mode == "CONFIG_MAP", body.at("accessConfig", "bootstrapClusterCreatorAdminPermissions")?.bool == false {
            throw invalid(
                "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP", cluster: name)
        }
        return ["authenticationMode": .string(mode)]
    }

    /// The Service range: as asked, or the one of EKS' two defaults that is clear of the VPC. That of a cluster of IPv6 is EKS' choice.
    func networkConfiguration(_ body: JSON, _ name: String, _ blocks: [CIDRBlock]) throws(AWSError) -> JSON {
        let wanted = body["kubernetesNetworkConfig"] ?? [:]
        if wanted.at("elasticLoadBalancing", "enabled")?.bool == true { throw invalid("EKS Auto Mode is not simulated yet", cluster: name) }
        let range: ClusterServiceRange
        do throws(ClusterServiceRange.Problem) {
            guard wanted["ipFamily"]?.string != "ipv6" else {
                let range = try ClusterServiceRange(assigned: uniqueLocalBlock(), wanted: wanted["serviceIpv4Cidr"]?.string)
                return [
                    "serviceIpv6Cidr": .string(range.block.description), "ipFamily": "ipv6", "elasticLoadBalancing": ["enabled": false],
                ]
            }
            range = try ClusterServiceRange(wanted["serviceIpv4Cidr"]?.string, vpcBlocks: blocks)
        } catch { throw invalid(error.description, cluster: name) }
        return ["serviceIpv4Cidr": .string(range.block.description), "ipFamily": "ipv4", "elasticLoadBalancing": ["enabled": false]]
    }

    /// A /108 under a random /48 of fd00::/8 (RFC 4193), as EKS gives to the Services of a cluster.
    private func uniqueLocalBlock() -> CIDRBlock {
        let site = world.random.bytes(5).reduce(UInt128(0xFD)) { $0 << 8 | UInt128($1) }
        return CIDRBlock(containing: IPAddress(ipv6: site << 80), prefixLength: 108) ?? CIDRBlock(IPAddress(ipv6: site << 80))
    }

    /// Wishes that are not simulated are refused; when all their switches are off they are kept as asked.
    func undemanding(_ body: JSON, _ name: String) throws(AWSError) -> [(member: String, wish: JSON)] {
        var kept: [(member: String, wish: JSON)] = []
        for member in Self.notSimulated {
            guard let wish = body[member] else { continue }
            guard Self.isOff(wish) else { throw invalid("\(member) is not simulated yet", cluster: name) }
            if wish.object != nil { kept.append((member, wish)) }
        }
        return kept
    }

    static let notSimulated = [
        "outpostConfig", "zonalShiftConfig", "remoteNetworkConfig", "computeConfig", "storageConfig",
        "controlPlaneScalingConfig",
    ]

    private static func isOff(_ wish: JSON) -> Bool {
        switch wish {
        case .bool(let flag): !flag
        case .array(let items): items.isEmpty
        case .object(let members): members.allSatisfy { isOff($0.value) }
        default: false
        }
    }

    private static let logTypes = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

    /// The types that are on after a wish, which toggles only the types it names.
    static func enabledLogs(_ wish: JSON?, over before: [String]) -> [String] {
        var enabled = Set(before)
        for setup in wish?["clusterLogging"]?.array ?? [] {
            let types = setup["types"]?.strings ?? []
            if setup["enabled"]?.bool == true { enabled.formUnion(types) } else { enabled.subtract(types) }
        }
        return logTypes.filter(enabled.contains)
    }

    /// Logging as `DescribeCluster` shows it: what is on, then what is off.
    static func logging(_ wish: JSON?, over before: [String]) -> JSON {
        let on = enabledLogs(wish, over: before)
        let off = logTypes.filter { !on.contains($0) }
        var setups: [JSON] = []
        if !on.isEmpty { setups.append(["types": JSON(strings: on), "enabled": true]) }
        if !off.isEmpty { setups.append(["types": JSON(strings: off), "enabled": false]) }
        return ["clusterLogging": .array(setups)]
    }
}
