/// A field selector (`k8s.io/apimachinery/pkg/fields`).
public struct FieldSelector: Sendable, Hashable {
    /// One condition.
    public struct Requirement: Sendable, Hashable {
        /// `metadata.name`, `status.phase` …
        public let field: String
        /// What the field is compared with.
        public let value: String
        /// Whether it must differ.
        public let isNegated: Bool
    }

    /// All have to hold.
    public let requirements: [Requirement]

    /// Parses the text of `fieldSelector`: `k=v`, `k==v`, `k!=v`, with `\` before `,`, `=` and `\` in values.
    ///
    /// - Throws: `SelectorError`.
    public init(parsing text: String) throws(SelectorError) {
        var found: [Requirement] = []
        for term in Self.terms(text) where !term.isEmpty {
            guard let requirement = Self.requirement(term) else {
                throw SelectorError(message: "invalid selector: '\(text)'; can't understand '\(term)'")
            }
            found.append(try requirement.get())
        }
        requirements = found
    }

    /// Whether an object satisfies every requirement.
    public func matches(_ value: (String) -> String) -> Bool {
        requirements.allSatisfy { (value($0.field) == $0.value) != $0.isNegated }
    }

    /// The terms between commas that are not escaped.
    private static func terms(_ text: String) -> [String] {
        var terms: [String] = [""]
        var isEscaped = false
        for character in text {
            if character == ",", !isEscaped { terms.append("") } else { terms[terms.count - 1].append(character) }
            isEscaped = character == "\\" && !isEscaped
        }
        return terms
    }

    private static func requirement(_ term: String) -> Result<Requirement, SelectorError>? {
        let characters = Array(term)
        var index = 0
        while index < characters.count {
            if characters[index] == "\\" {
                index += 2
                continue
            }
            for (text, isNegated) in [("!=", true), ("==", false), ("=", false)] where String(characters[index...].prefix(text.count)) == text {
                return value(String(characters[(index + text.count)...])).map {
                    Requirement(field: String(characters[..<index]), value: $0, isNegated: isNegated)
                }
            }
            index += 1
        }
        return nil
    }

    private static func value(_ text: String) -> Result<String, SelectorError> {
        var result = ""
        var isEscaped = false
        for character in text {
            if isEscaped {
                guard "\\,=".contains(character) else {
                    return .failure(SelectorError(message: "invalid field selector: invalid escape sequence: \\\(character)"))
                }
                result.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," || character == "=" {
                return .failure(SelectorError(message: "invalid field selector: unescaped character in value: \(character)"))
            } else {
                result.append(character)
            }
        }
        return isEscaped ? .failure(SelectorError(message: "invalid field selector: invalid escape sequence: \\")) : .success(result)
    }
}

/// The fields that each resource can be selected by (`AddFieldLabelConversionFunc` and the `GetAttrs` of each registry).
public enum SelectableFields {
    /// Selector name and path in the object.
    public static func of(_ resource: ResourceType) -> [String: [String]] {
        var fields: [String: [String]] = ["metadata.name": ["metadata", "name"]]
        if resource.isNamespaced { fields["metadata.namespace"] = ["metadata", "namespace"] }
        for name in further["\(resource.group)/\(resource.resource)"] ?? [] { fields[name] = name.split(separator: ".").map(String.init) }
        if resource.resource == "events", resource.group.isEmpty { fields["source"] = ["source", "component"] }
        return fields
    }

    /// The refusal of a field that a resource cannot be selected by.
    public static func refusal(_ field: String, _ resource: ResourceType) -> String {
        let place = "\(resource.group)/\(resource.resource)"
        if place == "batch/jobs" { return "field label \"\(field)\" not supported for Job" }
        return further[place] != nil
            ? "field label not supported: \(field)"
            : "\"\(field)\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    }

    /// What a field that is absent compares as.
    public static func absent(_ field: String) -> String {
        switch field {
        case "spec.hostNetwork", "spec.unschedulable": "false"
        case "status.replicas", "status.successful": "0"
        default: ""
        }
    }

    private static let further: [String: [String]] = [
        "/pods": [
            "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase",
            "status.podIP", "status.podIPs", "status.nominatedNodeName",
        ],
        "/events": [
            "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
            "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
        ],
        "events.k8s.io/events": [
            "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion", "regarding.resourceVersion",
            "regarding.fieldPath", "reason", "reportingController", "type",
        ],
        "/namespaces": ["status.phase"],
        "/nodes": ["spec.unschedulable"],
        "/secrets": ["type"],
        "/services": ["spec.clusterIP", "spec.type"],
        "/replicationcontrollers": ["status.replicas"],
        "batch/jobs": ["status.successful"],
        "certificates.k8s.io/certificatesigningrequests": ["spec.signerName"],
        "resource.k8s.io/resourceslices": ["spec.nodeName", "spec.driver"],
    ]
}
