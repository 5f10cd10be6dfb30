import JSON

/// The RBAC objects that EKS adds to those of Kubernetes, as far as their content is known (public audits and dumps of clusters): by the lists
/// of `bootstrap-rbac.json`.
enum EKSBootstrap {
    static let objects: [String: [JSON]] = [
        "clusterRoles": [
            role(
                "eks:node-bootstrapper", component: "node",
                [rule(["certificates.k8s.io"], ["certificatesigningrequests/selfnodeserver"], ["create"])]),
            role(
                "eks:node-manager",
                [
                    rule([""], ["pods"], ["get", "list", "watch", "delete"]), rule([""], ["nodes"], ["get", "list", "watch", "patch"]),
                    rule([""], ["pods/eviction"], ["create"]),
                ]),
            role(
                "vpc-resource-controller-role",
                [
                    rule([""], ["events"], ["create", "list", "patch", "update", "watch"]),
                    rule([""], ["nodes"], ["get", "list", "patch", "watch"]), rule([""], ["nodes/status"], ["get", "patch"]),
                    rule([""], ["pods"], ["get", "list", "patch", "watch"]), rule([""], ["serviceaccounts"], ["get", "list", "watch"]),
                    rule(["crd.k8s.amazonaws.com"], ["eniconfigs"], ["get", "list", "watch"]),
                    rule(["vpcresources.k8s.aws"], ["cninodes"], ["create", "delete", "get", "list", "patch", "update", "watch"]),
                    rule(["vpcresources.k8s.aws"], ["securitygrouppolicies"], ["get", "list", "watch"]),
                ]),
            role(
                "eks:k8s-metrics",
                [
                    ["verbs": ["get"], "nonResourceURLs": ["/metrics"]], rule([""], ["endpoints", "nodes", "pods"], ["list"]),
                    rule(["apps"], ["deployments"], ["list"]),
                ]),
        ],
        "clusterRoleBindings": [
            binding("eks:node-bootstrapper", component: "node", [group("system:bootstrappers"), group("system:nodes")]),
            binding(
                "eks:kube-proxy", component: "kube-proxy", to: "system:node-proxier",
                [["kind": "ServiceAccount", "name": "kube-proxy", "namespace": "kube-system"]]),
            binding("eks:kube-proxy-fargate", component: "kube-proxy", to: "system:node-proxier", [group("system:node-proxier")]),
            binding("eks:kube-proxy-windows", component: "kube-proxy", to: "system:node-proxier", [group("eks:kube-proxy-windows")]),
            binding("eks:node-manager", [user("eks:node-manager")]),
            binding("eks:addon-cluster-admin", to: "cluster-admin", [user("eks:addon-manager")]),
            binding("eks:k8s-metrics", [user("eks:k8s-metrics")]),
            binding(
                "vpc-resource-controller-rolebinding", to: "vpc-resource-controller-role", [user("eks:vpc-resource-controller")]),
        ],
        "roles": [
            [
                "kind": "Role", "apiVersion": "rbac.authorization.k8s.io/v1",
                "metadata": ["name": "eks-vpc-resource-controller-role", "namespace": "kube-system"],
                "rules": [
                    [
                        "verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["configmaps"],
                        "resourceNames": ["amazon-vpc-cni"],
                    ]
                ],
            ]
        ],
        "roleBindings": [
            [
                "kind": "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1",
                "metadata": ["name": "eks-vpc-resource-controller-rolebinding", "namespace": "kube-system"],
                "subjects": [user("eks:vpc-resource-controller")],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "eks-vpc-resource-controller-role"],
            ]
        ],
    ]

    private static func metadata(_ name: String, _ component: String?) -> JSON {
        var metadata: JSON = ["name": .string(name)]
        if let component { metadata["labels"] = ["eks.amazonaws.com/component": .string(component)] }
        return metadata
    }

    private static func role(_ name: String, component: String? = nil, _ rules: [JSON]) -> JSON {
        [
            "kind": "ClusterRole", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata(name, component),
            "rules": .array(rules),
        ]
    }

    private static func rule(_ groups: [String], _ resources: [String], _ verbs: [String]) -> JSON {
        ["verbs": JSON(strings: verbs), "apiGroups": JSON(strings: groups), "resources": JSON(strings: resources)]
    }

    private static func binding(_ name: String, component: String? = nil, to role: String? = nil, _ subjects: [JSON]) -> JSON {
        [
            "kind": "ClusterRoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata(name, component),
            "subjects": .array(subjects),
            "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(role ?? name)],
        ]
    }

    private static func group(_ name: String) -> JSON {
        ["kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": .string(name)]
    }

    private static func user(_ name: String) -> JSON { ["kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": .string(name)] }
}
