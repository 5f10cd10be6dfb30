import IPAddress
import JSON
import VPCCNI
import VPCModel
import World

/// Max pods, source translation and branch interfaces of a node.
enum NetNodeVectors {
    static func maxPods(_ given: JSON) -> JSON? {
        guard let name = given["instanceType"]?.string, let interfaces = given["maxENIs"]?.integer,
            let addresses = given["ipv4PerENI"]?.integer, let hypervisor = given["hypervisor"]?.string, let vCPUs = given["vcpus"]?.integer
        else { return nil }
        let type = InstanceLimits(
            type: name, interfaces: Int(interfaces), addressesPerInterface: Int(addresses), hypervisor: hypervisor,
            isBareMetal: given["bareMetal"]?.bool ?? false)
        let calculation = MaxPods.Calculation(
            type: type, vCPUs: Int(vCPUs), cniVersion: given["cniVersion"]?.string ?? "",
            usesPrefixes: given["prefixDelegation"]?.bool ?? false, usesCustomNetworking: given["customNetworking"]?.bool ?? false,
            maximumInterfaces: given["cniMaxEni"]?.integer.map { Int($0) }, ignoresCeiling: given["showMaxAllowed"]?.bool ?? false)
        return [
            "calculatorMaxPods": .integer(Int64(calculation.result)), "nodeadmDefaultMaxPods": .integer(Int64(MaxPods.nodeadm(type))),
        ]
    }

    static func snatRules(_ given: JSON) -> JSON? {
        guard let node = given["nodePrimaryIP"]?.string.flatMap({ IPAddress($0) }) else { return nil }
        let environment = Dictionary(
            (given["env"]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }, uniquingKeysWith: { $1 })
        let translation = SourceTranslation(
            AgentSettings(environment: environment).hostNetwork, vpcBlocks: (given["vpcCidrs"]?.strings ?? []).compactMap { CIDRBlock($0) },
            nodeAddress: node)
        let rules = translation.rules(hasRandomFully: given["iptablesHasRandomFully"]?.bool ?? true)
        return [
            "rules": .array(
                rules.map {
                    ["table": .string($0.table), "chain": .string($0.chain), "rule": .string($0.text), "present": .bool($0.isPresent)]
                })
        ]
    }

    // MARK: Security groups for pods

    static func podENI(_ given: JSON) -> JSON? {
        if given["policies"] != nil { return webhook(given) }
        if let request = given["request"]?.string { return refusal(request, given["user"]?.string ?? "") }
        if let map = given["configMap"] {
            return ["cooldownSeconds": JSON(BranchInterfaces.cooldown(map["branch-eni-cooldown"]?.string).inSeconds) ?? .null]
        }
        if given["vlansInUse"] != nil { return vlans(given) }
        guard let type = given["instanceType"]?.string.flatMap({ InstanceLimits.of($0) }) else { return nil }
        if let hasTrunk = given["trunkAttached"]?.bool {
            var capacity = JSONObject()
            for resource in BranchInterfaces.capacity(type, hasTrunk: hasTrunk) { capacity[resource.key] = .string(resource.value) }
            return ["nodeCapacity": .object(capacity)]
        }
        return capacity(given, type)
    }

