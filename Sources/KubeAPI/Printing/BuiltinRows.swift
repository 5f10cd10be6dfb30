import JSON

/// How the rows of the built-in resources are made, by `group/version/resource`. The resources that are not here have name and creation
/// time, as the server shows them too.
enum BuiltinRows {
    typealias Cells = @Sendable (PrintedObject) -> [JSON]

    static let table: [String: Cells] = [
        "/v1/componentstatuses": PolicyRows.componentStatus,
        "/v1/configmaps": { shown in
            let count = (shown.object["data"]?.object?.count ?? 0) + (shown.object["binaryData"]?.object?.count ?? 0)
            return [.string(shown.name), .integer(Int64(count)), shown.age]
        },
        "/v1/endpoints": NetworkRows.endpoints,
        "/v1/events": EventRow.cells,
        "/v1/namespaces": row(.name, .text("status", "phase"), .age),
        "/v1/nodes": NodeRow.cells,
        "/v1/persistentvolumeclaims": StorageRows.claim,
        "/v1/persistentvolumes": StorageRows.volume,
        "/v1/pods": PodRow.cells,
        "/v1/podtemplates": WorkloadRows.podTemplate,
        "/v1/replicationcontrollers": WorkloadRows.replicationController,
        "/v1/resourcequotas": PolicyRows.quota,
        "/v1/secrets": row(.name, .text("type"), .count("data"), .age),
        "/v1/serviceaccounts": row(.name, .age),
        "/v1/services": NetworkRows.service,
        "apiregistration.k8s.io/v1/apiservices": PolicyRows.apiService,
        "apps/v1/controllerrevisions": WorkloadRows.controllerRevision,
        "apps/v1/daemonsets": WorkloadRows.daemonSet,
        "apps/v1/deployments": WorkloadRows.deployment,
        "apps/v1/replicasets": WorkloadRows.replicaSet,
        "apps/v1/statefulsets": WorkloadRows.statefulSet,
        "events.k8s.io/v1/events": EventRow.newCells,
        "autoscaling/v1/horizontalpodautoscalers": AutoscalerRow.oldCells,
        "autoscaling/v2/horizontalpodautoscalers": AutoscalerRow.cells,
        "batch/v1/cronjobs": WorkloadRows.cronJob,
        "batch/v1/jobs": WorkloadRows.job,
        "certificates.k8s.io/v1/certificatesigningrequests": PolicyRows.signingRequest,
        "networking.k8s.io/v1/ingressclasses": NetworkRows.ingressClass,
        "networking.k8s.io/v1/ingresses": NetworkRows.ingress,
        "networking.k8s.io/v1/ipaddresses": NetworkRows.ipAddress,
        "networking.k8s.io/v1/networkpolicies": { shown in
            [.string(shown.name), .string(PrintedObject.selector(shown.value("spec", "podSelector"))), shown.age]
        },
        "networking.k8s.io/v1/servicecidrs": row(.name, .joined("spec", "cidrs"), .age),
        "policy/v1/poddisruptionbudgets": row(
            .name, .intOrString("spec", "minAvailable"), .intOrString("spec", "maxUnavailable"), .integer("status", "disruptionsAllowed"),
            .age),
        "rbac.authorization.k8s.io/v1/clusterrolebindings": PolicyRows.binding,
        "rbac.authorization.k8s.io/v1/rolebindings": PolicyRows.binding,
        "storage.k8s.io/v1/csidrivers": StorageRows.driver,
        "storage.k8s.io/v1/csinodes": row(.name, .count("spec", "drivers"), .age),
        "storage.k8s.io/v1/storageclasses": StorageRows.storageClass,
        "storage.k8s.io/v1/volumeattachments": row(
            .name, .text("spec", "attacher"), .text("spec", "source", "persistentVolumeName"), .text("spec", "nodeName"),
            .bool("status", "attached"), .age),
        "storage.k8s.io/v1/volumeattributesclasses": row(.name, .text("driverName"), .age),
        "admissionregistration.k8s.io/v1/mutatingadmissionpolicies": PolicyRows.admissionPolicy(rules: "mutations"),
        "admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings": PolicyRows.admissionPolicyBinding,
        "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": row(.name, .count("webhooks"), .age),
        "admissionregistration.k8s.io/v1/validatingadmissionpolicies": PolicyRows.admissionPolicy(rules: "validations"),
        "admissionregistration.k8s.io/v1/validatingadmissionpolicybindings": PolicyRows.admissionPolicyBinding,
        "admissionregistration.k8s.io/v1/validatingwebhookconfigurations": row(.name, .count("webhooks"), .age),
        "scheduling.k8s.io/v1/priorityclasses": row(.name, .integer("value"), .bool("globalDefault"), .age, .text("preemptionPolicy")),
        "coordination.k8s.io/v1/leases": row(.name, .text("spec", "holderIdentity"), .age),
        "node.k8s.io/v1/runtimeclasses": row(.name, .text("handler"), .age),
        "discovery.k8s.io/v1/endpointslices": NetworkRows.endpointSlice,
        "resource.k8s.io/v1/deviceclasses": row(.name, .age),
        "resource.k8s.io/v1/resourceclaims": PolicyRows.resourceClaim,
        "resource.k8s.io/v1/resourceclaimtemplates": row(.name, .age),
        "resource.k8s.io/v1/resourceslices": row(
            .name, .text("spec", "nodeName"), .text("spec", "driver"), .text("spec", "pool", "name"), .age),
        "flowcontrol.apiserver.k8s.io/v1/flowschemas": PolicyRows.flowSchema,
        "flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations": row(
            .name, .text("spec", "type"), .integer("spec", "limited", "nominalConcurrencyShares", absent: PrintedObject.none),
            .integer("spec", "limited", "limitResponse", "queuing", "queues", absent: PrintedObject.none),
            .integer("spec", "limited", "limitResponse", "queuing", "handSize", absent: PrintedObject.none),
            .integer("spec", "limited", "limitResponse", "queuing", "queueLengthLimit", absent: PrintedObject.none), .age),
    ]

    /// Name and creation time (`rest.NewDefaultTableConvertor`).
    static let fallback = row(.name, .text("metadata", "creationTimestamp"))

    /// A Scale's replicas, wished and counted.
    static let scale = row(.name, .integer("spec", "replicas"), .integer("status", "replicas"), .age)

    private static func row(_ cells: Cell...) -> Cells { { shown in cells.map { $0.value(shown) } } }
}
