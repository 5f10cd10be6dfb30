import Facts
import JSON
import KubeAPI
import World

/// Vectors of Tables: `vectors[]` with one object, the time, and the row that `kubectl get` shows. The columns of custom resources are
/// those of `columns.json`.
enum TableVectors {
    static func run(_ document: JSON) -> VectorTally {
        var tally = VectorTally()
        for item in document["vectors"]?.array ?? [] { tally.add(item["id"]?.string ?? "?", outcome(item)) }
        return tally
    }

    private static let custom = (try? JSON(parsing: Facts.kubernetesColumns))?["customResources"]

    private static func printer(_ group: String, _ version: String, _ resource: String) -> TablePrinter {
        guard let columns = custom?[resource]?["additionalPrinterColumns"]?.array else {
            return .builtin(group: group, version: version, resource: resource)
        }
        return TablePrinter(additionalPrinterColumns: columns)
    }

    private static func outcome(_ item: JSON) -> VectorOutcome {
        let parts = (item["resource"]?.string ?? "").split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let now = item["now"]?.string.flatMap({ Instant(rfc3339: $0) }), let object = item["object"],
            let cells = item["cells"]
        else { return .failed("the case cannot be read") }
        let row = printer(parts[0], parts[1], parts[2]).row(object, now: now)
        let actual = JSON.array(row.cells)
        var differences = Differences()
        differences.compare("cells", cells, actual)
        differences.require(
            (item["conditions"] ?? []).isEquivalent(to: .array(row.conditions)),
            "conditions: expected \(item["conditions"] ?? []), got \(row.conditions)")
        return VectorOutcome(differences.texts)
    }
}
