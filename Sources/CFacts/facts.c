#include "facts.h"

// Swift has no way to put a file into a binary without a literal per byte; C23's #embed does it for nothing.
#define FACT(name)                                                                                                     \
    cfacts_file cfacts_##name(void) { return (cfacts_file){name##_file, sizeof(name##_file)}; }

static const unsigned char kubernetes_schema_file[] = {
#embed "data/schema.json"
};
FACT(kubernetes_schema)

static const unsigned char kubernetes_resources_file[] = {
#embed "data/resources.json"
};
FACT(kubernetes_resources)

static const unsigned char kubernetes_columns_file[] = {
#embed "data/columns.json"
};
FACT(kubernetes_columns)

static const unsigned char kubernetes_bootstrap_rbac_file[] = {
#embed "data/bootstrap-rbac.json"
};
FACT(kubernetes_bootstrap_rbac)

static const unsigned char kubernetes_protobuf_file[] = {
#embed "data/protobuf.json"
};
FACT(kubernetes_protobuf)

static const unsigned char access_policies_file[] = {
#embed "data/access-policies.json"
};
FACT(access_policies)

static const unsigned char spdy3_dictionary_file[] = {
#embed "data/spdy3-dictionary.bin"
};
FACT(spdy3_dictionary)

static const unsigned char eks_operations_file[] = {
#embed "data/eks-operations.json"
};
FACT(eks_operations)

static const unsigned char ec2_operations_file[] = {
#embed "data/ec2-operations.json"
};
FACT(ec2_operations)

static const unsigned char autoscaling_operations_file[] = {
#embed "data/autoscaling-operations.json"
};
FACT(autoscaling_operations)

static const unsigned char instance_limits_file[] = {
#embed "data/instance-limits.json"
};
FACT(instance_limits)

static const unsigned char eks_audit_policy_file[] = {
#embed "data/eks-audit-policy.json"
};
FACT(eks_audit_policy)

static const unsigned char eks_system_workloads_file[] = {
#embed "data/eks-system-workloads.json"
};
FACT(eks_system_workloads)
