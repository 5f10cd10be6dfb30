import Facts
import IPAddress
import JSON
import Testing
import VPCCNI
import VPCModel
import World

@Suite("What a node is told about its network")
struct HostTests {
    @Test("of every type in the tables nodeadm says what the tables' own formula says")
    func nodeadm() throws {
        let types = try #require(try JSON(parsing: Facts.instanceLimits)["types"]?.object?.members)
        #expect(types.count == InstanceLimits.table.count && types.count > 1300)
        for type in types {
            #expect(Int64(MaxPods.nodeadm(InstanceLimits.of(type.key))) == type.value["maxPodsSecondaryIP"]?.integer, "\(type.key)")
            #expect(InstanceLimits.of(type.key)?.canHavePrefixes == type.value["prefixDelegation"]?.bool, "\(type.key)")
        }
        #expect(MaxPods.nodeadm(nil) == 110)
    }

    @Test("managed node groups and Auto Mode stop at their ceilings")
    func ceilings() throws {
        let small = try #require(InstanceLimits.of("t3.small"))
        let large = try #require(InstanceLimits.of("m5.24xlarge"))
        #expect(MaxPods.managedNodeGroup(small, vCPUs: 2) == 11)
        #expect(MaxPods.managedNodeGroup(large, vCPUs: 96) == 250)
        #expect(MaxPods.managedNodeGroup(large, vCPUs: 29) == 110)
        #expect(MaxPods.autoMode(large) == 110)
        #expect(MaxPods.managedNodeGroup(small, vCPUs: 2, usesPrefixes: true) == 110)
        #expect(MaxPods.managedNodeGroup(InstanceLimits.of("t3.nano"), vCPUs: 2, usesPrefixes: true) == 34)
        #expect(MaxPods.managedNodeGroup(InstanceLimits.of("t2.medium"), vCPUs: 2, usesPrefixes: true) == 17)
    }

    @Test(
        "with custom networking a managed node group has room for one interface's worth of pods less",
        arguments: [
            ("m5.large", 2, false, 20), ("m5.large", 2, true, 110), ("t3.nano", 2, true, 18), ("t2.small", 1, true, 8),
        ])
    func customNetworking(type: String, vCPUs: Int, prefixes: Bool, pods: Int) throws {
        let limits = try #require(InstanceLimits.of(type))
        #expect(MaxPods.managedNodeGroup(limits, vCPUs: vCPUs, usesPrefixes: prefixes, usesCustomNetworking: true) == pods)
    }

    @Test(
        "a pod keeps its address towards the VPC and what is excluded, and shows its node's elsewhere",
        arguments: [
            ([:], "10.0.7.7", true), ([:], "10.9.0.5", false), ([:], "203.0.113.10", false), ([:], "2001:db8::1", true),
            (["AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": "10.9.0.0/16"], "10.9.0.5", true),
            (["AWS_VPC_K8S_CNI_EXTERNALSNAT": "true"], "203.0.113.10", true),
        ] as [([String: String], String, Bool)])
    func sourceAddress(environment: [String: String], destination: String, keeps: Bool) throws {
        let translation = SourceTranslation(
            AgentSettings(environment: environment).hostNetwork, vpcBlocks: [try #require(CIDRBlock("10.0.0.0/16"))],
            nodeAddress: IPAddress(10, 0, 3, 4))
        let pod = IPAddress(10, 0, 3, 77)
        let source = translation.source(of: pod, to: try #require(IPAddress(destination)))
        #expect(source == (keeps ? pod : IPAddress(10, 0, 3, 4)))
    }

    @Test("everything excluded is a rule without a destination, and marks go with NodePort support")
    func rules() throws {
        let settings = AgentSettings(environment: [
            "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": "0.0.0.0/0", "AWS_VPC_CNI_NODE_PORT_SUPPORT": "false",
        ]).hostNetwork
        let rules = SourceTranslation(settings, vpcBlocks: [], nodeAddress: IPAddress(10, 0, 0, 4)).rules(hasRandomFully: true)
        #expect(rules.contains { $0.text == "-m comment --comment AWS SNAT CHAIN EXCLUSION -j RETURN" })
        #expect(rules.filter { $0.table == "mangle" }.map(\.isPresent) == [false, false, false])
    }

    @Test(
        "settings are read as Go reads them",
        arguments: [
            ("WARM_ENI_TARGET", "+3", 3), ("WARM_ENI_TARGET", " 3", 1), ("WARM_ENI_TARGET", "3.0", 1),
            ("WARM_ENI_TARGET", "99999999999999999999", 1),
        ])
    func numbers(name: String, value: String, expected: Int) {
        #expect(AgentSettings(environment: [name: value]).warmInterfaces == expected)
    }

    @Test("the metrics page counts what happened")
    func metrics() async throws {
        let node = try TestNode("t3.micro", ["MAX_ENI": "1"])
        _ = await node.agent.start(at: TestNode.epoch)
        _ = try await node.add("a", at: 1)
        _ = try await node.add("b", at: 1)
        try await node.delete("a", at: 2)
        let page = await node.agent.metricsPage
        for line in [
            "# TYPE awscni_add_ip_req_count counter", "awscni_add_ip_req_count 2", "awscni_del_ip_req_count{reason=\"\"} 1",
            "awscni_no_available_ip_addresses 1", "awscni_eni_max 1", "awscni_ip_max 1", "awscni_total_ip_addresses 1",
            "awscni_assigned_ip_addresses 0", "awscni_ec2api_req_count{fn=\"AssignPrivateIpAddresses\"} 1",
            "awscni_assigned_ip_per_cidr{cidr=\"10.0.0.5/32\"} 0",
            "awscni_aws_api_latency_ms_count{api=\"CreateTags\",error=\"false\",status=\"200\"} 1",
        ] { #expect(page.contains(line + "\n"), "\(line)") }
        #expect(!page.contains("awscni_ec2api_error_count"))
    }
}
