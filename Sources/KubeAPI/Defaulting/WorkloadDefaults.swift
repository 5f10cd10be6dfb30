import JSON

/// The defaults of `apps`, `batch` and `autoscaling` (`pkg/apis/{apps,batch,autoscaling}/*/defaults.go`).
enum WorkloadDefaults {
    static let rules: [String: DefaultingTable.Rule] = [
        "apps.v1.DeploymentSpec": { spec in
            spec.fill("replicas", 1)
            spec.fill("revisionHistoryLimit", 10)
            spec.fill("progressDeadlineSeconds", 600)
            var strategy = spec["strategy"] ?? [:]
            strategy.fill("type", "RollingUpdate")
            if strategy["type"] == "RollingUpdate" {
                var rolling = strategy.present("rollingUpdate") ?? [:]
                if rolling["maxUnavailable"].isUnset { rolling["maxUnavailable"] = "25%" }
                if rolling["maxSurge"].isUnset { rolling["maxSurge"] = "25%" }
                strategy["rollingUpdate"] = rolling
            }
            spec["strategy"] = strategy
        },
        "apps.v1.ReplicaSetSpec": { $0.fill("replicas", 1) },
        "apps.v1.StatefulSetSpec": { spec in
            spec.fill("podManagementPolicy", "OrderedReady")
            spec.fill("replicas", 1)
            spec.fill("revisionHistoryLimit", 10)
            var strategy = spec["updateStrategy"] ?? [:]
            strategy.fill("type", "RollingUpdate")
            if strategy["type"] == "RollingUpdate" {
                var rolling = strategy.present("rollingUpdate") ?? [:]
                rolling.fill("partition", 0)
                strategy["rollingUpdate"] = rolling
            }
            spec["updateStrategy"] = strategy
            var retention = spec.present("persistentVolumeClaimRetentionPolicy") ?? [:]
            retention.fill("whenDeleted", "Retain")
            retention.fill("whenScaled", "Retain")
            spec["persistentVolumeClaimRetentionPolicy"] = retention
        },
        // Templates of claims are whole claims, with kind, version and phase.
        "apps.v1.StatefulSet": { set in
            guard var spec = set["spec"] else { return }
            spec.forEachElement("volumeClaimTemplates") { claim in
                claim.fill("kind", "PersistentVolumeClaim")
                claim.fill("apiVersion", "v1")
            }
            set["spec"] = spec
        },
        "apps.v1.DaemonSetSpec": { spec in
            spec.fill("revisionHistoryLimit", 10)
            var strategy = spec["updateStrategy"] ?? [:]
            strategy.fill("type", "RollingUpdate")
            if strategy["type"] == "RollingUpdate" {
                var rolling = strategy.present("rollingUpdate") ?? [:]
                if rolling["maxUnavailable"].isUnset { rolling["maxUnavailable"] = 1 }
                if rolling["maxSurge"].isUnset { rolling["maxSurge"] = 0 }
                strategy["rollingUpdate"] = rolling
            }
            spec["updateStrategy"] = strategy
        },
        "batch.v1.Job": job,
        "batch.v1.PodFailurePolicyOnPodConditionsPattern": { $0.fill("status", "True") },
        "batch.v1.CronJobSpec": { spec in
            spec.fill("concurrencyPolicy", "Allow")
            spec.fill("suspend", false)
            spec.fill("successfulJobsHistoryLimit", 3)
            spec.fill("failedJobsHistoryLimit", 1)
        },
        "autoscaling.v1.HorizontalPodAutoscalerSpec": { $0.fill("minReplicas", 1) },
        "autoscaling.v2.HorizontalPodAutoscalerSpec": { spec in
            spec.fill("minReplicas", 1)
            if spec["metrics"].isEmptyCollection {
                spec["metrics"] = [
                    ["type": "Resource", "resource": ["name": "cpu", "target": ["type": "Utilization", "averageUtilization": 80]]]
                ]
            }
            guard var behavior = spec.present("behavior") else { return }
            behavior["scaleUp"] = merged(behavior.present("scaleUp"), into: scaleUp)
            behavior["scaleDown"] = merged(behavior.present("scaleDown"), into: scaleDown)
            spec["behavior"] = behavior
        },
    ]

    private static let job: DefaultingTable.Rule = { job in
        guard var spec = job["spec"] else { return }
        if spec["completions"].isUnset, spec["parallelism"].isUnset { spec["completions"] = 1 }
        spec.fill("parallelism", 1)
        spec.fill("backoffLimit", spec.present("backoffLimitPerIndex") == nil ? 6 : .integer(Int64(Int32.max)))
        spec.fill("completionMode", "NonIndexed")
        spec.fill("suspend", false)
        spec.fill("podReplacementPolicy", spec.present("podFailurePolicy") == nil ? "TerminatingOrFailed" : "Failed")
        spec.fill("manualSelector", false)
        job["spec"] = spec
    }

    private static let scaleUp: JSON = [
        "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
        "policies": [
            ["type": "Pods", "value": 4, "periodSeconds": 15], ["type": "Percent", "value": 100, "periodSeconds": 15],
        ],
    ]

    private static let scaleDown: JSON = [
        "selectPolicy": "Max", "policies": [["type": "Percent", "value": 100, "periodSeconds": 15]],
    ]

    /// The rules that apply where the user gave none.
    private static func merged(_ rules: JSON?, into defaults: JSON) -> JSON {
        var result = defaults
        for member in rules?.object?.members ?? [] where !member.value.isNull { result[member.key] = member.value }
        return result
    }
}
