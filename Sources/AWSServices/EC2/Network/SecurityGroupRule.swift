import IPAddress
import JSON

/// One rule of a security group: a protocol, ports and a peer.
struct SecurityGroupRule: Sendable {
    /// Whom a rule is about.
    enum Peer: Sendable, Hashable {
        case ipv4(String)
        case ipv6(String)
        case prefixList(String)
        case group(String, owner: String)

        fileprivate var text: String {
            switch self {
            case .ipv4(let block), .ipv6(let block): block
            case .prefixList(let id), .group(let id, _): id
            }
        }
    }

    /// `tcp`, `udp`, `icmp`, `icmpv6`, `-1` or a number.
    let ipProtocol: String
    /// Ports, or type and code of ICMP; -1 stands for all.
    let from: Int64
    let to: Int64
    let peer: Peer
    var description: String?

    private init(_ ipProtocol: String, _ from: Int64, _ to: Int64, _ peer: Peer, _ description: String?) {
        self.ipProtocol = ipProtocol
        self.from = from
        self.to = to
        self.peer = peer
        self.description = description
    }

    /// Every protocol and port of a peer.
    init(everythingTo peer: Peer) { self.init("-1", -1, -1, peer, nil) }

    /// The rule of a record.
    init(record: JSON) {
        let peer: Peer =
            if let block = record["cidrIpv4"]?.string {
                .ipv4(block)
            } else if let block = record["cidrIpv6"]?.string {
                .ipv6(block)
            } else if let list = record["prefixListId"]?.string {
                .prefixList(list)
            } else {
                .group(
                    record.at("referencedGroupInfo", "groupId")?.string ?? "",
                    owner: record.at("referencedGroupInfo", "userId")?.string ?? "")
            }
        self.init(
            record["ipProtocol"]?.string ?? "-1", record["fromPort"]?.integer ?? -1, record["toPort"]?.integer ?? -1, peer,
            record["description"]?.string)
    }

    /// Whether two rules are about the same traffic; their descriptions may differ.
    func isSame(as other: SecurityGroupRule) -> Bool {
        ipProtocol == other.ipProtocol && from == other.from && to == other.to && peer == other.peer
    }

    // MARK: Reading parameters

    private static let numbers = ["1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"]

    /// A protocol by its name or number, as EC2 keeps it.
    private static func canonical(_ text: String) throws(AWSError) -> String {
        let word = text.lowercased()
        if ["tcp", "udp", "icmp", "icmpv6", "-1"].contains(word) { return word }
        if word == "all" { return "-1" }
        guard let number = Int(word), (0...255).contains(number) else {
            throw EC2Error.invalid("Invalid value '\(text)' for IP protocol. Unknown protocol.")
        }
        return numbers[word] ?? word
    }

    private static func ports(_ ipProtocol: String, _ from: Int64?, _ to: Int64?) throws(AWSError) -> (from: Int64, to: Int64) {
        switch ipProtocol {
        case "tcp", "udp":
            guard let from, let to else {
                throw EC2Error.invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
            }
            guard (0...65535).contains(from), (0...65535).contains(to), from <= to else {
                throw EC2Error.invalid("Invalid TCP/UDP port range (\(from):\(to))")
            }
            return (from, to)
        case "icmp", "icmpv6":
            let type = from ?? -1
            let code = to ?? -1
            guard (-1...255).contains(type), (-1...255).contains(code), type != -1 || code == -1 else {
                throw EC2Error.invalid("ICMP code (\(code)) out of range")
            }
            return (type, code)
        default: return (-1, -1)
        }
    }

    /// A rule of separate values; exactly one peer.
    init(
        protocol text: String, from: Int64?, to: Int64?, ipv4: String? = nil, ipv6: String? = nil, prefixList: String? = nil,
        group: String? = nil, owner: String? = nil, description: String?, _ draft: ResourceDraft
    ) throws(AWSError) {
        let ipProtocol = try Self.canonical(text)
        let range = try Self.ports(ipProtocol, from, to)
        if let description {
            guard description.count <= 255 else {
                throw EC2Error.invalid("Invalid rule description. Valid descriptions are strings less than 256 characters.")
            }
        }
        let peer: Peer
        if let ipv4 {
            peer = .ipv4(try Self.block(ipv4, .ipv4))
        } else if let ipv6 {
            peer = .ipv6(try Self.block(ipv6, .ipv6))
        } else if let prefixList {
            guard PrefixLists.all(draft.region).contains(where: { $0.id == prefixList }) else {
                throw AWSError(400, "InvalidPrefixListID.NotFound", "The prefix list ID '\(prefixList)' does not exist")
            }
            peer = .prefixList(prefixList)
        } else {
            guard let group else {
                throw AWSError(400, "MissingParameter", "The request must contain a source or destination")
            }
            peer = .group(group, owner: owner ?? draft.account)
        }
        self.init(ipProtocol, range.from, range.to, peer, description)
    }

    private static func block(_ text: String, _ family: IPAddress.Family) throws(AWSError) -> String {
        guard let block = try? CIDRBlock(parsing: text, syntax: .go), block.family == family else {
            throw EC2Error.invalid("CIDR block \(text) is malformed")
        }
        return block.description
    }

