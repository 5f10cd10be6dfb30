import JSON
import World

/// Envelope encryption of secrets with a key of KMS: chosen once, never changed or taken away (EKS User Guide, "Encrypt Kubernetes secrets with
/// KMS on existing clusters").
extension EKSServices {
    /// The wished encryption, checked; `nil` when there is none.
    func encryption(_ wish: JSON?, _ request: Request, _ cluster: String) throws(AWSError) -> JSON? {
        guard let configs = wish?.array, !configs.isEmpty else { return nil }
        guard configs.count == 1, let config = configs.first else {
            throw invalid("encryptionConfig: Member must have length less than or equal to 1", cluster: cluster)
        }
        guard config["resources"]?.strings == ["secrets"] else {
            throw invalid("The resources of an encryptionConfig must be [secrets]", cluster: cluster)
        }
        let name = config.at("provider", "keyArn")?.string ?? ""
        guard let key = key(name, request.account, request.region) else {
            throw invalid("The keyArn in encryptionConfig provider is invalid: no key of this region for \(name)", cluster: cluster)
        }
        guard key["KeyState"] == "Enabled" else {
            throw invalid("The key \(name) is not enabled: \(key["KeyState"]?.string ?? "")", cluster: cluster)
        }
        if let call = request.call {
            for action in ["kms:DescribeKey", "kms:CreateGrant"] { try authorization.require(call, action, on: key["Arn"]?.string ?? "*") }
        }
        return [["resources": ["secrets"], "provider": ["keyArn": .string(name)]]]
    }

    /// A key by its ARN, or by the ARN of an alias.
    private func key(_ arn: String, _ account: String, _ region: String) -> JSON? {
        let sections = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard sections.count == 6, sections[2] == "kms", sections[3] == region else { return nil }
        var resource = sections[5]
        if resource.hasPrefix("alias/") {
            guard let alias = records.get(Records.collection(sections[4], region, "kms", "aliases"), resource)?.json else { return nil }
            resource = "key/\(alias["TargetKeyId"]?.string ?? "")"
        }
        guard resource.hasPrefix("key/") else { return nil }
        return records.get(KMSService.collection(sections[4], region), String(resource.dropFirst("key/".count)))?.json
    }

    func associateEncryption(_ request: Request) async throws(AWSError) -> JSON {
        let document = try document(request)
        let cluster = ClusterRecord(json: document.json)
        if let earlier = earlierUpdate(request, cluster) { return earlier }
        guard cluster.json["encryptionConfig"] == nil else {
            throw AWSError(
                400, "InvalidRequestException", "Encryption is already enabled for cluster \(cluster.name)",
                members: ["clusterName": cluster.name])
        }
        guard let config = try encryption(request.body["encryptionConfig"], request, cluster.name) else {
            throw invalid("encryptionConfig: Member must not be null", cluster: cluster.name)
        }
        return try await begin(
            Change(
                type: "AssociateEncryptionConfig", parameters: [("EncryptionConfig", config.text)], result: ["encryptionConfig": config]),
            request, document)
    }

    /// What is wrong with a cluster's key.
    func keyIssues(_ cluster: ClusterRecord) -> [JSON] {
        guard let arn = cluster.json["encryptionConfig"]?[0]?.at("provider", "keyArn")?.string else { return [] }
        guard let key = key(arn, cluster.accountID, cluster.region) else {
            return [NodegroupHealth.issue("KmsKeyNotFound", "The KMS key of the cluster could not be found.", [arn])]
        }
        switch key["KeyState"] {
        case "Enabled": return []
        case "Disabled": return [NodegroupHealth.issue("KmsKeyDisabled", "The KMS key of the cluster is disabled.", [arn])]
        default: return [NodegroupHealth.issue("KmsKeyMarkedForDeletion", "The KMS key of the cluster is marked for deletion.", [arn])]
        }
    }
}
