public import JSON

/// Which parts of a pod its subresource `resize` changes (`dropNonResizeUpdates` of `pkg/registry/core/pod/strategy.go`).
public enum PodResize {
    /// The old pod with the resources that the new one gives to the same containers.
    public static func applied(_ new: JSON, to old: JSON) -> JSON {
        var pod = old
        for list in ["containers", "initContainers"] {
            guard var containers = old["spec"]?[list]?.array, let wanted = new["spec"]?.items(list), wanted.count == containers.count else {
                continue
            }
            for (index, container) in wanted.enumerated() where container["name"] == containers[index]["name"] {
                // What runs once and ends is not resized.
                if list == "initContainers", containers[index]["restartPolicy"] != "Always" { continue }
                for field in ["resources", "resizePolicy"] { containers[index][field] = container[field] }
            }
            pod.set(.array(containers), at: ["spec", list])
        }
        return pod
    }
}

extension FieldErrorList {
    /// `ValidatePodResize`.
    mutating func podResize(_ new: JSON, _ old: JSON) {
        metadataUpdate(new, old)
        podMetadataAndSpec(new)
        if old.at("metadata", "annotations", "kubernetes.io/config.mirror") != nil {
            return forbidden(.root, "static pods cannot be resized")
        }
        if old.at("spec", "os", "name") == "windows" { return forbidden(.root, "windows pods cannot be resized") }
        let at = FieldPath("spec")
        let quality = old["status"]?.text("qosClass") ?? ""
        if PodQuality.of(new["spec"] ?? [:]).rawValue != quality {
            invalid(at, .string(quality), "Pod QOS Class may not change as a result of resizing")
        }
        for list in ["containers", "initContainers"] {
            for (index, (after, before)) in zip(new["spec"]?.items(list) ?? [], old["spec"]?.items(list) ?? []).enumerated() {
                for field in ["requests", "limits"] {
                    let kept = after.at("resources", field)
                    let isRemoved = (before["resources"]?.entries(field) ?? []).contains { kept?[$0.key] == nil }
                    if isRemoved { forbidden((at / list)[index] / "resources" / field, "resource \(field) cannot be removed") }
                }
            }
        }
    }
}
