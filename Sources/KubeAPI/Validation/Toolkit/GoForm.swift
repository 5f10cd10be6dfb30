import JSON

/// Values as the server prints them in errors: as JSON of Kubernetes' internal Go types, which have no JSON tags, so that every field is
/// there under its Go name, unset ones as null or zero. Types of `meta/v1` keep their JSON form.
enum GoForm {
    /// A value of a type of the schema in its internal form.
    static func json(_ value: JSON?, _ typeName: String) -> JSON {
        guard let value, !value.isNull else { return .null }
        guard let type = Schema.builtin.type(named: typeName) else { return value }
        return structure(value, type)
    }

    /// A list of values of a type.
    static func list(_ value: JSON?, _ typeName: String) -> JSON {
        guard let elements = value?.array, !elements.isEmpty else { return .null }
        return .array(elements.map { json($0, typeName) })
    }

    /// The difference of two values of a type, as `diff.Diff` prints it: of the indented internal forms.
    static func difference(_ old: JSON, _ new: JSON, _ typeName: String) -> String {
        UnifiedDiff.text(
            json(old, typeName).pretty(indent: 1, escaping: .go), json(new, typeName).pretty(indent: 1, escaping: .go))
    }

    private static func structure(_ value: JSON, _ type: SchemaType) -> JSON {
        if type.scalar != nil || type.name.hasPrefix("meta.v1.") { return value }
        var members: [JSONObject.Member] = []
        if type.name == "core.v1.PodTemplateSpec" || type.name == "core.v1.PersistentVolumeClaimTemplate" {
            // The metadata are embedded.
            members = value["metadata"]?.object?.members ?? []
            members.append(.init(key: "Spec", value: field(value["spec"], type.field("spec"))))
            return .object(JSONObject(unique: members))
        }
        let names = order[type.name] ?? type.fields.map(\.name)
        for name in names {
            if type.name == "core.v1.PodSpec", name == "securityContext" {
                members.append(.init(key: "SecurityContext", value: podSecurity(value)))
                continue
            }
            members.append(.init(key: goName(name, of: type.name), value: field(value[name], type.field(name))))
        }
        return .object(JSONObject(unique: members))
    }

    private static func field(_ value: JSON?, _ field: SchemaField?) -> JSON {
        guard let field else { return value ?? .null }
        guard let value, !value.isNull else { return zero(field) }
        return printed(value, field.type)
    }

    private static func printed(_ value: JSON, _ type: ValueType) -> JSON {
        switch type {
        case .reference(let index): return structure(value, Schema.builtin[index])
        case .array(let element):
            guard let elements = value.array else { return value }
            return .array(elements.map { printed($0, element) })
        case .map(let element):
            guard case .object(var object) = value else { return value }
            object.mapValues { _, item in item = printed(item, element) }
            return .object(object)
        case .scalar: return value
        }
    }

    private static func zero(_ field: SchemaField) -> JSON {
        if field.isPointer { return .null }
        switch field.type {
        case .reference(let index):
            let type = Schema.builtin[index]
            return type.scalar == nil ? structure([:], type) : .null
        case .array, .map: return .null
        case .scalar(let scalar, _):
            switch scalar {
            case .string: return ""
            case .integer, .number, .intOrString: return 0
            case .boolean: return false
            case .quantity: return "0"
            default: return .null
            }
        }
    }

    /// Internally the host's namespaces belong to the pod's security context.
    private static func podSecurity(_ spec: JSON) -> JSON {
        guard let context = spec.present("securityContext"), let type = Schema.builtin.type(named: "core.v1.PodSecurityContext") else {
            return .null
        }
        var members: [JSONObject.Member] = [
            .init(key: "HostNetwork", value: .bool(spec.flag("hostNetwork"))), .init(key: "HostPID", value: .bool(spec.flag("hostPID"))),
            .init(key: "HostIPC", value: .bool(spec.flag("hostIPC"))),
            .init(key: "ShareProcessNamespace", value: spec["shareProcessNamespace"] ?? .null),
            .init(key: "HostUsers", value: spec["hostUsers"] ?? .null),
        ]
        members += structure(context, type).object?.members ?? []
        return .object(JSONObject(unique: members))
    }

    private static func goName(_ name: String, of type: String) -> String {
        if let special = fieldNames["\(type).\(name)"] ?? names[name] { return special }
        return name.prefix(1).uppercased() + name.dropFirst()
    }

