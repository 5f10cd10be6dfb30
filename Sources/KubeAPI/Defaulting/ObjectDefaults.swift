import Encoding
public import JSON

/// The defaults that the server writes into an object where the user said nothing (`pkg/apis/*/v1/defaults.go`).
///
/// The kinds of the main job are here; the whole table comes with the Kubernetes API.
public enum ObjectDefaults {
    /// Fills in defaults, in place. Applying it twice changes nothing.
    public static func apply(to object: inout JSON, _ resource: ResourceType) {
        switch (resource.group, resource.resource) {
        case ("", "namespaces"): object.set(.string(object.objectName), at: ["metadata", "labels", "kubernetes.io/metadata.name"])
        case ("", "secrets"): secret(&object)
        case ("apiextensions.k8s.io", "customresourcedefinitions"): DefinitionDefaults.apply(to: &object)
        case ("", "pods"): podSpec(&object, ["spec"])
        case ("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets"), ("", "replicationcontrollers"):
            fill(&object, ["spec", "replicas"], 1)
            podSpec(&object, ["spec", "template", "spec"])
            workload(&object, resource.resource)
        case ("apps", "daemonsets"):
            podSpec(&object, ["spec", "template", "spec"])
            workload(&object, resource.resource)
        case ("batch", "jobs"): podSpec(&object, ["spec", "template", "spec"])
        case ("", "services"): service(&object)
        case ("rbac.authorization.k8s.io", "rolebindings"), ("rbac.authorization.k8s.io", "clusterrolebindings"): binding(&object)
        default: break
        }
    }

    /// The members of an object in the order of its type, and those of its first level in theirs: where defaults were added at the end.
    public static func ordered(_ object: JSON, _ kind: GroupVersionKind) -> JSON {
        guard let index = Schema.builtin.index(kind) else { return object }
        return ordered(object, .reference(index))
    }

    private static func ordered(_ value: JSON, _ type: ValueType) -> JSON {
        switch (value, type) {
        case (.object(let object), .reference(let index)):
            let schema = Schema.builtin[index]
            guard schema.scalar == nil else { return value }
            var slots = [JSON?](repeating: nil, count: schema.fields.count)
            var head: [JSONObject.Member] = []
            for member in object.members {
                let isTypeMeta = !schema.kinds.isEmpty && (member.key == "kind" || member.key == "apiVersion")
                if !isTypeMeta, let position = schema.positions[member.key] {
                    slots[position] = ordered(member.value, schema.fields[position].type)
                } else {
                    head.append(member)
                }
            }
            for (position, slot) in slots.enumerated() {
                if let slot { head.append(JSONObject.Member(key: schema.fields[position].name, value: slot)) }
            }
            return .object(JSONObject(unique: head))
        case (.object(var object), .map(let element)):
            object.mapValues { _, value in value = ordered(value, element) }
            object.sortKeys()
            return .object(object)
        case (.array(let elements), .array(let element)):
            if case .scalar = element { return value }
            return .array(elements.map { ordered($0, element) })
        default: return value
        }
    }

    /// Sets a value where there is none.
    private static func fill(_ object: inout JSON, _ path: [String], _ value: JSON) {
        if object.value(at: path)?.isNull ?? true { object.set(value, at: path) }
    }

    private static func isEmpty(_ value: JSON?) -> Bool {
        switch value {
        case nil, .null: true
        case .string(let text): text.isEmpty
        default: false
        }
    }

    private static func secret(_ object: inout JSON) {
        guard let texts = object["stringData"]?.object?.members, !texts.isEmpty else {
            object["stringData"] = nil
            return
        }
        var data = object["data"] ?? [:]
        for member in texts { data[member.key] = .string(Base64.encode(Array((member.value.string ?? "").utf8))) }
        if case .object(var members) = data {
            members.sortKeys()
            data = .object(members)
        }
        object["data"] = data
        object["stringData"] = nil
    }

