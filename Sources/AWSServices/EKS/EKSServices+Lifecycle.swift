import JSON
import Store
import World

/// What happens to a cluster on the clock. After a restart `resume` picks up where the stored status says.
extension EKSServices {
    /// Starts the control planes of clusters that exist, and goes on with what was under way.
    func resume() async {
        for collection in clusterCollections() {
            let entries = collection.replacing("/clusters", with: "/access-entries")
            for document in records.list(collection) {
                let record = ClusterRecord(json: document.json)
                switch record.status {
                case "CREATING": activate(collection, record, after: configuration.clusterDelay)
                case "DELETING": remove(collection, entries, record, after: configuration.clusterDelay)
                default: await start(collection, record)
                }
            }
        }
    }

    private func clusterCollections() -> [String] {
        records.list("aws/index/eks").map { "aws/\($0.name)/eks/clusters" }
    }

    /// Remembers that an account has clusters in a region, so that a restart finds them.
    func index(_ account: String, _ region: String) async {
        let exists = AWSError(409, "", "")
        try? await records.create("aws/index/eks", "\(account)/\(region)", [:], exists: exists)
    }

    /// Makes a cluster ACTIVE after its delay.
    func activate(_ collection: String, _ record: ClusterRecord, after delay: Duration) {
        world.timers.schedule(after: delay, "eks: \(record.name) becomes ACTIVE") {
            await index(record.accountID, record.region)
            await start(collection, record)
        }
    }

    /// Starts the control plane now and writes its endpoint into the record.
    func start(_ collection: String, _ record: ClusterRecord) async {
        let outcome: JSON
        do {
            let made = try await provisioner.provision(record)
            outcome = ["endpoint": .string(made.endpoint), "ca": .string(Base64.encode(Array(made.certificateAuthority.utf8)))]
        } catch {
            outcome = ["failure": .string("\(error)")]
        }
        let gone = AWSError(404, "ResourceNotFoundException", "")
        _ = try? await records.update(collection, record.name, missing: gone) { (json: inout JSON) throws(AWSError) in
            guard let endpoint = outcome["endpoint"] else {
                json["status"] = "FAILED"
                json["health"] = ["issues": [["code": "InternalFailure", "message": outcome["failure"] ?? "", "resourceIds": []]]]
                return
            }
            json["endpoint"] = endpoint
            json["certificateAuthority"] = ["data": outcome["ca"] ?? ""]
            json["identity"] = ["oidc": ["issuer": json["_issuer"] ?? ""]]
            json["status"] = "ACTIVE"
        }
    }

    /// Removes a cluster after its delay.
    func remove(_ collection: String, _ entries: String, _ record: ClusterRecord, after delay: Duration) {
        world.timers.schedule(after: delay, "eks: \(record.name) is removed") {
            await provisioner.deprovision(record)
            var keys = [Key(collection, record.name)]
            keys += records.list(entries, prefix: "\(record.name)/").map { Key(entries, $0.name) }
            if let group = record.json.at("resourcesVpcConfig", "clusterSecurityGroupId")?.string {
                keys.append(Key(Records.collection(record.accountID, record.region, "ec2", "security-groups"), group))
            }
            try? await records.delete(keys)
        }
    }
}

/// Standard base64 with padding (RFC 4648 section 4).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let value = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for position in 0..<4 {
                text.append(position > group.count ? UInt8(ascii: "=") : alphabet[Int(value >> UInt32(18 - 6 * position)) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