    /// Go names that are not the JSON name with a capital.
    private static let names: [String: String] = [
        "ip": "IP", "uid": "UID", "id": "ID", "os": "OS", "apiGroup": "APIGroup", "apiGroups": "APIGroups", "apiVersion": "APIVersion",
        "apiVersions": "APIVersions", "tty": "TTY", "dnsPolicy": "DNSPolicy", "dnsConfig": "DNSConfig", "seLinuxOptions": "SELinuxOptions",
        "seLinuxChangePolicy": "SELinuxChangePolicy", "seLinuxMount": "SELinuxMount", "fsGroup": "FSGroup",
        "fsGroupChangePolicy": "FSGroupChangePolicy", "fsGroupPolicy": "FSGroupPolicy", "fsType": "FSType", "httpGet": "HTTPGet",
        "tcpSocket": "TCPSocket", "grpc": "GRPC", "httpHeaders": "HTTPHeaders", "nfs": "NFS", "iscsi": "ISCSI", "rbd": "RBD",
        "cephfs": "CephFS", "fc": "FC", "csi": "CSI", "awsElasticBlockStore": "AWSElasticBlockStore", "pdName": "PDName",
        "gcePersistentDisk": "GCEPersistentDisk", "storageos": "StorageOS", "iqn": "IQN", "wwids": "WWIDs", "cidr": "CIDR",
        "cidrs": "CIDRs", "ipBlock": "IPBlock", "ipFamilies": "IPFamilies", "ipFamilyPolicy": "IPFamilyPolicy",
        "gmsaCredentialSpecName": "GMSACredentialSpecName", "gmsaCredentialSpec": "GMSACredentialSpec", "cel": "CEL", "tls": "TLS",
        "http": "HTTP", "url": "URL", "caBundle": "CABundle", "ttlSecondsAfterFinished": "TTLSecondsAfterFinished",
    ]

    private static let fieldNames: [String: String] = [
        "core.v1.RBDVolumeSource.monitors": "CephMonitors", "core.v1.RBDVolumeSource.image": "RBDImage",
        "core.v1.RBDVolumeSource.pool": "RBDPool", "core.v1.RBDVolumeSource.user": "RadosUser",
        "core.v1.RBDPersistentVolumeSource.monitors": "CephMonitors", "core.v1.RBDPersistentVolumeSource.image": "RBDImage",
        "core.v1.RBDPersistentVolumeSource.pool": "RBDPool", "core.v1.RBDPersistentVolumeSource.user": "RadosUser",
        "core.v1.GlusterfsVolumeSource.endpoints": "EndpointsName", "core.v1.GlusterfsPersistentVolumeSource.endpoints": "EndpointsName",
        "core.v1.AzureDiskVolumeSource.diskURI": "DataDiskURI", "core.v1.ISCSIVolumeSource.chapAuthDiscovery": "DiscoveryCHAPAuth",
        "core.v1.ISCSIVolumeSource.chapAuthSession": "SessionCHAPAuth", "core.v1.PhotonPersistentDiskVolumeSource.pdID": "PdID",
        "core.v1.ISCSIPersistentVolumeSource.chapAuthDiscovery": "DiscoveryCHAPAuth",
        "core.v1.ISCSIPersistentVolumeSource.chapAuthSession": "SessionCHAPAuth",
    ]

    /// Types whose internal fields have another order than the versioned ones, or not all of them.
    private static let order: [String: [String]] = [
        "core.v1.PodSpec": [
            "volumes", "initContainers", "containers", "ephemeralContainers", "restartPolicy", "terminationGracePeriodSeconds",
            "activeDeadlineSeconds", "dnsPolicy", "nodeSelector", "serviceAccountName", "automountServiceAccountToken", "nodeName",
            "securityContext", "imagePullSecrets", "hostname", "subdomain", "setHostnameAsFQDN", "affinity", "schedulerName", "tolerations",
            "hostAliases", "priorityClassName", "priority", "preemptionPolicy", "dnsConfig", "readinessGates", "runtimeClassName",
            "overhead", "enableServiceLinks", "topologySpreadConstraints", "os", "schedulingGates", "resourceClaims", "resources",
            "hostnameOverride", "schedulingGroup",
        ],
        "core.v1.PodSecurityContext": [
            "seLinuxOptions", "windowsOptions", "runAsUser", "runAsGroup", "runAsNonRoot", "supplementalGroups",
            "supplementalGroupsPolicy", "fsGroup", "fsGroupChangePolicy", "sysctls", "seccompProfile", "appArmorProfile",
            "seLinuxChangePolicy",
        ],
        "core.v1.Volume": [
            "name", "hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret", "nfs", "iscsi", "glusterfs",
            "persistentVolumeClaim", "rbd", "quobyte", "flexVolume", "cinder", "cephfs", "flocker", "downwardAPI", "fc", "azureFile",
            "configMap", "vsphereVolume", "azureDisk", "photonPersistentDisk", "projected", "portworxVolume", "scaleIO", "storageos", "csi",
            "ephemeral", "image",
        ],
        "core.v1.PersistentVolumeSpec": [
            "gcePersistentDisk", "awsElasticBlockStore", "hostPath", "glusterfs", "nfs", "rbd", "quobyte", "iscsi", "flexVolume", "cinder",
            "cephfs", "fc", "flocker", "azureFile", "vsphereVolume", "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO",
            "local", "storageos", "csi",
        ],
    ]

    /// The names of the fields that say what a persistent volume is made of.
    static let persistentVolumeSources = order["core.v1.PersistentVolumeSpec"] ?? []
}
