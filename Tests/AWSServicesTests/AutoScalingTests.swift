import JSON
import Testing
import World

@Suite("Auto Scaling groups")
struct AutoScalingTests {
    /// A simulation with a template `t` and the parameters of a group over the default subnets.
    private func simulation() async throws -> (Simulation, [(String, String)]) {
        let simulation = try await Simulation()
        let template = await simulation.ec2(
            "CreateLaunchTemplate", ("LaunchTemplateName", "tpl"), ("LaunchTemplateData.ImageId", await simulation.image()),
            ("LaunchTemplateData.InstanceType", "m5.large"))
        return (
            simulation,
            [
                ("AutoScalingGroupName", "g"), ("LaunchTemplate.LaunchTemplateId", template.field("launchTemplateId") ?? ""),
                ("LaunchTemplate.Version", "$Latest"), ("VPCZoneIdentifier", await simulation.subnets().joined(separator: ",")),
            ]
        )
    }

    private func group(_ simulation: Simulation) async -> Answer {
        await simulation.autoScaling("DescribeAutoScalingGroups", ("AutoScalingGroupNames.member.1", "g"))
    }

    @Test("a group launches evenly over its zones, follows what is desired, and goes with its last instance")
    func life() async throws {
        let (simulation, parameters) = try await simulation()
        let tags = [
            ("Tags.member.1.Key", "role"), ("Tags.member.1.Value", "node"), ("Tags.member.1.PropagateAtLaunch", "true"),
            ("Tags.member.2.Key", "own"), ("Tags.member.2.Value", "x"), ("Tags.member.2.PropagateAtLaunch", "false"),
        ]
        let sizes = [("MinSize", "1"), ("MaxSize", "6"), ("DesiredCapacity", "4")]
        #expect(await simulation.autoScaling("CreateAutoScalingGroup", parameters + sizes + tags).status == 200)
        #expect(await group(simulation).fields("LifecycleState") == ["Pending", "Pending", "Pending", "Pending"])
        await simulation.world.advance(by: .seconds(30))
        let made = await group(simulation)
        #expect(made.fields("LifecycleState") == ["InService", "InService", "InService", "InService"])
        let zones = await simulation.ec2("DescribeInstances").fields("availabilityZone")
        #expect(zones == ["a", "c", "d", "a"].map { "ap-northeast-1\($0)" })
        let first = made.field("InstanceId") ?? ""
        let tagged = await simulation.ec2("DescribeTags", ("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", first))
        #expect(tagged.fields("key") == ["role", "aws:autoscaling:groupName", "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"])
        let activities = await simulation.autoScaling("DescribeScalingActivities", ("AutoScalingGroupName", "g"))
        #expect(activities.fields("StatusCode") == ["Successful", "Successful", "Successful", "Successful"])
        #expect(activities.field("Cause")?.hasSuffix("increasing the capacity from 0 to 4.") == true)
        #expect(await simulation.autoScaling("SetDesiredCapacity", ("AutoScalingGroupName", "g"), ("DesiredCapacity", "3")).status == 200)
        await simulation.world.advance(by: .seconds(30))
        // Out of the zone with two of them, the older one.
        #expect(await group(simulation).fields("InstanceId").count == 3)
        #expect(!(await group(simulation).fields("InstanceId").contains(first)))
        #expect(await simulation.autoScaling("DeleteAutoScalingGroup", ("AutoScalingGroupName", "g")).verdict == "400 ResourceInUse")
        #expect(
            await simulation.autoScaling("DeleteAutoScalingGroup", ("AutoScalingGroupName", "g"), ("ForceDelete", "true")).status == 200)
        #expect(await group(simulation).field("Status") == "Delete in progress")
        await simulation.world.advance(by: .seconds(30))
        #expect(await group(simulation).fields("AutoScalingGroupName") == [])
        #expect(await simulation.ec2("DescribeNetworkInterfaces").fields("networkInterfaceId") == [])
    }

    @Test("a member that somebody terminates or stops is replaced, one that is told to go with less desired is not")
    func replacement() async throws {
        let (simulation, parameters) = try await simulation()
        _ = await simulation.autoScaling(
            "CreateAutoScalingGroup", parameters + [("MinSize", "0"), ("MaxSize", "2"), ("DesiredCapacity", "2")])
        await simulation.world.advance(by: .seconds(30))
        let before = await group(simulation).fields("InstanceId")
        try #require(before.count == 2)
        _ = await simulation.ec2("TerminateInstances", ("InstanceId.1", before[0]))
        _ = await simulation.ec2("StopInstances", ("InstanceId.1", before[1]))
        await simulation.world.advance(by: .seconds(120))
        let after = await group(simulation).fields("InstanceId")
        try #require(after.count == 2 && Set(after).isDisjoint(with: before))
        let ended = await simulation.autoScaling(
            "TerminateInstanceInAutoScalingGroup", ("InstanceId", after[0]), ("ShouldDecrementDesiredCapacity", "true"))
        #expect(ended.field("Description") == "Terminating EC2 instance: \(after[0])", "\(ended.text)")
        await simulation.world.advance(by: .seconds(60))
        #expect(await group(simulation).fields("InstanceId") == [after[1]])
        #expect(await group(simulation).field("DesiredCapacity") == "1")
    }

    @Test("where a subnet is full the next zone is taken; where all are, the activity fails and is tried again")
    func fullSubnets() async throws {
        let (simulation, parameters) = try await simulation()
        let vpc = await simulation.ec2("CreateVpc", ("CidrBlock", "10.0.0.0/16")).field("vpcId") ?? ""
        var subnets: [String] = []
        for (index, zone) in ["a", "c"].enumerated() {
            subnets.append(
                await simulation.ec2(
                    "CreateSubnet", ("VpcId", vpc), ("CidrBlock", "10.0.\(index).0/28"), ("AvailabilityZone", "ap-northeast-1\(zone)")
                ).field("subnetId") ?? "")
        }
        let hog = await simulation.ec2(
            "CreateNetworkInterface", ("SubnetId", subnets[0]), ("SecondaryPrivateIpAddressCount", "10"))
        let places = parameters.filter { $0.0 != "VPCZoneIdentifier" } + [("VPCZoneIdentifier", subnets.joined(separator: ","))]
        let sizes = [("MinSize", "0"), ("MaxSize", "20"), ("DesiredCapacity", "12")]
        #expect(await simulation.autoScaling("CreateAutoScalingGroup", places + sizes).status == 200)
        await simulation.world.advance(by: .seconds(30))
        #expect(await group(simulation).fields("InstanceId").count == 11)
        let failed = await simulation.autoScaling("DescribeScalingActivities", ("AutoScalingGroupName", "g"), ("MaxRecords", "1"))
        #expect(failed.field("StatusCode") == "Failed")
        #expect(
            failed.field("StatusMessage")
                == "The specified subnet does not have enough free addresses to satisfy the request. Launching EC2 instance failed.")
        _ = await simulation.ec2("DeleteNetworkInterface", ("NetworkInterfaceId", hog.field("networkInterfaceId") ?? ""))
        await simulation.world.advance(by: .seconds(120))
        #expect(await group(simulation).fields("InstanceId").count == 12)
    }

    @Test("what Auto Scaling refuses")
    func refusals() async throws {
        let (simulation, parameters) = try await simulation()
        let sizes = [("MinSize", "1"), ("MaxSize", "2")]
        let without = parameters.filter { !$0.0.hasPrefix("LaunchTemplate") }
        let cases: [(String, [(String, String)], String)] = [
            (
                "CreateAutoScalingGroup", parameters + [("MinSize", "3"), ("MaxSize", "2")],
                "Max bound, 2, must be greater than or equal to min bound, 3"
            ),
            (
                "CreateAutoScalingGroup", parameters + sizes + [("DesiredCapacity", "5")],
                "Desired capacity:5 must be between the specified min size:1 and max size:2"
            ),
            (
                "CreateAutoScalingGroup", without + sizes,
                "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter."
            ),
            (
                "CreateAutoScalingGroup", without + sizes + [("LaunchTemplate.LaunchTemplateId", "lt-0123")],
                "You must use a valid fully-formed launch template. The specified launch template, with template ID lt-0123, does not exist."
            ),
            ("UpdateAutoScalingGroup", [("AutoScalingGroupName", "x")], "AutoScalingGroup name not found - AutoScalingGroup 'x' not found"),
            ("CreateAutoScalingGroup", parameters + [("MinSize", "x"), ("MaxSize", "2")], "Not a valid integer: x at MinSize"),
            (
                "CreateAutoScalingGroup", parameters + [("MinSize", "1")],
                "1 validation error detected: Value at 'maxSize' failed to satisfy constraint: Member must not be null"
            ),
        ]
        for (action, parameters, message) in cases {
            let answer = await simulation.autoScaling(action, parameters)
            #expect(answer.status == 400 && answer.message == message, "\(answer.text)")
        }
        _ = await simulation.autoScaling("CreateAutoScalingGroup", parameters + sizes)
        #expect(await simulation.autoScaling("CreateAutoScalingGroup", parameters + sizes).verdict == "400 AlreadyExists")
        #expect(
            await simulation.autoScaling("SetDesiredCapacity", ("AutoScalingGroupName", "g"), ("DesiredCapacity", "3")).message
                == "New SetDesiredCapacity value 3 is above max value 2 for the AutoScalingGroup.")
        let user = await simulation.makeUser("ann")
        #expect(await simulation.autoScaling("DescribeAutoScalingGroups", as: user).verdict == "403 AccessDenied")
    }

    @Test("tags and scheduled actions of a group")
    func tagsAndSchedules() async throws {
        let (simulation, parameters) = try await simulation()
        _ = await simulation.autoScaling("CreateAutoScalingGroup", parameters + [("MinSize", "0"), ("MaxSize", "2")])
        let tag = [
            ("Tags.member.1.Key", "k8s.io/x"), ("Tags.member.1.PropagateAtLaunch", "true"), ("Tags.member.1.ResourceId", "g"),
            ("Tags.member.1.ResourceType", "auto-scaling-group"), ("Tags.member.1.Value", "owned"),
        ]
        #expect(await simulation.autoScaling("CreateOrUpdateTags", tag).status == 200)
        let filters = [
            ("Filters.member.1.Name", "auto-scaling-group"), ("Filters.member.1.Values.member.1", "g"), ("Filters.member.2.Name", "key"),
            ("Filters.member.2.Values.member.1", "k8s.io/x"),
        ]
        #expect(await simulation.autoScaling("DescribeTags", filters).fields("Value") == ["owned"])
        #expect(await simulation.autoScaling("DeleteTags", tag).status == 200)
        #expect(await simulation.autoScaling("DescribeTags", filters).fields("Value") == [])
        let daily = [
            ("AutoScalingGroupName", "g"), ("ScheduledActionName", "morning"), ("MinSize", "1"), ("Recurrence", "0 8 * * MON-FRI"),
            ("TimeZone", "Asia/Tokyo"),
        ]
        #expect(await simulation.autoScaling("PutScheduledUpdateGroupAction", daily).status == 200)
        let once = [
            ("AutoScalingGroupName", "g"), ("ScheduledActionName", "once"), ("DesiredCapacity", "2"), ("StartTime", "2026-11-24T01:00:00Z"),
        ]
        #expect(await simulation.autoScaling("PutScheduledUpdateGroupAction", once).status == 200)
        let known = await simulation.autoScaling("DescribeScheduledActions", ("AutoScalingGroupName", "g"))
        #expect(known.fields("ScheduledActionName") == ["morning", "once"] && known.field("Recurrence") == "0 8 * * MON-FRI")
        await simulation.world.advance(by: .seconds(3600))
        #expect(await group(simulation).fields("InstanceId").count == 2)
        #expect(
            await simulation.autoScaling("DeleteScheduledAction", ("AutoScalingGroupName", "g"), ("ScheduledActionName", "morning")).status
                == 200)
        #expect(await simulation.autoScaling("DescribeScheduledActions").fields("ScheduledActionName") == [])
    }

    @Test("a recurring action comes again at its time in its zone, until its end")
    func recurrence() async throws {
        let (simulation, parameters) = try await simulation()
        _ = await simulation.autoScaling("CreateAutoScalingGroup", parameters + [("MinSize", "0"), ("MaxSize", "3")])
        // 24 November 2026 is a Tuesday; eight o'clock in Tokyo is 23:00 of the day before.
        let daily = [
            ("AutoScalingGroupName", "g"), ("ScheduledActionName", "up"), ("DesiredCapacity", "1"), ("Recurrence", "0 8 * * MON-FRI"),
            ("TimeZone", "Asia/Tokyo"), ("EndTime", "2026-11-25T23:00:00Z"),
        ]
        #expect(await simulation.autoScaling("PutScheduledUpdateGroupAction", daily).status == 200)
        let down = [
            ("AutoScalingGroupName", "g"), ("ScheduledActionName", "down"), ("DesiredCapacity", "0"), ("Recurrence", "*/30 12 * * *"),
        ]
        #expect(await simulation.autoScaling("PutScheduledUpdateGroupAction", down).status == 200)
        func state() async -> [String] {
            let known = await simulation.autoScaling("DescribeScheduledActions", ("AutoScalingGroupName", "g"))
            return await [group(simulation).field("DesiredCapacity") ?? ""] + known.fields("StartTime").sorted()
        }
        #expect(simulation.world.now.rfc3339 == "2026-11-24T00:00:00Z")
        let before = await state()
        #expect(before == ["0", "2026-11-24T12:00:00Z", "2026-11-24T23:00:00Z"])
        await simulation.world.advance(by: .seconds(23 * 3600))
        #expect(await state() == ["1", "2026-11-25T12:00:00Z"])
        await simulation.world.advance(by: .seconds(13 * 3600))
        #expect(await state() == ["0", "2026-11-25T12:30:00Z"])
    }

    @Test(
        "schedules, and what is none",
        arguments: [
            ("30 0 1 1,6,12 *", "UTC", "2026-12-01T00:30:00Z"), ("0 0 13 * FRI", "UTC", "2026-11-27T00:00:00Z"),
            ("0 0 29 2 *", "UTC", "2028-02-29T00:00:00Z"), ("15 */6 * * 7", "UTC", "2026-11-29T00:15:00Z"),
            ("0 9 * * 1-5", "America/New_York", "2026-11-24T14:00:00Z"),
            // Clocks in New York leave out 02:30 on 14 March 2027, so that Sunday has none.
            ("30 2 14 3 *", "America/New_York", "2028-03-14T06:30:00Z"),
            ("60 * * * *", "UTC", nil), ("* * * *", "UTC", nil), ("* * * * MUN", "UTC", nil), ("5-1 * * * *", "UTC", nil),
            ("*/0 * * * *", "UTC", nil), ("0 0 31 2 *", "UTC", nil), ("0 0 * * *", "Mars/Olympus", nil), ("0 0 * * *", "PST", nil),
        ])
    func schedules(text: String, zone: String, first: String?) async throws {
        let (simulation, parameters) = try await simulation()
        _ = await simulation.autoScaling("CreateAutoScalingGroup", parameters + [("MinSize", "0"), ("MaxSize", "3")])
        let answer = await simulation.autoScaling(
            "PutScheduledUpdateGroupAction", ("AutoScalingGroupName", "g"), ("ScheduledActionName", "a"), ("MinSize", "0"),
            ("Recurrence", text), ("TimeZone", zone))
        #expect(answer.status == (first == nil ? 400 : 200))
        #expect(await simulation.autoScaling("DescribeScheduledActions").field("StartTime") == first)
    }
}

extension Simulation {
    /// Calls Auto Scaling; an answer whose elements the model does not know is recorded as an issue.
    func autoScaling(_ action: String, _ parameters: (String, String)..., as key: ClientKey? = nil) async -> Answer {
        await autoScaling(action, parameters, as: key)
    }

    func autoScaling(_ action: String, _ parameters: [(String, String)], as key: ClientKey? = nil) async -> Answer {
        let answer = await call("autoscaling", action, parameters, as: key)
        if answer.status == 200 {
            guard let document = XMLNode.parse(answer.text) else {
                Issue.record("\(action): no XML: \(answer.text)")
                return answer
            }
            for result in document.children where result.name == "\(action)Result" {
                let strangers = AnswerShapes.strangers(result, action, in: AnswerShapes.autoScaling)
                if !strangers.isEmpty { Issue.record("\(action): elements that the model does not have: \(strangers)") }
            }
        }
        return answer
    }
}
