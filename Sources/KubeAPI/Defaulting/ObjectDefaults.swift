public import JSON

/// The defaults that the server writes into an object where the user said nothing (`pkg/apis/*/v1/defaults.go`).
public enum ObjectDefaults {
    /// Fills in defaults, in place. Applying it twice changes nothing: parts that `object` shares with `known`, which has them, are left alone.
    public static func apply(to object: inout JSON, _ resource: ResourceType, known: JSON? = nil) {
        DefaultingTable.builtin.apply(to: &object, resource.storageKind, known: known)
        if resource.group.isEmpty, resource.resource == "pods" { alignAddresses(&object) }
        guard resource.group == "apiextensions.k8s.io", resource.resource == "customresourcedefinitions" else { return }
        DefinitionDefaults.apply(to: &object)
    }

    /// A pod's one address and its list say the same; the one is right where they differ (`Convert_v1_PodStatus_To_core_PodStatus`).
    private static func alignAddresses(_ pod: inout JSON) {
        guard let status = pod["status"] else { return }
        let first = status.items("podIPs").first?.text("ip") ?? ""
        let one = status.text("podIP")
        if !one.isEmpty, one != first { pod.set([["ip": .string(one)]], at: ["status", "podIPs"]) }
        if one.isEmpty, !first.isEmpty { pod.set(.string(first), at: ["status", "podIP"]) }
    }

    /// The members of an object in the order of its type, and those of its first level in theirs: where defaults were added at the end.
    /// Parts that it shares with `known` are in order.
    public static func ordered(_ object: JSON, _ kind: GroupVersionKind, known: JSON? = nil) -> JSON {
        guard let index = Schema.builtin.index(kind) else { return object }
        return ordered(object, .reference(index), known)
    }

    private static func ordered(_ value: JSON, _ type: ValueType, _ known: JSON? = nil) -> JSON {
        if let known, value.sharesStorage(with: known) { return value }
        switch (value, type) {
        case (.object(let object), .reference(let index)):
            let schema = Schema.builtin[index]
            guard schema.scalar == nil else { return value }
            var slots = [JSON?](repeating: nil, count: schema.fields.count)
            var head: [JSONObject.Member] = []
            for member in object.members {
                let isTypeMeta = !schema.kinds.isEmpty && (member.key == "kind" || member.key == "apiVersion")
                if !isTypeMeta, let position = schema.positions[member.key] {
                    slots[position] = ordered(member.value, schema.fields[position].type, known?[member.key])
                } else {
                    head.append(member)
                }
            }
            for (position, slot) in slots.enumerated() {
                if let slot { head.append(JSONObject.Member(key: schema.fields[position].name, value: slot)) }
            }
            return .object(JSONObject(unique: head))
        case (.object(var object), .map(let element)):
            object.mapValues { _, value in value = ordered(value, element) }
            object.sortKeys()
            return .object(object)
        case (.array(let elements), .array(let element)):
            if case .scalar = element { return value }
            let known = known?.array ?? []
            return .array(elements.indices.map { ordered(elements[$0], element, $0 < known.count ? known[$0] : nil) })
        default: return value
        }
    }
}
