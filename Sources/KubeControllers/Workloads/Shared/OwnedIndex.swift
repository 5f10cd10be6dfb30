import JSON
import KubeAPI

/// Something that a controller may manage.
protocol Owned: Sendable {
    var namespace: String { get }
    var name: String { get }
    var labels: JSONObject { get }
    var uid: String { get }
    var isBeingDeleted: Bool { get }
    var owner: OwnerReference? { get }
}

/// Objects of a resource by name, by the controller that they name, and those that name none (what an informer's indexes are upstream).
struct OwnedIndex<Element: Owned>: Sendable {
    private var elements: [String: Element] = [:]
    private var byOwner: [String: Set<String>] = [:]
    private var orphans: [String: Set<String>] = [:]

    subscript(key: String) -> Element? { elements[key] }

    /// Every object, by key.
    var all: [Element] { elements.keys.sorted().compactMap { elements[$0] } }
    var keys: some Sequence<String> { elements.keys }

    /// What names a controller.
    func owned(by uid: String) -> [Element] { sorted(byOwner[uid]) }

    /// What names no controller, in a namespace.
    func orphans(in namespace: String) -> [Element] { sorted(orphans[namespace]) }

    private func sorted(_ keys: Set<String>?) -> [Element] { (keys ?? []).sorted().compactMap { elements[$0] } }

    /// Takes over an object as it is now, `nil` for one that is gone; answers what it was.
    mutating func set(_ key: String, _ element: Element?) -> Element? {
        let old = elements[key]
        if let old { forget(key, old) }
        elements[key] = element
        guard let element else { return old }
        if let owner = element.owner {
            byOwner[owner.uid, default: []].insert(key)
        } else {
            orphans[element.namespace, default: []].insert(key)
        }
        return old
    }

    private mutating func forget(_ key: String, _ old: Element) {
        if let owner = old.owner {
            byOwner[owner.uid]?.remove(key)
            if byOwner[owner.uid]?.isEmpty ?? false { byOwner[owner.uid] = nil }
        } else {
            orphans[old.namespace]?.remove(key)
            if orphans[old.namespace]?.isEmpty ?? false { orphans[old.namespace] = nil }
        }
    }
}

/// An object that is kept as it is.
struct WorkloadObject: Owned {
    let json: JSON
    let owner: OwnerReference?

    init(_ json: JSON) {
        self.json = json
        owner = OwnerReference(controllerOf: json)
    }

    var namespace: String { json.objectNamespace }
    var name: String { json.objectName }
    var uid: String { json.objectUID }
    var labels: JSONObject { json.at("metadata", "labels")?.object ?? [:] }
    var isBeingDeleted: Bool { json.isBeingDeleted }
}
