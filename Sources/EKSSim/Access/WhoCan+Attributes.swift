import KubeAPI
public import RBAC

extension WhoCan {
    /// A question as the command line asks it: the resource by any name that kubectl takes (`po`, `pods/log`, `deployments.apps`), or a path.
    public static func attributes(verb: String, resource: String, namespace: String = "", name: String = "") -> Attributes {
        let nobody = UserInfo(username: "")
        guard !resource.hasPrefix("/") else { return Attributes(user: nobody, verb: verb.lowercased(), path: resource) }
        let parts = resource.split(separator: "/", maxSplits: 1).map(String.init)
        let words = (parts.first ?? "").split(separator: ".", maxSplits: 1).map(String.init)
        let (word, group) = (words.first?.lowercased() ?? "", words.count == 2 ? words[1] : nil)
        let known = ResourceTable.builtin.resources.first { type in
            (type.resource == word || type.singular == word || type.shortNames.contains(word)) && (group == nil || type.group == group)
        }
        return Attributes(
            user: nobody, verb: verb.lowercased(), namespace: namespace, apiGroup: known?.group ?? group ?? "",
            resource: known?.resource ?? word, subresource: parts.count == 2 ? parts[1] : "", name: name)
    }
}
