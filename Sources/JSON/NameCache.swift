/// Shares the strings of member names longer than 15 bytes, which would each be an allocation.
struct NameCache: ~Copyable {
    /// Names met in this parse, each in the slot of its hash; empty until the first one.
    private var met: [String] = []

    /// The string of an ASCII name of more than 15 bytes.
    mutating func name(_ bytes: UnsafeRawBufferPointer) -> String {
        let hash = Self.hash(bytes)
        let known = Self.known[Int(hash >> 54)]
        if Self.holds(known, bytes) { return known }
        if met.isEmpty { met = Array(repeating: "", count: 64) }
        let slot = Int(hash >> 58)
        if Self.holds(met[slot], bytes) { return met[slot] }
        let name = String(decoding: bytes, as: UTF8.self)
        met[slot] = name
        return name
    }

    /// Of the first and the last eight bytes and the length.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let first = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        let last = bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
        return (first ^ (last &* 0x9E37_79B9_7F4A_7C15) ^ UInt64(bytes.count)) &* 0xD6E8_FEB8_6659_FD93
    }

    @inline(__always)
    private static func holds(_ name: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard name.utf8.count == bytes.count else { return false }
        return name.utf8.withContiguousStorageIfAvailable { UnsafeRawBufferPointer($0).elementsEqual(bytes) } ?? false
    }

    /// Long field names of the Kubernetes API: literals, which are never counted or freed.
    private static let known: [String] = {
        var table = Array(repeating: "", count: 1024)
        for name in longFieldNames {
            var name = name
            let slot = name.withUTF8 { Int(hash(UnsafeRawBufferPointer($0)) >> 54) }
            table[slot] = name
        }
        return table
    }()

    private static let longFieldNames: [String] = [
        "activeDeadlineSeconds", "additionalPrinterColumns", "allocateLoadBalancerNodePorts", "allowPrivilegeEscalation",
        "allowVolumeExpansion", "app.kubernetes.io/component", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by",
        "app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/version", "automountServiceAccountToken",
        "availableReplicas", "blockOwnerDeletion", "certificate-authority-data", "clusterRoleSelectors", "conditionalFields",
        "containerStatuses", "controller-revision-hash", "creationTimestamp", "currentNumberScheduled", "deletionGracePeriodSeconds",
        "deletionTimestamp", "desiredNumberScheduled", "eks.amazonaws.com/nodegroup", "eks.amazonaws.com/role-arn", "enableServiceLinks",
        "ephemeralContainers", "expirationSeconds", "externalTrafficPolicy", "f:containerStatuses", "f:creationTimestamp",
        "f:enableServiceLinks", "f:imagePullPolicy", "f:initContainerStatuses", "f:lastTransitionTime", "f:observedGeneration",
        "f:ownerReferences", "f:readinessProbe", "f:resourceVersion", "f:securityContext", "f:serviceAccountName",
        "f:terminationGracePeriodSeconds", "f:terminationMessagePath", "f:terminationMessagePolicy", "failureThreshold",
        "fullyLabeledReplicas", "imagePullSecrets", "initContainerStatuses", "initialDelaySeconds", "insecureSkipTLSVerify",
        "internalTrafficPolicy", "kubectl.kubernetes.io/last-applied-configuration", "kubernetes.io/hostname",
        "kubernetes.io/metadata.name", "kubernetes.io/service-account.name", "lastHeartbeatTime", "lastScheduleTime",
        "lastTransitionTime", "loadBalancerSourceRanges", "mountPropagation", "node.kubernetes.io/instance-type", "nodeSelectorTerms",
        "nonResourceAttributes", "numberMisscheduled", "numberUnavailable", "observedGeneration", "persistentVolumeClaim",
        "persistentVolumeReclaimPolicy", "pod-template-hash", "podManagementPolicy", "preemptionPolicy",
        "preferredDuringSchedulingIgnoredDuringExecution", "priorityClassName", "progressDeadlineSeconds", "propagationPolicy",
        "publishNotReadyAddresses", "readOnlyRootFilesystem", "remainingItemCount", "requiredDuringSchedulingIgnoredDuringExecution",
        "resourceAttributes", "resourceFieldRef", "resourceVersionMatch", "revisionHistoryLimit", "serviceAccountName",
        "serviceAccountToken", "sessionAffinityConfig", "setHostnameAsFQDN", "shareProcessNamespace", "storageClassName",
        "successThreshold", "supplementalGroups", "terminationGracePeriodSeconds", "terminationMessagePath", "terminationMessagePolicy",
        "tolerationSeconds", "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topologySpreadConstraints",
        "unavailableReplicas", "updatedNumberScheduled", "volumeBindingMode", "volumeClaimTemplates", "whenUnsatisfiable",
        "x-kubernetes-preserve-unknown-fields",
    ]
}
