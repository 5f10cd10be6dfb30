import JSON

/// Conditions in the status of workloads.
enum Conditions {
    /// The condition of a type.
    static func find(_ type: String, in status: JSON?) -> JSON? {
        status?["conditions"]?.array?.first { $0["type"]?.string == type }
    }

    /// Takes a condition out.
    static func remove(_ type: String, from status: inout JSON) {
        let left = (status["conditions"]?.array ?? []).filter { $0["type"]?.string != type }
        status["conditions"] = left.isEmpty ? nil : .array(left)
    }

    /// Puts a condition at the end, unless it says the same as before (`SetDeploymentCondition`).
    static func set(_ condition: JSON, in status: inout JSON) {
        let type = condition["type"]?.string ?? ""
        let known = find(type, in: status)
        if let known, known["status"] == condition["status"], known["reason"] == condition["reason"] { return }
        var condition = condition
        if let known, known["status"] == condition["status"] { condition["lastTransitionTime"] = known["lastTransitionTime"] }
        remove(type, from: &status)
        status["conditions"] = .array((status["conditions"]?.array ?? []) + [condition])
    }
}
