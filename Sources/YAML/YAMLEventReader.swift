// The C target inside the Yams package; SwiftPM lets dependents of Yams import it.
import CYaml

/// A scalar as it stands in the text.
struct YAMLScalar {
    var text: String
    /// The tag in its long form (`tag:yaml.org,2002:int`), if one is written.
    var tag: String?
    /// Without quotes, not a block.
    var isPlain: Bool
}

/// One step of a YAML stream.
enum YAMLEvent {
    case scalar(YAMLScalar, anchor: String?)
    case alias(String)
    case sequenceStart(anchor: String?)
    case mappingStart(anchor: String?)
    case collectionEnd
    case documentStart
    case documentEnd
    case streamStart
    case streamEnd
}

/// Reads events with libyaml from memory that outlives the reader.
final class YAMLEventReader {
    // libyaml keeps a pointer from the parser to itself, so it must not move.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    /// One-based line where the last event began.
    private(set) var line = 0

    init(_ buffer: UnsafeBufferPointer<UInt8>) throws(YAMLError) {
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw YAMLError(.syntax("out of memory"), line: 0)
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    func next() throws(YAMLError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let value = YAMLScalar(
                text: String(decoding: bytes, as: UTF8.self), tag: text(scalar.tag), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
            return .scalar(value, anchor: text(scalar.anchor))
        case YAML_ALIAS_EVENT: return .alias(text(event.data.alias.anchor) ?? "")
        case YAML_SEQUENCE_START_EVENT: return .sequenceStart(anchor: text(event.data.sequence_start.anchor))
        case YAML_MAPPING_START_EVENT: return .mappingStart(anchor: text(event.data.mapping_start.anchor))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .collectionEnd
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_STREAM_START_EVENT: return .streamStart
        default: return .streamEnd
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? { pointer.map { String(cString: $0) } }

    private func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "unreadable"
        return YAMLError(.syntax(problem), line: failureLine)
    }

    /// The line that go-yaml v2 names (`parser.fail`): it counts from zero, except where the scanner stopped, and does not name line 0.
    private var failureLine: Int {
        let isScanner = parser.pointee.error == YAML_SCANNER_ERROR
        // Errors of the byte reader carry no line.
        guard isScanner || parser.pointee.error == YAML_PARSER_ERROR else { return 0 }
        let line = Int(clamping: parser.pointee.problem_mark.line)
        return line == 0 ? Int(clamping: parser.pointee.context_mark.line) : isScanner ? line + 1 : line
    }
}
