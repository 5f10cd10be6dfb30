import JSON

/// Writes a Swagger 2.0 document as the protobuf message `openapi.v2.Document` of google/gnostic, the only form in which client-go
/// reads `/openapi/v2`. Covers the members that `OpenAPIRenderer` writes.
enum SwaggerProtobuf {
    static func document(_ swagger: JSON) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.string(1, swagger["swagger"])
        writer.message(2) { info in
            info.string(1, swagger.at("info", "title"))
            info.string(2, swagger.at("info", "version"))
        }
        writer.message(8) { $0.named(2, swagger["paths"], path) }
        writer.message(9) { $0.named(1, swagger["definitions"], schema) }
        for requirement in swagger["security"]?.array ?? [] {
            writer.message(12) { $0.named(1, requirement) { $0.strings(1, $1) } }
        }
        writer.message(13) { definitions in
            definitions.named(1, swagger["securityDefinitions"]) { item, value in
                item.message(2) { key in
                    key.string(1, value["type"])
                    key.string(2, value["name"])
                    key.string(3, value["in"])
                }
            }
        }
        return writer.bytes
    }

    private static let methods = [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("options", 6), ("head", 7), ("patch", 8)]

    private static func path(_ writer: inout ProtobufWriter, _ path: JSON) {
        for (method, number) in methods {
            if let value = path[method] { writer.message(number) { operation(&$0, value) } }
        }
        parameters(&writer, 9, path)
    }

    private static func operation(_ writer: inout ProtobufWriter, _ value: JSON) {
        writer.strings(1, value["tags"])
        writer.string(5, value["operationId"])
        writer.strings(6, value["produces"])
        writer.strings(7, value["consumes"])
        parameters(&writer, 8, value)
        writer.message(9) { responses in
            responses.named(1, value["responses"]) { item, response in
                item.message(1) { message in
                    message.string(1, response["description"])
                    if let schema = response["schema"] { message.message(2) { $0.message(1) { self.schema(&$0, schema) } } }
                }
            }
        }
        writer.strings(10, value["schemes"])
        extensions(&writer, 13, value)
    }

    private static func parameters(_ writer: inout ProtobufWriter, _ number: Int, _ owner: JSON) {
        for value in owner["parameters"]?.array ?? [] {
            writer.message(number) { $0.message(1) { parameter(&$0, value) } }
        }
    }

    private static func parameter(_ writer: inout ProtobufWriter, _ value: JSON) {
        if value["in"] == "body" {
            writer.message(1) { body in
                body.string(2, value["name"])
                body.string(3, value["in"])
                body.bool(4, value["required"])
                if let schema = value["schema"] { body.message(5) { self.schema(&$0, schema) } }
            }
            return
        }
        let isInPath = value["in"] == "path"
        writer.message(2) { other in
            other.message(isInPath ? 4 : 3) { message in
                message.bool(1, value["required"])
                message.string(2, value["in"])
                message.string(3, value["description"])
                message.string(4, value["name"])
                message.string(isInPath ? 5 : 6, value["type"])
                message.bool(isInPath ? 19 : 20, value["uniqueItems"])
            }
        }
    }

    private static func schema(_ writer: inout ProtobufWriter, _ value: JSON) {
        writer.string(1, value["$ref"])
        writer.string(2, value["format"])
        writer.string(4, value["description"])
        writer.strings(19, value["required"])
        for element in value["enum"]?.array ?? [] { writer.message(20) { $0.string(2, .string(element.text)) } }
        if let element = value["additionalProperties"] { writer.message(21) { $0.message(1) { schema(&$0, element) } } }
        if let type = value["type"] { writer.message(22) { $0.string(1, type) } }
        if let element = value["items"] { writer.message(23) { $0.message(1) { schema(&$0, element) } } }
        if let properties = value["properties"] { writer.message(25) { $0.named(1, properties, schema) } }
        extensions(&writer, 31, value)
    }

    /// Values of any type travel as YAML, which JSON is.
    private static func extensions(_ writer: inout ProtobufWriter, _ number: Int, _ owner: JSON) {
        for member in owner.object ?? [:] where member.key.hasPrefix("x-") {
            writer.message(number) { named in
                named.string(1, .string(member.key))
                named.message(2) { $0.string(2, .string(member.value.text)) }
            }
        }
    }
}

/// Writes protobuf's wire format. Absent values and zeros are not written, as in proto3.
private struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func bool(_ number: Int, _ value: JSON?) {
        guard value == true else { return }
        varint(UInt64(number) << 3)
        bytes.append(1)
    }

    mutating func string(_ number: Int, _ value: JSON?) {
        guard let text = value?.string, !text.isEmpty else { return }
        append(number, text.utf8)
    }

    mutating func strings(_ number: Int, _ value: JSON?) {
        for text in value?.strings ?? [] { append(number, text.utf8) }
    }

    mutating func message(_ number: Int, _ body: (inout ProtobufWriter) -> Void) {
        var message = ProtobufWriter()
        body(&message)
        append(number, message.bytes)
    }

    /// An object as a repeated message of name and value.
    mutating func named(_ number: Int, _ object: JSON?, _ body: (inout ProtobufWriter, JSON) -> Void) {
        for member in object?.object ?? [:] {
            message(number) { named in
                named.append(1, member.key.utf8)
                named.message(2) { body(&$0, member.value) }
            }
        }
    }

    private mutating func append(_ number: Int, _ value: some Collection<UInt8>) {
        varint(UInt64(number) << 3 | 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
