import JSON
import Store
import World

/// What EKS makes for a node group in its owner's account: an instance profile, a launch template and an Auto Scaling group.
enum NodegroupParts {
    /// The launch template's data: the user's, completed by what EKS knows.
    static func data(
        _ cluster: ClusterRecord, group: String, user: JSON?, image: String?, profile: String, disk: Int64?, _ rootDevice: String
    ) -> JSON {
        var data = user ?? [:]
        if let image { data["ImageId"] = .string(image) }
        data["IamInstanceProfile"] = ["Name": .string(profile)]
        let securityGroup = cluster.json.at("resourcesVpcConfig", "clusterSecurityGroupId") ?? ""
        if var interfaces = data["NetworkInterface"]?.array, !interfaces.isEmpty {
            if interfaces[0]["SecurityGroupId"] == nil { interfaces[0]["SecurityGroupId"] = [securityGroup] }
            data["NetworkInterface"] = .array(interfaces)
        } else if data["SecurityGroupId"] == nil {
            data["SecurityGroupId"] = [securityGroup]
        }
        if data["MetadataOptions"] == nil { data["MetadataOptions"] = ["HttpPutResponseHopLimit": 2, "HttpTokens": "required"] }
        if let disk {
            data["BlockDeviceMapping"] = [
                [
                    "DeviceName": .string(rootDevice),
                    "Ebs": ["DeleteOnTermination": true, "VolumeSize": .integer(disk), "VolumeType": "gp3"],
                ]
            ]
        }
        if data["UserData"] == nil || user?["ImageId"] == nil { data["UserData"] = .string(userData(cluster)) }
        let tags: [(String, String)] = [("eks:cluster-name", cluster.name), ("eks:nodegroup-name", group)]
        var specifications = data["TagSpecification"]?.array ?? []
        let own: [JSON] = tags.map { ["Key": .string($0.0), "Value": .string($0.1)] }
        for kind in ["instance", "volume"] {
            if let place = specifications.firstIndex(where: { $0["ResourceType"]?.string == kind }) {
                specifications[place]["Tag"] = .array((specifications[place]["Tag"]?.array ?? []) + own)
            } else {
                specifications.append(["ResourceType": .string(kind), "Tag": .array(own)])
            }
        }
        data["TagSpecification"] = .array(specifications)
        return data
    }

    /// What tells a node where its cluster is (nodeadm's NodeConfig).
    private static func userData(_ cluster: ClusterRecord) -> String {
        let config: JSON = [
            "apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig",
            "spec": [
                "cluster": [
                    "name": .string(cluster.name), "apiServerEndpoint": cluster.json["endpoint"] ?? "",
                    "certificateAuthority": cluster.json.at("certificateAuthority", "data") ?? "", "cidr": .string(cluster.serviceCIDR),
                ]
            ],
        ]
        let text =
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"//\"\n\n--//\nContent-Type: application/node.eks.aws\n\n\(config.text)\n--//--\n"
        return Base64.encode(Array(text.utf8))
    }

    /// The instance profile that hands the role to the nodes.
    static func profile(_ name: String, role: JSON, _ draft: ResourceDraft) -> Transaction.Write {
        let profile: JSON = [
            "InstanceProfileName": .string(name), "Path": "/",
            "InstanceProfileId": .string(draft.world.random.principalID(prefix: "AIPA")),
            "Arn": .string("arn:aws:iam::\(draft.account):instance-profile/\(name)"), "CreateDate": .string(draft.world.now.rfc3339),
            "Roles": [role["RoleName"] ?? ""],
        ]
        return .put(profileKey(name, draft), .bytes(profile.serialized()))
    }

    static func profileKey(_ name: String, _ draft: ResourceDraft) -> Key {
        Key(Records.collection(draft.account, "global", "iam", "instance-profiles"), name)
    }

    /// The Auto Scaling group over the subnets, whose instances are of the first type that there is.
    static func makeScalingGroup(
        _ draft: inout ResourceDraft, _ wish: NodegroupWish, template: String, version: Int64, id: String
    ) throws(AWSError) -> String {
        let name = "eks-\(wish.name)-\(id)"
        var group = try AutoScalingGroups.made(
            name,
            [
                "MixedInstancesPolicy": [
                    "LaunchTemplate": [
                        "LaunchTemplateSpecification": ["LaunchTemplateId": .string(template), "Version": .string(String(version))],
                        "Overrides": .array(wish.instanceTypes.map { ["InstanceType": .string($0)] }),
                    ],
                    "InstancesDistribution": [
                        "OnDemandAllocationStrategy": "prioritized", "OnDemandBaseCapacity": 0,
                        "OnDemandPercentageAboveBaseCapacity": wish.body["capacityType"] == "SPOT" ? 0 : 100,
                        "SpotAllocationStrategy": "capacity-optimized",
                    ],
                ], "VPCZoneIdentifier": .string((wish.body["subnets"]?.strings ?? []).joined(separator: ",")),
                "TerminationPolicies": ["AllocationStrategy", "OldestLaunchTemplate", "OldestInstance"], "HealthCheckGracePeriod": 15,
                "CapacityRebalance": true,
            ], &draft)
        try AutoScalingGroups.setSizes(wish.sizes.scaling, &group)
        let cluster = wish.cluster.name
        group["Tags"] = .array(
            [
                ("eks:cluster-name", cluster), ("eks:nodegroup-name", wish.name), ("k8s.io/cluster-autoscaler/\(cluster)", "owned"),
                ("k8s.io/cluster-autoscaler/enabled", "true"), ("kubernetes.io/cluster/\(cluster)", "owned"),
            ].map { AutoScalingTags.made(name, $0.0, $0.1, propagates: true) })
        draft.put(.autoScalingGroup, name, group)
        try AutoScaling.reconcile(&draft, name)
        return name
    }
}