    /// The rules of a list of `IpPermissions`, or of the older single parameters.
    static func read(_ request: EC2Request, _ draft: ResourceDraft) throws(AWSError) -> [SecurityGroupRule] {
        var rules: [SecurityGroupRule] = []
        for permission in request.structures("IpPermissions") { rules += try read(permission, draft) }
        guard rules.isEmpty, let ipProtocol = request.string("IpProtocol") else { return rules }
        let source: JSON? = request.string("SourceSecurityGroupName").map { ["GroupName": .string($0)] }
        return try read(
            [
                "IpProtocol": .string(ipProtocol), "FromPort": request.input["FromPort"] ?? .null,
                "ToPort": request.input["ToPort"] ?? .null,
                "IpRanges": .array(request.string("CidrIp").map { [["CidrIp": .string($0)]] } ?? []),
                "Groups": .array(source.map { [$0] } ?? []),
            ], draft)
    }

    private static func read(_ permission: JSON, _ draft: ResourceDraft) throws(AWSError) -> [SecurityGroupRule] {
        guard let ipProtocol = permission["IpProtocol"]?.string else { throw EC2Error.missing("ipProtocol") }
        let from = permission["FromPort"]?.integer
        let to = permission["ToPort"]?.integer
        var rules: [SecurityGroupRule] = []
        for range in permission["IpRanges"]?.array ?? [] {
            rules.append(
                try SecurityGroupRule(
                    protocol: ipProtocol, from: from, to: to, ipv4: range["CidrIp"]?.string ?? "",
                    description: range["Description"]?.string,
                    draft))
        }
        for range in permission["Ipv6Ranges"]?.array ?? [] {
            rules.append(
                try SecurityGroupRule(
                    protocol: ipProtocol, from: from, to: to, ipv6: range["CidrIpv6"]?.string ?? "",
                    description: range["Description"]?.string, draft))
        }
        for list in permission["PrefixListIds"]?.array ?? [] {
            rules.append(
                try SecurityGroupRule(
                    protocol: ipProtocol, from: from, to: to, prefixList: list["PrefixListId"]?.string ?? "",
                    description: list["Description"]?.string, draft))
        }
        for pair in permission["Groups"]?.array ?? [] {
            var group = pair["GroupId"]?.string
            if group == nil, let name = pair["GroupName"]?.string { group = try SecurityGroups.named(name, draft)["groupId"]?.string }
            rules.append(
                try SecurityGroupRule(
                    protocol: ipProtocol, from: from, to: to, group: group ?? "", owner: pair["UserId"]?.string,
                    description: pair["Description"]?.string, draft))
        }
        return rules
    }

    // MARK: Writing

    /// The members of a record that tell the rule.
    func write(into record: inout JSON) {
        record["ipProtocol"] = .string(ipProtocol)
        record["fromPort"] = .integer(from)
        record["toPort"] = .integer(to)
        for member in ["cidrIpv4", "cidrIpv6", "prefixListId", "referencedGroupInfo"] { record[member] = nil }
        switch peer {
        case .ipv4(let block): record["cidrIpv4"] = .string(block)
        case .ipv6(let block): record["cidrIpv6"] = .string(block)
        case .prefixList(let id): record["prefixListId"] = .string(id)
        case .group(let id, let owner): record["referencedGroupInfo"] = ["groupId": .string(id), "userId": .string(owner)]
        }
        record["description"] = description.map(JSON.string)
    }

    /// Makes the rule's record; answers it.
    @discardableResult
    func add(_ draft: inout ResourceDraft, to group: String, isEgress: Bool, tags: JSON) -> JSON {
        let id = draft.newID("sgr-")
        var record: JSON = [
            "securityGroupRuleId": .string(id), "groupId": .string(group), "groupOwnerId": .string(draft.account),
            "isEgress": .bool(isEgress), "securityGroupRuleArn": .string(draft.arn(.securityGroupRule, id)),
        ]
        write(into: &record)
        record["tagSet"] = tags
        draft.put(.securityGroupRule, id, record)
        return record
    }

    /// Rules as `DescribeSecurityGroups` shows them: those of one protocol and port range together.
    static func permissions(_ records: [JSON]) -> JSON {
        var permissions: [JSON] = []
        for record in records {
            let rule = SecurityGroupRule(record: record)
            var place = permissions.firstIndex {
                $0["ipProtocol"]?.string == rule.ipProtocol && ($0["fromPort"]?.integer ?? -1) == rule.from
                    && ($0["toPort"]?.integer ?? -1) == rule.to
            }
            if place == nil {
                var permission: JSON = ["ipProtocol": .string(rule.ipProtocol)]
                if rule.ipProtocol != "-1" {
                    permission["fromPort"] = .integer(rule.from)
                    permission["toPort"] = .integer(rule.to)
                }
                for list in ["groups", "ipRanges", "ipv6Ranges", "prefixListIds"] { permission[list] = [] }
                permissions.append(permission)
                place = permissions.count - 1
            }
            guard let place else { continue }
            let (list, entry): (String, JSON) =
                switch rule.peer {
                case .ipv4(let block): ("ipRanges", ["cidrIp": .string(block)])
                case .ipv6(let block): ("ipv6Ranges", ["cidrIpv6": .string(block)])
                case .prefixList(let id): ("prefixListIds", ["prefixListId": .string(id)])
                case .group(let id, let owner): ("groups", ["userId": .string(owner), "groupId": .string(id)])
                }
            var described = entry
            described["description"] = rule.description.map(JSON.string)
            permissions[place][list] = .array((permissions[place][list]?.array ?? []) + [described])
        }
        return .array(permissions)
    }

    /// The words of EC2's refusal of a rule that is there already.
    var text: String {
        guard ipProtocol != "-1" else { return "peer: \(peer.text), ALL, ALLOW" }
        let word = ipProtocol.uppercased()
        let isPorts = ipProtocol == "tcp" || ipProtocol == "udp"
        return "peer: \(peer.text), \(word), from \(isPorts ? "port" : "type"): \(from), to \(isPorts ? "port" : "code"): \(to), ALLOW"
    }
}
