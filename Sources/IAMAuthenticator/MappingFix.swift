import Encoding
import JSON

/// The smallest change that maps an identity, as a command to paste.
extension IdentityMapper {
    /// An access entry where entries count, else a line of `aws-auth`; an entry that was made for an earlier principal of the name is made
    /// again. `nil` when nothing can be added to what `aws-auth` says now.
    func fix(_ identity: CallerIdentity) -> String? {
        guard mode != .configMap else { return awsAuth.fix(identity) }
        let stale = entries.first {
            $0.principalID != identity.userID && ARN.strippingPath($0.principalARN).lowercased() == identity.canonicalARN.lowercased()
        }
        guard let stale else { return create(principalARN?(identity) ?? identity.canonicalARN) }
        let place = "--cluster-name \(Shell.word(clusterName)) --principal-arn \(Shell.word(stale.principalARN))"
        var commands = ["aws eks delete-access-entry \(place)"]
        let isDefault = stale.username == AccessEntryRules.defaultUsername(principalARN: stale.principalARN, type: "STANDARD")
        let username = isDefault ? "" : " --username \(Shell.word(stale.username))"
        let groups = stale.groups.isEmpty ? "" : " --kubernetes-groups \(stale.groups.map(Shell.word).joined(separator: " "))"
        commands.append(create(principalARN?(identity) ?? stale.principalARN) + username + groups)
        for association in stale.associations {
            let scope =
                association.scope == "cluster"
                ? "type=cluster" : "type=namespace,namespaces=\(association.namespaces.joined(separator: ","))"
            commands.append(
                "aws eks associate-access-policy \(place) --policy-arn \(Shell.word(association.policyARN)) --access-scope \(Shell.word(scope))"
            )
        }
        return commands.joined(separator: "\n")
    }

    private func create(_ arn: String) -> String {
        "aws eks create-access-entry --cluster-name \(Shell.word(clusterName)) --principal-arn \(Shell.word(arn))"
    }
}

extension AWSAuthConfigMap {
    /// The command that adds a line for an identity, keeping all that is there.
    fileprivate func fix(_ identity: CallerIdentity) -> String? {
        let isUser = identity.canonicalARN.contains(":user/") || identity.canonicalARN.hasSuffix(":root")
        let section = isUser ? "mapUsers" : "mapRoles"
        // A section that cannot be read does not become readable by another line.
        guard !problems.contains(where: { $0.hasPrefix("\(section): ") }) else { return nil }
        let name = identity.canonicalARN.split(separator: "/").last.map(String.init) ?? "root"
        let username = isUser ? name : "\(name):{{SessionName}}"
        let line = "- \(isUser ? "userarn" : "rolearn"): \(identity.canonicalARN)\n  username: \(username)\n"
        var before = data[section] ?? ""
        if before == "[]" || before == "\"\"" { before = "" }
        if !before.isEmpty, !before.hasSuffix("\n") { before += "\n" }
        let change: JSON = ["data": [section: .string(before + line)]]
        if data.isEmpty {
            var object: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "aws-auth", "namespace": "kube-system"]]
            object["data"] = change["data"]
            return "kubectl apply -f - <<< \(Shell.quoted(object.text))"
        }
        return "kubectl patch configmap aws-auth -n kube-system --type=merge -p \(Shell.quoted(change.text))"
    }
}
