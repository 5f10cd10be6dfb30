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
        try page(request, "accessPolicies", Self.policies, name: { $0.name }) { ["name": .string($0.name), "arn": .string($0.arn)] }
    }

    func associatePolicy(_ request: Request) async throws(AWSError) -> JSON {
        let cluster = request.member("name")
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
        let namespaces = request.body.at("accessScope", "namespaces")?.strings ?? []
        switch (type, namespaces.isEmpty) {
        case ("cluster", true), ("namespace", false): break
        case ("namespace", true): throw invalid("At least 1 namespace must be provided if the type is set as namespace", cluster: cluster)
        case ("cluster", false):
            throw invalid("accessScope should not include namespaces if the type is not set as namespace", cluster: cluster)
        default: throw invalid("accessScope.type: Member must not be null", cluster: cluster)
        }
        let now = Self.epoch(world.now)
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
        let policies = document.json["_policies"]?.array ?? []
        var answer = try page(request, "associatedAccessPolicies", policies, name: { $0["policyArn"]?.string ?? "" }) { $0 }
        answer["clusterName"] = .string(request.member("name"))
        answer["principalArn"] = document.json["principalArn"]
        return answer
    }

    func disassociatePolicy(_ request: Request) async throws(AWSError) -> JSON {
        let document = try entry(of: request)
        let arn = request.member("policyArn")
        let cluster = request.member("name")
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
}
