import Facts
public import JSON
public import World

/// Rows of Tables, as `kubectl get` shows them (`pkg/printers/internalversion`). Kinds without a printer here get name and creation time,
/// as the server shows kinds that it knows no columns for.
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
        /// Conditions of finished pods and jobs.
        public let conditions: [JSON]
    }

    private typealias Cells = @Sendable (_ object: JSON, _ age: JSON) -> [JSON]

    /// The printer of the built-in kinds.
    public static let builtin = TablePrinter()

    private let columnsByResource: [String: [Column]]

    private init() {
        let table = (try? JSON(parsing: Facts.kubernetesColumns))?["columns"]?.object ?? [:]
        columnsByResource = Dictionary(
            table.members.map { member in
                (
                    member.key,
                    (member.value.array ?? []).compactMap { row in
                        guard let parts = row.array, parts.count == 4 else { return nil }
                        return Column(
                            name: parts[0].string ?? "", type: parts[1].string ?? "", format: parts[2].string ?? "",
                            priority: Int(parts[3].integer ?? 0))
                    }
                )
            }, uniquingKeysWith: { first, _ in first })
    }

    private static let fallback = [
        Column(name: "Name", type: "string", format: "name", priority: 0),
        Column(name: "Created At", type: "date", format: "", priority: 0),
    ]

    /// The columns of a resource.
    public func columns(group: String, version: String, resource: String) -> [Column] {
        let key = "\(group)/\(version)/\(resource)"
        return Self.printers[key] == nil ? Self.fallback : columnsByResource[key] ?? Self.fallback
    }

    /// The row of an object at a time.
    public func row(_ object: JSON, group: String, version: String, resource: String, now: Instant) -> Row {
        let created = object.at("metadata", "creationTimestamp")
        guard let cells = Self.printers["\(group)/\(version)/\(resource)"] else {
            return Row(cells: [.string(object.objectName), created ?? ""], conditions: [])
        }
        let age = created?.string.flatMap(Instant.init(rfc3339:)).map {
            JSON.string(HumanDuration.text(seconds: now.nanoseconds / 1_000_000_000 - $0.nanoseconds / 1_000_000_000))
        }
        return Row(cells: cells(object, age ?? "<unknown>"), conditions: [])
    }

    private static let printers: [String: Cells] = [
        "/v1/namespaces": { [.string($0.objectName), $0.at("status", "phase") ?? "", $1] },
        "/v1/configmaps": { [.string($0.objectName), count($0["data"], $0["binaryData"]), $1] },
        "/v1/secrets": { [.string($0.objectName), $0["type"] ?? "", count($0["data"]), $1] },
        "/v1/serviceaccounts": { [.string($0.objectName), $1] },
        "/v1/services": { ServiceRow.cells($0, age: $1) },
        "rbac.authorization.k8s.io/v1/rolebindings": { binding($0, $1) },
        "rbac.authorization.k8s.io/v1/clusterrolebindings": { binding($0, $1) },
    ]

    private static func count(_ maps: JSON?...) -> JSON { .integer(Int64(maps.reduce(0) { $0 + ($1?.object?.count ?? 0) })) }

    private static func binding(_ object: JSON, _ age: JSON) -> [JSON] {
        let role = "\(object.at("roleRef", "kind")?.string ?? "")/\(object.at("roleRef", "name")?.string ?? "")"
        let subjects = object["subjects"]?.array ?? []
        func names(_ kind: String) -> JSON {
            .string(
                subjects.filter { $0["kind"]?.string == kind }.map { subject in
                    let name = subject["name"]?.string ?? ""
                    return kind == "ServiceAccount" ? "\(subject["namespace"]?.string ?? "")/\(name)" : name
                }.joined(separator: ", "))
        }
        return [.string(object.objectName), .string(role), age, names("User"), names("Group"), names("ServiceAccount")]
    }
}
