/// A path to a field, printed as `k8s.io/apimachinery/pkg/util/validation/field.Path` prints it: `spec.ports[0].port`, `data[a.b]`.
///
/// A path is a chain to its parents: making a child costs one small allocation, and text is made only for errors.
struct FieldPath: Sendable, CustomStringConvertible {
    private indirect enum Node: Sendable {
        case root
        case name(Node, String)
        case index(Node, Int)
        case key(Node, String)
    }

    private let node: Node

    /// The object itself.
    static let root = FieldPath(.root)

    private init(_ node: Node) { self.node = node }

    /// The path of a field of the object.
    init(_ name: String) { node = .name(.root, name) }

    /// A field of this value.
    static func / (path: FieldPath, name: String) -> FieldPath { FieldPath(.name(path.node, name)) }

    /// An element of this list.
    subscript(index: Int) -> FieldPath { FieldPath(.index(node, index)) }

    /// An entry of this map.
    func key(_ key: String) -> FieldPath { FieldPath(.key(node, key)) }

    var description: String {
        var text = ""
        Self.write(node, into: &text)
        return text
    }

    private static func write(_ node: Node, into text: inout String) {
        switch node {
        case .root: break
        case .name(let parent, let name):
            write(parent, into: &text)
            if case .root = parent {} else { text += "." }
            text += name
        case .index(let parent, let index):
            write(parent, into: &text)
            text += "[\(index)]"
        case .key(let parent, let key):
            write(parent, into: &text)
            text += "[\(key)]"
        }
    }
}
