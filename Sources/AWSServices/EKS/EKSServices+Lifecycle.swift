import JSON
import Store
import World

/// What happens to a cluster on the clock. After a restart `resume` picks up where the stored status says.
extension EKSServices {
    /// Names every `account/region` that ever had a cluster, so that a restart finds them.
    static let index = "aws/index/eks"

    /// Starts the control planes of clusters that exist, and goes on with what was under way.
    func resume() async {
        for place in records.list(Self.index) {
            let collection = "aws/\(place.name)/eks/clusters"
            for document in records.list(collection) {
                let record = ClusterRecord(json: document.json)
                switch record.status {
                case "CREATING": activate(collection, record, after: configuration.clusterDelay)
                case "DELETING": remove(collection, record, after: configuration.clusterDelay)
                case "FAILED": continue
                default:
                    await start(collection, record)
                    if record.status == "UPDATING" { finish(collection, record, after: configuration.clusterDelay) }
                }
            }
        }
    }

    /// Makes a cluster ACTIVE after its delay.
    func activate(_ collection: String, _ record: ClusterRecord, after delay: Duration) {
        world.timers.schedule(after: delay, "eks: \(record.name) becomes ACTIVE") { await start(collection, record) }
    }

    /// Starts the control plane now and writes its endpoint into the record.
    func start(_ collection: String, _ record: ClusterRecord) async {
        let made: (endpoint: String, certificateAuthority: String)?
        var failure = ""
        do { made = try await provisioner.provision(record) } catch {
            made = nil
            failure = "\(error)"
        }
        let gone = AWSError(404, "ResourceNotFoundException", "")
        _ = try? await records.update(collection, record.name, missing: gone) { (json: inout JSON) throws(AWSError) in
            // Another cluster of the same name, or one that is on its way out, is none of ours.
            guard json["_id"]?.string == record.clusterID, json["status"]?.string != "DELETING" else { throw gone }
            guard let made else {
                json["status"] = "FAILED"
                json["health"] = ["issues": [["code": "InternalFailure", "message": .string(failure), "resourceIds": []]]]
                return
            }
            json["endpoint"] = .string(made.endpoint)
            json["certificateAuthority"] = ["data": .string(Base64.encode(Array(made.certificateAuthority.utf8)))]
            json["identity"] = ["oidc": ["issuer": json["_issuer"] ?? ""]]
            if json["status"]?.string != "UPDATING" { json["status"] = "ACTIVE" }
        }
    }

    /// Removes a cluster with its access entries, updates and network after its delay.
    func remove(_ collection: String, _ record: ClusterRecord, after delay: Duration) {
        world.timers.schedule(after: delay, "eks: \(record.name) is removed") {
            await provisioner.deprovision(record)
            var keys = [Key(collection, record.name)]
            for kind in ["access-entries", "updates", "pod-identity-associations", "identity-provider-configs"] {
                let others = collection.replacing("/eks/clusters", with: "/eks/\(kind)")
                keys += records.list(others, prefix: "\(record.name)/").map { Key(others, $0.name) }
            }
            let writes = keys.map { Transaction.Write.delete($0, last: nil) }
            _ = try? await regions.resources(record.accountID, record.region).change { draft throws(AWSError) in
                ClusterNetwork.remove(&draft, record)
                draft.join(Transaction(writes: writes), conflict: AWSError(409, "ResourceInUseException", ""))
            }
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
