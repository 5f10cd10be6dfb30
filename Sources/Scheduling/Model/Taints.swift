import JSON

/// A taint of a node.
public struct Taint: Sendable, Hashable {
    /// `node.kubernetes.io/not-ready`
    public var key: String
    /// Often empty.
    public var value: String
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    public var effect: String

    /// Makes a taint.
    public init(key: String, value: String = "", effect: String) {
        self.key = key
        self.value = value
        self.effect = effect
    }

    init(_ object: JSON) {
        self.init(key: object["key"]?.string ?? "", value: object["value"]?.string ?? "", effect: object["effect"]?.string ?? "")
    }

    /// Whether pods without a toleration are kept off.
    var keepsOff: Bool { effect == "NoSchedule" || effect == "NoExecute" }
}

/// A toleration of a pod (`v1.Toleration.ToleratesTaint`).
struct Toleration: Sendable, Hashable {
    let key: String
    let isExists: Bool
    let value: String
    let effect: String

    init(_ object: JSON) {
        key = object["key"]?.string ?? ""
        isExists = object["operator"]?.string == "Exists"
        value = object["value"]?.string ?? ""
        effect = object["effect"]?.string ?? ""
    }

    func tolerates(_ taint: Taint) -> Bool {
        if !effect.isEmpty, effect != taint.effect { return false }
        if !key.isEmpty, key != taint.key { return false }
        return isExists || value == taint.value
    }
}

extension [Toleration] {
    func tolerate(_ taint: Taint) -> Bool { contains { $0.tolerates(taint) } }

    /// How many taints that would rather have the pod elsewhere are not tolerated.
    func untoleratedPreferences(among taints: [Taint]) -> Int {
        let soft = filter { $0.effect.isEmpty || $0.effect == "PreferNoSchedule" }
        return taints.count { $0.effect == "PreferNoSchedule" && !soft.tolerate($0) }
    }
}
