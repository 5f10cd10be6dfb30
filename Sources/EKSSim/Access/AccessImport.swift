import IAMAuthenticator
import JSON

/// Access entries of a real cluster, from what the `aws` command says of them.
extension ClusterAccess {
    /// Why a text has no access entries.
    public struct ImportProblem: Error, Sendable, Hashable, CustomStringConvertible {
        /// The text for messages.
        public let description: String
    }

    /// Takes over what the answers of EKS say, one after the other in a text: of `describe-access-entry` and `create-access-entry` an
    /// entry, of `list-associated-access-policies` its policies, of `describe-cluster` name, account and authentication mode. EKS does not
    /// tell the ids of principals, so that they are known by their ARNs.
    ///
    /// - Throws: `ImportProblem`.
    public mutating func importEntries(_ text: String) throws(ImportProblem) {
        var policies: [String: [AccessEntryState.Association]] = [:]
        var order: [AccessEntryState.Entry] = []
        for document in try JSONDocuments.parse(text) {
            if let cluster = document["cluster"] {
                try take(cluster: cluster)
            } else if let entry = document["accessEntry"], let arn = entry["principalArn"]?.string {
                order.removeAll { $0.principalARN == arn }
                order.append(
                    AccessEntryState.Entry(
                        principalARN: arn, type: entry["type"]?.string ?? "STANDARD", username: entry["username"]?.string ?? "",
                        groups: entry["kubernetesGroups"]?.strings ?? [], associations: []))
            } else if let list = document["associatedAccessPolicies"]?.array, let arn = document["principalArn"]?.string {
                policies[arn, default: []] += list.compactMap(AccessPlan.association)
            } else if document["accessEntries"] == nil {
                let members = document.object?.keys.prefix(3).joined(separator: ", ") ?? document.typeName
                throw ImportProblem(
                    description:
                        "want answers of aws eks describe-access-entry, list-associated-access-policies and describe-cluster, not \(members)"
                )
            }
        }
        for arn in policies.keys.sorted() where !order.contains(where: { $0.principalARN == arn }) {
            throw ImportProblem(description: "there are policies of \(arn), but no entry: aws eks describe-access-entry")
        }
        entries = order.map { entry in
            var entry = entry
            entry.associations = policies[entry.principalARN] ?? []
            return entry
        }
        entryPrincipalIDs = Dictionary(order.map { ($0.principalARN, $0.principalARN) }) { first, _ in first }
    }

    private mutating func take(cluster: JSON) throws(ImportProblem) {
        if let text = cluster.at("accessConfig", "authenticationMode")?.string {
            guard let mode = Self.mode(named: text) else { throw ImportProblem(description: "unknown authentication mode \(text)") }
            self.mode = mode
        }
        if let name = cluster["name"]?.string { clusterName = name }
        let sections = (cluster["arn"]?.string ?? "").split(separator: ":", omittingEmptySubsequences: false)
        if sections.count > 4 { accountID = String(sections[4]) }
    }
}

/// JSON documents one after the other, as several commands write them into one file.
enum JSONDocuments {
    /// - Throws: `ClusterAccess.ImportProblem`.
    static func parse(_ text: String) throws(ClusterAccess.ImportProblem) -> [JSON] {
        var documents: [JSON] = []
        for bytes in pieces(Array(text.utf8)) {
            do { documents.append(try JSON(parsing: bytes)) } catch {
                throw ClusterAccess.ImportProblem(description: "document \(documents.count + 1) is not JSON: \(error)")
            }
        }
        // A list of answers is as good as answers one after the other.
        return documents.flatMap { $0.array ?? [$0] }
    }

    /// Cuts where an object or array at the outside ends; what is no JSON is left to the parser.
    private static func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var start = bytes.startIndex
        var depth = 0
        var isText = false
        var isEscaped = false
        for (index, byte) in bytes.enumerated() {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else {
                    isText = byte != UInt8(ascii: "\"")
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isText = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                guard depth == 0 else { continue }
                pieces.append(Array(bytes[start...index]))
                start = index + 1
            default: continue
            }
        }
        let rest = bytes[start...]
        if rest.contains(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) { pieces.append(Array(rest)) }
        return pieces
    }
}
