import HTTP
import JSON
import KubeAPI
import Store
import World

/// Tables of one request: the resource's printer is found once, not for each row.
struct TableView: Sendable {
    let printer: TablePrinter
    let registry: Registry
    let resource: ResourceType
    /// Whether the objects are of another kind than the resource's: scales.
    private let isPart: Bool
    private let included: Included
    /// `v1` or `v1beta1` of `meta.k8s.io`.
    private let version: String

    /// What each row carries of its object (`includeObject`).
    private enum Included: String, Sendable { case none = "None", metadata = "Metadata", object = "Object" }

    /// - Throws: 400 for an unknown `includeObject`.
    init(_ request: APIRequest, _ registry: Registry, _ version: String) throws(KubeStatus) {
        self.registry = registry
        self.version = version
        resource = request.resource
        let kind = request.resource.kind
        let part = request.resource.subresource(request.info.subresource).flatMap { $0.kind == kind ? Optional.none : $0 }
        isPart = part != nil
        printer =
            part.map { TablePrinter.builtin(group: $0.group, version: $0.version, kind: $0.kind) } ?? registry.printer(request.resource)
        let asked = request.query["includeObject"] ?? ""
        guard let included = asked.isEmpty ? .metadata : Included(rawValue: asked) else {
            throw .badRequest(
                "Unable to convert to Table as requested: includeObject: Invalid value: \(GoText.quoted(asked)): must be 'Metadata', 'Object', 'None', or empty"
            )
        }
        self.included = included
    }

    /// A page as a Table.
    func table(_ page: Registry.Page) throws(KubeStatus) -> JSON {
        let now = registry.cluster.world.now
        var objects: [JSON] = []
        objects.reserveCapacity(page.entries.count)
        for entry in page.entries { objects.append(try object(entry.value, at: entry.modified)) }
        if let order = printer.order { objects.sort(by: order) }
        return table(page.metadata, printer.columnDefinitions, objects.map { row($0, now) })
    }

    /// One object as a Table; without columns for the later events of a watch.
    func table(object bytes: [UInt8], hasColumns: Bool = true) throws(KubeStatus) -> JSON {
        let object = try object(bytes)
        return table(
            ["resourceVersion": .string(object.objectResourceVersion)], hasColumns ? printer.columnDefinitions : .null,
            [row(object, registry.cluster.world.now)])
    }

    private func object(_ bytes: [UInt8], at revision: Revision = .max) throws(KubeStatus) -> JSON {
        try StoredObject.parse(isPart ? bytes : registry.shown(bytes, resource, at: revision))
    }

    private func table(_ metadata: JSON, _ columns: JSON, _ rows: [JSON]) -> JSON {
        ["kind": "Table", "apiVersion": "meta.k8s.io/\(version)", "metadata": metadata, "columnDefinitions": columns, "rows": .array(rows)]
    }

    private func row(_ object: JSON, _ now: Instant) -> JSON {
        let printed = printer.row(object, now: now)
        var row: JSON = ["cells": .array(printed.cells)]
        if !printed.conditions.isEmpty { row["conditions"] = .array(printed.conditions) }
        switch included {
        case .none: row["object"] = .null
        case .metadata: row["object"] = Registry.partialMetadata(object, version: version)
        case .object: row["object"] = object
        }
        return row
    }
}

extension Registry {
    /// How a resource is shown in Tables.
    func printer(_ resource: ResourceType) -> TablePrinter {
        resource.custom?.version.printer ?? .builtin(group: resource.group, version: resource.version, resource: resource.resource)
    }

    /// An object's PartialObjectMetadata.
    static func partialMetadata(_ object: JSON, version: String) -> JSON {
        ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/\(version)", "metadata": object["metadata"] ?? [:]]
    }

    /// A page as PartialObjectMetadataList.
    func partialMetadataList(_ page: Page, version: String) throws(KubeStatus) -> JSON {
        var items: [JSON] = []
        for entry in page.entries { items.append(Self.partialMetadata(try StoredObject.parse(entry.value), version: version)) }
        return [
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/\(version)", "metadata": page.metadata, "items": .array(items),
        ]
    }
}

extension Registry.Page {
    /// The `metadata` of a list.
    var metadata: JSON {
        var metadata: JSON = ["resourceVersion": .string(String(revision))]
        if let name = continueAfter {
            metadata["continue"] = .string(ContinueToken(revision: revision, name: name).text)
            metadata["remainingItemCount"] = remaining.map { .integer(Int64($0)) }
        }
        return metadata
    }
}
