import JSON

/// Names and the small parts of a definition (`apiextensions/validation/validation.go`).
enum DefinitionNames {
    private static let caseNote = "may have mixed case, but should otherwise match: "

    /// What is wrong with `spec.names` or `status.acceptedNames`.
    static func problems(_ names: JSON, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        func check(_ name: String, lowercased: Bool) {
            guard let text = names[name]?.string, !text.isEmpty else { return }
            let problems = NameForm.label1035.problems(lowercased ? text.lowercased() : text)
            guard !problems.isEmpty else { return }
            errors.append(.invalid("\(path).\(name)", .string(text), (lowercased ? caseNote : "") + problems.joined(separator: ",")))
        }
        check("plural", lowercased: false)
        check("singular", lowercased: false)
        check("kind", lowercased: true)
        check("listKind", lowercased: true)
        errors += labels(names["shortNames"], "\(path).shortNames")
        if let kind = names["kind"]?.string, !kind.isEmpty, names["listKind"]?.string == kind {
            errors.append(.invalid("\(path).listKind", .string(kind), "kind and listKind may not be the same"))
        }
        return errors + labels(names["categories"], "\(path).categories")
    }

    private static func labels(_ list: JSON?, _ path: String) -> [FieldError] {
        (list?.strings ?? []).enumerated().compactMap { index, text in
            let problems = NameForm.label1035.problems(text)
            return problems.isEmpty ? nil : .invalid("\(path)[\(index)]", .string(text), problems.joined(separator: ","))
        }
    }

    private static let columnTypes = ["boolean", "date", "integer", "number", "string"]
    private static let columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"]

    /// What is wrong with a printer column.
    static func column(_ column: JSON, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        if (column["name"]?.string ?? "").isEmpty { errors.append(.required("\(path).name")) }
        let type = column["type"]?.string ?? ""
        let types = "must be one of \(columnTypes.joined(separator: ","))"
        if type.isEmpty {
            errors.append(.required("\(path).type", types))
        } else if !columnTypes.contains(type) {
            errors.append(.invalid("\(path).type", .string(type), types))
        }
        if let format = column["format"]?.string, !format.isEmpty, !columnFormats.contains(format) {
            errors.append(.invalid("\(path).format", .string(format), "must be one of \(columnFormats.joined(separator: ","))"))
        }
        let jsonPath = column["jsonPath"]?.string ?? ""
        return errors + (jsonPath.isEmpty ? [.required("\(path).JSONPath")] : simplePath(jsonPath, "\(path).JSONPath"))
    }

    private static func simplePath(_ text: String, _ path: String) -> [FieldError] {
        text.hasPrefix(".") ? [] : [.invalid(path, .string(text), "must be a simple json path starting with .")]
    }

    /// What is wrong with the subresources of a version.
    static func subresources(_ subresources: JSON?, _ path: String) -> [FieldError] {
        guard let scale = subresources?["scale"], !scale.isNull else { return [] }
        func check(_ name: String, _ roots: [String], _ words: String, isRequired: Bool) -> [FieldError] {
            let field = "\(path).scale.\(name)"
            let text = scale[name]?.string ?? ""
            if text.isEmpty { return isRequired ? [.required(field)] : [] }
            let malformed = simplePath(text, field)
            if !malformed.isEmpty { return malformed }
            return roots.contains { text.hasPrefix($0) } ? [] : [.invalid(field, .string(text), "should be a json path under \(words)")]
        }
        return check("specReplicasPath", [".spec."], ".spec", isRequired: true)
            + check("statusReplicasPath", [".status."], ".status", isRequired: true)
            + check("labelSelectorPath", [".spec.", ".status."], "either .spec or .status", isRequired: false)
    }

    private static let selectableLimit = 8

    /// What is wrong with the selectable fields of a version.
    static func selectableFields(_ fields: [JSON], _ schema: JSON, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        var seen: Set<[String]> = []
        for (index, field) in fields.enumerated() {
            let place = "\(path)[\(index)].jsonPath"
            let text = field["jsonPath"]?.string ?? ""
            guard !text.isEmpty else {
                errors.append(.required(place))
                continue
            }
            guard let found = SchemaFieldPath(text, in: schema, allowsArrays: false) else {
                errors.append(.invalid(place, .string(text), "is an invalid path: does not refer to a valid field"))
                continue
            }
            if found.names.first == "metadata" { errors.append(.invalid(place, .string(text), "must not point to fields in metadata")) }
            if !["string", "boolean", "integer"].contains(found.schema["type"]?.string ?? "") {
                errors.append(
                    .invalid(
                        place, .string(text),
                        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
                    )
                )
            }
            if !seen.insert(found.names).inserted { errors.append(.duplicate(place, .string(text))) }
        }
        if seen.count > selectableLimit { errors.append(.tooMany(path, seen.count, limit: selectableLimit)) }
        return errors
    }

