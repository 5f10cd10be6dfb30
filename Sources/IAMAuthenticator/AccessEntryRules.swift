/// Why EKS refuses a call about access entries, in its own words (facts: auth.md 9 and 10).
public struct AccessEntryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The exception's name.
    public let code: String
    /// The HTTP status.
    public let status: Int
    /// The message.
    public let message: String

    /// The text for messages.
    public var description: String { "\(code): \(message)" }

    static func parameter(_ message: String) -> AccessEntryError {
        AccessEntryError(code: "InvalidParameterException", status: 400, message: message)
    }
    static func request(_ message: String) -> AccessEntryError {
        AccessEntryError(code: "InvalidRequestException", status: 400, message: message)
    }
    static func notFound(_ message: String) -> AccessEntryError {
        AccessEntryError(code: "ResourceNotFoundException", status: 404, message: message)
    }
    /// A second entry for one principal.
    static let inUse = AccessEntryError(
        code: "ResourceInUseException", status: 409, message: "The specified access entry resource is already in use on this cluster.")
    /// No entry for the principal.
    static let noEntry = notFound(
        "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.")
}

/// The rules of access entries: who may have one, what it may say, and what it says by default.
public enum AccessEntryRules {
    /// The types of entries of nodes, as EKS lists them.
    public static let nodeTypes = ["EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "EC2"]
    /// Beginnings that usernames and groups may not have.
    public static let reservedPrefixes = ["system:", "eks:", "aws:", "amazon:", "iam:"]

    /// Entries exist only where the mode looks at them.
    ///
    /// - Throws: `InvalidRequestException`.
    public static func requireEntries(in mode: AuthenticationMode) throws(AccessEntryError) {
        guard mode == .configMap else { return }
        throw .request("The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
    }

    /// Checks what an entry may name, without asking whether the principal exists.
    ///
    /// - Throws: `InvalidParameterException`.
    public static func checkPrincipal(_ arn: String, type: String, account: String) throws(AccessEntryError) {
        guard !arn.contains(":role/aws-service-role/") else {
            throw .parameter("The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role")
        }
        let sections = ARN.sections(of: arn)
        guard sections.count == 6, sections[0] == "arn", sections[2] == "iam" else { throw .invalidPrincipal }
        if nodeTypes.contains(type) {
            let types = "[\(nodeTypes.joined(separator: ", "))]"
            guard sections[4] == account else {
                throw .parameter("AccessEntry principalArn must be from the same account as the cluster when using types \(types)")
            }
            guard sections[5].hasPrefix("role/") else {
                throw .parameter("AccessEntry principalArn must be IAM role when using types \(types)")
            }
        } else if type != "STANDARD", type != "HYPERPOD_LINUX" {
            throw .parameter("type: \(type) is not valid")
        }
        guard sections[5] == "root" || sections[5].hasPrefix("role/") || sections[5].hasPrefix("user/") else { throw .invalidPrincipal }
    }

    /// Checks username and groups as given; `nil` means not given.
    ///
    /// - Throws: `InvalidParameterException`.
    public static func checkNames(username: String?, groups: [String], type: String) throws(AccessEntryError) {
        if type != "STANDARD" {
            for (member, isGiven) in [("kubernetesGroups", !groups.isEmpty), ("username", username != nil)] where isGiven {
                throw .parameter("The specified \(member) is invalid: setting \(member) is not allowed when the type is \"\(type)\"")
            }
        }
        for group in groups {
            guard let prefix = reservedPrefixes.first(where: group.hasPrefix) else { continue }
            throw .parameter("The kubernetes group name \(group) is invalid, it cannot start with \(prefix)")
        }
        guard let username else { return }
        if let prefix = reservedPrefixes.first(where: username.hasPrefix) {
            throw .parameter("The username must not begin with \(prefix)")
        }
        // No source shows this refusal's text.
        if let template = username.firstRange(of: "{{SessionName"), !username[..<template.lowerBound].contains(":") {
            throw .parameter("The username is invalid: a colon must come before {{SessionName}}")
        }
    }

    /// The username of an entry that gives none.
    public static func defaultUsername(principalARN: String, type: String) -> String {
        switch type {
        case "STANDARD":
            let sections = ARN.sections(of: principalARN)
            guard sections.count == 6, sections[5].hasPrefix("role/"), let name = sections[5].split(separator: "/").last else {
                return principalARN
            }
            return "arn:\(sections[1]):sts::\(sections[4]):assumed-role/\(name)/{{SessionName}}"
        case "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX": return "system:node:{{SessionName}}"
        default: return "system:node:{{EC2PrivateDNSName}}"
        }
    }

    /// The groups of an entry that gives none.
    public static func defaultGroups(type: String) -> [String] { type.hasPrefix("EC2") ? ["system:nodes"] : [] }

    /// Checks an association before it is looked up.
    ///
    /// - Throws: `InvalidRequestException` for the entry's type, `InvalidParameterException` for ARN and scope.
    public static func checkAssociation(
        policyARN: String, scope: String, namespaces: [String], entryType: String
    ) throws(AccessEntryError) {
        guard entryType == "STANDARD" || entryType == "EC2" else {
            throw .request("This operation can only be performed on Access Entries with a type of \"STANDARD\"")
        }
        let sections = ARN.sections(of: policyARN)
        guard sections.count == 6, sections[0] == "arn", sections[2] == "eks", sections[5].hasPrefix("cluster-access-policy/") else {
            throw .parameter("The policyArn parameter format is not valid")
        }
        switch (scope, namespaces.isEmpty) {
        case ("cluster", true), ("namespace", false): return
        case ("namespace", true): throw .parameter("At least 1 namespace must be provided if the type is set as namespace")
        case ("cluster", false): throw .parameter("accessScope should not include namespaces if the type is not set as namespace")
        default: throw .parameter("accessScope.type: \(scope) is not valid")
        }
    }
}

extension AccessEntryError {
    /// A principal that does not exist, or that no entry can be for.
    public static let invalidPrincipal = parameter("The specified principalArn is invalid: invalid principal.")
    /// A policy ARN of the right form that EKS does not have.
    public static let noPolicy = notFound("The specified policyArn could not be found.")
}
