public import JSON

/// The checks of every built-in kind before it is stored (`Validate` and `ValidateUpdate` of each registry's strategy).
public enum ObjectValidation {
    /// What is validated: the whole object, or what one of its parts may change.
    public enum Part: Sendable, Hashable {
        case object
        case status
        case approval
        case ephemeralContainers
        case resize
        case finalize
    }

    /// What a request says about where its object came from.
    public struct Origin: Sendable {
        /// The API version of the request's path, where rules differ between versions.
        public let requested: GroupVersionKind

        /// Makes an origin.
        public init(requested: GroupVersionKind) { self.requested = requested }
    }

    private typealias Create = @Sendable (inout FieldErrorList, JSON, Origin) -> Void
    private typealias Update = @Sendable (inout FieldErrorList, JSON, JSON, Origin) -> Void

    private struct Rules: Sendable {
        let create: Create
        let update: Update
        var status: Update?
        /// Of parts that only this kind has.
        var parts: [Part: Update] = [:]
    }

    /// What is wrong with a new object in its storage version.
    public static func problems(_ object: JSON, _ resource: ResourceType, _ origin: Origin) -> [FieldError] {
        var errors = FieldErrorList()
        guard let rules = table["\(resource.storageKind.group)/\(resource.resource)"] else {
            errors.metadata(object, ResourceStrategy.of(resource).nameForm, isNamespaced: resource.isNamespaced)
            return errors.errors
        }
        rules.create(&errors, object, origin)
        // What a kind's own rules let pass still has to be fit for a path.
        if errors.isEmpty { errors.metadata(object, .pathSegment, isNamespaced: resource.isNamespaced) }
        return errors.errors
    }

    /// What is wrong with a change (`rest.BeforeUpdate`: the metadata first, then the kind's own rules).
    public static func updateProblems(
        _ new: JSON, old: JSON, _ resource: ResourceType, part: Part, _ origin: Origin
    ) -> [FieldError] {
        var errors = FieldErrorList()
        errors.metadataUpdate(new, old)
        let rules = table["\(resource.storageKind.group)/\(resource.resource)"]
        switch part {
        case .object: rules?.update(&errors, new, old, origin)
        case .status: rules?.status?(&errors, new, old, origin)
        case .approval, .ephemeralContainers, .resize: rules?.parts[part]?(&errors, new, old, origin)
        case .finalize:
            for (index, finalizer) in (new["spec"]?.texts("finalizers") ?? []).enumerated() {
                errors.namespaceFinalizer(finalizer, (FieldPath("spec") / "finalizers")[index])
            }
        }
        return errors.errors
    }

    /// Rules that are the same for new and changed objects.
    private static func same(_ check: @escaping @Sendable (inout FieldErrorList, JSON) -> Void, status: Update? = nil) -> Rules {
        Rules(create: { list, object, _ in check(&list, object) }, update: { list, new, old, _ in check(&list, new) }, status: status)
    }

    private static func rules(
        _ create: @escaping @Sendable (inout FieldErrorList, JSON) -> Void,
        _ update: @escaping @Sendable (inout FieldErrorList, JSON, JSON) -> Void, status: Update? = nil
    ) -> Rules {
        Rules(
            create: { list, object, _ in create(&list, object) }, update: { list, new, old, _ in update(&list, new, old) }, status: status)
    }

    /// Metadata and a spec; on updates the metadata are checked as changes.
    private static func spec(
        _ form: NameForm, isNamespaced: Bool = true, status: Update? = nil, selectorIsImmutable: Bool = false,
        _ check: @escaping @Sendable (inout FieldErrorList, JSON) -> Void
    ) -> Rules {
        rules(
            { list, object in
                list.metadata(object, form, isNamespaced: isNamespaced)
                check(&list, object["spec"] ?? [:])
            },
            { list, new, old in
                check(&list, new["spec"] ?? [:])
                guard selectorIsImmutable else { return }
                list.immutable(new.at("spec", "selector"), old.at("spec", "selector"), FieldPath("spec") / "selector")
            }, status: status)
    }

