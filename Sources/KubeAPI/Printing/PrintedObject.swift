import JSON
import World

/// An object on its way into a row, and the time at which it is shown.
struct PrintedObject: Sendable {
    let object: JSON
    let now: Instant

    static let none = "<none>"
    static let unset = "<unset>"
    static let unknown = "<unknown>"

    var name: String { object.objectName }
    var age: JSON { .string(since(object.at("metadata", "creationTimestamp"))) }
    var isBeingDeleted: Bool { object.at("metadata", "deletionTimestamp")?.string != nil }

    func value(_ path: String...) -> JSON? { object.value(at: path).flatMap { $0.isNull ? Optional.none : $0 } }
    func text(_ path: String...) -> String { object.value(at: path)?.string ?? "" }
    func integer(_ path: String...) -> Int64 { object.value(at: path)?.integer ?? 0 }
    func list(_ path: String...) -> [JSON] { object.value(at: path)?.array ?? [] }

    /// How long ago a time was (`translateTimestampSince`); `<unknown>` for an absent one.
    func since(_ time: JSON?) -> String {
        guard let instant = time?.string.flatMap(Instant.init(rfc3339:)) else { return Self.unknown }
        return Self.duration(from: instant, to: now)
    }

    /// The time between two instants, for people.
    static func duration(from start: Instant, to end: Instant) -> String {
        let (difference, overflow) = end.nanoseconds.subtractingReportingOverflow(start.nanoseconds)
        return overflow ? "<invalid>" : HumanDuration.text(seconds: difference / 1_000_000_000)
    }

    /// Names and images of containers, each joined by commas.
    static func containers(_ containers: [JSON]) -> (names: JSON, images: JSON) {
        func joined(_ key: String) -> JSON { .string(containers.map { $0[key]?.string ?? "" }.joined(separator: ",")) }
        return (joined("name"), joined("image"))
    }

    /// Labels as `a=b,c=d` in the order of their keys (`labels.FormatLabels`).
    static func labels(_ labels: JSON?) -> String {
        let pairs = (labels?.object?.members ?? []).sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return pairs.isEmpty ? none : pairs.map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ",")
    }

    /// A LabelSelector (`metav1.FormatLabelSelector`).
    static func selector(_ selector: JSON?, invalid: String = "<error>", empty: String = none) -> String {
        guard let selector, !selector.isNull else { return empty }
        guard let text = (try? LabelSelector(labelSelectorObject: selector))?.description else { return invalid }
        return text.isEmpty ? empty : text
    }

    /// Items with `+ N more...` for those that a cell has no room for.
    static func shortened(_ items: [String], of count: Int, limit: Int, separator: String = ",") -> String {
        let text = items.prefix(limit).joined(separator: separator)
        return count > limit ? "\(text) + \(count - limit) more..." : text
    }
}

/// One column's expression.
struct Cell: Sendable {
    let value: @Sendable (PrintedObject) -> JSON

    init(_ value: @escaping @Sendable (PrintedObject) -> JSON) { self.value = value }

    static let name = Cell { .string($0.name) }
    static let age = Cell(\.age)

    /// A text, `absent` where there is none.
    static func text(_ path: String..., absent: String = "") -> Cell {
        Cell { .string($0.object.value(at: path)?.string ?? absent) }
    }
    /// A text, `empty` where there is none or it is empty.
    static func text(_ path: String..., empty: String) -> Cell {
        Cell { shown in
            let text = shown.object.value(at: path)?.string ?? ""
            return .string(text.isEmpty ? empty : text)
        }
    }
    /// A number, zero where there is none.
    static func integer(_ path: String...) -> Cell { Cell { .integer($0.object.value(at: path)?.integer ?? 0) } }
    /// A number, `absent` where there is none.
    static func integer(_ path: String..., absent: String) -> Cell {
        Cell { shown in shown.object.value(at: path)?.integer.map(JSON.integer) ?? .string(absent) }
    }
    /// A boolean.
    static func bool(_ path: String..., absent: Bool = false) -> Cell { Cell { .bool($0.object.value(at: path)?.bool ?? absent) } }
    /// How many elements or members there are.
    static func count(_ path: String...) -> Cell {
        Cell { shown in
            let value = shown.object.value(at: path)
            return .integer(Int64(value?.array?.count ?? value?.object?.count ?? 0))
        }
    }
    /// An integer-or-string as text, `N/A` where there is none.
    static func intOrString(_ path: String...) -> Cell {
        Cell { shown in
            switch shown.object.value(at: path) {
            case .integer(let number): .string(String(number))
            case .string(let text): .string(text)
            default: "N/A"
            }
        }
    }
    /// Any number of a list of texts.
    static func joined(_ path: String..., empty: String = "") -> Cell {
        Cell { shown in
            let texts = (shown.object.value(at: path)?.array ?? []).compactMap(\.string)
            return .string(texts.isEmpty ? empty : texts.joined(separator: ","))
        }
    }
}
