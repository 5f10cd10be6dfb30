public import JSON

/// CreateOptions, UpdateOptions and PatchOptions (`meta.k8s.io`).
public struct WriteOptions: Sendable, Hashable {
    /// Which of the three, for errors.
    public enum Kind: String, Sendable, Hashable {
        case create = "CreateOptions"
        case update = "UpdateOptions"
        case patch = "PatchOptions"
    }

    /// Whether nothing is stored.
    public let isDryRun: Bool
    /// What happens to unknown and repeated fields.
    public let validation: FieldValidation
    /// Who manages what this write changes; empty when the request does not say.
    public let fieldManager: String
    /// Whether an apply takes fields from other managers.
    public let isForced: Bool

    /// Reads and checks the options of a query; `patch` says what kind of patch it is.
    ///
    /// - Throws: 422 that names the options' kind.
    public init(_ query: QueryParameters, _ kind: Kind, patch: PatchType? = nil) throws(KubeStatus) {
        var errors: [FieldError] = []
        let force = query["force"]
        isForced = force.map { $0 != "false" && $0 != "0" } ?? false
        fieldManager = query["fieldManager"] ?? ""
        if patch == .apply {
            if fieldManager.isEmpty { errors.append(.required("fieldManager", "is required for apply patch")) }
        } else if kind == .patch, force != nil {
            errors.append(.forbidden("force", "may not be specified for non-apply patch"))
        }
        if fieldManager.utf8.count > FieldManagerName.maximumBytes {
            errors.append(.tooLong("fieldManager", FieldManagerName.maximumBytes))
        }
        for (offset, scalar) in FieldManagerName.unprintable(fieldManager) {
            let code = String(scalar.value, radix: 16, uppercase: true)
            let padded = String(repeating: "0", count: max(0, 4 - code.utf8.count)) + code
            errors.append(
                .invalid("fieldManager", .string(fieldManager), "invalid character U+\(padded) (at position \(offset))"))
        }
        isDryRun = DryRun.read(query.all("dryRun"), &errors)
        switch query["fieldValidation"] ?? "" {
        case "", "Warn": validation = .warn
        case "Ignore": validation = .ignore
        case "Strict": validation = .strict
        case let other:
            validation = .warn
            errors.append(.notSupported("fieldValidation", .string(other), ["", "Ignore", "Strict", "Warn"]))
        }
        guard errors.isEmpty else { throw .invalid(group: "meta.k8s.io", kind: kind.rawValue, name: "", errors) }
    }
}

extension WriteOptions {
    /// The options of a query as an object, for admission.
    public static func json(_ query: QueryParameters, _ kind: Kind) -> JSON {
        var json: JSON = ["kind": .string(kind.rawValue), "apiVersion": "meta.k8s.io/v1"]
        let dryRun = query.all("dryRun")
        if !dryRun.isEmpty { json["dryRun"] = JSON(strings: dryRun) }
        for name in ["fieldManager", "fieldValidation"] {
            if let value = query[name], !value.isEmpty { json[name] = .string(value) }
        }
        return json
    }
}

extension DeleteOptions {
    /// The options as an object, for admission.
    public var json: JSON {
        var json: JSON = ["kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"]
        if let gracePeriodSeconds { json["gracePeriodSeconds"] = .integer(gracePeriodSeconds) }
        var preconditions: JSON = [:]
        if let uidPrecondition { preconditions["uid"] = .string(uidPrecondition) }
        if let resourceVersionPrecondition { preconditions["resourceVersion"] = .string(resourceVersionPrecondition) }
        if preconditions != [:] { json["preconditions"] = preconditions }
        if let propagation { json["propagationPolicy"] = .string(propagation.rawValue) }
        if isDryRun { json["dryRun"] = ["All"] }
        return json
    }
}

/// `dryRun`: only `All` is known.
enum DryRun {
    static func read(_ values: [String], _ errors: inout [FieldError]) -> Bool {
        if values.contains(where: { $0 != "All" }) { errors.append(.notSupported("dryRun", JSON(strings: values), ["All"])) }
        return values.contains("All")
    }
}

/// DeleteOptions of a body or query.
public struct DeleteOptions: Sendable, Hashable {
    /// What happens to dependents.
    public enum Propagation: String, Sendable, Hashable {
        case orphan = "Orphan"
        case background = "Background"
        case foreground = "Foreground"
    }

    /// Seconds until the object goes; `nil` for the kind's own.
    public let gracePeriodSeconds: Int64?
    /// What the object's UID has to be.
    public let uidPrecondition: String?
    /// What the object's resourceVersion has to be.
    public let resourceVersionPrecondition: String?
    /// What happens to dependents; `nil` for the kind's own.
    public let propagation: Propagation?
    /// Whether nothing is stored.
    public let isDryRun: Bool

    /// Reads the options: of the body when there is one, else of the query.
    ///
    /// - Throws: 400 or 422.
    public init(body: JSON?, query: QueryParameters) throws(KubeStatus) {
        var errors: [FieldError] = []
        let policy: String?
        let orphans: Bool?
        if let body {
            gracePeriodSeconds = try Self.integer(body["gracePeriodSeconds"])
            uidPrecondition = body.at("preconditions", "uid")?.string
            resourceVersionPrecondition = body.at("preconditions", "resourceVersion")?.string
            policy = body["propagationPolicy"]?.string
            orphans = body["orphanDependents"]?.bool
            isDryRun = DryRun.read(body["dryRun"]?.array?.compactMap(\.string) ?? [], &errors)
        } else {
            gracePeriodSeconds = try query.integer("gracePeriodSeconds")
            uidPrecondition = nil
            resourceVersionPrecondition = nil
            policy = query["propagationPolicy"]
            orphans = query["orphanDependents"].map { $0 != "false" && $0 != "0" }
            isDryRun = DryRun.read(query.all("dryRun"), &errors)
        }
        propagation = policy.flatMap(Propagation.init(rawValue:)) ?? orphans.map { $0 ? .orphan : .background }
        if let policy {
            if orphans != nil {
                errors.append(
                    .invalid("propagationPolicy", .string(policy), "orphanDependents and deletionPropagation cannot be both set"))
            } else if Propagation(rawValue: policy) == nil {
                errors.append(.notSupported("propagationPolicy", .string(policy), ["Foreground", "Background", "Orphan", "nil"]))
            }
        }
        guard errors.isEmpty else { throw .invalid(group: "meta.k8s.io", kind: "DeleteOptions", name: "", errors) }
    }

    private static func integer(_ value: JSON?) throws(KubeStatus) -> Int64? {
        guard let value, !value.isNull else { return nil }
        guard let number = value.integer else {
            let kind = value.typeName == "integer" ? "number" : value.typeName
            throw .badRequest("json: cannot unmarshal \(kind) into Go struct field DeleteOptions.gracePeriodSeconds of type int64")
        }
        return number
    }
}
