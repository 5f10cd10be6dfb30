import JSON
import KubeAPI

/// Which objects a list or watch is about: label and field selectors together.
struct Selection: Sendable {
    private let labels: LabelSelector
    private let fields: FieldSelector
    private let fieldPaths: [String: [String]]
    /// Whether every object is selected, so that values need not be parsed.
    let selectsEverything: Bool

    /// Reads the selectors of a request.
    ///
    /// - Throws: 400 for a malformed selector or a field that cannot be selected by.
    init(_ options: ListOptions, _ resource: ResourceType, name: String = "") throws(KubeStatus) {
        do { labels = try LabelSelector(parsing: options.labelSelector) } catch { throw .badRequest(error.message) }
        do { fields = try FieldSelector(parsing: options.fieldSelector) } catch { throw .badRequest(error.message) }
        let known = SelectableFields.of(resource)
        for requirement in fields.requirements where known[requirement.field] == nil {
            throw .badRequest(SelectableFields.refusal(requirement.field, resource))
        }
        fieldPaths = known
        selectsEverything = labels.isEmpty && fields.requirements.isEmpty
    }

    /// The one name that can match, when the fields ask for it.
    var exactName: String? { fields.requirements.first { $0.field == "metadata.name" && !$0.isNegated }?.value }

    /// Whether an object is selected.
    func matches(_ object: JSON) -> Bool {
        if selectsEverything { return true }
        guard labels.matches(object.at("metadata", "labels")?.object) else { return false }
        return fields.matches { field in
            guard let path = fieldPaths[field], let value = object.value(at: path) else { return SelectableFields.absent(field) }
            switch value {
            case .string(let text): return text
            case .bool(let flag): return flag ? "true" : "false"
            case .integer(let number): return String(number)
            default: return ""
            }
        }
    }

    /// Whether stored bytes are selected.
    func matches(_ bytes: [UInt8]) -> Bool {
        if selectsEverything { return true }
        return (try? JSON(parsing: bytes)).map(matches) ?? false
    }
}
