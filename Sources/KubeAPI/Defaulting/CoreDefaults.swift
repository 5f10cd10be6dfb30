import Encoding
import JSON

/// The defaults of pods and their parts, and of the other core kinds but services (`pkg/apis/core/v1/defaults.go`).
enum CoreDefaults {
    private static let fileMode: DefaultingTable.Rule = { $0.fill("defaultMode", 0o644) }

    static let rules: [String: DefaultingTable.Rule] = [
        "core.v1.Pod": pod,
        "core.v1.PodSpec": { spec in
            spec.fill("dnsPolicy", "ClusterFirst")
            spec.fill("restartPolicy", "Always")
            spec.fill("securityContext", [:])
            spec.fill("terminationGracePeriodSeconds", 30)
            spec.fill("schedulerName", "default-scheduler")
            mirrorServiceAccount(&spec)
        },
        "core.v1.Container": container,
        "core.v1.EphemeralContainer": container,
        "core.v1.Volume": { volume in
            let hasSource = (volume.object?.members ?? []).contains { $0.key != "name" && !$0.value.isNull }
            if !hasSource { volume["emptyDir"] = [:] }
        },
        "core.v1.ImageVolumeSource": { $0.fill("pullPolicy", pullPolicy($0.text("reference"))) },
        "core.v1.Probe": { probe in
            for (name, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)] {
                if probe.number(name) ?? 0 == 0 { probe[name] = .integer(Int64(value)) }
            }
        },
        "core.v1.GRPCAction": { if $0["service"] == nil || $0["service"] == .null { $0["service"] = "" } },
        "core.v1.HTTPGetAction": { action in
            action.fill("path", "/")
            action.fill("scheme", "HTTP")
        },
        "core.v1.SecretVolumeSource": fileMode,
        "core.v1.ConfigMapVolumeSource": fileMode,
        "core.v1.DownwardAPIVolumeSource": fileMode,
        "core.v1.ProjectedVolumeSource": fileMode,
        "core.v1.ServiceAccountTokenProjection": { $0.fill("expirationSeconds", 3600) },
        "core.v1.PodCertificateProjection": { $0.fill("maxExpirationSeconds", 86400) },
        "core.v1.HostPathVolumeSource": { if $0["type"] == nil || $0["type"] == .null { $0["type"] = "" } },
        "core.v1.AzureDiskVolumeSource": { if $0["readOnly"] == nil || $0["readOnly"] == .null { $0["readOnly"] = false } },
        "core.v1.ObjectFieldSelector": { $0.fill("apiVersion", "v1") },
        "core.v1.ResourceRequirements": { requirements in
            roundUp(&requirements, "limits")
            roundUp(&requirements, "requests")
        },
        "core.v1.VolumeResourceRequirements": { requirements in
            roundUp(&requirements, "limits")
            roundUp(&requirements, "requests")
        },
        "core.v1.ResourceQuotaSpec": { roundUp(&$0, "hard") },
        "core.v1.PersistentVolumeClaimSpec": { $0.fill("volumeMode", "Filesystem") },
        "core.v1.PersistentVolumeSpec": { spec in
            roundUp(&spec, "capacity")
            spec.fill("persistentVolumeReclaimPolicy", "Retain")
            spec.fill("volumeMode", "Filesystem")
        },
        "core.v1.PersistentVolumeStatus": { $0.fill("phase", "Pending") },
        "core.v1.PersistentVolumeClaimStatus": { $0.fill("phase", "Pending") },
        "core.v1.Secret": { secret in
            secret.fill("type", "Opaque")
            mergeTexts(&secret)
        },
        "core.v1.Namespace": { namespace in
            let name = namespace.objectName
            if !name.isEmpty { namespace.set(.string(name), at: ["metadata", "labels", "kubernetes.io/metadata.name"]) }
        },
        "core.v1.NamespaceStatus": { $0.fill("phase", "Active") },
        "core.v1.NodeStatus": { status in
            roundUp(&status, "capacity")
            roundUp(&status, "allocatable")
            if status["allocatable"].isEmptyCollection, let capacity = status["capacity"], !capacity.isNull {
                status["allocatable"] = capacity
            }
        },
        "core.v1.NodeSpec": { spec in
            // The first of the networks has a field of its own (`Convert_v1_NodeSpec_To_core_NodeSpec`).
            if spec["podCIDRs"].isEmptyCollection, !spec["podCIDR"].isUnset, let network = spec["podCIDR"] {
                spec["podCIDRs"] = [network]
            }
        },
        "core.v1.LimitRangeItem": limitRangeItem,
        "core.v1.EndpointPort": { $0.fill("protocol", "TCP") },
        "core.v1.ReplicationController": { controller in
            guard let labels = controller.at("spec", "template", "metadata", "labels"), !Optional(labels).isEmptyCollection else { return }
            if controller.at("spec", "selector").isEmptyCollection { controller.set(labels, at: ["spec", "selector"]) }
            if controller.at("metadata", "labels").isEmptyCollection { controller.set(labels, at: ["metadata", "labels"]) }
        },
    ]

    /// What makes up a container, whatever its kind.
    private static let container: DefaultingTable.Rule = { container in
        container.fill("imagePullPolicy", pullPolicy(container.text("image")))
        container.fill("terminationMessagePath", "/dev/termination-log")
        container.fill("terminationMessagePolicy", "File")
        container.fill("resources", [:])
    }

    /// Images without a tag are the latest ones, which are always pulled (`parsers.ParseImageName`).
    static func pullPolicy(_ image: String) -> JSON {
        let tail = image.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        // A text that is no image name has no tag at all.
        guard !image.isEmpty, !image.contains(where: \.isWhitespace), image == image.lowercased() || tail.contains(":") else {
            return "IfNotPresent"
        }
        if image.contains("@") { return "IfNotPresent" }
        return !tail.contains(":") || tail.hasSuffix(":latest") ? "Always" : "IfNotPresent"
    }

    private static let pod: DefaultingTable.Rule = { pod in
        guard var spec = pod["spec"] else { return }
        pod["spec"] = .null
        for list in ["containers", "initContainers"] {
            spec.forEachElement(list) { container in
                guard let limits = container.at("resources", "limits")?.object, !limits.isEmpty else { return }
                var requests = container.at("resources", "requests")?.object ?? [:]
                for member in limits where !requests.contains(member.key) { requests[member.key] = member.value }
                requests.sortKeys()
                container.set(.object(requests), at: ["resources", "requests"])
            }
        }
        PodResources.fillPodLevel(&spec)
        if spec["enableServiceLinks"].isUnset { spec["enableServiceLinks"] = true }
        if spec.flag("hostNetwork") {
            for list in ["containers", "initContainers"] {
                spec.forEachElement(list) { container in
                    container.forEachElement("ports") { port in
                        if port.number("hostPort") ?? 0 == 0 { port["hostPort"] = port["containerPort"] }
                    }
                }
            }
        }
        pod["spec"] = spec
    }

    /// `stringData` is written only: its texts become data, over what is there (`Convert_v1_Secret_To_core_Secret`).
    private static func mergeTexts(_ secret: inout JSON) {
        guard let texts = secret["stringData"] else { return }
        var data = secret.present("data") ?? [:]
        for member in texts.object?.members ?? [] {
            data[member.key] = .string(Base64.encode(Array((member.value.string ?? "").utf8)))
        }
        if data.object?.isEmpty == false { secret["data"] = data }
        secret["stringData"] = nil
    }

    /// `serviceAccount` is the older name of `serviceAccountName`: either fills the other (`Convert_v1_PodSpec_To_core_PodSpec`).
    private static func mirrorServiceAccount(_ spec: inout JSON) {
        if spec["serviceAccountName"].isUnset, !spec["serviceAccount"].isUnset { spec["serviceAccountName"] = spec["serviceAccount"] }
        spec["serviceAccount"] = spec["serviceAccountName"].isUnset ? nil : spec["serviceAccountName"]
    }

    /// Quantities finer than a thousandth are rounded up.
    static func roundUp(_ value: inout JSON, _ field: String) {
        guard case .object(var list)? = value[field] else { return }
        var isChanged = false
        list.mapValues { _, quantity in
            guard let text = quantity.string, text.hasSuffix("n") || text.hasSuffix("u"), let amount = QuantityValue(text) else { return }
            quantity = .string(amount.roundedToMilli.text)
            isChanged = true
        }
        if isChanged { value[field] = .object(list) }
    }

    private static let limitRangeItem: DefaultingTable.Rule = { item in
        for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] { roundUp(&item, field) }
        guard item["type"] == "Container" else { return }
        var limits = item["default"]?.object ?? [:]
        var requests = item["defaultRequest"]?.object ?? [:]
        for member in item.entries("max") where !limits.contains(member.key) { limits[member.key] = member.value }
        for member in limits where !requests.contains(member.key) { requests[member.key] = member.value }
        for member in item.entries("min") where !requests.contains(member.key) { requests[member.key] = member.value }
        limits.sortKeys()
        requests.sortKeys()
        item["default"] = limits.isEmpty ? nil : .object(limits)
        item["defaultRequest"] = requests.isEmpty ? nil : .object(requests)
    }
}
