/// Kubernetes' named formats (`k8s.io/apiserver/pkg/cel/library/format.go`).
enum CELNamedFormat: String, Sendable, Hashable, CaseIterable {
    case dns1123Label, dns1123Subdomain, dns1035Label, qualifiedName, dns1123LabelPrefix, dns1123SubdomainPrefix, dns1035LabelPrefix
    case labelValue, uri, uuid, byte, date, datetime

    /// What is wrong with a text.
    func problems(_ text: String) -> [String] {
        switch self {
        case .dns1123Label: NameForm.label.problems(text)
        case .dns1123Subdomain: NameForm.subdomain.problems(text)
        case .dns1035Label: NameForm.label1035.problems(text)
        case .dns1123LabelPrefix: NameForm.label.problems(text, isPrefix: true)
        case .dns1123SubdomainPrefix: NameForm.subdomain.problems(text, isPrefix: true)
        case .dns1035LabelPrefix: NameForm.label1035.problems(text, isPrefix: true)
        case .qualifiedName: QualifiedName.problems(text)
        case .labelValue: QualifiedName.valueProblems(text)
        case .uri: CELURL(text) != nil ? [] : ["parse \(GoText.quoted(text)): \(text.isEmpty ? "empty url" : "invalid URI for request")"]
        case .uuid: StringFormat.accepts(text, "uuid") ? [] : ["does not match the UUID format"]
        case .byte: StringFormat.accepts(text, "byte") ? [] : ["invalid base64"]
        case .date: StringFormat.accepts(text, "date") ? [] : ["invalid date"]
        case .datetime: StringFormat.accepts(text, "datetime") ? [] : ["invalid datetime"]
        }
    }
}

/// `format.dns1123Label().validate('a')`
enum CELFormats {
    static func add(to functions: inout CELFunctions) {
        for format in CELNamedFormat.allCases {
            functions.function("format.\(format.rawValue)", [], CELOpaque.formatType) { (_) throws(CELError) in .opaque(.format(format)) }
        }
        functions.function("format.named", [.string], .optional(CELOpaque.formatType)) { (values) throws(CELError) in
            .optional(CELNamedFormat(rawValue: try values[0].string()).map { .opaque(.format($0)) })
        }
        functions.method("validate", [CELOpaque.formatType, .string], .optional(.list(.string)), cost: .traversal(1)) {
            (values) throws(CELError) in
            guard case .opaque(.format(let format)) = values[0] else { throw CELFunctions.none }
            let problems = format.problems(try values[1].string())
            return .optional(problems.isEmpty ? CELValue?.none : .list(problems.map(CELValue.string), .atomic))
        }
    }
}
