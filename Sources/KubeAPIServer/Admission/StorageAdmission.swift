import JSON
import KubeAPI

/// Claims that name no StorageClass get the default one (`plugin/pkg/admission/storage/storageclass/setdefault`).
struct DefaultStorageClass: AdmissionPlugin {
    static let name = "DefaultStorageClass"

    private static let marks = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("", "persistentvolumeclaims"),
            attributes.object.at("spec", "storageClassName") == nil,
            attributes.object.at("metadata", "annotations", "volume.beta.kubernetes.io/storage-class") == nil,
            let found = view.marked("storage.k8s.io", "storageclasses", by: Self.marks)
        else { return }
        attributes.object.set(.string(found.objectName), at: ["spec", "storageClassName"])
    }
}

/// Storage that is in use waits with its deletion (`plugin/pkg/admission/storage/storageobjectinuseprotection`).
struct StorageObjectInUseProtection: AdmissionPlugin {
    static let name = "StorageObjectInUseProtection"

    private static let finalizers: [String: JSON] = [
        "/persistentvolumeclaims": "kubernetes.io/pvc-protection",
        "/persistentvolumes": "kubernetes.io/pv-protection",
        "storage.k8s.io/volumeattributesclasses": "kubernetes.io/vac-protection",
    ]

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        let resource = attributes.resource
        guard attributes.operation == .create, attributes.subresource.isEmpty,
            let finalizer = Self.finalizers["\(resource.group)/\(resource.resource)"]
        else { return }
        var present = attributes.object.at("metadata", "finalizers")?.array ?? []
        guard !present.contains(finalizer) else { return }
        present.append(finalizer)
        attributes.object.set(.array(present), at: ["metadata", "finalizers"])
    }
}

/// Claims grow only where their StorageClass lets them (`plugin/pkg/admission/storage/persistentvolume/resize`).
struct PersistentVolumeClaimResize: AdmissionPlugin {
    static let name = "PersistentVolumeClaimResize"

    func validate(_ attributes: AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .update, attributes.concerns("", "persistentvolumeclaims"), let old = attributes.old else { return }
        func size(_ claim: JSON) -> QuantityValue {
            claim.at("spec", "resources", "requests", "storage")?.string.flatMap { QuantityValue($0) } ?? .zero
        }
        guard size(attributes.object) > size(old) else { return }
        guard old.at("status", "phase") == "Bound" else {
            throw attributes.forbidden("Only bound persistent volume claims can be expanded")
        }
        let name = attributes.object.at("spec", "storageClassName")?.string ?? ""
        let before = old.at("spec", "storageClassName")?.string ?? ""
        let allows = view.object("storage.k8s.io", "storageclasses", name)?["allowVolumeExpansion"] == true
        guard !name.isEmpty, !before.isEmpty, name == before, allows else {
            throw attributes.forbidden(
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize")
        }
    }
}

/// Ingresses that name no class get the default one (`plugin/pkg/admission/network/defaultingressclass`).
struct DefaultIngressClass: AdmissionPlugin {
    static let name = "DefaultIngressClass"

    func mutate(_ attributes: inout AdmissionAttributes, _ view: AdmissionView) throws(KubeStatus) {
        guard attributes.operation == .create, attributes.concerns("networking.k8s.io", "ingresses"),
            attributes.object.at("spec", "ingressClassName") == nil,
            attributes.object.at("metadata", "annotations", "kubernetes.io/ingress.class") == nil,
            let found = view.marked("networking.k8s.io", "ingressclasses", by: ["ingressclass.kubernetes.io/is-default-class"])
        else { return }
        attributes.object.set(.string(found.objectName), at: ["spec", "ingressClassName"])
    }
}
