public import JSON
import YAML

/// The body of a server-side apply: YAML, of which JSON is a part (`patch.go`, `applyPatcher`).
public struct ApplyConfiguration: Sendable {
    /// Deepest nesting and most bytes of a body.
    private static let limits = JSON.Limits(depth: 256, bytes: 3 << 20)

    /// What is applied.
    public let object: JSON
    /// What strict decoding has to say of repeated keys.
    public let repetition: String?

    /// Reads a body.
    ///
    /// - Throws: 400 for what is no object, 413 for too much.
    public init(_ body: [UInt8]) throws(KubeStatus) {
        var duplicates: [String] = []
        if let json = try? JSON.parse(body, limits: Self.limits, duplicates: &duplicates), duplicates.isEmpty, json.object != nil {
            object = json
            repetition = nil
            return
        }
        var note: String?
        let document: JSON
        do throws(YAMLError) { document = try Self.document(body, &note) } catch {
            if case .tooLarge(let limit) = error.reason { throw .requestEntityTooLarge(limit: limit) }
            throw .badRequest("error decoding YAML: error converting YAML to JSON: \(error)")
        }
        guard document.object != nil || document.isNull else {
            let kind = ["integer": "number", "boolean": "bool"][document.typeName] ?? document.typeName
            throw .badRequest(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal \(kind) into Go value of type "
                    + "map[string]interface {}")
        }
        object = document.isNull ? [:] : document
        repetition = note
    }

    /// Of a repeated key the last value counts, with a note.
    private static func document(_ body: [UInt8], _ note: inout String?) throws(YAMLError) -> JSON {
        let limits = YAMLDecoder.Limits(bytes: limits.bytes, depth: limits.depth)
        do throws(YAMLError) { return try YAMLDecoder.decode(body, repeatedKeys: .refused, limits: limits) } catch {
            guard case .duplicateKey = error.reason else { throw error }
            note = "error converting YAML to JSON: \(error)"
        }
        return try YAMLDecoder.decode(body, repeatedKeys: .lastWins, limits: limits)
    }
}
