import HTTP
import JSON
import Store
import World

/// AWS KMS, as far as keys have to exist: they are made, named, rotated and deleted; nothing is encrypted with them here.
struct KMSService: Sendable {
    let records: Records
    let world: World
    let authorization: CallerAuthorization

    private typealias Operation = @Sendable (KMSService, AWSCall, JSON) async throws(AWSError) -> JSON

    private static let operations: [String: Operation] = [
        "CreateKey": { kms, call, input throws(AWSError) in try await kms.createKey(call, input) },
        "DescribeKey": { kms, call, input throws(AWSError) in ["KeyMetadata": KMSService.wire(try kms.key(call, input).json)] },
        "ListKeys": { kms, call, _ throws(AWSError) in kms.listKeys(call) },
        "GetKeyPolicy": { kms, call, input throws(AWSError) in
            ["Policy": try kms.key(call, input).json["_policy"] ?? "", "PolicyName": "default"]
        },
        "PutKeyPolicy": { kms, call, input throws(AWSError) in try await kms.putKeyPolicy(call, input) },
        "EnableKey": { kms, call, input throws(AWSError) in try await kms.set(call, input) { $0["KeyState"] = "Enabled" } },
        "DisableKey": { kms, call, input throws(AWSError) in try await kms.set(call, input) { $0["KeyState"] = "Disabled" } },
        "EnableKeyRotation": { kms, call, input throws(AWSError) in try await kms.set(call, input) { $0["_rotates"] = true } },
        "DisableKeyRotation": { kms, call, input throws(AWSError) in try await kms.set(call, input) { $0["_rotates"] = false } },
        "GetKeyRotationStatus": { kms, call, input throws(AWSError) in try kms.rotationStatus(call, input) },
        "ScheduleKeyDeletion": { kms, call, input throws(AWSError) in try await kms.scheduleDeletion(call, input) },
        "CancelKeyDeletion": { kms, call, input throws(AWSError) in try await kms.cancelDeletion(call, input) },
        "UpdateKeyDescription": { kms, call, input throws(AWSError) in
            try await kms.set(call, input) { $0["Description"] = input["Description"] ?? "" }
        },
        "TagResource": { kms, call, input throws(AWSError) in try await kms.tag(call, input) },
        "UntagResource": { kms, call, input throws(AWSError) in try await kms.untag(call, input) },
        "ListResourceTags": { kms, call, input throws(AWSError) in
            ["Tags": try kms.key(call, input).json["_tags"] ?? [], "Truncated": false]
        },
        "CreateAlias": { kms, call, input throws(AWSError) in try await kms.createAlias(call, input) },
        "DeleteAlias": { kms, call, input throws(AWSError) in try await kms.deleteAlias(call, input) },
        "ListAliases": { kms, call, input throws(AWSError) in try kms.listAliases(call, input) },
    ]

    func handle(_ call: AWSCall) async throws(AWSError) -> HTTPResponse {
        let operation = try JSONTarget.operation(call, service: "TrentService")
        guard let run = Self.operations[operation] else { throw JSONTarget.unknown(operation) }
        let input = try JSONTarget.input(call)
        // What is about no key, and what names one that is not there, is asked for on all.
        let arn = (try? key(call, input))?.json["Arn"]?.string ?? "*"
        try authorization.require(call, "kms:\(operation)", on: arn)
        return JSONTarget.response(call, try await run(self, call, input))
    }

    // MARK: Keys

    static func collection(_ account: String, _ region: String) -> String { Records.collection(account, region, "kms", "keys") }

    private func keys(_ call: AWSCall) -> String { Self.collection(call.caller.accountID, call.region) }
    private func aliases(_ call: AWSCall) -> String { Records.collection(call.caller.accountID, call.region, "kms", "aliases") }

    static func wire(_ key: JSON) -> JSON {
        var key = EKSServices.wire(key)
        key["Enabled"] = .bool(key["KeyState"] == "Enabled")
        return key
    }

    private func noKey(_ arn: String) -> AWSError { AWSError(400, "NotFoundException", "Key '\(arn)' does not exist") }

    private func arn(_ call: AWSCall, _ resource: String) -> String {
        "arn:aws:kms:\(call.region):\(call.caller.accountID):\(resource)"
    }

