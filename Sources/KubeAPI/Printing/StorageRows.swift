import JSON

/// Rows of volumes, claims and storage classes.
enum StorageRows {
    private static let modes = [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")]
    private static let classAnnotation = "volume.beta.kubernetes.io/storage-class"

    static func volume(_ shown: PrintedObject) -> [JSON] {
        let claim = shown.value("spec", "claimRef").map { "\($0["namespace"]?.string ?? "")/\($0["name"]?.string ?? "")" }
        return [
            .string(shown.name), .string(capacity(shown.value("spec", "capacity"))),
            .string(accessModes(shown.list("spec", "accessModes"))),
            .string(shown.text("spec", "persistentVolumeReclaimPolicy")), .string(phase(shown)), .string(claim ?? ""),
            .string(storageClass(shown)), attributesClass(shown), .string(shown.text("status", "reason")), shown.age, volumeMode(shown),
        ]
    }

    static func claim(_ shown: PrintedObject) -> [JSON] {
        let volume = shown.text("spec", "volumeName")
        let isBound = !volume.isEmpty
        return [
            .string(shown.name), .string(phase(shown)), .string(volume),
            .string(isBound ? capacity(shown.value("status", "capacity")) : ""),
            .string(isBound ? accessModes(shown.list("status", "accessModes")) : ""), .string(storageClass(shown)), attributesClass(shown),
            shown.age, volumeMode(shown),
        ]
    }

    static func storageClass(_ shown: PrintedObject) -> [JSON] {
        let isDefault = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
            .contains { shown.text("metadata", "annotations", $0) == "true" }
        return [
            .string(shown.name + (isDefault ? " (default)" : "")), .string(shown.text("provisioner")),
            .string(shown.value("reclaimPolicy")?.string ?? "Delete"), .string(shown.value("volumeBindingMode")?.string ?? "Immediate"),
            .bool(shown.value("allowVolumeExpansion")?.bool ?? false), shown.age,
        ]
    }

    static func driver(_ shown: PrintedObject) -> [JSON] {
        let modes = shown.list("spec", "volumeLifecycleModes").compactMap(\.string).joined(separator: ",")
        let audiences = shown.value("spec", "tokenRequests")?.array?.map { $0["audience"]?.string ?? "" }.joined(separator: ",")
        func flag(_ key: String, absent: Bool = false) -> JSON { .bool(shown.value("spec", key)?.bool ?? absent) }
        return [
            .string(shown.name), flag("attachRequired", absent: true), flag("podInfoOnMount"), flag("storageCapacity"),
            .string(audiences ?? PrintedObject.unset), flag("requiresRepublish"), .string(modes.isEmpty ? PrintedObject.none : modes),
            shown.age,
        ]
    }

    private static func phase(_ shown: PrintedObject) -> String { shown.isBeingDeleted ? "Terminating" : shown.text("status", "phase") }

    private static func capacity(_ resources: JSON?) -> String { resources?["storage"]?.string ?? "0" }

    private static func accessModes(_ given: [JSON]) -> String {
        let given = Set(given.compactMap(\.string))
        return modes.filter { given.contains($0.0) }.map(\.1).joined(separator: ",")
    }

    private static func storageClass(_ shown: PrintedObject) -> String {
        shown.value("metadata", "annotations", classAnnotation)?.string ?? shown.text("spec", "storageClassName")
    }

    private static func attributesClass(_ shown: PrintedObject) -> JSON {
        .string(shown.value("spec", "volumeAttributesClassName")?.string ?? PrintedObject.unset)
    }

    private static func volumeMode(_ shown: PrintedObject) -> JSON {
        .string(shown.value("spec", "volumeMode")?.string ?? PrintedObject.unset)
    }
}