    private static func workload(_ object: inout JSON, _ plural: String) {
        switch plural {
        case "deployments":
            fill(&object, ["spec", "strategy", "type"], "RollingUpdate")
            if object.at("spec", "strategy", "type") == "RollingUpdate" {
                fill(&object, ["spec", "strategy", "rollingUpdate", "maxUnavailable"], "25%")
                fill(&object, ["spec", "strategy", "rollingUpdate", "maxSurge"], "25%")
            }
            fill(&object, ["spec", "revisionHistoryLimit"], 10)
            fill(&object, ["spec", "progressDeadlineSeconds"], 600)
        case "statefulsets":
            fill(&object, ["spec", "podManagementPolicy"], "OrderedReady")
            fill(&object, ["spec", "updateStrategy", "type"], "RollingUpdate")
            if object.at("spec", "updateStrategy", "type") == "RollingUpdate" {
                fill(&object, ["spec", "updateStrategy", "rollingUpdate", "partition"], 0)
            }
            fill(&object, ["spec", "revisionHistoryLimit"], 10)
            fill(&object, ["spec", "persistentVolumeClaimRetentionPolicy"], ["whenDeleted": "Retain", "whenScaled": "Retain"])
        case "daemonsets":
            fill(&object, ["spec", "updateStrategy", "type"], "RollingUpdate")
            if object.at("spec", "updateStrategy", "type") == "RollingUpdate" {
                fill(&object, ["spec", "updateStrategy", "rollingUpdate"], ["maxUnavailable": 1, "maxSurge": 0])
            }
            fill(&object, ["spec", "revisionHistoryLimit"], 10)
        default: break
        }
    }

    private static func podSpec(_ object: inout JSON, _ path: [String]) {
        guard object.value(at: path)?.object != nil else { return }
        for (name, value) in [
            ("restartPolicy", "Always"), ("terminationGracePeriodSeconds", 30), ("dnsPolicy", "ClusterFirst"),
            ("schedulerName", "default-scheduler"),
        ] as [(String, JSON)] where isEmpty(object.value(at: path + [name])) { object.set(value, at: path + [name]) }
        fill(&object, path + ["securityContext"], [:])
        if let account = object.value(at: path + ["serviceAccountName"]), !isEmpty(account) {
            fill(&object, path + ["serviceAccount"], account)
        }
        for list in ["initContainers", "containers"] {
            guard var containers = object.value(at: path + [list])?.array else { continue }
            for index in containers.indices { container(&containers[index]) }
            object.set(.array(containers), at: path + [list])
        }
    }

    private static func container(_ container: inout JSON) {
        fill(&container, ["resources"], [:])
        if isEmpty(container["terminationMessagePath"]) { container["terminationMessagePath"] = "/dev/termination-log" }
        if isEmpty(container["terminationMessagePolicy"]) { container["terminationMessagePolicy"] = "File" }
        if isEmpty(container["imagePullPolicy"]) {
            let image = container["image"]?.string ?? ""
            let tail = image.split(separator: "/").last ?? ""
            let isLatest = !image.contains("@") && (!tail.contains(":") || tail.hasSuffix(":latest"))
            container["imagePullPolicy"] = isLatest ? "Always" : "IfNotPresent"
        }
        guard var ports = container["ports"]?.array else { return }
        for index in ports.indices where isEmpty(ports[index]["protocol"]) { ports[index]["protocol"] = "TCP" }
        container["ports"] = .array(ports)
    }

    private static func service(_ object: inout JSON) {
        if isEmpty(object.at("spec", "type")) { object.set("ClusterIP", at: ["spec", "type"]) }
        if isEmpty(object.at("spec", "sessionAffinity")) { object.set("None", at: ["spec", "sessionAffinity"]) }
        let type = object.at("spec", "type")?.string
        if type != "ExternalName" {
            fill(&object, ["spec", "internalTrafficPolicy"], "Cluster")
        }
        if type == "NodePort" || type == "LoadBalancer" { fill(&object, ["spec", "externalTrafficPolicy"], "Cluster") }
        if type == "LoadBalancer" { fill(&object, ["spec", "allocateLoadBalancerNodePorts"], true) }
        guard var ports = object.at("spec", "ports")?.array else { return }
        for index in ports.indices {
            if isEmpty(ports[index]["protocol"]) { ports[index]["protocol"] = "TCP" }
            let target = ports[index]["targetPort"]
            if isEmpty(target) || target == 0, let port = ports[index]["port"] { ports[index]["targetPort"] = port }
        }
        object.set(.array(ports), at: ["spec", "ports"])
    }

    /// Subjects and role references name their API group.
    private static func binding(_ object: inout JSON) {
        let group: JSON = "rbac.authorization.k8s.io"
        if isEmpty(object.at("roleRef", "apiGroup")) { object.set(group, at: ["roleRef", "apiGroup"]) }
        guard var subjects = object["subjects"]?.array else { return }
        for index in subjects.indices where isEmpty(subjects[index]["apiGroup"]) && subjects[index]["kind"] != "ServiceAccount" {
            subjects[index]["apiGroup"] = group
        }
        object["subjects"] = .array(subjects)
    }
}
