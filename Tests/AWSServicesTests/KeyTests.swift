import JSON
import Testing
import World

@Suite("KMS keys and SSM parameters")
struct KeyTests {
    @Test("a key's life: made, named by id, ARN and alias, disabled, scheduled for deletion, gone on the clock")
    func keys() async throws {
        let simulation = try await Simulation()
        func kms(_ operation: String, _ input: JSON) async -> Answer { await simulation.json("kms", "TrentService.\(operation)", input) }
        let made = await kms("CreateKey", ["Description": "d", "Tags": [["TagKey": "a", "TagValue": "b"]]]).json["KeyMetadata"] ?? .null
        let id = made["KeyId"] ?? .null
        let arn = made["Arn"]?.string ?? ""
        #expect(arn == "arn:aws:kms:\(Simulation.region):\(Simulation.account):key/\(id.string ?? "")" && made["Enabled"] == true)
        #expect(await kms("CreateAlias", ["AliasName": "alias/x", "TargetKeyId": id]).status == 200)
        #expect(await kms("CreateAlias", ["AliasName": "alias/x", "TargetKeyId": id]).verdict == "400 AlreadyExistsException")
        let names: [JSON] = [id, .string(arn), "alias/x", .string("arn:aws:kms:\(Simulation.region):\(Simulation.account):alias/x")]
        for name in names { #expect(await kms("DescribeKey", ["KeyId": name]).json.at("KeyMetadata", "Arn")?.string == arn, "\(name)") }
        #expect(await kms("DescribeKey", ["KeyId": "alias/y"]).verdict == "400 NotFoundException")
        #expect(await kms("ListResourceTags", ["KeyId": id]).json["Tags"] == [["TagKey": "a", "TagValue": "b"]])
        _ = await kms("EnableKeyRotation", ["KeyId": id])
        #expect(await kms("GetKeyRotationStatus", ["KeyId": id]).json["KeyRotationEnabled"] == true)
        _ = await kms("DisableKey", ["KeyId": id])
        #expect(await kms("DescribeKey", ["KeyId": id]).json.at("KeyMetadata", "KeyState") == "Disabled")
        #expect(await kms("ScheduleKeyDeletion", ["KeyId": id, "PendingWindowInDays": 6]).verdict == "400 ValidationException")
        #expect(await kms("ScheduleKeyDeletion", ["KeyId": id, "PendingWindowInDays": 7]).json["KeyState"] == "PendingDeletion")
        #expect(await kms("EnableKey", ["KeyId": id]).verdict == "400 KMSInvalidStateException")
        await simulation.world.advance(by: .seconds(7 * 86_400))
        #expect(await kms("DescribeKey", ["KeyId": id]).message == "Key '\(arn)' does not exist")
        #expect(await kms("Encrypt", ["KeyId": id]).verdict == "400 UnknownOperationException")
    }

    @Test("secrets are encrypted with a key once and for all; what becomes of the key shows as an issue")
    func encryption() async throws {
        let simulation = try await Simulation()
        func kms(_ operation: String, _ input: JSON) async -> Answer { await simulation.json("kms", "TrentService.\(operation)", input) }
        let arn = await kms("CreateKey", [:]).json.at("KeyMetadata", "Arn") ?? .null
        var body = await simulation.clusterBody("demo")
        let cases: [(JSON, String)] = [
            (["resources": ["pods"], "provider": ["keyArn": arn]], "The resources of an encryptionConfig must be [secrets]"),
            (
                ["resources": ["secrets"], "provider": ["keyArn": "x"]],
                "The keyArn in encryptionConfig provider is invalid: no key of this region for x"
            ),
        ]
        for (config, message) in cases {
            body["encryptionConfig"] = [config]
            #expect(await simulation.eks("POST", "/clusters", body).message == message)
        }
        body["encryptionConfig"] = nil
        _ = await simulation.eks("POST", "/clusters", body)
        await simulation.world.advance(by: .seconds(60))
        let config: JSON = ["resources": ["secrets"], "provider": ["keyArn": arn]]
        let path = "/clusters/demo/encryption-config/associate"
        let update = await simulation.eks("POST", path, ["encryptionConfig": [config]])
        #expect(update.json.at("update", "type") == "AssociateEncryptionConfig", "\(update.text)")
        await simulation.world.advance(by: .seconds(60))
        let cluster = await simulation.eks("GET", "/clusters/demo").json["cluster"] ?? .null
        #expect(cluster["encryptionConfig"] == [config] && cluster.at("health", "issues") == [])
        #expect(await simulation.eks("POST", path, ["encryptionConfig": [config]]).verdict == "400 InvalidRequestException")
        _ = await kms("DisableKey", ["KeyId": arn])
        let issues = await simulation.eks("GET", "/clusters/demo").json.at("cluster", "health", "issues")
        #expect(issues?[0]?["code"] == "KmsKeyDisabled" && issues?[0]?["resourceIds"] == [arn])
    }

    @Test("public parameters name the images that node groups and instances use; own ones are kept")
    func parameters() async throws {
        let simulation = try await Simulation()
        func ssm(_ operation: String, _ input: JSON) async -> Answer { await simulation.json("ssm", "AmazonSSM.\(operation)", input) }
        let path = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended"
        let image = await ssm("GetParameter", ["Name": .string("\(path)/image_id")]).json.at("Parameter", "Value")?.string ?? ""
        #expect(
            await simulation.ec2("DescribeImages", ("ImageId.1", image)).field("name")
                == "amazon-eks-node-al2023-x86_64-standard-1.34-v20251112")
        let release = await ssm("GetParameter", ["Name": .string("\(path)/release_version")]).json.at("Parameter", "Value")
        #expect(release == "1.34.2-20251112")
        let bottlerocket = await ssm("GetParameter", ["Name": "/aws/service/bottlerocket/aws-k8s-1.34/arm64/latest/image_id"])
        #expect(bottlerocket.json.at("Parameter", "DataType") == "aws:ec2:image")
        for missing in ["/aws/service/eks/optimized-ami/1.7/amazon-linux-2/recommended/image_id", "/mine"] {
            #expect(await ssm("GetParameter", ["Name": .string(missing)]).verdict == "400 ParameterNotFound", "\(missing)")
        }
        let tree = await ssm("GetParametersByPath", ["Path": .string(path)]).json["Parameters"]?.array ?? []
        #expect(tree.compactMap { $0["Name"]?.string?.split(separator: "/").last } == ["image_id", "image_name", "release_version"])
        #expect(await ssm("PutParameter", ["Name": "/mine", "Value": "1", "Type": "String"]).json["Version"] == 1)
        #expect(await ssm("PutParameter", ["Name": "/mine", "Value": "2", "Type": "String"]).verdict == "400 ParameterAlreadyExists")
        #expect(await ssm("PutParameter", ["Name": "/mine", "Value": "2", "Overwrite": true]).json["Version"] == 2)
        #expect(await ssm("GetParameter", ["Name": "/mine"]).json.at("Parameter", "Value") == "2")
        #expect(
            await ssm("DeleteParameters", ["Names": ["/mine", "/x"]]).json == ["DeletedParameters": ["/mine"], "InvalidParameters": ["/x"]])
    }
}
