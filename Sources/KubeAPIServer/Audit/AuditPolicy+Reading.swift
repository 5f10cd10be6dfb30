import Facts
import JSON
import KubeAPI
import YAML

extension AuditPolicy {
    /// Why a policy cannot be used.
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// The text, as kube-apiserver says it where it does.
        public let description: String
    }

    /// What EKS' API servers log, as the EKS best practices guide publishes it.
    public static let eks = (try? AuditPolicy(json: try JSON(parsing: Facts.eksAuditPolicy))) ?? AuditPolicy(rules: [])

    private static let versions: Set<String> = ["audit.k8s.io/v1", "audit.k8s.io/v1beta1", "audit.k8s.io/v1alpha1"]

    /// Reads a policy file, YAML or JSON (`LoadPolicyFromBytes`).
    ///
    /// - Throws: `Failure` for what is no policy, or one that contradicts itself.
    public init(parsing bytes: [UInt8]) throws(Failure) {
        let json: JSON
        do { json = try YAMLDecoder.decode(bytes) } catch { throw Failure(description: "failed decoding: \(error)") }
        try self.init(json: json)
    }

    init(json: JSON) throws(Failure) {
        let version = json["apiVersion"]?.string ?? ""
        let kind = json["kind"]?.string ?? ""
        guard !kind.isEmpty else { throw Failure(description: "failed decoding: Object 'Kind' is missing in '\(json.text)'") }
        guard Self.versions.contains(version), kind == "Policy" else {
            throw Failure(
                description: "failed decoding: no kind \(GoText.quoted(kind)) is registered for version \(GoText.quoted(version))")
        }
        let items = try Self.array(json["rules"], "rules")
        var errors: [FieldError] = []
        var rules: [Rule] = []
        for (index, item) in items.enumerated() { rules.append(try Self.rule(item, "rules[\(index)]", &errors)) }
        let stages = try Self.stages(json["omitStages"], "omitStages", &errors)
        guard errors.isEmpty else {
            let texts = errors.map(\.description)
            throw Failure(description: texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]")
        }
        guard !rules.isEmpty else { throw Failure(description: "loaded illegal policy with 0 rules") }
        self.init(
            rules: rules, omitStages: stages, omitManagedFields: try Self.bool(json["omitManagedFields"], "omitManagedFields") ?? false)
    }

    private static func rule(_ json: JSON, _ path: String, _ errors: inout [FieldError]) throws(Failure) -> Rule {
        guard json.object != nil else { throw wrongType(path, "object") }
        var rule = Rule(level: .none)
        switch json["level"]?.string ?? "" {
        case "": errors.append(.required("\(path).level"))
        case let name:
            if let level = Level.allCases.first(where: { $0.name == name }) {
                rule.level = level
            } else {
                errors.append(.notSupported("\(path).level", .string(name), Level.allCases.map(\.name)))
            }
        }
        rule.users = try strings(json["users"], "\(path).users")
        rule.userGroups = try strings(json["userGroups"], "\(path).userGroups")
        rule.verbs = try strings(json["verbs"], "\(path).verbs")
        rule.namespaces = try strings(json["namespaces"], "\(path).namespaces")
        rule.nonResourceURLs = try strings(json["nonResourceURLs"], "\(path).nonResourceURLs")
        check(urls: rule.nonResourceURLs, "\(path).nonResourceURLs", &errors)
        for item in try array(json["resources"], "\(path).resources") {
            rule.resources.append(try group(item, "\(path).resources", &errors))
        }
        rule.omitStages = try stages(json["omitStages"], "\(path).omitStages", &errors)
        rule.omitManagedFields = try bool(json["omitManagedFields"], "\(path).omitManagedFields")
        if !rule.nonResourceURLs.isEmpty, !rule.resources.isEmpty || !rule.namespaces.isEmpty {
            errors.append(
                .invalid(
                    "\(path).nonResourceURLs", JSON(strings: rule.nonResourceURLs),
                    "rules cannot apply to both regular resources and non-resource URLs"))
        }
        return rule
    }

    private static func check(urls: [String], _ path: String, _ errors: inout [FieldError]) {
        for (index, url) in urls.enumerated() where url != "*" {
            if !url.hasPrefix("/") {
                errors.append(.invalid("\(path)[\(index)]", .string(url), "non-resource URL rules must begin with a '/' character"))
            }
            if url.dropLast().contains("*") {
                errors.append(
                    .invalid("\(path)[\(index)]", .string(url), "non-resource URL wildcards '*' must be the final character of the rule"))
            }
        }
    }

    private static func group(_ json: JSON, _ path: String, _ errors: inout [FieldError]) throws(Failure) -> GroupResources {
        guard json.object != nil else { throw wrongType(path, "object") }
        let group = GroupResources(
            group: json["group"]?.string ?? "", resources: try strings(json["resources"], "\(path).resources"),
            resourceNames: try strings(json["resourceNames"], "\(path).resourceNames"))
        let problems = group.group.isEmpty ? [] : NameForm.subdomain.problems(group.group)
        if !problems.isEmpty { errors.append(.invalid("\(path).group", .string(group.group), problems.joined(separator: ","))) }
        if !group.resourceNames.isEmpty, group.resources.isEmpty {
            errors.append(
                .invalid(
                    "\(path).resourceNames", JSON(strings: group.resourceNames), "using resourceNames requires at least one resource"))
        }
        return group
    }

    private static func stages(_ json: JSON?, _ path: String, _ errors: inout [FieldError]) throws(Failure) -> Set<Stage> {
        var stages: Set<Stage> = []
        for (index, name) in try strings(json, path).enumerated() {
            if let stage = Stage(rawValue: name) {
                stages.insert(stage)
            } else {
                let known = Stage.allCases.map(\.rawValue).joined(separator: ",")
                errors.append(.invalid("\(path)[\(index)]", .string(name), "allowed stages are \(known)"))
            }
        }
        return stages
    }

    // MARK: Types

    private static func wrongType(_ path: String, _ wanted: String) -> Failure {
        Failure(description: "failed decoding: \(path) is no \(wanted)")
    }

    private static func array(_ json: JSON?, _ path: String) throws(Failure) -> [JSON] {
        guard let json, !json.isNull else { return [] }
        guard let array = json.array else { throw wrongType(path, "list") }
        return array
    }

    private static func strings(_ json: JSON?, _ path: String) throws(Failure) -> [String] {
        guard let json, !json.isNull else { return [] }
        guard let strings = json.strings else { throw wrongType(path, "list of strings") }
        return strings
    }

    private static func bool(_ json: JSON?, _ path: String) throws(Failure) -> Bool? {
        guard let json, !json.isNull else { return nil }
        guard let bool = json.bool else { throw wrongType(path, "boolean") }
        return bool
    }
}
