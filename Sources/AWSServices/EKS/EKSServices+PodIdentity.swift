import JSON
import Store
import World

/// EKS Pod Identity associations: which role the pods of a service account get.
extension EKSServices {
    private static let idAlphabet: StaticString = "abcdefghijklmnopqrstuvwxyz0123456789"

    private func missing(_ id: String, _ cluster: String) -> AWSError {
        AWSError(404, "ResourceNotFoundException", "No association found with id: \(id)", members: ["clusterName": cluster])
    }

    private func association(_ request: Request) throws(AWSError) -> Records.Document {
        let cluster = try cluster(request)
        let id = request.member("associationId")
        guard let found = records.get(request.associations, "\(cluster.name)/\(id)") else { throw missing(id, cluster.name) }
        return found
    }

    func createPodIdentityAssociation(_ request: Request) async throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let body = request.body
        let namespace = body["namespace"]?.string ?? ""
        let account = body["serviceAccount"]?.string ?? ""
        let present = records.list(request.associations, prefix: "\(cluster.name)/").map(\.json)
        if let token = request.token, let earlier = present.first(where: { $0["_token"]?.string == token && $0["_request"] == body }) {
            return ["association": Self.wire(earlier)]
        }
        guard Self.isNamespace(namespace) else {
            throw invalid("namespace '\(namespace)' is not valid: it must match ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", cluster: cluster.name)
        }
        guard !account.isEmpty, account.utf8.count <= 253 else {
            throw invalid("serviceAccount '\(account)' is not valid: it must have 1 to 253 characters", cluster: cluster.name)
        }
        if let other = present.first(where: { $0["namespace"]?.string == namespace && $0["serviceAccount"]?.string == account }) {
            throw AWSError(
                409, "ResourceInUseException", "Association already exists: \(other["associationId"]?.string ?? "")",
                members: ["clusterName": cluster.name])
        }
        let role = body["roleArn"]?.string ?? ""
        try checkRole(role, request, cluster)
        let id = "a-" + world.random.characters(17, of: Self.idAlphabet)
        let now = Self.epoch(world.now)
        var association: JSON = [
            "clusterName": .string(cluster.name), "namespace": .string(namespace), "serviceAccount": .string(account),
            "roleArn": .string(role),
            "associationArn": .string("arn:aws:eks:\(cluster.region):\(cluster.accountID):podidentityassociation/\(cluster.name)/\(id)"),
            "associationId": .string(id), "tags": try tags(request), "createdAt": now, "modifiedAt": now, "disableSessionTags": false,
            "_request": body,
        ]
        association["_token"] = request.token.map(JSON.string)
        try apply(body, to: &association, cluster)
        try await records.create(
            request.associations, "\(cluster.name)/\(id)", association,
            exists: AWSError(409, "ResourceInUseException", "Association already exists: \(id)", members: ["clusterName": cluster.name]))
        return ["association": Self.wire(association)]
    }

    private static func isNamespace(_ text: String) -> Bool {
        guard let first = text.first, let last = text.last, first != "-", last != "-", text.utf8.count <= 63 else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
    }

    /// The role must be one of the cluster's account, and the caller must be allowed to pass it.
    private func checkRole(_ arn: String, _ request: Request, _ cluster: ClusterRecord) throws(AWSError) {
        let sections = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard sections.count == 6, sections[0] == "arn", sections[2] == "iam", sections[5].hasPrefix("role/") else {
            throw invalid("roleArn '\(arn)' is not the ARN of an IAM role", cluster: cluster.name)
        }
        guard sections[4] == cluster.accountID else {
            throw AWSError(403, "AccessDeniedException", "Cross-account pass role is not allowed.")
        }
        let name = arn.split(separator: "/").last.map(String.init) ?? ""
        guard records.get(Records.collection(cluster.accountID, "global", "iam", "roles"), name)?.json["Arn"]?.string == arn else {
            throw invalid("Role provided in the request does not exist.", cluster: cluster.name)
        }
        guard let call = request.call else { return }
        try authorization.require(call, "iam:PassRole", on: arn, conditions: ["iam:PassedToService": ["pods.eks.amazonaws.com"]])
    }

    /// What create and update set alike.
    private func apply(_ body: JSON, to association: inout JSON, _ cluster: ClusterRecord) throws(AWSError) {
        if let flag = body["disableSessionTags"]?.bool { association["disableSessionTags"] = .bool(flag) }
        if let target = body["targetRoleArn"]?.string {
            association["targetRoleArn"] = target.isEmpty ? nil : .string(target)
            let subject = "\(association["namespace"]?.string ?? "")/\(association["serviceAccount"]?.string ?? "")"
            association["externalId"] =
                target.isEmpty ? nil : .string("\(cluster.region)/\(cluster.accountID)/\(cluster.name)/\(subject)")
        }
        if let policy = body["policy"]?.string { association["policy"] = policy.isEmpty ? nil : .string(policy) }
        guard association["policy"] == nil || association["disableSessionTags"]?.bool == true else {
            throw invalid("disableSessionTags must be true when a policy is specified", cluster: cluster.name)
        }
    }

    func describePodIdentityAssociation(_ request: Request) throws(AWSError) -> JSON {
        ["association": Self.wire(try association(request).json)]
    }

    func listPodIdentityAssociations(_ request: Request) throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let found = records.list(request.associations, prefix: "\(cluster.name)/").map(\.json).filter { association in
            ["namespace", "serviceAccount"].allSatisfy { name in
                request.query(name).map { $0.isEmpty || association[name]?.string == $0 } ?? true
            }
        }
        let members = ["clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn"]
        return try page(request, "associations", found, name: { $0["associationId"]?.string ?? "" }) { association in
            .object(JSONObject(members.compactMap { name in association[name].map { (name, $0) } }))
        }
    }

    func updatePodIdentityAssociation(_ request: Request) async throws(AWSError) -> JSON {
        let cluster = try cluster(request)
        let document = try association(request)
        let role = request.body["roleArn"]?.string
        if let role { try checkRole(role, request, cluster) }
        let now = Self.epoch(world.now)
        let changed = try await records.update(
            request.associations, document.name, missing: missing(request.member("associationId"), cluster.name)
        ) { (json: inout JSON) throws(AWSError) in
            if let role { json["roleArn"] = .string(role) }
            try apply(request.body, to: &json, cluster)
            json["modifiedAt"] = now
        }
        return ["association": Self.wire(changed)]
    }

    func deletePodIdentityAssociation(_ request: Request) async throws(AWSError) -> JSON {
        let document = try association(request)
        try await records.delete([Key(request.associations, document.name)])
        return ["association": Self.wire(document.json)]
    }
}