    private static func webhook(_ given: JSON) -> JSON? {
        let policies = (given["policies"]?.array ?? []).compactMap { policy in
            SecurityGroupPolicy(["metadata": ["namespace": policy["namespace"] ?? ""], "spec": policy["spec"] ?? [:]])
        }
        guard let pod = given["pod"] else { return nil }
        let names = pod["containers"]?.strings ?? ["app"]
        let containers: [JSON] = names.enumerated().map { index, name in
            // The case speaks of limits in all containers but the first.
            index == 0 ? ["name": .string(name)] : ["name": .string(name), "resources": ["limits": ["cpu": "1"]]]
        }
        let object: JSON = [
            "metadata": ["labels": pod["labels"] ?? [:]],
            "spec": ["hostNetwork": pod["hostNetwork"] ?? false, "containers": .array(containers)],
        ]
        let mutation = PodWebhooks.mutate(
            object, namespace: pod["namespace"]?.string ?? "", policies: policies,
            serviceAccountLabels: pod["serviceAccountLabels"]?.object)
        var answer: JSON = ["groups": JSON(strings: mutation.groups), "injected": .null]
        var injected = JSONObject()
        for (index, container) in (mutation.pod.at("spec", "containers")?.array ?? []).enumerated() {
            guard let resources = container["resources"], resources.at("requests", PodWebhooks.branchResource) != nil else { continue }
            injected["container\(index)"] = resources
        }
        if !injected.members.isEmpty { answer["injected"] = .object(injected) }
        if let annotations = mutation.pod.at("metadata", "annotations") { answer["annotations"] = annotations }
        if let message = mutation.message { answer["admissionMessage"] = .string(message) }
        return answer
    }

    private static func refusal(_ request: String, _ user: String) -> JSON? {
        let words = request.split(separator: " ").map(String.init)
        guard let operation = words.first, let annotation = words.last(where: { $0.contains("/") }) else { return nil }
        let old: JSON = ["metadata": ["annotations": [:]]]
        let pod: JSON = ["metadata": ["annotations": [annotation: "[]"]]]
        let refusal = operation == "CREATE" ? PodWebhooks.refusal(ofNew: pod) : PodWebhooks.refusal(of: pod, old: old, user: user)
        return refusal.map { ["denied": .string($0)] } ?? ["allowed": true]
    }

    private static func branch(_ vlan: Int) -> BranchInterfaces.Branch {
        BranchInterfaces.Branch(
            id: "eni-\(vlan)", hardwareAddress: "", address: IPAddress(10, 0, 0, UInt8(clamping: vlan)), vlan: vlan,
            subnetBlock: CIDRBlock(IPAddress(10, 0, 0, 0)), association: "")
    }

    private static func capacity(_ given: JSON, _ type: InstanceLimits) -> JSON? {
        guard let used = given["branchesInUse"]?.integer, let waiting = given["inDeleteQueue"]?.integer, let limit = type.branchInterfaces
        else { return nil }
        var branches = BranchInterfaces(limit: limit, cooldown: .seconds(given["cooldownSeconds"]?.double ?? 60))
        let start = Instant(seconds: 0)
        for vlan in 0..<Int(used + waiting) { branches.add(branch(vlan + 1), to: "pod-\(vlan)") }
        for vlan in Int(used)..<Int(used + waiting) { branches.remove("pod-\(vlan)", at: start) }
        var answer: JSON = ["canCreate": .bool(branches.canCreate)]
        for branch in branches.due(at: start + branches.cooldown) { branches.deleted(branch) }
        if branches.canCreate { answer["then"] = "the request is put back and succeeds after the queued interface is deleted" }
        return answer
    }

    private static func vlans(_ given: JSON) -> JSON? {
        func numbers(_ json: JSON?) -> [Int] { (json?.array ?? []).compactMap { $0.integer.map { Int($0) } } }
        var branches = BranchInterfaces(limit: 120)
        let start = Instant(seconds: 0)
        for vlan in Set(numbers(given["vlansInUse"]) + numbers(given["inDeleteQueue"])) { branches.add(branch(vlan), to: "pod-\(vlan)") }
        for vlan in numbers(given["inDeleteQueue"]) { branches.remove("pod-\(vlan)", at: start) }
        func next() -> JSON { branches.nextVLAN.map { .integer(Int64($0)) } ?? .null }
        var answer: JSON = ["nextVlan": next()]
        for _ in 0..<(given["ec2DeleteFailures"]?.integer ?? 0) {
            for branch in branches.due(at: start + branches.cooldown) { branches.notDeleted(branch) }
            answer["thenNextVlanStill"] = branches.waitingCount == 0 ? next() : .null
        }
        return answer
    }
}
