import JSON

extension JSON {
    /// The document as the recorder sent it, with a blank after each comma and colon: some answers quote it.
    var recordedText: String {
        switch self {
        case .array(let elements): "[\(elements.map(\.recordedText).joined(separator: ", "))]"
        case .object(let object):
            "{\(object.members.map { "\(JSON.string($0.key).text): \($0.value.recordedText)" }.joined(separator: ", "))}"
        default: text
        }
    }
}
