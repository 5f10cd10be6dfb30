import JSON

/// The row of a Node (`printNode`).
enum NodeRow {
    private static let rolePrefix = "node-role.kubernetes.io/"

    static func cells(_ shown: PrintedObject) -> [JSON] {
        func orUnknown(_ text: String) -> JSON { .string(text.isEmpty ? PrintedObject.unknown : text) }
        func address(_ type: String) -> JSON {
            .string(shown.list("status", "addresses").first { $0["type"]?.string == type }?["address"]?.string ?? PrintedObject.none)
        }
        let roles = roles(shown)
        return [
            .string(shown.name), .string(status(shown)), .string(roles.isEmpty ? PrintedObject.none : roles.joined(separator: ",")),
            shown.age, .string(shown.text("status", "nodeInfo", "kubeletVersion")), address("InternalIP"), address("ExternalIP"),
            orUnknown(shown.text("status", "nodeInfo", "osImage")), orUnknown(kernel(shown)),
            orUnknown(shown.text("status", "nodeInfo", "containerRuntimeVersion")),
        ]
    }

    private static func status(_ shown: PrintedObject) -> String {
        let ready = shown.list("status", "conditions").last { $0["type"]?.string == "Ready" }
        let status = ready.map { $0["status"]?.string == "True" ? "Ready" : "NotReady" } ?? "Unknown"
        return shown.object.at("spec", "unschedulable")?.bool == true ? status + ",SchedulingDisabled" : status
    }

    /// Kernel and architecture.
    private static func kernel(_ shown: PrintedObject) -> String {
        let kernel = shown.text("status", "nodeInfo", "kernelVersion")
        let architecture = shown.text("status", "nodeInfo", "architecture")
        return kernel.isEmpty || architecture.isEmpty ? kernel : "\(kernel) (\(architecture))"
    }

    private static func roles(_ shown: PrintedObject) -> [String] {
        var roles: Set<String> = []
        for label in shown.object.at("metadata", "labels")?.object ?? [:] {
            if label.key.hasPrefix(rolePrefix) {
                roles.insert(String(label.key.dropFirst(rolePrefix.count)))
            } else if label.key == "kubernetes.io/role" {
                roles.insert(label.value.string ?? "")
            }
        }
        return roles.filter { !$0.isEmpty }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
