#ifndef CFACTS_H
#define CFACTS_H
#include <stddef.h>

/// A read-only file compiled into the binary.
typedef struct {
    const unsigned char *bytes;
    size_t count;
} cfacts_file;

cfacts_file cfacts_kubernetes_schema(void);
cfacts_file cfacts_kubernetes_resources(void);
cfacts_file cfacts_kubernetes_columns(void);
cfacts_file cfacts_kubernetes_bootstrap_rbac(void);
cfacts_file cfacts_kubernetes_protobuf(void);
cfacts_file cfacts_access_policies(void);
cfacts_file cfacts_spdy3_dictionary(void);
cfacts_file cfacts_eks_operations(void);
cfacts_file cfacts_ec2_operations(void);
cfacts_file cfacts_autoscaling_operations(void);
cfacts_file cfacts_instance_limits(void);
cfacts_file cfacts_eks_audit_policy(void);
cfacts_file cfacts_eks_system_workloads(void);

#endif
