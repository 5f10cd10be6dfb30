/// Which subnets new interfaces may go to, by their tags (amazon-vpc-cni-k8s, enhanced subnet discovery).
struct SubnetChoice {
    let nodeSubnet: String
    let clusterName: String

    private static let roleTag = "kubernetes.io/role/cni"
    private static let clusterTag = "cni.networking.k8s.aws/cluster/"

    /// The subnets to try in turn, most free addresses first; of equals the one that EC2 named first.
    func candidates(_ subnets: [CandidateSubnet]) -> [CandidateSubnet] {
        subnets.enumerated().sorted {
            ($1.element.availableAddressCount, $0.offset) < ($0.element.availableAddressCount, $1.offset)
        }.map(\.element).filter(isCandidate)
    }

    private func isCandidate(_ subnet: CandidateSubnet) -> Bool {
        switch subnet.tags[SubnetChoice.roleTag] ?? "" {
        case "0": false
        case "": subnet.id == nodeSubnet
        default: isOfCluster(subnet)
        }
    }

    /// Whether an interface in the subnet serves no pods.
    func isExcluded(_ subnet: CandidateSubnet) -> Bool { subnet.tags[SubnetChoice.roleTag] == "0" || !isOfCluster(subnet) }

    /// Without cluster tags a subnet is of every cluster, and an agent that knows no cluster's name asks for none.
    private func isOfCluster(_ subnet: CandidateSubnet) -> Bool {
        guard !clusterName.isEmpty, subnet.tags.keys.contains(where: { $0.hasPrefix(SubnetChoice.clusterTag) }) else { return true }
        return subnet.tags[SubnetChoice.clusterTag + clusterName] != nil
    }
}
