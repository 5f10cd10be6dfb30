import JSON

/// Tags of users and roles: an object in the record.
extension IAMService {
    private static let limit = 50

    /// The checked tags of a form; `nil` when it has none.
    func tags(_ form: QueryForm) throws(AWSError) -> JSON? {
        let tags = form.tags()
        guard !tags.isEmpty else { return nil }
        for tag in tags {
            guard (1...128).contains(tag.key.count), tag.value.count <= 256 else {
                throw QueryForm.violation(tag.key, "Tags", "Member must have a key of 1 to 128 and a value of at most 256 characters")
            }
            guard !tag.key.lowercased().hasPrefix("aws:") else {
                throw AWSError(400, "InvalidInput", "Tag keys starting with aws: are reserved for system use")
            }
        }
        guard Set(tags.map { $0.key.lowercased() }).count == tags.count else {
            throw AWSError(400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        }
        guard tags.count <= Self.limit else { throw Self.tooMany }
        return .object(JSONObject(tags.map { ($0.key, .string($0.value)) }))
    }

    private static let tooMany = AWSError(409, "LimitExceeded", "The number of tags has reached the maximum limit of \(limit)")

    func tag(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let name = try self.owner(call, form, owner).name
        let added = try tags(form)?.object?.members ?? []
        try await change(call, owner, name) { json throws(AWSError) in
            var tags = json["Tags"]?.object ?? JSONObject()
            for tag in added { tags[tag.key] = tag.value }
            guard tags.count <= Self.limit else { throw Self.tooMany }
            json["Tags"] = .object(tags)
        }
        return nil
    }

    func untag(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) async throws(AWSError) -> String? {
        let name = try self.owner(call, form, owner).name
        let keys = form.list("TagKeys")
        try await change(call, owner, name) { json throws(AWSError) in
            for key in keys { json["Tags"]?[key] = nil }
        }
        return nil
    }

    func listTags(_ call: AWSCall, _ form: QueryForm, _ owner: PolicyOwner) throws(AWSError) -> String {
        let tags = try self.owner(call, form, owner).json["Tags"]?.object?.members ?? []
        return try listing(form, "Tags", tags, name: { $0.key }) { xml, tag in Self.write(tag, &xml) }
    }

    static func writeTags(_ json: JSON, _ xml: inout XMLWriter) {
        guard let tags = json["Tags"]?.object, !tags.isEmpty else { return }
        xml.list("Tags", tags.members) { write($1, &$0) }
    }

    static func write(_ tag: JSONObject.Member, _ xml: inout XMLWriter) {
        xml.element("Key", tag.key)
        xml.element("Value", tag.value.string ?? "")
    }
}
