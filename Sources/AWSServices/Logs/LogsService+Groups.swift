import JSON
import Store

/// Log groups with their retention and tags.
extension LogsService {
    private static let classes = ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"]
    private static let retentions: [Int64] = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ]
    private static let maximumTags = 50

    func createGroup(_ request: Request) async throws(AWSError) -> JSON? {
        let input = request.input
        let name = try input.required(input.groupName(), "logGroupName")
        let key = try input.optional("kmsKeyId", 0...256, nil)
        let tags = try input.tags()
        guard tags.count <= Self.maximumTags else { throw Self.tooManyTags }
        var group = Self.group(name, now)
        group["logGroupClass"] = .string(try input.choice("logGroupClass", of: Self.classes) ?? "STANDARD")
        group["kmsKeyId"] = key.map(JSON.string)
        if try input.bool("deletionProtectionEnabled") { group["deletionProtectionEnabled"] = true }
        group["tags"] = .object(JSONObject(tags.map { ($0.key, .string($0.value)) }))
        try await records.create(
            groups(request), name, group,
            exists: AWSError(400, "ResourceAlreadyExistsException", "The specified log group already exists"))
        return nil
    }

    static func group(_ name: String, _ now: Int64) -> JSON {
        ["logGroupName": .string(name), "creationTime": .integer(now), "logGroupClass": "STANDARD", "tags": [:]]
    }

    func describeGroups(_ request: Request) throws(AWSError) -> JSON? {
        let input = request.input
        let prefix = try input.groupName("logGroupNamePrefix")
        let pattern = try input.optional("logGroupNamePattern", 0...512, nil)
        guard prefix == nil || pattern == nil else {
            throw LogsInput.invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        }
        let kind = try input.choice("logGroupClass", of: Self.classes)
        let wanted = try input.strings("logGroupIdentifiers", 1...50).map { Set($0.map(groupName)) }
        let found = records.list(groups(request), prefix: prefix ?? "").filter { group in
            (pattern.map { group.name.contains($0) || $0.isEmpty } ?? true)
                && (kind.map { group.json["logGroupClass"]?.string == $0 } ?? true)
                && (wanted?.contains(group.name) ?? true)
        }
        return try page(found, "logGroups", request, limit: input.limit(50, 50), name: \.name) { group in
            let arn = groupARN(request, group.name)
            var json = group.json
            json["tags"] = nil
            json["metricFilterCount"] = 0
            json["arn"] = .string("\(arn):*")
            json["logGroupArn"] = .string(arn)
            json["storedBytes"] = .integer(Int64(events.bytes(ofGroup: place(request, group.name))))
            return json
        }
    }

    func deleteGroup(_ request: Request) async throws(AWSError) -> JSON? {
        let name = try request.input.required(request.input.groupName(), "logGroupName")
        guard let group = records.get(groups(request), name) else { throw Self.noGroup }
        guard group.json["deletionProtectionEnabled"]?.bool != true else {
            throw AWSError(400, "ValidationException", "The log group \(name) cannot be deleted because deletion protection is enabled.")
        }
        let streams = records.list(streams(request), prefix: "\(name):").map { Key(self.streams(request), $0.name) }
        try await records.delete([Key(groups(request), name)] + streams)
        events.remove(group: place(request, name))
        return nil
    }

    // MARK: Retention

    func putRetention(_ request: Request) async throws(AWSError) -> JSON? {
        guard let days = try request.input.integer("retentionInDays"), Self.retentions.contains(days) else {
            let list = Self.retentions.map(String.init).joined(separator: ", ")
            throw LogsInput.invalid("Invalid retention value. Valid values are: [\(list)]")
        }
        return try await setRetention(request, .integer(days))
    }

    func deleteRetention(_ request: Request) async throws(AWSError) -> JSON? { try await setRetention(request, nil) }

    private func setRetention(_ request: Request, _ days: JSON?) async throws(AWSError) -> JSON? {
        let name = try request.input.required(request.input.groupName(), "logGroupName")
        try await records.update(groups(request), name, missing: Self.noGroup) { (group: inout JSON) throws(AWSError) in
            group["retentionInDays"] = days
        }
        return nil
    }

    // MARK: Tags

    private static let tooManyTags = AWSError(400, "TooManyTagsException", "A resource can have no more than \(maximumTags) tags.")

    /// The group of a call about tags, by its ARN or in the old calls by its name.
    private func tagged(_ request: Request) throws(AWSError) -> Records.Document {
        let name: String
        if let arn = try request.input.optional("resourceArn", 1...1011, nil) {
            guard arn.hasPrefix(groupARN(request, "")) else { throw LogsInput.invalid("Invalid resource ARN: \(arn)") }
            name = groupName(arn)
        } else {
            name = try request.input.required(request.input.groupName(), "logGroupName")
        }
        guard let found = records.get(groups(request), name) else { throw Self.noGroup }
        return found
    }

    func listTags(_ request: Request) throws(AWSError) -> JSON? { ["tags": try tagged(request).json["tags"] ?? [:]] }

    func tag(_ request: Request) async throws(AWSError) -> JSON? {
        let added = try request.input.tags()
        try await records.update(groups(request), tagged(request).name, missing: Self.noGroup) { (group: inout JSON) throws(AWSError) in
            var tags = group["tags"]?.object ?? JSONObject()
            for tag in added { tags[tag.key] = .string(tag.value) }
            guard tags.count <= Self.maximumTags else { throw Self.tooManyTags }
            group["tags"] = .object(tags)
        }
        return nil
    }

    func untag(_ request: Request) async throws(AWSError) -> JSON? {
        let name = request.input.json["tagKeys"] == nil ? "tags" : "tagKeys"
        let keys = try request.input.strings(name, 0...50) ?? []
        try await records.update(groups(request), tagged(request).name, missing: Self.noGroup) { (group: inout JSON) throws(AWSError) in
            for key in keys { group["tags"]?[key] = nil }
        }
        return nil
    }
}
