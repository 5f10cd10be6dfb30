public import JSON
public import World

/// Conditions and accepted names of CustomResourceDefinitions (`apiextensions-apiserver/pkg/controller/status/naming_controller.go`).
public enum DefinitionStatus {
    /// The finalizer that holds a definition until its objects are gone.
    public static let cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"

    /// The condition of a type.
    public static func condition(_ type: String, in definition: JSON) -> JSON? {
        definition.at("status", "conditions")?.array?.first { $0["type"]?.string == type }
    }

    /// Whether a condition is `True`.
    public static func isTrue(_ type: String, in definition: JSON) -> Bool { condition(type, in: definition)?["status"] == "True" }

    /// Sets a condition; its time changes with its status only.
    public static func set(
        _ type: String, _ status: Bool, reason: String, message: String, in definition: inout JSON, now: Instant
    ) {
        var conditions = definition.at("status", "conditions")?.array ?? []
        let text: JSON = status ? "True" : "False"
        let place = conditions.firstIndex { $0["type"]?.string == type }
        let before = place.map { conditions[$0] }
        let time = before?["status"] == text ? before?["lastTransitionTime"] ?? .string(now.rfc3339) : .string(now.rfc3339)
        let condition: JSON = [
            "type": .string(type), "status": text, "lastTransitionTime": time, "reason": .string(reason), "message": .string(message),
        ]
        if let place { conditions[place] = condition } else { conditions.append(condition) }
        definition.set(.array(conditions), at: ["status", "conditions"])
    }

    /// Settles the names of a group's definitions: each with the status that it should have, the order kept. Names that one gives up are
    /// open to the others.
    public static func settled(_ definitions: [JSON], now: Instant) -> [JSON] {
        var result = definitions
        // Who waits for a name gets it in the next round; a definition more than there are rounds cannot move.
        for _ in definitions.indices {
            let before = result
            for index in result.indices {
                let group = result[index].at("spec", "group")
                let peers = result.filter { $0.at("spec", "group") == group }
                name(&result[index], among: peers, now)
                approve(&result[index], now)
            }
            if result == before { break }
        }
        return result
    }

    private static func name(_ definition: inout JSON, among peers: [JSON], _ now: Instant) {
        var resources: Set<String> = []
        var kinds: Set<String> = []
        for peer in peers {
            let names = peer.at("status", "acceptedNames") ?? [:]
            resources.formUnion(([names["plural"], names["singular"]].compactMap { $0?.string }) + (names["shortNames"]?.strings ?? []))
            kinds.formUnion([names["kind"], names["listKind"]].compactMap { $0?.string })
        }
        let requested = definition.at("spec", "names") ?? [:]
        var accepted = definition.at("status", "acceptedNames") ?? [:]
        var conflict: (reason: String, message: String)?
        func claim(_ name: String, _ used: Set<String>, _ reason: String) {
            let wanted = requested[name]?.string ?? ""
            if wanted != accepted[name]?.string ?? "", used.contains(wanted) {
                conflict = (reason, "\(GoText.quoted(wanted)) is already in use")
            } else {
                accepted[name] = requested[name]
            }
        }
        claim("plural", resources, "PluralConflict")
        claim("singular", resources, "SingularConflict")
        let own = Set(accepted["shortNames"]?.strings ?? [])
        let taken = (requested["shortNames"]?.strings ?? []).filter { !own.contains($0) && resources.contains($0) }
        if taken.isEmpty {
            accepted["shortNames"] = requested["shortNames"]
        } else {
            let texts = taken.map { "\(GoText.quoted($0)) is already in use" }
            conflict = ("ShortNamesConflict", texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]")
        }
        claim("kind", kinds, "KindConflict")
        claim("listKind", kinds, "ListKindConflict")
        if requested["categories"] != accepted["categories"] { accepted["categories"] = requested["categories"] }
        definition.set(accepted, at: ["status", "acceptedNames"])
        set(
            "NamesAccepted", conflict == nil, reason: conflict?.reason ?? "NoConflicts",
            message: conflict?.message ?? "no conflicts found", in: &definition, now: now)
        // Once established is for ever.
        guard !isTrue("Established", in: definition) else { return }
        let isEstablished = conflict == nil
        set(
            "Established", isEstablished, reason: isEstablished ? "InitialNamesAccepted" : "NotAccepted",
            message: isEstablished ? "the initial names have been accepted" : "not all names are accepted", in: &definition, now: now)
    }

    /// `pkg/controller/apiapproval`
    private static func approve(_ definition: inout JSON, _ now: Instant) {
        guard APIApproval.isProtected(definition.at("spec", "group")?.string ?? "") else { return }
        let approval = APIApproval(definition)
        let reason =
            switch approval.state {
            case .missing: "MissingAnnotation"
            case .invalid: "InvalidAnnotation"
            case .approved: "ApprovedAnnotation"
            case .bypassed: "UnapprovedAnnotation"
            }
        set(
            "KubernetesAPIApprovalPolicyConformant", approval.state == .approved, reason: reason, message: approval.reason,
            in: &definition, now: now)
    }
}