    private static func counters(_ all: [String], capped: [String]) -> Update {
        { list, new, old, _ in list.replicaStatus(new["status"] ?? [:], all, capped: capped, old) }
    }

    /// Numbers of a status that count something.
    private static func counts(_ all: [String]) -> Update {
        { list, new, _, _ in for name in all { list.nonnegative(new["status"]?.number(name), FieldPath("status") / name) } }
    }

    private static let core: [String: Rules] = [
        "/configmaps": rules({ $0.configMap($1) }, { $0.configMapUpdate($1, $2) }),
        "/secrets": rules({ $0.secret($1) }, { $0.secretUpdate($1, $2) }),
        "/serviceaccounts": same { $0.serviceAccount($1) },
        "/namespaces": rules({ $0.namespace($1) }, { _, _, _ in }, status: { list, new, old, _ in list.namespaceStatusUpdate(new, old) }),
        "/pods": Rules(
            create: { list, object, _ in list.podCreate(object) }, update: { list, new, old, _ in list.podUpdate(new, old) },
            status: { list, new, old, _ in list.podStatusUpdate(new, old) },
            parts: [
                .ephemeralContainers: { list, new, old, _ in list.podEphemeralContainersUpdate(new, old) },
                .resize: { list, new, old, _ in list.podResize(new, old) },
            ]),
        "/podtemplates": rules(
            { list, object in
                list.metadata(object, .subdomain, isNamespaced: true)
                list.podTemplate(object["template"], FieldPath("template"))
            }, { list, new, _ in list.podTemplate(new["template"], FieldPath("template")) }),
        "/replicationcontrollers": spec(
            .subdomain,
            status: counters(
                ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
                capped: ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"])
        ) { $0.replicationControllerSpec($1) },
        "/limitranges": same { $0.limitRange($1) },
        "/resourcequotas": rules(
            { $0.resourceQuota($1) }, { $0.resourceQuotaUpdate($1, $2) },
            status: { list, new, old, _ in list.resourceQuotaStatusUpdate(new, old) }),
        "/nodes": rules(
            { $0.node($1) },
            { list, new, old in
                list.node(new)
                list.nodeUpdate(new, old)
            }, status: { list, new, old, _ in list.nodeUpdate(new, old) }),
        "/events": Rules(
            create: { list, object, origin in list.event(object, isNew: origin.requested.group == "events.k8s.io") },
            update: { list, new, old, origin in list.eventUpdate(new, old, isNew: origin.requested.group == "events.k8s.io") }),
        "/endpoints": same { $0.endpoints($1) },
        "/services": rules(
            { $0.service($1) }, { $0.serviceUpdate($1, $2) },
            status: { list, new, _, _ in list.loadBalancerStatus(new["status"] ?? [:], new["spec"] ?? [:]) }),
        "/persistentvolumes": rules({ $0.persistentVolume($1) }, { $0.persistentVolumeUpdate($1, $2) }),
        "/persistentvolumeclaims": rules({ $0.claim($1) }, { $0.claimUpdate($1, $2) }),
    ]

    private static let workloads: [String: Rules] = [
        "apps/deployments": spec(
            .subdomain,
            status: counters(
                ["updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"],
                capped: ["updatedReplicas", "readyReplicas", "availableReplicas"]), selectorIsImmutable: true
        ) { $0.deploymentSpec($1) },
        "apps/replicasets": spec(
            .subdomain,
            status: counters(
                ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
                capped: ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]), selectorIsImmutable: true
        ) { $0.replicaSetSpec($1) },
        "apps/statefulsets": rules(
            { list, object in
                list.metadata(object, .label, isNamespaced: true)
                list.statefulSetSpec(object["spec"] ?? [:])
            }, { $0.statefulSetUpdate($1, $2) },
            status: counters(
                ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
                capped: ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"])),
        "apps/daemonsets": rules(
            { list, object in
                list.metadata(object, .subdomain, isNamespaced: true)
                list.daemonSetSpec(object["spec"] ?? [:])
            },
            { list, new, old in
                list.immutable(new.at("spec", "selector"), old.at("spec", "selector"), FieldPath("spec") / "selector")
                list.daemonSetSpec(new["spec"] ?? [:])
            },
            status: counts([
                "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration",
                "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
            ])),
        "apps/controllerrevisions": rules(
            { $0.controllerRevision($1) },
            { list, new, old in
                list.controllerRevision(new)
                list.immutable(new["data"], old["data"], FieldPath("data"))
            }),
        "batch/jobs": rules(
            { $0.job($1) }, { $0.jobUpdate($1, $2) }, status: { list, new, old, _ in list.jobStatusUpdate(new, old) }),
        "batch/cronjobs": rules({ $0.cronJob($1, isUpdate: false) }, { list, new, _ in list.cronJob(new, isUpdate: true) }),
        "autoscaling/horizontalpodautoscalers": rules(
            { $0.autoscaler($1) }, { list, new, _ in list.autoscalerSpec(new["spec"] ?? [:]) },
            status: counts(["currentReplicas", "desiredReplicas"])),
        "policy/poddisruptionbudgets": same(
            { $0.disruptionBudget($1) }, status: counts(["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"])),
    ]

    private static let networking: [String: Rules] = [
        "networking.k8s.io/ingresses": rules(
            { $0.ingress($1, isUpdate: false) }, { list, new, _ in list.ingress(new, isUpdate: true) },
            status: { list, new, _, _ in list.loadBalancerStatus(new["status"] ?? [:], nil) }),
        "networking.k8s.io/ingressclasses": rules(
            { $0.ingressClass($1) },
            { list, new, old in
                list.immutable(new.at("spec", "controller"), old.at("spec", "controller"), FieldPath("spec") / "controller")
                list.ingressClass(new)
            }),
        "networking.k8s.io/networkpolicies": rules(
            { list, object in
                list.metadata(object, .subdomain, isNamespaced: true)
                list.networkPolicySpec(object["spec"] ?? [:], old: nil)
            }, { list, new, old in list.networkPolicySpec(new["spec"] ?? [:], old: old["spec"]) }),
        "networking.k8s.io/ipaddresses": rules(
            { $0.ipAddress($1) },
            { list, new, old in
                let path = FieldPath("spec") / "parentRef"
                if new.at("spec", "parentRef") != old.at("spec", "parentRef") {
                    list.invalid(
                        path, GoForm.json(new.at("spec", "parentRef"), "networking.v1.ParentReference"), FieldErrorList.immutable)
                }
            }),
        "networking.k8s.io/servicecidrs": rules({ $0.serviceNetwork($1) }, { $0.serviceNetworkUpdate($1, $2) }),
        "discovery.k8s.io/endpointslices": rules(
            { $0.endpointSlice($1, isUpdate: false) },
            { list, new, old in
                list.endpointSlice(new, isUpdate: true)
                list.immutable(new["addressType"], old["addressType"], FieldPath("addressType"))
            }),
    ]

    private static let policies: [String: Rules] = [
        "rbac.authorization.k8s.io/roles": same { $0.role($1, isNamespaced: true) },
        "rbac.authorization.k8s.io/clusterroles": same { $0.role($1, isNamespaced: false) },
        "rbac.authorization.k8s.io/rolebindings": rules(
            { $0.roleBinding($1, isNamespaced: true) }, { $0.roleBindingUpdate($1, $2, isNamespaced: true) }),
        "rbac.authorization.k8s.io/clusterrolebindings": rules(
            { $0.roleBinding($1, isNamespaced: false) }, { $0.roleBindingUpdate($1, $2, isNamespaced: false) }),
        "scheduling.k8s.io/priorityclasses": rules({ $0.priorityClass($1) }, { $0.priorityClassUpdate($1, $2) }),
        "node.k8s.io/runtimeclasses": rules({ $0.runtimeClass($1) }, { $0.runtimeClassUpdate($1, $2) }),
        "coordination.k8s.io/leases": rules(
            { list, object in
                list.metadata(object, .subdomain, isNamespaced: true)
                list.lease(object)
            }, { list, new, _ in list.lease(new) }),
        "storage.k8s.io/storageclasses": rules({ $0.storageClass($1) }, { $0.storageClassUpdate($1, $2) }),
        "storage.k8s.io/csidrivers": rules({ $0.csiDriver($1) }, { $0.csiDriverUpdate($1, $2) }),
        "storage.k8s.io/csinodes": same { $0.csiNode($1) },
        "storage.k8s.io/volumeattachments": rules({ $0.volumeAttachment($1) }, { $0.volumeAttachmentUpdate($1, $2) }),
        "storage.k8s.io/csistoragecapacities": rules(
            { $0.csiStorageCapacity($1) },
            { list, new, old in
                list.csiStorageCapacity(new)
                for field in ["nodeTopology", "storageClassName"] { list.immutable(new[field], old[field], FieldPath(field)) }
            }),
        "storage.k8s.io/volumeattributesclasses": rules(
            { $0.volumeAttributesClass($1) },
            { list, new, old in
                for field in ["driverName", "parameters"] { list.immutable(new[field], old[field], FieldPath(field)) }
            }),
        "admissionregistration.k8s.io/validatingwebhookconfigurations": rules(
            { $0.webhookConfiguration($1, old: nil, isMutating: false) }, { $0.webhookConfiguration($1, old: $2, isMutating: false) }),
        "admissionregistration.k8s.io/mutatingwebhookconfigurations": rules(
            { $0.webhookConfiguration($1, old: nil, isMutating: true) }, { $0.webhookConfiguration($1, old: $2, isMutating: true) }),
        "admissionregistration.k8s.io/validatingadmissionpolicies": rules(
            { $0.validatingPolicy($1, old: nil) }, { $0.validatingPolicy($1, old: $2) }),
        "admissionregistration.k8s.io/mutatingadmissionpolicies": rules(
            { $0.mutatingPolicy($1, old: nil) }, { $0.mutatingPolicy($1, old: $2) }),
        "admissionregistration.k8s.io/validatingadmissionpolicybindings": same { $0.admissionPolicyBinding($1, isMutating: false) },
        "admissionregistration.k8s.io/mutatingadmissionpolicybindings": same { $0.admissionPolicyBinding($1, isMutating: true) },
        "flowcontrol.apiserver.k8s.io/flowschemas": same { $0.flowSchema($1) },
        "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": same { $0.priorityLevel($1) },
        "certificates.k8s.io/certificatesigningrequests": Rules(
            create: { list, object, _ in list.certificateRequest(object) }, update: { _, _, _, _ in },
            status: { list, new, old, _ in list.certificateStatusUpdate(new, old, approves: false) },
            parts: [.approval: { list, new, old, _ in list.certificateStatusUpdate(new, old, approves: true) }]),
        "apiregistration.k8s.io/apiservices": same { $0.apiService($1) },
        "resource.k8s.io/resourceclaims": rules(
            { list, object in
                list.metadata(object, .subdomain, isNamespaced: true)
                list.deviceClaim(object["spec"] ?? [:], FieldPath("spec"))
            }, { list, new, old in frozenSpec(&list, new, old, "resource.v1.ResourceClaimSpec") }),
        "resource.k8s.io/resourceclaimtemplates": rules(
            { list, object in
                list.metadata(object, .subdomain, isNamespaced: true)
                list.deviceClaim(object.at("spec", "spec") ?? [:], FieldPath("spec") / "spec")
            }, { list, new, old in frozenSpec(&list, new, old, "resource.v1.ResourceClaimTemplateSpec") }),
    ]

    private static func frozenSpec(_ list: inout FieldErrorList, _ new: JSON, _ old: JSON, _ type: String) {
        if new["spec"] != old["spec"] { list.invalid(FieldPath("spec"), GoForm.json(new["spec"], type), FieldErrorList.immutable) }
    }

    private static let table: [String: Rules] =
        core.merging(workloads) { first, _ in first }.merging(networking) { first, _ in first }.merging(policies) { first, _ in first }
}
