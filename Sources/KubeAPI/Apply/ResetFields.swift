/// Fields that a path leaves as they are, so that nobody who writes there comes to manage them (`GetResetFields` of each `strategy.go`).
public enum ResetFields {
    private static let status = FieldSet(fields: ["status"])
    private static let spec = FieldSet(fields: ["spec"])
    private static let specAndMetadata = FieldSet(fields: ["spec"], ["metadata"])

    /// The fields of a path: of the object itself for an empty `subresource`.
    public static func of(_ resource: ResourceType, subresource: String) -> FieldSet {
        switch subresource {
        case "": resource.subresource("status") == nil ? FieldSet() : status
        case "status": statusPaths["\(resource.group)/\(resource.resource)"] ?? spec
        case "finalize", "ephemeralcontainers", "resize": status
        case "approval": spec
        default: FieldSet()
        }
    }

    /// Where writing the status leaves more than the spec alone.
    private static let statusPaths: [String: FieldSet] = [
        "/pods": FieldSet(fields: ["spec"], ["metadata", "deletionTimestamp"], ["metadata", "ownerReferences"]),
        "apps/deployments": FieldSet(fields: ["spec"], ["metadata", "labels"]),
        "apiregistration.k8s.io/apiservices": specAndMetadata, "apiextensions.k8s.io/customresourcedefinitions": specAndMetadata,
        "flowcontrol.apiserver.k8s.io/flowschemas": specAndMetadata,
        "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": specAndMetadata, "storage.k8s.io/volumeattachments": specAndMetadata,
        "admissionregistration.k8s.io/validatingadmissionpolicies": specAndMetadata, "resource.k8s.io/resourceclaims": specAndMetadata,
    ]
}
