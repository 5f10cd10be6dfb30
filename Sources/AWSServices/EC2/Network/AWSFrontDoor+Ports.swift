import IPAddress
import JSON

extension AWSFrontDoor {
    /// The TCP ports of some at which the groups of an interface let in what the first interface of an instance sends, and that one's own
    /// groups let it out.
    public func openPorts(_ ports: Set<Int64>, of interface: String, toInstance instance: String, account: String, region: String) -> Set<
        Int64
    > {
        let draft = regions.resources(account, region).present
        guard let target = draft.get(.networkInterface, interface), let instance = draft.get(.instance, instance),
            let source = Instances.interfaces(of: instance, draft).first
        else { return [] }
        func rules(of interface: JSON, isEgress: Bool) -> [SecurityGroupRule] {
            let groups = Set((interface["groupSet"]?.array ?? []).compactMap { $0["groupId"]?.string })
            return draft.list(.securityGroupRule)
                .filter { $0["isEgress"]?.bool == isEgress && groups.contains($0["groupId"]?.string ?? "") }.map(SecurityGroupRule.init)
        }
        let incoming = rules(of: target, isEgress: false)
        let outgoing = rules(of: source, isEgress: true)
        return ports.filter { port in
            incoming.contains { $0.isAbout(port, source) } && outgoing.contains { $0.isAbout(port, target) }
        }
    }
}

extension SecurityGroupRule {
    /// Whether the rule is about a TCP port and the first address, or a group, of an interface.
    fileprivate func isAbout(_ port: Int64, _ peer: JSON) -> Bool {
        guard ipProtocol == "-1" || ipProtocol == "tcp" && from <= port && to >= port else { return false }
        if case .group(let id, _) = self.peer { return peer["groupSet"]?.array?.contains { $0["groupId"]?.string == id } == true }
        guard let address = peer["privateIpAddress"]?.string.flatMap({ IPAddress($0) }) else { return false }
        return block?.contains(address) == true
    }
}
