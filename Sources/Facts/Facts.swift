import CFacts

/// The tables that eks-sim is generic over, compiled into the binary: Kubernetes 1.36's schema, resources, printer columns and
/// bootstrap objects, EKS access policies, EKS API operations and the network limits of EC2's instance types. Each file states its own source; `make facts` rebuilds them.
public enum Facts {
    /// Types and kinds of the APIs served by default (`schema.json`).
    public static var kubernetesSchema: UnsafeRawBufferPointer { bytes(cfacts_kubernetes_schema()) }
    /// Groups, versions, resources and subresources with their discovery facts (`resources.json`).
    public static var kubernetesResources: UnsafeRawBufferPointer { bytes(cfacts_kubernetes_resources()) }
    /// Table columns by `group/version/resource` (`columns.json`).
    public static var kubernetesColumns: UnsafeRawBufferPointer { bytes(cfacts_kubernetes_columns()) }
    /// What a fresh cluster contains (`bootstrap-rbac.json`).
    public static var kubernetesBootstrap: UnsafeRawBufferPointer { bytes(cfacts_kubernetes_bootstrap_rbac()) }
    /// Protobuf field numbers by type (`protobuf.json`).
    public static var kubernetesProtobuf: UnsafeRawBufferPointer { bytes(cfacts_kubernetes_protobuf()) }
    /// EKS access policies and their rules (`access-policies.json`).
    public static var accessPolicies: UnsafeRawBufferPointer { bytes(cfacts_access_policies()) }
    /// The EKS API: operations, paths, members and constraints (`eks-operations.json`).
    public static var eksOperations: UnsafeRawBufferPointer { bytes(cfacts_eks_operations()) }
    /// Interfaces, addresses and branch interfaces by EC2 instance type (`instance-limits.json`).
    public static var instanceLimits: UnsafeRawBufferPointer { bytes(cfacts_instance_limits()) }
    /// The parameters of the EC2 operations that are served (`ec2-operations.json`).
    public static var ec2Operations: UnsafeRawBufferPointer { bytes(cfacts_ec2_operations()) }
    /// The parameters of the Auto Scaling operations that are served (`autoscaling-operations.json`).
    public static var autoScalingOperations: UnsafeRawBufferPointer { bytes(cfacts_autoscaling_operations()) }
    /// The audit policy of EKS' API servers (`eks-audit-policy.json`).
    public static var eksAuditPolicy: UnsafeRawBufferPointer { bytes(cfacts_eks_audit_policy()) }
    /// What EKS puts into `kube-system` of a new cluster (`eks-system-workloads.json`).
    public static var eksSystemWorkloads: UnsafeRawBufferPointer { bytes(cfacts_eks_system_workloads()) }

    /// The text that SPDY/3 header compression begins with (SPDY Protocol, draft 3, 2.6.10.1), with its checksum 0xE3C6A7C2.
    public static var spdyDictionary: UnsafeRawBufferPointer { bytes(cfacts_spdy3_dictionary()) }

    private static func bytes(_ file: cfacts_file) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: file.bytes, count: file.count)
    }
}
