public import JSON
import World

extension TablePrinter {
    /// The printer of a custom resource (`apiextensions-apiserver/pkg/registry/customresource/tableconvertor`).
    ///
    /// - Parameter additionalPrinterColumns: of a version of a CustomResourceDefinition; without any, the age is shown.
    public init(additionalPrinterColumns: [JSON]) {
        let ageOnly: JSON = ["name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"]
        let given = additionalPrinterColumns.isEmpty ? [ageOnly] : additionalPrinterColumns
        let columns = given.map { column in
            Column(
                name: column["name"]?.string ?? "", type: column["type"]?.string ?? "", format: column["format"]?.string ?? "",
                priority: Int(clamping: column["priority"]?.integer ?? 0))
        }
        let paths = given.map { ColumnPath(parsing: $0["jsonPath"]?.string ?? "") }
        self.init(columns: [Column(name: "Name", type: "string", format: "name", priority: 0)] + columns) { shown in
            [.string(shown.name)]
                + zip(columns, paths).map { column, path in
                    guard let value = path?.values(in: shown.object)?.first else { return .null }
                    return CustomCell.value(value, type: column.type, shown)
                }
        }
    }
}

/// A cell of a custom resource: what does not fit the column's type is null.
private enum CustomCell {
    static func value(_ value: JSON, type: String, _ shown: PrintedObject) -> JSON {
        switch (type, value) {
        case ("string", _): .string(text(value))
        case ("integer", .integer), ("number", .integer), ("number", .number), ("boolean", .bool): value
        case ("integer", .number): value.double.flatMap { Int64(exactly: $0.rounded(.towardZero)) }.map(JSON.integer) ?? .null
        case ("date", .string(let time)): Instant(rfc3339: time) == nil ? "<invalid>" : .string(shown.since(value))
        default: .null
        }
    }

    /// The text that a JSON path prints.
    private static func text(_ value: JSON) -> String {
        switch value {
        case .null: "<no value>"
        case .string(let text): text
        default: value.text
        }
    }
}
