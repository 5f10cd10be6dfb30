import Facts
public import JSON
public import World

/// How one resource is shown in Tables, as `kubectl get` asks for (`pkg/printers/internalversion`). Found once per request.
public struct TablePrinter: Sendable {
    /// One column.
    public struct Column: Sendable {
        /// Its heading.
        public let name: String
        /// `string`, `integer`, `date`.
        public let type: String
        /// `name` for the column that names the object.
        public let format: String
        /// 0 is always shown, 1 with `-o wide`.
        public let priority: Int
    }
    /// One row.
    public struct Row: Sendable {
        /// A cell a column.
        public let cells: [JSON]
        /// Conditions of finished pods.
        public let conditions: [JSON]
    }

    /// The columns in order.
    public let columns: [Column]
    /// The columns as a Table's `columnDefinitions`.
    public let columnDefinitions: JSON
    /// The order of rows of a list, where it is not that of the names.
    public let order: (@Sendable (JSON, JSON) -> Bool)?
    private let cells: BuiltinRows.Cells
    private let conditions: (@Sendable (PrintedObject) -> [JSON])?

    init(
        columns: [Column], order: (@Sendable (JSON, JSON) -> Bool)? = nil, conditions: (@Sendable (PrintedObject) -> [JSON])? = nil,
        cells: @escaping BuiltinRows.Cells
    ) {
        self.columns = columns
        self.cells = cells
        self.conditions = conditions
        self.order = order
        columnDefinitions = .array(
            columns.map { column in
                [
                    "name": .string(column.name), "type": .string(column.type), "format": .string(column.format), "description": "",
                    "priority": .integer(Int64(column.priority)),
                ]
            })
    }

    /// The row of an object at a time.
    public func row(_ object: JSON, now: Instant) -> Row {
        let shown = PrintedObject(object: object, now: now)
        return Row(cells: cells(shown), conditions: conditions?(shown) ?? [])
    }

    /// The printer of a built-in resource; for others one that shows name and creation time.
    public static func builtin(group: String, version: String, resource: String) -> TablePrinter {
        builtin["\(group)/\(version)/\(resource)"] ?? fallback
    }

    /// The printer of a kind that only parts of resources have, such as `Scale`; for others one that shows name and creation time.
    public static func builtin(group: String, version: String, kind: String) -> TablePrinter {
        group == "autoscaling" && version == "v1" && kind == "Scale" ? scale : fallback
    }

    /// `pkg/printers/internalversion.printScale`: its first column is not marked as the name.
    private static let scale = TablePrinter(
        columns: [
            Column(name: "Name", type: "string", format: "", priority: 0),
            Column(name: "Desired", type: "integer", format: "", priority: 0),
            Column(name: "Available", type: "integer", format: "", priority: 0),
            Column(name: "Age", type: "string", format: "", priority: 0),
        ], cells: BuiltinRows.scale)

    private static let fallback = TablePrinter(
        columns: [
            Column(name: "Name", type: "string", format: "name", priority: 0),
            Column(name: "Created At", type: "date", format: "", priority: 0),
        ], cells: BuiltinRows.fallback)

    private static let builtin: [String: TablePrinter] = {
        var printers: [String: TablePrinter] = [:]
        let facts = (try? JSON(parsing: Facts.kubernetesColumns))?["columns"]?.object ?? [:]
        for resource in facts {
            guard let cells = BuiltinRows.table[resource.key] else { continue }
            printers[resource.key] = TablePrinter(
                columns: (resource.value.array ?? []).compactMap(Column.init(fact:)),
                order: resource.key.hasSuffix("/flowschemas") ? PolicyRows.flowSchemaOrder : nil,
                conditions: resource.key == "/v1/pods" ? PodRow.conditions : nil, cells: cells)
        }
        return printers
    }()
}

extension TablePrinter.Column {
    /// `[name, type, format, priority]` of `columns.json`.
    fileprivate init?(fact: JSON) {
        guard let parts = fact.array, parts.count == 4 else { return nil }
        self.init(
            name: parts[0].string ?? "", type: parts[1].string ?? "", format: parts[2].string ?? "",
            priority: Int(clamping: parts[3].integer ?? 0))
    }
}
