public import JSON

/// How objects of a resource come into being and change, beyond what all share (the `strategy.go` of each registry).
///
/// A row holds only facts; handlers are generic over it.
public struct ResourceStrategy: Sendable {
    /// The form of names.
    public var nameForm: NameForm = .subdomain
    /// Whether `metadata.generation` counts changes of what the user wants.
    public var countsGenerations = false
    /// Whether a PUT makes a missing object.
    public var allowsCreateOnUpdate = false
    /// Whether a PUT without `resourceVersion` is taken.
    public var allowsUnconditionalUpdate = true
    /// Whether a deletion waits for the kubelet.
    public var hasGracefulDeletion = false
    /// Whether a deletion answers the object instead of a Status.
    public var returnsDeletedObject = false
    /// What happens to dependents when a deletion does not say.
    public var defaultPropagation = DeleteOptions.Propagation.background
    /// Fields that a new object gets where the user gave none, besides the type's own defaults: member path and value.
    public var initialFields: [(path: [String], value: JSON)] = []
    /// Fields that new objects lose: a user's status.
    public var clearsStatus = true
    /// Whether what is left of a status that a user may not set is nothing, not an empty object.
    public var dropsStatus = false
    /// Whether the generation stays what it was at creation.
    public var keepsGeneration = false
    /// Whether a change of the status counts a generation, where it is no subresource.
    public var countsStatus = false
    /// Whether the status subresource leaves the metadata alone.
    public var statusKeepsMetadata = false
    /// Whether the status subresource leaves the labels alone.
    public var statusKeepsLabels = false
    /// What a deletion that does not say what becomes of dependents is warned of.
    public var deletionWarning: String?
    /// Finalizers that an object gets when its deletion begins; such an object carries no grace.
    public var deletionFinalizers: [String] = []
    /// A condition that says that the deletion has begun.
    public var deletionCondition: (type: String, reason: String, message: String)?

    /// The strategy of a resource.
    public static func of(_ resource: ResourceType) -> ResourceStrategy {
        guard resource.custom == nil else {
            return ResourceStrategy(
                countsGenerations: true, allowsUnconditionalUpdate: false, dropsStatus: true, countsStatus: true, statusKeepsMetadata: true)
        }
        return rows["\(resource.group)/\(resource.resource)"] ?? ResourceStrategy()
    }

    private static let rbac = ResourceStrategy(nameForm: .pathSegment, allowsCreateOnUpdate: true)
    private static let deleted = ResourceStrategy(returnsDeletedObject: true)
    private static let counted = ResourceStrategy(countsGenerations: true)
    private static let demanding = ResourceStrategy(allowsUnconditionalUpdate: false)
    private static let demandingDeleted = ResourceStrategy(allowsUnconditionalUpdate: false, returnsDeletedObject: true)
    private static let demandingCounted = ResourceStrategy(countsGenerations: true, allowsUnconditionalUpdate: false)

