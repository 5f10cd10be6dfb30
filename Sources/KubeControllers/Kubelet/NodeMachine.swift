import JSON
public import World

/// A machine that joins a cluster as a node: what its kubelet is started with and finds on it.
public struct NodeMachine: Sendable, Hashable {
    /// The node's name: on EKS the private DNS name.
    public var name: String
    /// `i-0123456789abcdef0`
    public var instanceID: String
    /// `m5.large`
    public var instanceType: String
    /// `ap-northeast-1`
    public var region: String
    /// `ap-northeast-1a`
    public var zone: String
    /// The first address of the first interface, of the cluster's family: the kubelet's `--node-ip`.
    public var address: String
    /// Thousandths of a CPU.
    public var milliCPU: Int64
    /// Bytes.
    public var memory: Int64
    /// Bytes of the root volume.
    public var storage: Int64
    /// How many pods the kubelet takes (`--max-pods`).
    public var maximumPods: Int64
    /// Further resources by name, such as `vpc.amazonaws.com/pod-eni`.
    public var extendedResources: [String: Int64] = [:]
    /// Labels besides those of every node (`--node-labels`).
    public var labels: [String: String]
    /// Taints from the start (`--register-with-taints`).
    public var taints: [NodeTaint]
    /// `v1.34.1-eks-113cf36`
    public var kubeletVersion: String
    /// `amd64` or `arm64`.
    public var architecture: String
    /// Whether it is an instance of EC2, which knows when it ends.
    public var isInstance = false
    /// Whether the network plugin comes up; without it the node does not get ready.
    public var hasNetwork = true
    /// Whether its instance is stopped: no kubelet runs, and the node stays for the time when one does again.
    public var isStopped = false
    /// How often its instance was started again: after each time what ran on it begins anew.
    public var boots: Int64 = 0
    /// From when on the cluster does not take its kubelet for a node any more; `nil` while it does.
    public var refusedFrom: Instant?

    /// A taint that the node registers with.
    public struct NodeTaint: Sendable, Hashable {
        /// The key.
        public var key: String
        /// The value, often empty.
        public var value: String
        /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
        public var effect: String

        /// Makes a taint.
        public init(key: String, value: String, effect: String) {
            self.key = key
            self.value = value
            self.effect = effect
        }

        /// The taint as a Node has it.
        var json: JSON {
            var json: JSON = ["key": .string(key)]
            if !value.isEmpty { json["value"] = .string(value) }
            json["effect"] = .string(effect)
            return json
        }
    }

    /// Describes a machine.
    public init(
        name: String, instanceID: String, instanceType: String, region: String, zone: String, address: String, milliCPU: Int64,
        memory: Int64,
        storage: Int64 = 20 << 30, maximumPods: Int64, labels: [String: String] = [:], taints: [NodeTaint] = [], kubeletVersion: String,
        architecture: String = "amd64"
    ) {
        self.name = name
        self.instanceID = instanceID
        self.instanceType = instanceType
        self.region = region
        self.zone = zone
        self.address = address
        self.milliCPU = milliCPU
        self.memory = memory
        self.storage = storage
        self.maximumPods = maximumPods
        self.labels = labels
        self.taints = taints
        self.kubeletVersion = kubeletVersion
        self.architecture = architecture
    }

    /// The machine as it is kept, so that it is there again after a restart.
    var json: JSON {
        var json: JSON = [
            "name": .string(name), "instanceID": .string(instanceID), "instanceType": .string(instanceType), "region": .string(region),
            "zone": .string(zone), "address": .string(address), "milliCPU": .integer(milliCPU), "memory": .integer(memory),
            "storage": .integer(storage), "maximumPods": .integer(maximumPods), "kubeletVersion": .string(kubeletVersion),
            "architecture": .string(architecture), "isInstance": .bool(isInstance), "hasNetwork": .bool(hasNetwork),
        ]
        if isStopped { json["isStopped"] = true }
        if boots != 0 { json["boots"] = .integer(boots) }
        json["refusedFrom"] = refusedFrom.map { .integer($0.nanoseconds) }
        json["extendedResources"] = .object(JSONObject(extendedResources.sorted { $0.key < $1.key }.map { ($0, .integer($1)) }))
        json["labels"] = .object(JSONObject(labels.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))
        json["taints"] = .array(taints.map { ["key": .string($0.key), "value": .string($0.value), "effect": .string($0.effect)] })
        return json
    }

    /// Reads what `json` wrote; `nil` for anything else.
    init?(_ json: JSON) {
        func text(_ key: String) -> String? { json[key]?.string }
        func number(_ key: String) -> Int64? { json[key]?.integer }
        guard let name = text("name"), let instanceID = text("instanceID"), let type = text("instanceType"), let region = text("region"),
            let zone = text("zone"), let address = text("address"), let cpu = number("milliCPU"), let memory = number("memory"),
            let storage = number("storage"), let pods = number("maximumPods"), let version = text("kubeletVersion"),
            let architecture = text("architecture")
        else { return nil }
        var labels: [String: String] = [:]
        for member in json["labels"]?.object ?? [:] { labels[member.key] = member.value.string }
        self.init(
            name: name, instanceID: instanceID, instanceType: type, region: region, zone: zone, address: address, milliCPU: cpu,
            memory: memory, storage: storage, maximumPods: pods, labels: labels,
            taints: (json["taints"]?.array ?? []).map {
                NodeTaint(key: $0["key"]?.string ?? "", value: $0["value"]?.string ?? "", effect: $0["effect"]?.string ?? "")
            }, kubeletVersion: version, architecture: architecture)
        isInstance = json["isInstance"]?.bool ?? false
        hasNetwork = json["hasNetwork"]?.bool ?? true
        isStopped = json["isStopped"]?.bool ?? false
        boots = json["boots"]?.integer ?? 0
        refusedFrom = json["refusedFrom"]?.integer.map { Instant(nanoseconds: $0) }
        for member in json["extendedResources"]?.object ?? [:] { extendedResources[member.key] = member.value.integer }
    }
}
