public import JSON

/// Conditions of pods (`pkg/api/pod.UpdatePodCondition`).
public enum PodConditions {
    /// Whether a condition is `True`.
    public static func isTrue(_ type: String, in pod: JSON) -> Bool {
        pod.at("status", "conditions")?.array?.first { $0["type"]?.string == type }?["status"] == "True"
    }

    /// Sets a condition to `True`; its time changes with its status only. `now` is the present time in RFC 3339.
    public static func set(_ type: String, reason: String = "", message: String = "", in pod: inout JSON, now: String) {
        var conditions = pod.at("status", "conditions")?.array ?? []
        let place = conditions.firstIndex { $0["type"]?.string == type }
        let before = place.map { conditions[$0] }
        let wasTrue = before?["status"] == "True"
        var condition: JSON = [
            "type": .string(type), "status": "True", "lastProbeTime": .null,
            "lastTransitionTime": wasTrue ? before?["lastTransitionTime"] ?? .null : .string(now),
        ]
        if !reason.isEmpty { condition["reason"] = .string(reason) }
        if !message.isEmpty { condition["message"] = .string(message) }
        if let place { conditions[place] = condition } else { conditions.append(condition) }
        pod.set(.array(conditions), at: ["status", "conditions"])
    }
}
