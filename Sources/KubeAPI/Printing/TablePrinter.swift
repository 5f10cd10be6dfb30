public import JSON
public import World

/// Rows of Tables, as `kubectl get` shows them.
public struct TablePrinter: Sendable {
    /// One column.
    public struct Column: Sendable {
        /// Name.
        public let name: String
        /// Type.
        public let type: String
        /// Format.
        public let format: String
        /// Priority.
        public let priority: Int
    }
    /// One row.
    public struct Row: Sendable {
        /// Cells.
        public let cells: [JSON]
        /// Conditions.
        public let conditions: [JSON]
    }
    /// Builtin.
    public static let builtin = TablePrinter()
    /// Columns.
    public func columns(group: String, version: String, resource: String) -> [Column] {
        [
            Column(name: "Name", type: "string", format: "name", priority: 0),
            Column(name: "Created At", type: "date", format: "", priority: 0),
        ]
    }
    /// Row.
    public func row(_ object: JSON, group: String, version: String, resource: String, now: Instant) -> Row {
        Row(cells: [.string(object.objectName), object.at("metadata", "creationTimestamp") ?? ""], conditions: [])
    }
}