    /// The key that `KeyId` names: by id, ARN, alias or the alias' ARN.
    private func key(_ call: AWSCall, _ input: JSON) throws(AWSError) -> Records.Document {
        guard let text = input["KeyId"]?.string ?? input["TargetKeyId"]?.string, !text.isEmpty else {
            throw AWSError(
                400, "ValidationException",
                "1 validation error detected: Value at 'keyId' failed to satisfy constraint: Member must not be null")
        }
        let name = text.hasPrefix("arn:") ? String(text.split(separator: ":", maxSplits: 5).last ?? "") : text
        if name.hasPrefix("alias/") {
            guard let alias = records.get(aliases(call), name)?.json, let id = alias["TargetKeyId"]?.string,
                let found = records.get(keys(call), id)
            else { throw AWSError(400, "NotFoundException", "Alias \(arn(call, name)) is not found.") }
            return found
        }
        let id = name.hasPrefix("key/") ? String(name.dropFirst("key/".count)) : name
        guard let found = records.get(keys(call), id), !text.hasPrefix("arn:") || found.json["Arn"]?.string == text else {
            throw noKey(text.hasPrefix("arn:") ? text : arn(call, "key/\(id)"))
        }
        return found
    }

    private func createKey(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let spec = input["KeySpec"]?.string ?? input["CustomerMasterKeySpec"]?.string ?? "SYMMETRIC_DEFAULT"
        guard spec == "SYMMETRIC_DEFAULT", (input["KeyUsage"]?.string ?? "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT" else {
            throw AWSError(400, "UnsupportedOperationException", "Only symmetric encryption keys are simulated.")
        }
        let id = world.random.uuid()
        let root = "arn:aws:iam::\(call.caller.accountID):root"
        let policy =
            input["Policy"]?.string
            ?? "{\"Version\":\"2012-10-17\",\"Id\":\"key-default-1\",\"Statement\":[{\"Sid\":\"Enable IAM User Permissions\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"\(root)\"},\"Action\":\"kms:*\",\"Resource\":\"*\"}]}"
        guard (try? JSON(parsing: policy))?.object != nil else {
            throw AWSError(400, "MalformedPolicyDocumentException", "The policy is not valid JSON")
        }
        let key: JSON = [
            "AWSAccountId": .string(call.caller.accountID), "KeyId": .string(id), "Arn": .string(arn(call, "key/\(id)")),
            "CreationDate": EKSServices.epoch(world.now), "Description": input["Description"] ?? "", "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "CustomerMasterKeySpec": .string(spec),
            "KeySpec": .string(spec), "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": input["MultiRegion"] ?? false,
            "_policy": .string(policy), "_rotates": false, "_tags": input["Tags"] ?? [],
        ]
        try await records.create(keys(call), id, key, exists: AWSError(400, "AlreadyExistsException", "The key exists"))
        return ["KeyMetadata": Self.wire(key)]
    }

    private func listKeys(_ call: AWSCall) -> JSON {
        let found = records.list(keys(call)).map(\.json)
        return [
            "Keys": .array(found.map { ["KeyId": $0["KeyId"] ?? "", "KeyArn": $0["Arn"] ?? ""] }), "Truncated": false,
        ]
    }

    /// Changes a key that is not on its way out.
    private func set(_ call: AWSCall, _ input: JSON, _ change: @Sendable (inout JSON) -> Void) async throws(AWSError) -> JSON {
        let found = try key(call, input)
        try await records.update(keys(call), found.name, missing: noKey(found.name)) { (key: inout JSON) throws(AWSError) in
            try Self.requireUsable(key)
            change(&key)
        }
        return [:]
    }

    private static func requireUsable(_ key: JSON) throws(AWSError) {
        guard key["KeyState"] != "PendingDeletion" else {
            throw AWSError(400, "KMSInvalidStateException", "\(key["Arn"]?.string ?? "") is pending deletion.")
        }
    }

    private func putKeyPolicy(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        guard let policy = input["Policy"]?.string, (try? JSON(parsing: policy))?.object != nil else {
            throw AWSError(400, "MalformedPolicyDocumentException", "The policy is not valid JSON")
        }
        return try await set(call, input) { $0["_policy"] = .string(policy) }
    }

    private func rotationStatus(_ call: AWSCall, _ input: JSON) throws(AWSError) -> JSON {
        let key = try key(call, input).json
        return ["KeyId": key["Arn"] ?? "", "KeyRotationEnabled": key["_rotates"] ?? false]
    }

    // MARK: Deletion

    /// A key is deleted 7 to 30 days later, and unusable meanwhile.
    private func scheduleDeletion(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let days = input["PendingWindowInDays"]?.integer ?? 30
        guard (7...30).contains(days) else {
            throw AWSError(400, "ValidationException", "PendingWindowInDays must be between 7 and 30")
        }
        let found = try key(call, input)
        let date = world.now + .seconds(days * 86_400)
        let collection = keys(call)
        let changed = try await records.update(collection, found.name, missing: noKey(found.name)) { (key: inout JSON) throws(AWSError) in
            try Self.requireUsable(key)
            key["KeyState"] = "PendingDeletion"
            key["DeletionDate"] = EKSServices.epoch(date)
        }
        let name = found.name
        world.timers.schedule(at: date, "kms: \(name) is deleted") {
            guard let key = records.get(collection, name)?.json, key["DeletionDate"] == EKSServices.epoch(date) else { return }
            try? await records.delete([Key(collection, name)])
        }
        return [
            "KeyId": changed["Arn"] ?? "", "DeletionDate": EKSServices.epoch(date), "KeyState": "PendingDeletion",
            "PendingWindowInDays": .integer(days),
        ]
    }

    private func cancelDeletion(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let found = try key(call, input)
        try await records.update(keys(call), found.name, missing: noKey(found.name)) { (key: inout JSON) throws(AWSError) in
            guard key["KeyState"] == "PendingDeletion" else {
                throw AWSError(400, "KMSInvalidStateException", "\(key["Arn"]?.string ?? "") is not pending deletion.")
            }
            key["KeyState"] = "Disabled"
            key["DeletionDate"] = nil
        }
        return ["KeyId": found.json["Arn"] ?? ""]
    }

    // MARK: Tags and aliases

    private func tag(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let added = input["Tags"]?.array ?? []
        return try await set(call, input) { key in
            let kept = (key["_tags"]?.array ?? []).filter { tag in !added.contains { $0["TagKey"] == tag["TagKey"] } }
            key["_tags"] = .array(kept + added)
        }
    }

    private func untag(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let removed = input["TagKeys"]?.strings ?? []
        return try await set(call, input) { key in
            key["_tags"] = .array((key["_tags"]?.array ?? []).filter { !removed.contains($0["TagKey"]?.string ?? "") })
        }
    }

    private func createAlias(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let name = input["AliasName"]?.string ?? ""
        guard name.hasPrefix("alias/"), name.count > "alias/".count, !name.hasPrefix("alias/aws/") else {
            throw AWSError(400, "InvalidAliasNameException", "Alias must start with the prefix \"alias/\" and not with \"alias/aws/\"")
        }
        let target = try key(call, ["KeyId": input["TargetKeyId"] ?? ""])
        try await records.create(
            aliases(call), name,
            [
                "AliasName": .string(name), "AliasArn": .string(arn(call, name)), "TargetKeyId": .string(target.name),
                "CreationDate": EKSServices.epoch(world.now), "LastUpdatedDate": EKSServices.epoch(world.now),
            ], exists: AWSError(400, "AlreadyExistsException", "An alias with the name \(arn(call, name)) already exists"))
        return [:]
    }

    private func deleteAlias(_ call: AWSCall, _ input: JSON) async throws(AWSError) -> JSON {
        let name = input["AliasName"]?.string ?? ""
        guard records.get(aliases(call), name) != nil else {
            throw AWSError(400, "NotFoundException", "Alias \(arn(call, name)) is not found.")
        }
        try await records.delete([Key(aliases(call), name)])
        return [:]
    }

    private func listAliases(_ call: AWSCall, _ input: JSON) throws(AWSError) -> JSON {
        var found = records.list(aliases(call)).map(\.json)
        if input["KeyId"] != nil {
            let id = try key(call, input).name
            found = found.filter { $0["TargetKeyId"]?.string == id }
        }
        return ["Aliases": .array(found), "Truncated": false]
    }
}
