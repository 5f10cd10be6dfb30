import Facts
import JSON
import World

extension EKSServices {
    /// Names and ARNs of every access policy, in the table's order.
    private static let policies: [(name: String, arn: String)] =
        ((try? JSON(parsing: Facts.accessPolicies))?.object?.members ?? []).compactMap { member in
            member.key.hasPrefix("arn:") ? (member.value["name"]?.string ?? "", member.key) : nil
        }

    func listAccessPolicies(_ request: Request) throws(AWSError) -> JSON {
        let (page, next) = try page(request, Self.policies.map(\.name))
        let shown = Self.policies.filter { page.contains($0.name) }
        var answer: JSON = ["accessPolicies": .array(shown.map { ["name": .string($0.name), "arn": .string($0.arn)] })]
        answer["nextToken"] = next.map(JSON.string)
        return answer
    }

    func associatePolicy(_ request: Request) async throws(AWSError) -> JSON {
        let cluster = request.path[1]
        let document = try entry(of: request)
        guard document.json["type"]?.string == "STANDARD" || document.json["type"]?.string == "EC2" else {
            throw AWSError(
                400, "InvalidRequestException", "This operation can only be performed on Access Entries with a type of \"STANDARD\"",
                members: ["clusterName": cluster])
        }
        guard let arn = request.body["policyArn"]?.string, arn.hasPrefix("arn:"), arn.contains(":cluster-access-policy/") else {
            throw invalid("The policyArn parameter format is not valid", cluster: cluster)
        }
        guard Self.policies.contains(where: { $0.arn == arn }) else { throw policyMissing(cluster) }
        let type = request.body.at("accessScope", "type")?.string ?? ""
        let namespaces = request.body.at("accessScope", "namespaces")?.array?.compactMap(\.string) ?? []
        switch (type, namespaces.isEmpty) {
        case ("cluster", true), ("namespace", false): break
        case ("namespace", true): throw invalid("At least 1 namespace must be provided if the type is set as namespace", cluster: cluster)
        case ("cluster", false):
            throw invalid("accessScope should not include namespaces if the type is not set as namespace", cluster: cluster)
        default: throw invalid("accessScope.type: \(type) is not valid", cluster: cluster)
        }
        let now = JSON.number(Self.epoch(world.now))
        var policy: JSON = [
            "policyArn": .string(arn), "accessScope": ["type": .string(type), "namespaces": JSON(strings: namespaces)], "associatedAt": now,
            "modifiedAt": now,
        ]
        try await records.update(request.entries, document.name, missing: policyMissing(cluster)) { (json: inout JSON) throws(AWSError) in
            var policies = json["_policies"]?.array ?? []
            if let index = policies.firstIndex(where: { $0["policyArn"]?.string == arn }) {
                policy["associatedAt"] = policies[index]["associatedAt"]
                policies[index] = policy
            } else {
                policies.append(policy)
            }
            json["_policies"] = .array(policies)
        }
        return ["clusterName": .string(cluster), "principalArn": document.json["principalArn"] ?? "", "associatedAccessPolicy": policy]
    }

    func listAssociatedPolicies(_ request: Request) throws(AWSError) -> JSON {
        let document = try entry(of: request)
        return [
            "clusterName": .string(request.path[1]), "principalArn": document.json["principalArn"] ?? "",
            "associatedAccessPolicies": document.json["_policies"] ?? [],
        ]
    }

    func disassociatePolicy(_ request: Request) async throws(AWSError) -> JSON {
        let document = try entry(of: request)
        let arn = request.path[5]
        let cluster = request.path[1]
        let missing = policyMissing(cluster)
        try await records.update(request.entries, document.name, missing: missing) { (json: inout JSON) throws(AWSError) in
            let policies = json["_policies"]?.array ?? []
            guard policies.contains(where: { $0["policyArn"]?.string == arn }) else { throw missing }
            json["_policies"] = .array(policies.filter { $0["policyArn"]?.string != arn })
        }
        return [:]
    }

    private func policyMissing(_ cluster: String) -> AWSError {
        AWSError(404, "ResourceNotFoundException", "The specified policyArn could not be found.", members: ["clusterName": cluster])
    }

    // MARK: Tags

    /// The document that an ARN names: a cluster or an access entry.
    private func tagged(_ request: Request) throws(AWSError) -> (collection: String, name: String) {
        let arn = request.path[1]
        if let range = arn.firstRange(of: ":cluster/") {
            let name = String(arn[range.upperBound...])
            if records.get(request.clusters, name) != nil { return (request.clusters, name) }
        } else if let found = records.list(request.entries).first(where: { $0.json["accessEntryArn"]?.string == arn }) {
            return (request.entries, found.name)
        }
        throw AWSError(404, "NotFoundException", "Resource not found: \(arn)")
    }

    func listTags(_ request: Request) throws(AWSError) -> JSON {
        let place = try tagged(request)
        return ["tags": records.get(place.collection, place.name)?.json["tags"] ?? [:]]
    }

    func tagResource(_ request: Request) async throws(AWSError) -> JSON {
        let place = try tagged(request)
        let wanted = request.body["tags"]?.object ?? JSONObject()
        for tag in wanted
        where tag.key.lowercased().hasPrefix("aws:") || tag.key.isEmpty || tag.key.count > 128 || (tag.value.string?.count ?? 257) > 256 {
            throw AWSError(400, "BadRequestException", "Tag key \(tag.key) is not valid")
        }
        try await records.update(place.collection, place.name, missing: AWSError(404, "NotFoundException", "Resource not found")) {
            (json: inout JSON) throws(AWSError) in
            var tags = json["tags"]?.object ?? JSONObject()
            for tag in wanted { tags[tag.key] = tag.value }
            guard tags.count <= 50 else { throw AWSError(400, "BadRequestException", "A resource may have at most 50 tags") }
            json["tags"] = .object(tags)
        }
        return [:]
    }

    func untagResource(_ request: Request) async throws(AWSError) -> JSON {
        let place = try tagged(request)
        let keys = request.query.filter { $0.name == "tagKeys" }.map(\.value)
        try await records.update(place.collection, place.name, missing: AWSError(404, "NotFoundException", "Resource not found")) {
            (json: inout JSON) throws(AWSError) in
            var tags = json["tags"]?.object ?? JSONObject()
            for key in keys { tags[key] = nil }
            json["tags"] = .object(tags)
        }
        return [:]
    }
}
