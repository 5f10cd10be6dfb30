import JSON
import Testing
import World

@Suite("EC2 instances and launch templates")
struct InstanceTests {
    @Test("an instance is pending, running, stopped and terminated on the clock, and gone an hour later")
    func life() async throws {
        let simulation = try await Simulation()
        let image = await simulation.image()
        let run = await simulation.ec2(
            "RunInstances", ("ImageId", image), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "2"), ("ClientToken", "t"),
            ("TagSpecification.1.ResourceType", "instance"), ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "x"))
        #expect(run.fields("name").filter { $0 == "pending" }.count == 2, "\(run.text)")
        let ids = run.fields("instanceId")
        let again = await simulation.ec2(
            "RunInstances", ("ImageId", image), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "2"), ("ClientToken", "t"),
            ("TagSpecification.1.ResourceType", "instance"), ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "x"))
        #expect(again.fields("instanceId") == ids)
        let described = await simulation.ec2("DescribeInstances", ("InstanceId.1", ids[0]))
        #expect(described.field("privateIpAddress") == "172.31.0.4" && described.field("ipAddress")?.hasPrefix("54.") == true)
        #expect(described.field("dnsName")?.hasPrefix("ec2-54-") == true, "\(described.text)")
        await simulation.world.advance(by: .seconds(60))
        _ = await simulation.walk([
            .ok(
                "DescribeInstances", ("Filter.1.Name", "instance-state-name"), ("Filter.1.Value.1", "running"),
                ("Filter.2.Name", "tag:Name"),
                ("Filter.2.Value.1", "x"), show: [("instanceId", ids)]),
            .ok("DescribeInstanceStatus", ("MaxResults", "5"), show: [("instanceId", ids)]),
            .ok("StopInstances", ("InstanceId.1", ids[0]), show: [("name", ["stopping", "running"]), ("code", ["64", "16"])]),
            .no(
                "DescribeInstances", ("InstanceId.1", "i-0123"),
                because: "InvalidInstanceID.NotFound: The instance ID 'i-0123' does not exist"),
        ])
        await simulation.world.advance(by: .seconds(60))
        let stopped = await simulation.ec2("DescribeInstances", ("InstanceId.1", ids[0]))
        #expect(stopped.fields("name") == ["stopped"] && stopped.field("ipAddress") == nil)
        #expect(
            await simulation.ec2("TerminateInstances", ("InstanceId.1", ids[0]), ("InstanceId.2", ids[1])).fields("name") == [
                "shutting-down", "stopped", "shutting-down", "running",
            ])
        await simulation.world.advance(by: .seconds(60))
        #expect(await simulation.ec2("DescribeInstances").fields("name") == ["terminated", "terminated"])
        #expect(await simulation.ec2("DescribeNetworkInterfaces").fields("networkInterfaceId") == [])
        await simulation.world.advance(by: .seconds(3600))
        #expect(await simulation.ec2("DescribeInstances").fields("instanceId") == [])
    }

    @Test("what RunInstances refuses")
    func refusals() async throws {
        let simulation = try await Simulation()
        let image = await simulation.image()
        let arm = await simulation.image("arm64")
        _ = await simulation.walk([
            .ok("CreateVpc", ("CidrBlock", "10.0.0.0/16"), keep: [("vpc", "vpcId")]),
            .ok("CreateSubnet", ("VpcId", "$vpc"), ("CidrBlock", "10.0.0.0/28"), keep: [("subnet", "subnetId")]),
            .ok("CreateSecurityGroup", ("GroupName", "g"), ("GroupDescription", "d"), keep: [("foreign", "groupId")]),
            .no("RunInstances", ("ImageId", image), ("MinCount", "2"), ("MaxCount", "1"), because: "InvalidParameterValue"),
            .no("RunInstances", ("MinCount", "1"), ("MaxCount", "1"), because: "MissingParameter"),
            .no(
                "RunInstances", ("ImageId", "ami-0123456789abcdef0"), ("MinCount", "1"), ("MaxCount", "1"),
                because: "InvalidAMIID.NotFound: The image id '[ami-0123456789abcdef0]' does not exist"),
            .no("RunInstances", ("ImageId", "x"), ("MinCount", "1"), ("MaxCount", "1"), because: "InvalidAMIID.Malformed"),
            .no(
                "RunInstances", ("ImageId", image), ("InstanceType", "m99.large"), ("MinCount", "1"), ("MaxCount", "1"),
                because: "InvalidParameterValue: Invalid value 'm99.large' for InstanceType."),
            .no(
                "RunInstances", ("ImageId", arm), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "1"),
                because: "InvalidParameterValue"),
            .no(
                "RunInstances", ("ImageId", image), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "1"), ("KeyName", "k"),
                because: "InvalidKeyPair.NotFound: The key pair 'k' does not exist"),
            .no(
                "RunInstances", ("ImageId", image), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "1"),
                ("SubnetId", "$subnet"), ("SecurityGroupId.1", "$foreign"),
                because: "InvalidParameter: Security group $foreign and subnet $subnet belong to different networks."),
            .no(
                "RunInstances", ("ImageId", image), ("InstanceType", "m5.large"), ("MinCount", "12"), ("MaxCount", "12"),
                ("SubnetId", "$subnet"), because: "InsufficientFreeAddressesInSubnet"),
            .no(
                "RunInstances", ("ImageId", image), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "1"),
                ("IamInstanceProfile.Name", "p"),
                because:
                    "InvalidParameterValue: Value (p) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"),
            .ok("DescribeSubnets", ("SubnetId.1", "$subnet"), show: [("availableIpAddressCount", ["11"])]),
        ])
        let subnet = await simulation.ec2("DescribeSubnets", ("Filter.1.Name", "cidr-block"), ("Filter.1.Value.1", "10.0.0.0/28"))
        let fitting = await simulation.ec2(
            "RunInstances", ("ImageId", image), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "20"),
            ("SubnetId", subnet.field("subnetId") ?? ""))
        #expect(fitting.fields("instanceId").count == 11)
    }

    @Test("launch templates: versions, defaults, what a call adds to one")
    func templates() async throws {
        let simulation = try await Simulation()
        let image = await simulation.image()
        _ = await simulation.walk([
            .ok(
                "CreateLaunchTemplate", ("LaunchTemplateName", "nodes"), ("LaunchTemplateData.ImageId", image),
                ("LaunchTemplateData.InstanceType", "m5.large"), ("LaunchTemplateData.BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
                ("LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize", "30"),
                ("LaunchTemplateData.NetworkInterface.1.DeviceIndex", "0"),
                ("LaunchTemplateData.NetworkInterface.1.AssociatePublicIpAddress", "false"),
                ("LaunchTemplateData.TagSpecification.1.ResourceType", "instance"),
                ("LaunchTemplateData.TagSpecification.1.Tag.1.Key", "role"), ("LaunchTemplateData.TagSpecification.1.Tag.1.Value", "node"),
                keep: [("lt", "launchTemplateId")], show: [("latestVersionNumber", ["1"])]),
            .no(
                "CreateLaunchTemplate", ("LaunchTemplateName", "nodes"), ("LaunchTemplateData.ImageId", image),
                because: "InvalidLaunchTemplateName.AlreadyExistsException: Launch template name already in use."),
            .ok(
                "DescribeLaunchTemplateVersions", ("LaunchTemplateId", "$lt"), ("LaunchTemplateVersion.1", "$Latest"),
                show: [
                    ("versionNumber", ["1"]), ("volumeSize", ["30"]), ("associatePublicIpAddress", ["false"]),
                    ("resourceType", ["instance"]),
                ]),
            .ok(
                "CreateLaunchTemplateVersion", ("LaunchTemplateId", "$lt"), ("SourceVersion", "1"),
                ("LaunchTemplateData.InstanceType", "m5.xlarge"), show: [("versionNumber", ["2"]), ("instanceType", ["m5.xlarge"])]),
            .ok(
                "ModifyLaunchTemplate", ("LaunchTemplateName", "nodes"), ("SetDefaultVersion", "2"), show: [("defaultVersionNumber", ["2"])]
            ),
            .no(
                "ModifyLaunchTemplate", ("LaunchTemplateId", "$lt"), ("SetDefaultVersion", "3"),
                because: "InvalidLaunchTemplateId.VersionNotFound"),
            .ok(
                "DescribeLaunchTemplateVersions", ("LaunchTemplateId", "$lt"),
                show: [("versionNumber", ["2", "1"]), ("defaultVersion", ["true", "false"])]),
            .no(
                "DescribeLaunchTemplates", ("LaunchTemplateName.1", "none"),
                because:
                    "InvalidLaunchTemplateName.NotFoundException: The specified launch template, with template name none, does not exist."),
            .ok(
                "RunInstances", ("LaunchTemplate.LaunchTemplateId", "$lt"), ("InstanceType", "c5.large"), ("MinCount", "1"),
                ("MaxCount", "1"),
                show: [("instanceType", ["c5.large"]), ("key", ["role"]), ("ipAddress", [])]),
            .ok(
                "DeleteLaunchTemplateVersions", ("LaunchTemplateId", "$lt"), ("LaunchTemplateVersion.1", "1"),
                ("LaunchTemplateVersion.2", "9")),
            .ok("DeleteLaunchTemplate", ("LaunchTemplateId", "$lt")),
            .no(
                "DescribeLaunchTemplates", ("LaunchTemplateId.1", "$lt"),
                because: "InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID $lt, does not exist."),
        ])
    }

    @Test("instance types tell of their limits")
    func types() async throws {
        let simulation = try await Simulation()
        let large = await simulation.ec2("DescribeInstanceTypes", ("InstanceType.1", "m5.large"))
        #expect(large.field("maximumNetworkInterfaces") == "3" && large.field("ipv4AddressesPerInterface") == "10")
        #expect(large.field("defaultVCpus") == "2" && large.field("sizeInMiB") == "8192" && large.field("hypervisor") == "nitro")
        #expect(await simulation.ec2("DescribeInstanceTypes", ("InstanceType.1", "x.y")).verdict == "400 InvalidInstanceType")
        let all = await simulation.ec2("DescribeInstanceTypes")
        #expect(all.fields("instanceType").count == 100 && all.field("nextToken") != nil)
        // Type, vCPUs, GiB, architecture: as AWS lists them.
        for (type, cpus, memory, architecture) in [
            ("t3.medium", 2, 4, "x86_64"), ("c6g.4xlarge", 16, 32, "arm64"), ("r5.xlarge", 4, 32, "x86_64"), ("t4g.small", 2, 2, "arm64"),
            ("m7gd.2xlarge", 8, 32, "arm64"), ("g4dn.xlarge", 4, 16, "x86_64"), ("c5.metal", 96, 192, "x86_64"),
        ] {
            let answer = await simulation.ec2("DescribeInstanceTypes", ("InstanceType.1", type))
            #expect(answer.field("defaultVCpus") == String(cpus) && answer.field("sizeInMiB") == String(memory * 1024), "\(type)")
            #expect(answer.text.contains("<item>\(architecture)</item>"), "\(type)")
        }
    }
}
