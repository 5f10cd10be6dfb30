import Facts
import JSON

/// How one value looks in a message.
indirect enum ProtobufType: Sendable {
    case scalar(ScalarType, is32Bit: Bool)
    /// A message of its own, by its place in `ProtobufLayouts`.
    case message(Int)
    /// A message whose fields are members of the same JSON object: an inlined Go struct such as `VolumeSource`.
    case embedded(Int)
    /// One field an element.
    case list(ProtobufType)
    /// A message that holds nothing but a list, as its field 1.
    case boxedList(ProtobufType)
    /// One field an entry: a message of key and value.
    case map(ProtobufType)
}

/// One field of a message.
struct ProtobufField: Sendable {
    let number: Int
    /// The JSON name; empty for an embedded message.
    let name: String
    let type: ProtobufType
    /// Whether absence can be told from zero: everything else is always written, as gogo does for fields that are not nullable.
    let isPointer: Bool
}

/// The messages of every type: the numbers of `protobuf.json` joined with the JSON fields of the schema. Fields are by number.
struct ProtobufLayouts: Sendable {
    private let fields: [[ProtobufField]]
    private let schema: Schema
    /// The place of `JSONSchemaProps`, which the three either-or types refer to.
    let jsonSchema: Int

    /// The layouts of the built-in types; made at first use.
    static let builtin = ProtobufLayouts(.builtin, (try? JSON(parsing: Facts.kubernetesProtobuf))?.object ?? [:])

    private init(_ schema: Schema, _ messages: JSONObject) {
        var builder = Builder(schema: schema, messages: messages)
        fields = builder.build()
        self.schema = schema
        jsonSchema = schema.index(named: "apiextensions.v1.JSONSchemaProps") ?? 0
    }

    /// A message's fields.
    subscript(_ place: Int) -> [ProtobufField] { fields[place] }

    /// The place of a kind's message; `nil` for kinds that have none. Kinds of `meta/v1` belong to every group.
    func place(_ kind: GroupVersionKind) -> Int? {
        guard let place = schema.index(kind) ?? schema.index(named: "meta.v1.\(kind.kind)"), !fields[place].isEmpty else { return nil }
        return place
    }

    private struct Builder {
        private static let packages = [
            "k8s.io.api.", "k8s.io.apimachinery.pkg.apis.", "k8s.io.apiextensions_apiserver.pkg.apis.", "k8s.io.kube_aggregator.pkg.apis.",
        ]
        let schema: Schema
        let messages: JSONObject
        private var layouts: [[ProtobufField]] = []

        init(schema: Schema, messages: JSONObject) {
            self.schema = schema
            self.messages = messages
        }

        mutating func build() -> [[ProtobufField]] {
            layouts = [[ProtobufField]](repeating: [], count: schema.types.count)
            for (place, type) in schema.types.enumerated() {
                for package in Self.packages {
                    guard let message = messages[package + type.name]?.object else { continue }
                    layouts[place] = layout(message, type)
                    break
                }
            }
            return layouts
        }

        private mutating func layout(_ message: JSONObject, _ type: SchemaType, depth: Int = 0) -> [ProtobufField] {
            var result: [ProtobufField] = []
            for row in message {
                guard let number = row.value[0]?.integer.flatMap({ Int(exactly: $0) }), let target = row.value[1]?.string else { continue }
                let name = Self.plain(row.key)
                let declared = type.fields.first { $0.protobufNumber == number && Self.plain($0.name) == name }
                if let declared {
                    let isBoxed = target.hasPrefix("k8s.")
                    result.append(
                        ProtobufField(
                            number: number, name: declared.name, type: Self.type(declared.type, isBoxed: isBoxed),
                            isPointer: declared.isPointer))
                } else if let inlined = messages[target]?.object, depth < 4 {
                    let inner = layout(inlined, type, depth: depth + 1)
                    layouts.append(inner)
                    result.append(ProtobufField(number: number, name: "", type: .embedded(layouts.count - 1), isPointer: false))
                }
            }
            return result.sorted { $0.number < $1.number }
        }

        /// Names of fields differ between JSON and protobuf only in case and punctuation: `x-kubernetes-list-type`, `xKubernetesListType`.
        private static func plain(_ name: String) -> String { name.lowercased().filter { $0.isLetter || $0.isNumber } }

        private static func type(_ type: ValueType, isBoxed: Bool) -> ProtobufType {
            switch type {
            case .scalar(let scalar, let is32Bit): .scalar(scalar, is32Bit: is32Bit)
            case .reference(let place): .message(place)
            case .array(let element): isBoxed ? .boxedList(self.type(element, isBoxed: false)) : .list(self.type(element, isBoxed: false))
            // A list as the value of a map has a message of its own: `ExtraValue`.
            case .map(let element): .map(self.type(element, isBoxed: true))
            }
        }
    }
}
