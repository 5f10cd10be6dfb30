import HTTP
import JSON
import KubeAPI
import Store
import World

extension Registry {
    /// A page as a Table, which `kubectl get` asks for.
    func table(_ request: APIRequest, _ page: Page) throws(KubeStatus) -> JSON {
        var rows: [JSON] = []
        rows.reserveCapacity(page.entries.count)
        let now = cluster.world.now
        for entry in page.entries { rows.append(try row(request, entry.value, now)) }
        var metadata: JSON = ["resourceVersion": .string(String(page.revision))]
        if let name = page.continueAfter {
            metadata["continue"] = .string(ContinueToken(revision: page.revision, name: name).text)
            metadata["remainingItemCount"] = page.remaining.map { .integer(Int64($0)) }
        }
        return Self.table(metadata, columns(request.resource), rows)
    }

    /// One object as a Table; without `columns` for the later events of a watch.
    func table(_ request: APIRequest, object bytes: [UInt8], hasColumns: Bool = true) throws(KubeStatus) -> JSON {
        let row = try row(request, bytes, cluster.world.now)
        let version = try StoredObject.parse(bytes).objectResourceVersion
        return Self.table(["resourceVersion": .string(version)], hasColumns ? columns(request.resource) : .null, [row])
    }

    private static func table(_ metadata: JSON, _ columns: JSON, _ rows: [JSON]) -> JSON {
        ["kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": columns, "rows": .array(rows)]
    }

    private func columns(_ resource: ResourceType) -> JSON {
        .array(
            TablePrinter.builtin.columns(group: resource.group, version: resource.version, resource: resource.resource).map { column in
                [
                    "name": .string(column.name), "type": .string(column.type), "format": .string(column.format),
                    "description": "", "priority": .integer(Int64(column.priority)),
                ]
            })
    }

    private func row(_ request: APIRequest, _ bytes: [UInt8], _ now: Instant) throws(KubeStatus) -> JSON {
        let resource = request.resource
        let object = try StoredObject.parse(served(bytes, resource))
        let printed = TablePrinter.builtin.row(
            object, group: resource.group, version: resource.version, resource: resource.resource, now: now)
        var row: JSON = ["cells": .array(printed.cells)]
        if !printed.conditions.isEmpty { row["conditions"] = .array(printed.conditions) }
        switch request.query["includeObject"] ?? "Metadata" {
        case "None": break
        case "Object": row["object"] = object
        default: row["object"] = Self.partialMetadata(object)
        }
        return row
    }

    /// An object's PartialObjectMetadata.
    static func partialMetadata(_ object: JSON, isItem: Bool = false) -> JSON {
        ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] ?? [:]]
    }

    /// A page as PartialObjectMetadataList.
    func partialMetadataList(_ page: Page) throws(KubeStatus) -> JSON {
        var items: [JSON] = []
        for entry in page.entries { items.append(Self.partialMetadata(try StoredObject.parse(entry.value))) }
        var metadata: JSON = ["resourceVersion": .string(String(page.revision))]
        if let name = page.continueAfter {
            metadata["continue"] = .string(ContinueToken(revision: page.revision, name: name).text)
            metadata["remainingItemCount"] = page.remaining.map { .integer(Int64($0)) }
        }
        return ["kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": .array(items)]
    }
}