    /// What is wrong with `deprecationWarning`.
    static func deprecation(_ version: JSON, _ path: String) -> [FieldError] {
        guard let warning = version["deprecationWarning"], let text = warning.string else { return [] }
        func invalid(_ detail: String) -> FieldError { .invalid("\(path).deprecationWarning", warning, detail) }
        guard version["deprecated"] == true else { return [invalid("can only be set for deprecated versions")] }
        var errors: [FieldError] = []
        if text.utf8.count > 256 { errors.append(invalid("must be <= 256 characters long")) }
        if text.isEmpty { errors.append(invalid("must not be an empty string")) }
        var index = 0
        for scalar in text.unicodeScalars {
            if scalar.properties.generalCategory == .control {
                errors.append(invalid("must only contain printable UTF-8 characters; non-printable character found at index \(index)"))
                break
            }
            index += scalar.utf8.count
        }
        return errors
    }

    private static let reviewVersions = ["v1", "v1beta1"]

    /// What is wrong with `spec.conversion`. `requiresKnown` is whether a ConversionReview version that the server knows must be among them.
    static func conversion(_ conversion: JSON, _ path: String, requiresKnown: Bool) -> [FieldError] {
        let strategy = conversion["strategy"]?.string ?? ""
        var errors: [FieldError] = []
        if strategy.isEmpty {
            errors.append(.required("\(path).strategy"))
        } else if !["None", "Webhook"].contains(strategy) {
            errors.append(.notSupported("\(path).strategy", .string(strategy), ["None", "Webhook"]))
        }
        let webhook = conversion["webhook"] ?? .null
        let versions = webhook["conversionReviewVersions"]?.strings ?? []
        guard strategy == "Webhook" else {
            let detail = "should not be set when strategy is not set to Webhook"
            if webhook["clientConfig"]?.object != nil { errors.append(.forbidden("\(path).webhookClientConfig", detail)) }
            if !versions.isEmpty { errors.append(.forbidden("\(path).conversionReviewVersions", detail)) }
            return errors
        }
        errors += client(webhook["clientConfig"], "\(path).webhookClientConfig")
        let field = "\(path).conversionReviewVersions"
        guard !versions.isEmpty else { return errors + [.required(field)] }
        var seen: Set<String> = []
        for (index, version) in versions.enumerated() {
            guard seen.insert(version).inserted else {
                errors.append(.invalid("\(field)[\(index)]", .string(version), "duplicate version"))
                continue
            }
            errors += NameForm.label1035.problems(version).map { .invalid("\(field)[\(index)]", .string(version), $0) }
        }
        if requiresKnown, seen.isDisjoint(with: reviewVersions) {
            errors.append(
                .invalid(field, JSON(strings: versions), "must include at least one of \(reviewVersions.joined(separator: ", "))"))
        }
        return errors
    }

    private static func client(_ config: JSON?, _ path: String) -> [FieldError] {
        guard let config, config.object != nil else { return [.required(path, "required when strategy is set to Webhook")] }
        let url = config["url"]?.string
        let service = config["service"].ifObject
        if (url == nil) == (service == nil) { return [.required(path, "exactly one of url or service is required")] }
        if let url { return url.hasPrefix("https://") ? [] : [self.url(url, "\(path).url")] }
        var errors: [FieldError] = []
        if (service?["name"]?.string ?? "").isEmpty { errors.append(.required("\(path).service.name", "service name is required")) }
        if (service?["namespace"]?.string ?? "").isEmpty {
            errors.append(.required("\(path).service.namespace", "service namespace is required"))
        }
        if let port = service?["port"]?.integer, !(1...65535).contains(port) {
            errors.append(
                .invalid("\(path).service.port", .integer(port), "port is not valid: must be between 1 and 65535, inclusive"))
        }
        return errors
    }

    private static func url(_ text: String, _ path: String) -> FieldError {
        let scheme = text.firstRange(of: "://").map { String(text[..<$0.lowerBound]) } ?? ""
        return .invalid(path, .string(scheme), "'https' is the only allowed URL scheme; desired format: https://host[/path]")
    }
}
