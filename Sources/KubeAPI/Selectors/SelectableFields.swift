/// The fields that each resource can be selected by (`AddFieldLabelConversionFunc` and the `GetAttrs` of each registry).
public enum SelectableFields {
    /// Selector name, and path in the stored object.
    public static func of(_ resource: ResourceType) -> [String: [String]] {
        if let custom = resource.custom {
            let names = resource.isNamespaced ? ["name", "namespace"] : ["name"]
            let fields = names.map { ("metadata.\($0)", ["metadata", $0]) } + custom.selectableFields.map { ($0.name, $0.path) }
            return Dictionary(fields) { first, _ in first }
        }
        var names = ["metadata.name"]
        // Resources without fields of their own accept both, whatever their scope: no cluster-wide object is in a namespace.
        if resource.isNamespaced || further[place(resource)] == nil { names.append("metadata.namespace") }
        names += further[place(resource)] ?? []
        var fields: [String: [String]] = [:]
        for name in names { fields[name] = (stored[place(resource)]?[name] ?? name).split(separator: ".").map(String.init) }
        return fields
    }

    /// The refusal of a field that a resource cannot be selected by.
    public static func refusal(_ field: String, _ resource: ResourceType) -> String {
        if resource.custom != nil { return "field label not supported: \(field)" }
        return switch place(resource) {
        case "batch/jobs": "field label \(GoText.quoted(field)) not supported for Job"
        case "resource.k8s.io/resourceslices": "field label not supported for \(resource.groupVersionKind): \(field)"
        case let place where further[place] != nil: "field label not supported: \(field)"
        default: "\(GoText.quoted(field)) is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        }
    }

    /// What a field that is absent compares as.
    public static func absent(_ field: String) -> String {
        switch field {
        case "spec.hostNetwork", "spec.unschedulable": "false"
        case "status.replicas", "status.successful": "0"
        default: ""
        }
    }

    private static func place(_ resource: ResourceType) -> String { "\(resource.group)/\(resource.resource)" }

    private static let further: [String: [String]] = [
        "/pods": [
            "spec.nodeName", "spec.host", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
            "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
        ],
        "/events": [
            "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
            "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
        ],
        "events.k8s.io/events": [
            "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion", "regarding.resourceVersion",
            "regarding.fieldPath", "reason", "reportingController", "type",
        ],
        "/namespaces": ["status.phase"],
        "/nodes": ["spec.unschedulable"],
        "/secrets": ["type"],
        "/services": ["spec.clusterIP", "spec.type"],
        "/replicationcontrollers": ["status.replicas"],
        "batch/jobs": ["status.successful"],
        "certificates.k8s.io/certificatesigningrequests": ["spec.signerName"],
        "resource.k8s.io/resourceslices": ["spec.nodeName", "spec.driver"],
    ]

    /// Where a field is in the stored object, when not at the path of its name.
    private static let stored: [String: [String: String]] = [
        "/pods": ["spec.host": "spec.nodeName"],
        "/events": ["source": "source.component"],
        // Events are stored in the core version.
        "events.k8s.io/events": [
            "regarding.kind": "involvedObject.kind", "regarding.namespace": "involvedObject.namespace",
            "regarding.name": "involvedObject.name", "regarding.uid": "involvedObject.uid",
            "regarding.apiVersion": "involvedObject.apiVersion", "regarding.resourceVersion": "involvedObject.resourceVersion",
            "regarding.fieldPath": "involvedObject.fieldPath", "reportingController": "reportingComponent",
        ],
    ]
}
