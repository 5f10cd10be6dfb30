import JSON

/// Tags of clusters and what belongs to them.
extension EKSServices {
    private func noResource(_ arn: String) -> AWSError { AWSError(404, "NotFoundException", "No resource found for ARN: \(arn)") }

    /// The record that an ARN names: a cluster, or what belongs to one, of the caller's account and the call's region.
    func tagged(_ request: Request) throws(AWSError) -> (collection: String, document: Records.Document) {
        let arn = request.member("resourceArn")
        guard arn.hasPrefix("arn:aws:eks:") else {
            throw AWSError(400, "BadRequestException", "Invalid resource ARN: \(arn)")
        }
        if let range = arn.firstRange(of: ":cluster/") {
            if let found = records.get(request.clusters, String(arn[range.upperBound...])), found.json["arn"]?.string == arn {
                return (request.clusters, found)
            }
        } else if arn.contains(":nodegroup/") {
            let collection = Records.collection(request.account, request.region, "eks", "nodegroups")
            if let found = records.list(collection).first(where: { $0.json["nodegroupArn"]?.string == arn }) { return (collection, found) }
        } else if let found = records.list(request.associations).first(where: { $0.json["associationArn"]?.string == arn }) {
            return (request.associations, found)
        } else if let found = records.list(request.identityProviders).first(where: { $0.json["identityProviderConfigArn"]?.string == arn })
        {
            return (request.identityProviders, found)
        } else if let found = records.list(request.entries).first(where: { $0.json["accessEntryArn"]?.string == arn }) {
            return (request.entries, found)
        }
        throw noResource(arn)
    }

    func listTags(_ request: Request) throws(AWSError) -> JSON { ["tags": try tagged(request).document.json["tags"] ?? [:]] }

    func tagResource(_ request: Request) async throws(AWSError) -> JSON {
        let (collection, document) = try tagged(request)
        let added = try tags(request, "BadRequestException").object ?? JSONObject()
        try await records.update(collection, document.name, missing: noResource(request.member("resourceArn"))) {
            (json: inout JSON) throws(AWSError) in
            var tags = json["tags"]?.object ?? JSONObject()
            for tag in added { tags[tag.key] = tag.value }
            guard tags.count <= 50 else { throw AWSError(400, "BadRequestException", "A resource may have at most 50 tags") }
            json["tags"] = .object(tags)
        }
        return [:]
    }

    func untagResource(_ request: Request) async throws(AWSError) -> JSON {
        let (collection, document) = try tagged(request)
        let keys = request.query.filter { $0.name == "tagKeys" }.map(\.value)
        try await records.update(collection, document.name, missing: noResource(request.member("resourceArn"))) {
            (json: inout JSON) throws(AWSError) in
            for key in keys { json["tags"]?[key] = nil }
        }
        return [:]
    }
}