    private static let rows: [String: ResourceStrategy] = [
        "/namespaces": ResourceStrategy(
            nameForm: .label, initialFields: [(["spec", "finalizers"], ["kubernetes"]), (["status", "phase"], "Active")]),
        "/pods": ResourceStrategy(
            countsGenerations: true, hasGracefulDeletion: true, returnsDeletedObject: true,
            initialFields: [(["status", "phase"], "Pending")]),
        "/services": ResourceStrategy(nameForm: .label1035, allowsCreateOnUpdate: true, returnsDeletedObject: true),
        "/events": ResourceStrategy(allowsCreateOnUpdate: true, clearsStatus: false),
        "events.k8s.io/events": ResourceStrategy(allowsCreateOnUpdate: true, clearsStatus: false),
        "/endpoints": ResourceStrategy(allowsCreateOnUpdate: true),
        "/limitranges": ResourceStrategy(allowsCreateOnUpdate: true),
        "/podtemplates": ResourceStrategy(countsGenerations: true, returnsDeletedObject: true),
        "/replicationcontrollers": ResourceStrategy(countsGenerations: true, defaultPropagation: .orphan),
        "/secrets": ResourceStrategy(initialFields: [(["type"], "Opaque")]),
        "/serviceaccounts": deleted, "/resourcequotas": deleted, "storage.k8s.io/storageclasses": deleted,
        "storage.k8s.io/csidrivers": demandingDeleted, "storage.k8s.io/csinodes": demandingDeleted,
        "storage.k8s.io/volumeattachments": demandingDeleted, "storage.k8s.io/csistoragecapacities": demanding,
        "node.k8s.io/runtimeclasses": ResourceStrategy(allowsCreateOnUpdate: true, allowsUnconditionalUpdate: false),
        "resource.k8s.io/resourceclaims": deleted,
        "resource.k8s.io/resourceclaimtemplates": deleted,
        "/nodes": ResourceStrategy(clearsStatus: false),
        "/persistentvolumes": ResourceStrategy(returnsDeletedObject: true, initialFields: [(["status", "phase"], "Pending")]),
        "/persistentvolumeclaims": ResourceStrategy(returnsDeletedObject: true, initialFields: [(["status", "phase"], "Pending")]),
        "apps/deployments": ResourceStrategy(countsGenerations: true, statusKeepsLabels: true), "apps/replicasets": counted,
        "apps/statefulsets": counted, "apps/daemonsets": counted,
        "batch/jobs": ResourceStrategy(
            countsGenerations: true, defaultPropagation: .orphan,
            deletionWarning: "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them "
                + "or set propagationPolicy=Orphan to suppress this warning"), "batch/cronjobs": counted,
        "coordination.k8s.io/leases": ResourceStrategy(allowsCreateOnUpdate: true, allowsUnconditionalUpdate: false),
        "discovery.k8s.io/endpointslices": counted,
        "networking.k8s.io/ingresses": counted, "networking.k8s.io/ingressclasses": counted, "networking.k8s.io/networkpolicies": counted,
        "policy/poddisruptionbudgets": demandingCounted,
        "scheduling.k8s.io/priorityclasses": ResourceStrategy(countsGenerations: true, keepsGeneration: true),
        "flowcontrol.apiserver.k8s.io/flowschemas": counted, "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": counted,
        "admissionregistration.k8s.io/mutatingwebhookconfigurations": demandingCounted,
        "admissionregistration.k8s.io/validatingwebhookconfigurations": demandingCounted,
        "admissionregistration.k8s.io/validatingadmissionpolicies": demandingCounted,
        "admissionregistration.k8s.io/validatingadmissionpolicybindings": demandingCounted,
        "admissionregistration.k8s.io/mutatingadmissionpolicies": demandingCounted,
        "admissionregistration.k8s.io/mutatingadmissionpolicybindings": demandingCounted,
        "resource.k8s.io/deviceclasses": counted, "resource.k8s.io/resourceslices": counted,
        "apiextensions.k8s.io/customresourcedefinitions": ResourceStrategy(
            countsGenerations: true, allowsUnconditionalUpdate: false,
            initialFields: [(["status", "conditions"], .null), (["status", "acceptedNames"], ["plural": "", "kind": ""])],
            statusKeepsMetadata: true,
            deletionFinalizers: [DefinitionStatus.cleanupFinalizer],
            deletionCondition: (
                "Terminating", "InstanceDeletionPending",
                "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
            )),
        "apiregistration.k8s.io/apiservices": ResourceStrategy(allowsUnconditionalUpdate: false, clearsStatus: false),
        "rbac.authorization.k8s.io/roles": rbac, "rbac.authorization.k8s.io/rolebindings": rbac,
        "rbac.authorization.k8s.io/clusterroles": rbac, "rbac.authorization.k8s.io/clusterrolebindings": rbac,
    ]
}

extension ResourceStrategy {
    /// Prepares a new object: status of the user's making goes, what every new object starts with comes.
    public func prepareForCreate(_ object: inout JSON, _ resource: ResourceType) {
        if resource.subresource("status") != nil, clearsStatus, object["status"] != nil {
            let schema = Schema.builtin
            let zero = schema.type(resource.storageKind).flatMap { Canonicalizer(schema: schema).zero(field: "status", of: $0) }
            object["status"] = dropsStatus ? JSON?.none : zero ?? [:]
        }
        for field in initialFields {
            // The status is the server's; other fields are the user's where given.
            let isServers = field.path.first == "status"
            let isAbsent = object.value(at: field.path).map { $0.isNull || $0 == "" || $0 == [] } ?? true
            if isServers || isAbsent { object.set(field.value, at: field.path) }
        }
    }

    /// Whether an update of the main resource changed what counts a generation: everything but metadata and mostly status.
    public func changesGeneration(_ new: JSON, _ old: JSON) -> Bool {
        guard !keepsGeneration else { return false }
        func wish(_ object: JSON) -> JSON {
            guard let members = object.object?.members else { return object }
            return .object(JSONObject(unique: members.filter { $0.key != "metadata" && ($0.key != "status" || countsStatus) }))
        }
        return wish(new) != wish(old)
    }
}
