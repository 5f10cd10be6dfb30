import AWSServices
import Frontend
import IPAddress
import JSON
import VPCModel
import World

/// What stands between a vantage point and a cluster's NLB: each connection takes the way that the network has at that moment.
struct VantageAdmission: ConnectionAdmission {
    let vantage: VantagePoint
    let account: String
    let region: String
    let cluster: String
    let aws: AWSFrontDoor
    let loadBalancer: NetworkLoadBalancer

    func admit(remoteAddress: String, remotePort: Int) -> Admission {
        // The cluster's settings may have changed since the port was opened.
        guard let record = aws.cluster(account: account, region: region, name: cluster) else {
            loadBalancer.onRefusal?(
                "vantage point \(vantage.name)", [TraceStep("path", "cluster", expected: cluster, actual: "deleted", .fail)])
            return .reset
        }
        let (steps, source) = Self.path(from: vantage, to: record, aws)
        guard let source else {
            loadBalancer.onRefusal?("vantage point \(vantage.name)", steps)
            // Packets that a filter or a missing route swallows are not answered.
            return .drop
        }
        return loadBalancer.forward(source: source, port: remotePort, steps: steps)
    }

    /// The hops from a vantage point to a cluster's endpoint, and the address that arrives there; `nil` when none does.
    static func path(from vantage: VantagePoint, to cluster: ClusterRecord, _ aws: AWSFrontDoor) -> (steps: [TraceStep], source: String?) {
        do throws(EndpointCallerProblem) {
            let reach = try aws.reach(cluster, from: vantage.caller)
            let steps = reach.steps.map { step in
                TraceStep("path", step.hop, actual: step.detail, step.isPassed ? .pass : .fail, fix: fix(step, vantage, cluster))
            }
            return (steps, reach.source?.description)
        } catch {
            return ([TraceStep("path", "vantage point", expected: vantage.origin, actual: error.description, .fail)], nil)
        }
    }

    /// The smallest change that opens a hop which stops the call.
    private static func fix(_ step: EndpointReach.Step, _ vantage: VantagePoint, _ cluster: ClusterRecord) -> String? {
        guard !step.isPassed else { return nil }
        if let fix = step.fix { return fix }
        let update = "aws eks update-cluster-config --name \(cluster.name) --resources-vpc-config"
        switch step.hop {
        case "publicAccessCidrs":
            guard let source = step.detail.split(separator: " ").first.flatMap({ IPAddress(String($0)) }) else { return nil }
            return "\(update) \(NetworkLoadBalancer.admitting(source, besides: cluster.publicAccessCIDRs))"
        case "cluster security group":
            guard let group = cluster.json.at("resourcesVpcConfig", "clusterSecurityGroupId")?.string,
                let source = step.detail.split(separator: " ").first(where: { $0.contains(".") })
            else { return nil }
            return "aws ec2 authorize-security-group-ingress --group-id \(group) --protocol tcp --port 443 --cidr \(source)/32"
        case "route" where !cluster.hasPublicAccess: return "\(update) endpointPublicAccess=true"
        case "route": return "\(update) endpointPrivateAccess=true"
        default: return nil
        }
    }
}
