public import JSON

/// A set of field paths, as a tree of their elements (FieldsV1). Elements are in FieldsV1's order; no branch is empty.
public struct FieldSet: Sendable, Hashable {
    /// An element with what follows it.
    struct Node: Sendable, Hashable {
        let element: FieldPathElement
        /// Whether the path that ends here is in the set.
        var isMember: Bool
        /// The paths that go on.
        var set: FieldSet
    }

    private(set) var nodes: [Node]

    /// The empty set.
    public init() { nodes = [] }

    /// A set of paths through fields only: `["spec", "replicas"]`.
    public init(fields paths: [String]...) {
        nodes = []
        for path in paths { self = union(FieldSet(path: path.map(FieldPathElement.field)[...])) }
    }

    private init(path: ArraySlice<FieldPathElement>) {
        nodes = path.first.map { [Node(element: $0, isMember: path.count == 1, set: FieldSet(path: path.dropFirst()))] } ?? []
    }

    /// Takes nodes of which none is empty.
    init(sorted nodes: [Node]) { self.nodes = nodes }

    /// Whether there is no path.
    public var isEmpty: Bool { nodes.isEmpty }

    /// Adds a branch at the end; `sort` follows when branches do not come in order.
    mutating func append(_ element: FieldPathElement, isMember: Bool, _ set: FieldSet) {
        if isMember || !set.isEmpty { nodes.append(Node(element: element, isMember: isMember, set: set)) }
    }

    /// Makes room for branches.
    mutating func reserveCapacity(_ count: Int) { nodes.reserveCapacity(count) }

    /// Leaves of a branch only the element itself.
    mutating func makeLeaf(_ element: FieldPathElement) {
        guard let place = nodes.firstIndex(where: { $0.element == element }) else { return }
        nodes[place].isMember = true
        nodes[place].set = FieldSet()
    }

    /// Puts appended branches in order.
    mutating func sort() {
        guard nodes.count > 1 else { return }
        // Nearly in order most times: an insertion sort moves little.
        for place in 1..<nodes.count {
            var at = place
            while at > 0, nodes[at - 1].element.order(nodes[at].element) > 0 {
                nodes.swapAt(at - 1, at)
                at -= 1
                if place - at > 16 {
                    nodes.sort { $0.element.order($1.element) < 0 }
                    return sort()
                }
            }
        }
    }

    /// The branch of an element.
    func node(_ element: FieldPathElement) -> Node? {
        var range = nodes.startIndex..<nodes.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            let order = nodes[middle].element.order(element)
            if order == 0 { return nodes[middle] }
            range = order < 0 ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    /// Whether a path is in the set.
    func contains(_ path: ArraySlice<FieldPathElement>) -> Bool {
        guard let first = path.first, let node = node(first) else { return false }
        return path.count == 1 ? node.isMember : node.set.contains(path.dropFirst())
    }

    /// All paths: at each level first those that end there.
    func forEach(_ prefix: [FieldPathElement] = [], _ visit: ([FieldPathElement]) -> Void) {
        for node in nodes where node.isMember { visit(prefix + [node.element]) }
        for node in nodes where !node.set.isEmpty { node.set.forEach(prefix + [node.element], visit) }
    }
}

// MARK: Algebra

extension FieldSet {
    private enum Side { case left, right, both }

    /// Walks two sets together in order.
    @inline(__always)
    private func zip(_ other: FieldSet, _ visit: (Side, Node, Node) -> Void) {
        var left = nodes.startIndex
        var right = other.nodes.startIndex
        while left < nodes.endIndex, right < other.nodes.endIndex {
            let order = nodes[left].element.order(other.nodes[right].element)
            if order == 0 {
                visit(.both, nodes[left], other.nodes[right])
                left += 1
                right += 1
            } else if order < 0 {
                visit(.left, nodes[left], nodes[left])
                left += 1
            } else {
                visit(.right, other.nodes[right], other.nodes[right])
                right += 1
            }
        }
        for node in nodes[left...] { visit(.left, node, node) }
        for node in other.nodes[right...] { visit(.right, node, node) }
    }

    /// The paths of either.
    public func union(_ other: FieldSet) -> FieldSet {
        if other.isEmpty { return self }
        if isEmpty { return other }
        var result = FieldSet()
        result.nodes.reserveCapacity(nodes.count + other.nodes.count)
        zip(other) { side, left, right in
            result.nodes.append(
                side == .both
                    ? Node(element: left.element, isMember: left.isMember || right.isMember, set: left.set.union(right.set)) : left)
        }
        return result
    }

    /// The paths of both.
    public func intersection(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        guard !isEmpty, !other.isEmpty else { return result }
        zip(other) { side, left, right in
            guard side == .both else { return }
            result.append(left.element, isMember: left.isMember && right.isMember, left.set.intersection(right.set))
        }
        return result
    }

    /// The paths of this set that are not in the other.
    public func subtracting(_ other: FieldSet) -> FieldSet {
        guard !isEmpty, !other.isEmpty else { return self }
        var result = FieldSet()
        zip(other) { side, left, right in
            switch side {
            case .left: result.nodes.append(left)
            case .right: break
            case .both: result.append(left.element, isMember: left.isMember && !right.isMember, left.set.subtracting(right.set))
            }
        }
        return result
    }

    /// The paths of this set that neither are in the other nor begin with one of it (`RecursiveDifference`).
    public func excluding(_ other: FieldSet) -> FieldSet {
        guard !isEmpty, !other.isEmpty else { return self }
        var result = FieldSet()
        zip(other) { side, left, right in
            switch side {
            case .left: result.nodes.append(left)
            case .right: break
            case .both: if !right.isMember { result.append(left.element, isMember: left.isMember, left.set.excluding(right.set)) }
            }
        }
        return result
    }
}

// MARK: FieldsV1

extension FieldSet {
    private static let ownMember = "."

    /// Reads FieldsV1.
    ///
    /// `nil` for what is none. `isCanonical` when the server wrote it: then elements are taken as they are.
    public init?(fieldsV1 value: JSON, isCanonical: Bool = false) {
        guard let object = value.object else { return nil }
        nodes = []
        nodes.reserveCapacity(object.count)
        for member in object.members where member.key != Self.ownMember {
            let element = isCanonical ? FieldPathElement(canonical: member.key) : FieldPathElement(parsing: member.key)
            guard let element, let set = FieldSet(fieldsV1: member.value, isCanonical: isCanonical), let below = member.value.object else {
                return nil
            }
            append(element, isMember: below.isEmpty || below.contains(Self.ownMember), set)
        }
        if !isCanonical { sort() }
    }

    /// The set as FieldsV1.
    public var fieldsV1: JSON { .object(Self.object(self, withOwn: false)) }

    private static func object(_ set: FieldSet, withOwn isMember: Bool) -> JSONObject {
        var members: [JSONObject.Member] = []
        members.reserveCapacity(set.nodes.count + 1)
        // A leaf needs no mark.
        if isMember, !set.isEmpty { members.append(.init(key: ownMember, value: [:])) }
        for node in set.nodes { members.append(.init(key: node.element.text, value: .object(object(node.set, withOwn: node.isMember)))) }
        return JSONObject(unique: members)
    }
}
