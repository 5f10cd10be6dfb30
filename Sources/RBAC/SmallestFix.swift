import Encoding

extension RBACSnapshot {
    /// The smallest grant of a refused request, as commands to paste for somebody who may change RBAC; `nil` for nobody in particular.
    ///
    /// Where a Role that is bound to the user lacks nothing but the verb, that verb is added to its rule; else a role of just this verb and
    /// resource is made and bound.
    public func smallestFix(_ attributes: Attributes) -> String? {
        guard attributes.user.username != "system:anonymous" else { return nil }
        return patchedRule(attributes) ?? newRole(attributes)
    }

    /// Adds the verb to a rule that speaks of this resource alone, so that nothing else is granted with it.
    private func patchedRule(_ attributes: Attributes) -> String? {
        let resource = attributes.combinedResource
        for binding in everyBinding
        where binding.roleKind == "Role" && binding.namespace == attributes.namespace
            && binding.subjects.contains(where: {
                $0.matches(attributes.user)
            })
        {
            for (index, rule) in (rules(of: binding) ?? []).enumerated()
            where rule.mismatches(attributes) == [.verb] && rule.resources == [resource] && rule.apiGroups == [attributes.apiGroup] {
                let patch = "[{\"op\":\"add\",\"path\":\"/rules/\(index)/verbs/-\",\"value\":\"\(attributes.verb)\"}]"
                return
                    "kubectl patch role \(Shell.word(binding.roleName)) -n \(Shell.word(attributes.namespace)) --type=json -p \(Shell.quoted(patch))"
            }
        }
        return nil
    }

    private func newRole(_ attributes: Attributes) -> String {
        let isWide = attributes.namespace.isEmpty
        let (role, binding) = isWide ? ("clusterrole", "clusterrolebinding") : ("role", "rolebinding")
        let place = isWide ? "" : " -n \(Shell.word(attributes.namespace))"
        let what =
            attributes.isResourceRequest
            ? "--resource=\(Shell.word(attributes.qualifiedResource))" : "--non-resource-url=\(Shell.word(attributes.path))"
        let name = Shell.word(freeName(attributes))
        return "kubectl create \(role) \(name) --verb=\(Shell.word(attributes.verb)) \(what)\(place)\n"
            + "kubectl create \(binding) \(name) --\(role)=\(name) \(Self.subject(attributes.user))\(place)"
    }

    /// `get-pods`, or with a number when a role or binding has that name.
    private func freeName(_ attributes: Attributes) -> String {
        let what = attributes.isResourceRequest ? attributes.combinedResource : "path\(attributes.path)"
        let letters = "\(attributes.verb)-\(what)".map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        var base = String(letters).lowercased()
        while base.hasSuffix("-") { base.removeLast() }
        let namespace = attributes.namespace.isEmpty ? nil : attributes.namespace
        let taken = Set(everyBinding.filter { $0.namespace == namespace }.map(\.name)).union(roleNames(in: namespace))
        var name = base
        var number = 2
        while taken.contains(name) {
            name = "\(base)-\(number)"
            number += 1
        }
        return name
    }

    /// A group of one's own holds for every session of a principal, so it is bound rather than the username.
    private static func subject(_ user: UserInfo) -> String {
        let parts = user.username.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 4, parts[0] == "system", parts[1] == "serviceaccount" {
            return "--serviceaccount=\(Shell.word("\(parts[2]):\(parts[3])"))"
        }
        if let group = user.groups.first(where: { !$0.hasPrefix("system:") }) { return "--group=\(Shell.word(group))" }
        return "--user=\(Shell.word(user.username))"
    }
}

extension Attributes {
    /// `pods`, `pods/log`.
    public var combinedResource: String { subresource.isEmpty ? resource : "\(resource)/\(subresource)" }
    /// `pods/log`, `deployments.apps`, `deployments.apps/scale`: as kubectl takes it.
    public var qualifiedResource: String {
        let whole = apiGroup.isEmpty ? resource : "\(resource).\(apiGroup)"
        return subresource.isEmpty ? whole : "\(whole)/\(subresource)"
    }
}
