import Testing

@Suite("EC2 security groups")
struct SecurityGroupTests {
    @Test("groups: names, rules of both directions, references, what keeps one from going")
    func groups() async throws {
        let simulation = try await Simulation()
        _ = await simulation.walk([
            .ok("CreateVpc", ("CidrBlock", "10.0.0.0/16"), keep: [("vpc", "vpcId")]),
            .no(
                "CreateSecurityGroup", ("GroupName", "sg-x"), ("GroupDescription", "d"), ("VpcId", "$vpc"),
                because:
                    "InvalidParameterValue: Value (sg-x) for parameter groupName is invalid. Group names may not be in the format sg-*."),
            .no("CreateSecurityGroup", ("GroupName", "default"), ("GroupDescription", "d"), because: "InvalidGroup.Reserved"),
            .ok("CreateSecurityGroup", ("GroupName", "web"), ("GroupDescription", "d"), ("VpcId", "$vpc"), keep: [("web", "groupId")]),
            .no(
                "CreateSecurityGroup", ("GroupName", "web"), ("GroupDescription", "d"), ("VpcId", "$vpc"),
                because: "InvalidGroup.Duplicate: The security group 'web' already exists for VPC '$vpc'"),
            .ok("CreateSecurityGroup", ("GroupName", "app"), ("GroupDescription", "d"), ("VpcId", "$vpc"), keep: [("app", "groupId")]),
            .ok(
                "AuthorizeSecurityGroupIngress", ("GroupId", "$web"), ("IpPermissions.1.IpProtocol", "6"),
                ("IpPermissions.1.FromPort", "443"), ("IpPermissions.1.ToPort", "443"), ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
                ("IpPermissions.1.IpRanges.1.Description", "all"), keep: [("rule", "securityGroupRuleId")],
                show: [("ipProtocol", ["tcp"]), ("cidrIpv4", ["0.0.0.0/0"])]),
            .no(
                "AuthorizeSecurityGroupIngress", ("GroupId", "$web"), ("IpPermissions.1.IpProtocol", "tcp"),
                ("IpPermissions.1.FromPort", "443"), ("IpPermissions.1.ToPort", "443"), ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
                because:
                    "InvalidPermission.Duplicate: the specified rule \"peer: 0.0.0.0/0, TCP, from port: 443, to port: 443, ALLOW\" already exists"
            ),
            .no(
                "AuthorizeSecurityGroupIngress", ("GroupId", "$web"), ("IpPermissions.1.IpProtocol", "tcp"),
                ("IpPermissions.1.FromPort", "9"), ("IpPermissions.1.ToPort", "8"), ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
                because: "InvalidParameterValue: Invalid TCP/UDP port range (9:8)"),
            .no(
                "AuthorizeSecurityGroupIngress", ("GroupId", "$web"), ("IpPermissions.1.IpProtocol", "-1"),
                ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0/8"), because: "InvalidParameterValue: CIDR block 10.0.0/8 is malformed"),
            .ok(
                "AuthorizeSecurityGroupIngress", ("GroupId", "$app"), ("IpPermissions.1.IpProtocol", "-1"),
                ("IpPermissions.1.Groups.1.GroupId", "$web")),
            .no(
                "DeleteSecurityGroup", ("GroupId", "$web"), because: "DependencyViolation: resource $web has a dependent object"),
            .ok(
                "DescribeSecurityGroups", ("Filter.1.Name", "ip-permission.group-id"), ("Filter.1.Value.1", "$web"),
                show: [("groupName", ["app"])]),
            .ok(
                "DescribeSecurityGroupRules", ("Filter.1.Name", "group-id"), ("Filter.1.Value.1", "$web"),
                show: [("isEgress", ["true", "false"]), ("description", ["all"])]),
            .ok(
                "ModifySecurityGroupRules", ("GroupId", "$web"), ("SecurityGroupRule.1.SecurityGroupRuleId", "$rule"),
                ("SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "tcp"), ("SecurityGroupRule.1.SecurityGroupRule.FromPort", "80"),
                ("SecurityGroupRule.1.SecurityGroupRule.ToPort", "80"), ("SecurityGroupRule.1.SecurityGroupRule.CidrIpv4", "10.0.0.0/8")),
            .ok(
                "DescribeSecurityGroupRules", ("SecurityGroupRuleId.1", "$rule"),
                show: [("fromPort", ["80"]), ("cidrIpv4", ["10.0.0.0/8"])]),
            .ok("RevokeSecurityGroupIngress", ("GroupId", "$web"), ("SecurityGroupRuleId.1", "$rule")),
            .no(
                "RevokeSecurityGroupIngress", ("GroupId", "$web"), ("SecurityGroupRuleId.1", "$rule"),
                because: "InvalidSecurityGroupRuleId.NotFound: The security group rule ID '$rule' does not exist"),
            // As Terraform takes a new group's rule away.
            .ok(
                "RevokeSecurityGroupEgress", ("GroupId", "$web"), ("IpPermissions.1.FromPort", "0"), ("IpPermissions.1.IpProtocol", "-1"),
                ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"), ("IpPermissions.1.ToPort", "0")),
            .no(
                "RevokeSecurityGroupEgress", ("GroupId", "$web"), ("IpPermissions.1.IpProtocol", "-1"),
                ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
                because: "InvalidPermission.NotFound: The specified rule does not exist in this security group."),
            .ok("DeleteSecurityGroup", ("GroupId", "$app")), .ok("DeleteSecurityGroup", ("GroupId", "$web"), show: [("groupId", ["$web"])]),
            .no(
                "DescribeSecurityGroups", ("GroupId.1", "$web"), because: "InvalidGroup.NotFound: The security group '$web' does not exist"),
            .ok(
                "DescribeSecurityGroups", ("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", "$vpc"), keep: [("default", "groupId")]),
            .no("DeleteSecurityGroup", ("GroupId", "$default"), because: "CannotDelete"), .ok("DeleteVpc", ("VpcId", "$vpc")),
        ])
    }

    @Test("ports, kinds of ICMP and protocol numbers are kept as EC2 keeps them")
    func protocols() async throws {
        let simulation = try await Simulation()
        let group = await simulation.ec2("DescribeSecurityGroups").field("groupId") ?? ""
        // Protocol, ports as sent; protocol, ports as kept, or the refusal.
        let cases: [(String, String?, String?, String)] = [
            ("TCP", "1", "2", "tcp 1 2"), ("17", "53", "53", "udp 53 53"), ("icmp", nil, nil, "icmp -1 -1"), ("1", "8", "-1", "icmp 8 -1"),
            ("58", nil, nil, "icmpv6 -1 -1"), ("all", "5", "6", "-1 -1 -1"), ("50", nil, nil, "50 -1 -1"), ("tcp", nil, nil, "400"),
            ("udp", "70000", "70000", "400"), ("nope", nil, nil, "400"), ("256", nil, nil, "400"),
        ]
        for (name, from, to, want) in cases {
            var parameters = [
                ("GroupId", group), ("IpPermissions.1.IpProtocol", name), ("IpPermissions.1.IpRanges.1.CidrIp", "10.1.2.3/16"),
            ]
            if let from { parameters.append(("IpPermissions.1.FromPort", from)) }
            if let to { parameters.append(("IpPermissions.1.ToPort", to)) }
            let answer = await simulation.ec2("AuthorizeSecurityGroupIngress", parameters)
            guard answer.status == 200 else {
                #expect(want == "400", "\(name): \(answer.text)")
                continue
            }
            let got = ["ipProtocol", "fromPort", "toPort"].map { answer.field($0) ?? "" }.joined(separator: " ")
            #expect(got == want && answer.field("cidrIpv4") == "10.1.0.0/16", "\(name): \(answer.text)")
        }
    }

    @Test("sixty rules a direction")
    func limit() async throws {
        let simulation = try await Simulation()
        let group = await simulation.ec2("DescribeSecurityGroups").field("groupId") ?? ""
        func add(_ count: Int, from first: Int) async -> Answer {
            var parameters = [("GroupId", group), ("IpPermissions.1.IpProtocol", "-1")]
            for index in 0..<count { parameters.append(("IpPermissions.1.IpRanges.\(index + 1).CidrIp", "10.0.\(first + index).0/24")) }
            return await simulation.ec2("AuthorizeSecurityGroupIngress", parameters)
        }
        // The group's reference to itself is one of the sixty.
        #expect(await add(59, from: 0).status == 200)
        #expect(await add(1, from: 100).verdict == "400 RulesPerSecurityGroupLimitExceeded")
    }
}
