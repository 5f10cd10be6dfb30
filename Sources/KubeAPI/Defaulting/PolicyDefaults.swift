import JSON

/// The defaults of RBAC, storage, scheduling, admission, flow control and resource kinds (`pkg/apis/*/v1/defaults.go`).
enum PolicyDefaults {
    private static let rbac: JSON = "rbac.authorization.k8s.io"

    static let rules: [String: DefaultingTable.Rule] = [
        "rbac.v1.RoleRef": { $0.fill("apiGroup", rbac) },
        "rbac.v1.Subject": { subject in
            if subject["kind"] == "User" || subject["kind"] == "Group" { subject.fill("apiGroup", rbac) }
        },
        "scheduling.v1.PriorityClass": { $0.fill("preemptionPolicy", "PreemptLowerPriority") },
        "storage.v1.StorageClass": { storage in
            storage.fill("reclaimPolicy", "Delete")
            storage.fill("volumeBindingMode", "Immediate")
        },
        "storage.v1.CSIDriverSpec": { spec in
            spec.fill("attachRequired", true)
            spec.fill("podInfoOnMount", false)
            spec.fill("storageCapacity", false)
            spec.fill("fsGroupPolicy", "ReadWriteOnceWithFSType")
            if spec["volumeLifecycleModes"].isEmptyCollection { spec["volumeLifecycleModes"] = ["Persistent"] }
            spec.fill("requiresRepublish", false)
            spec.fill("seLinuxMount", false)
        },
        "admissionregistration.v1.ValidatingWebhook": webhook,
        "admissionregistration.v1.MutatingWebhook": { hook in
            webhook(&hook)
            hook.fill("reinvocationPolicy", "Never")
        },
        "admissionregistration.v1.RuleWithOperations": { $0.fill("scope", "*") },
        "admissionregistration.v1.NamedRuleWithOperations": { $0.fill("scope", "*") },
        "admissionregistration.v1.ServiceReference": { $0.fill("port", 443) },
        "admissionregistration.v1.ValidatingAdmissionPolicySpec": { $0.fill("failurePolicy", "Fail") },
        "admissionregistration.v1.MutatingAdmissionPolicySpec": { $0.fill("failurePolicy", "Fail") },
        "admissionregistration.v1.MatchResources": { resources in
            resources.fill("matchPolicy", "Equivalent")
            resources.fill("namespaceSelector", [:])
            resources.fill("objectSelector", [:])
        },
        "apiregistration.v1.ServiceReference": { $0.fill("port", 443) },
        "flowcontrol.v1.FlowSchemaSpec": { if $0.number("matchingPrecedence") ?? 0 == 0 { $0["matchingPrecedence"] = 1000 } },
        "flowcontrol.v1.LimitedPriorityLevelConfiguration": { limited in
            limited.fill("nominalConcurrencyShares", 30)
            limited.fill("lendablePercent", 0)
            var response = limited["limitResponse"] ?? [:]
            if response["type"] == "Queue" {
                var queuing = response.present("queuing") ?? [:]
                for (name, value) in [("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)] {
                    if queuing.number(name) ?? 0 == 0 { queuing[name] = .integer(Int64(value)) }
                }
                response["queuing"] = queuing
                limited["limitResponse"] = response
            }
        },
        "flowcontrol.v1.ExemptPriorityLevelConfiguration": { exempt in
            exempt.fill("nominalConcurrencyShares", 0)
            exempt.fill("lendablePercent", 0)
        },
        "resource.v1.ExactDeviceRequest": deviceRequest,
        "resource.v1.DeviceSubRequest": deviceRequest,
        "authentication.v1.TokenRequestSpec": { $0.fill("expirationSeconds", 3600) },
    ]

    private static let webhook: DefaultingTable.Rule = { hook in
        hook.fill("failurePolicy", "Fail")
        hook.fill("matchPolicy", "Equivalent")
        hook.fill("namespaceSelector", [:])
        hook.fill("objectSelector", [:])
        hook.fill("timeoutSeconds", 10)
    }

    private static let deviceRequest: DefaultingTable.Rule = { request in
        request.fill("allocationMode", "ExactCount")
        if request["allocationMode"] == "ExactCount", request.number("count") ?? 0 == 0 { request["count"] = 1 }
    }
}
