public import JSON

/// What is wrong with an object, in the order in which it was found (`field.ErrorList`). The rules of each kind are extensions of it.
struct FieldErrorList: Sendable {
    private(set) var errors: [FieldError] = []

    var isEmpty: Bool { errors.isEmpty }

    mutating func append(_ error: FieldError) { errors.append(error) }

    mutating func append(contentsOf list: FieldErrorList) { errors += list.errors }

    // MARK: Kinds of errors

    mutating func required(_ path: FieldPath, _ detail: String = "") { errors.append(.required(path.description, detail)) }

    mutating func invalid(_ path: FieldPath, _ value: JSON, _ detail: String) {
        errors.append(.invalid(path.description, value, detail))
    }

    /// One error per message.
    mutating func invalid(_ path: FieldPath, _ value: JSON, each messages: [String]) {
        for message in messages { errors.append(.invalid(path.description, value, message)) }
    }

    mutating func forbidden(_ path: FieldPath, _ detail: String) { errors.append(.forbidden(path.description, detail)) }

    mutating func duplicate(_ path: FieldPath, _ value: JSON) { errors.append(.duplicate(path.description, value)) }

    mutating func notFound(_ path: FieldPath, _ value: JSON) { errors.append(.notFound(path.description, value)) }

    mutating func notSupported(_ path: FieldPath, _ value: JSON, _ supported: [String]) {
        errors.append(.notSupported(path.description, value, supported))
    }

    mutating func tooLong(_ path: FieldPath, _ limit: Int) { errors.append(.tooLong(path.description, limit)) }

    mutating func tooMany(_ path: FieldPath, _ actual: Int, limit: Int) {
        errors.append(.tooMany(path.description, actual, limit: limit))
    }

    /// An error whose text is not made of the usual parts.
    mutating func other(_ kind: FieldError.Kind, _ path: FieldPath, _ text: String) {
        errors.append(FieldError(kind: kind, field: path.description, detailText: text))
    }

    // MARK: Checks that all kinds share

    static let immutable = "field is immutable"

    /// `ValidateNonnegativeField`; an absent number is zero.
    mutating func nonnegative(_ value: Int64?, _ path: @autoclosure () -> FieldPath) {
        if let value, value < 0 { invalid(path(), .integer(value), "must be greater than or equal to 0") }
    }

    /// A value of a closed set; an empty one is required when `whenEmpty` says so.
    mutating func oneOf(_ value: String, _ supported: [String], _ path: @autoclosure () -> FieldPath, requiredWhenEmpty: Bool = false) {
        if supported.contains(value) { return }
        if value.isEmpty, requiredWhenEmpty { required(path()) } else { notSupported(path(), .string(value), supported) }
    }

    /// `ValidateImmutableField` of a field whose value prints as its own JSON.
    mutating func immutable(_ new: JSON?, _ old: JSON?, _ path: @autoclosure () -> FieldPath) {
        if !Self.isSemanticallyEqual(new, old) { invalid(path(), new ?? .null, Self.immutable) }
    }

    /// `apiequality.Semantic.DeepEqual` on canonical values: absent, null and empty collections are the same.
    static func isSemanticallyEqual(_ left: JSON?, _ right: JSON?) -> Bool {
        func normal(_ value: JSON?) -> JSON? {
            switch value {
            case nil, .null: nil
            case .array(let elements) where elements.isEmpty: nil
            case .object(let object) where object.isEmpty: nil
            default: value
            }
        }
        return normal(left) == normal(right)
    }

    mutating func dns1123Label(_ value: String, _ path: @autoclosure () -> FieldPath) {
        let problems = NameForm.label.problems(value)
        if !problems.isEmpty { invalid(path(), .string(value), each: problems) }
    }

    mutating func dns1123Subdomain(_ value: String, _ path: @autoclosure () -> FieldPath) {
        let problems = NameForm.subdomain.problems(value)
        if !problems.isEmpty { invalid(path(), .string(value), each: problems) }
    }

    mutating func name(_ value: String, _ form: NameForm, _ path: @autoclosure () -> FieldPath) {
        let problems = form.problems(value)
        if !problems.isEmpty { invalid(path(), .string(value), each: problems) }
    }

    mutating func qualifiedName(_ value: String, _ path: @autoclosure () -> FieldPath) {
        let problems = QualifiedName.problems(value)
        if !problems.isEmpty { invalid(path(), .string(value), each: problems) }
    }

    /// A label's value.
    mutating func labelValue(_ value: String, _ path: @autoclosure () -> FieldPath) {
        let problems = QualifiedName.valueProblems(value)
        if !problems.isEmpty { invalid(path(), .string(value), each: problems) }
    }

    /// `ValidateLabels`: keys and values, all told at the map's own path.
    mutating func labels(_ labels: JSON?, _ path: @autoclosure () -> FieldPath) {
        for member in labels?.object?.members ?? [] {
            qualifiedName(member.key, path())
            labelValue(member.value.string ?? "", path())
        }
    }

    /// `ValidateAnnotations`.
    mutating func annotations(_ annotations: JSON?, _ path: @autoclosure () -> FieldPath) {
        var size = 0
        for member in annotations?.object?.members ?? [] {
            // The case of a key does not matter.
            let problems = QualifiedName.problems(member.key.lowercased())
            if !problems.isEmpty { invalid(path(), .string(member.key), each: problems) }
            size += member.key.utf8.count + (member.value.string?.utf8.count ?? 0)
        }
        if size > 256 << 10 { tooLong(path(), 256 << 10) }
    }

    /// `ValidateLabelSelector`.
    mutating func labelSelector(_ selector: JSON?, _ path: @autoclosure () -> FieldPath) {
        guard let selector, !selector.isNull else { return }
        labels(selector["matchLabels"], path() / "matchLabels")
        for (index, requirement) in selector.items("matchExpressions").enumerated() {
            let at = (path() / "matchExpressions")[index]
            let values = requirement.items("values")
            switch requirement.text("operator") {
            case "In", "NotIn":
                if values.isEmpty { required(at / "values", "must be specified when `operator` is 'In' or 'NotIn'") }
            case "Exists", "DoesNotExist":
                if !values.isEmpty { forbidden(at / "values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'") }
            case let other: invalid(at / "operator", .string(other), "not a valid selector operator")
            }
            qualifiedName(requirement.text("key"), at / "key")
            for (position, value) in values.enumerated() { labelValue(value.string ?? "", (at / "values")[position]) }
        }
    }
}

extension JSON {
    /// The text of a field; empty when there is none, as in Go.
    public func text(_ key: String) -> String { self[key]?.string ?? "" }
    /// The elements of a field.
    public func items(_ key: String) -> [JSON] { self[key]?.array ?? [] }
    /// The texts of a field.
    public func texts(_ key: String) -> [String] { self[key]?.array?.compactMap(\.string) ?? [] }
    /// The entries of a field.
    public func entries(_ key: String) -> [JSONObject.Member] { self[key]?.object?.members ?? [] }
    /// The number of a field.
    public func number(_ key: String) -> Int64? { self[key]?.integer }
    /// The truth of a field; false when there is none.
    public func flag(_ key: String) -> Bool { self[key]?.bool ?? false }
    /// A field that is there and not null.
    public func present(_ key: String) -> JSON? {
        guard let value = self[key], !value.isNull else { return nil }
        return value
    }
}
